"""The power is cut: what was not synced may be lost, in whole or in part.

A run is recorded, system call by system call. From the record a folder is built as the disk may
hold it after a cut: what was synced is there; of the other changes of a folder's names, the first
few are, at will for every folder; and of the other bytes of a file any sectors, or zeros where
the file only got its new length. That is more than ext4, XFS and Btrfs allow themselves.
"""

import contextlib
import http.client
import shutil
import time

from kills import kill_by_clock
from rig import CYCLES, require
from state import State
from syscalls import File, Folder, Record, on_disk, under_strace

SECTOR = 512

# Tries from one record.
CUTS = 25


class Cuts:
    """The record in use, and the tries that are made from it yet."""

    record, left = None, 0


def attempt(rig, unbroken, random):
    """cut off at any call, with any part of what was not synced, then let run to its end"""
    if Cuts.left == 0:
        Cuts.record, Cuts.left = record(rig, random), CUTS
    Cuts.left -= 1
    return cut(rig, unbroken, random, Cuts.record)


def record(rig, random):
    """A run, recorded: from the first step on, or as it goes on after a kill."""
    folder = rig.state("recorded")
    folder.mkdir()
    state = folder / "state"
    if random.random() < 0.5:
        kill_by_clock(rig, state, {}, random)
    root, log = on_disk(folder), folder.with_suffix(".strace")
    with rig.start(state, CYCLES, {}, under_strace(log)) as daemon:
        daemon.wait_answering()
        while not daemon.has_ended():
            # What a status calls saved must be there after every later cut.
            with contextlib.suppress(OSError, http.client.HTTPException):
                daemon.ask("/v1/status")
            time.sleep(0.005)
        status = daemon.wait()
        require(status == 0, f"exit status {status}: {daemon.complaints()}")
    return Record(log, folder, root)


def cut(rig, unbroken, random, record, synced=(File, Folder)):
    """One cut, on a disk that does what a sync promises for files and folders."""
    moment = random.choice(record.moments)
    folder = rig.state("powercut")
    folder.mkdir()
    Remains(record, moment, random, synced).write(folder)
    shutil.copytree(folder, rig.state("powercut-as-cut"))
    state = State(folder / "state")
    unbroken.check(state)
    told = max((step for index, step in record.told if index <= moment), default=0)
    newest = max(state.steps(), default=0)
    require(told <= newest, f"the checkpoint of step {told} was told, and the newest is {newest}")
    rig.finish(state.path)
    unbroken.check_end(state)
    return f"after call {moment} of {record.index}, at checkpoint {newest}"


class Remains:
    """What is left of a folder when the power goes after the call `moment`."""

    def __init__(self, record, moment, random, synced):
        self.record, self.moment, self.random, self.synced = record, moment, random, synced
        # Disks differ in how much they get done: nothing, anything, or everything.
        self.luck = random.choice([0.0, 0.5, 1.0])
        self.last = {}
        self._choose(record.root)
        self._keep_moves_whole()

    def write(self, path):
        self._write_folder(self.record.root, path)

    def _durable(self, node):
        return node.durable(self.moment) if type(node) in self.synced else -1

    def _choose(self, folder):
        """Up to which call the changes of each folder's names are on disk."""
        if folder in self.last:
            return
        durable = self._durable(folder)
        later = [index for index, _ in folder.changes if durable < index <= self.moment]
        self.last[folder] = durable
        if later:
            drawn = self.random.choice([durable, *later])
            self.last[folder] = self._drawn(durable, drawn, self.moment)
        for _, change in folder.changes:
            for node in change.values():
                if node is not None and not isinstance(node, File):
                    self._choose(node)

    def _drawn(self, nothing, something, everything):
        if self.luck == 0.5:
            return self.random.choice([nothing, something, something, everything])
        return everything if self.luck else nothing

    def _keep_moves_whole(self):
        """A move from one folder to another is there in both or in neither."""
        homes = {}
        for folder in self.last:
            for index, _ in folder.changes:
                homes.setdefault(index, []).append(folder)
        moves = {index: both for index, both in homes.items() if len(both) > 1}
        for index in sorted(moves):
            if any(index <= self.last[folder] for folder in moves[index]):
                for folder in moves[index]:
                    self.last[folder] = max(self.last[folder], index)

    def _write_folder(self, folder, path):
        path.mkdir(exist_ok=True)
        for name, node in folder.entries(self.last[folder]).items():
            if isinstance(node, File):
                # SQLite makes its index anew from the log.
                if not name.endswith("-shm"):
                    (path / name).write_bytes(self._content(node))
            else:
                self._write_folder(node, path / name)

    def _content(self, file):
        durable = self._durable(file)
        old, new = bytearray(), bytearray()
        for index, place, data in file.changes:
            for content, last in ((old, durable), (new, self.moment)):
                if index <= last:
                    apply(content, place, data)
        return bytes(self._drawn(old, self._torn(old, new), new))

    def _torn(self, old, new):
        """Some sectors of the new content, some of the old, in a file of either length; where
        the file was longer in between, that length counts for nothing."""
        length = self.random.choice([len(old), len(new)])
        torn = bytearray(old[:length].ljust(length, b"\0"))
        share = self.random.random()
        for start in range(0, length, SECTOR):
            if self.random.random() < share:
                sector = slice(start, min(start + SECTOR, length))
                torn[sector] = new[sector].ljust(sector.stop - start, b"\0")
        return torn


def apply(content, place, data):
    """A change of a file: a write at a place, or a truncation to a length."""
    if data is None:
        del content[place:]
        content.extend(bytes(place - len(content)))
    else:
        content.extend(bytes(max(0, place - len(content))))
        content[place:place + len(data)] = data
