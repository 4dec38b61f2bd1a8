"""Faults planted one at a time, each with the words that a check must find it with."""

import copy
import random
import shutil
import sqlite3
import subprocess

import powercut
import rot
from rig import CYCLES, Failure, complaints, require
from state import State
from syscalls import File, Folder, Record


def rows(statement):
    """A fault in the history, whatever tables the view `rollouts` is made of."""
    def plant(path):
        db = sqlite3.connect(path / "history.sqlite")
        db.executescript("CREATE TABLE plain AS SELECT * FROM rollouts; DROP VIEW history;"
                         "DROP VIEW rollouts; ALTER TABLE plain RENAME TO rollouts;"
                         f"{statement};")
        db.close()
    return plant


def log_left(path):
    """As a writer leaves it that did not end in order."""
    (path / "history.sqlite-wal").write_bytes(b"")


def no_database(path):
    for file in path.glob("history.sqlite*"):
        file.write_bytes(b"damaged" * 1000)


def archs(path):
    return sorted((path / "best").iterdir())


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def foreign_weights(path):
    """The weights of another architecture, under sums that fit."""
    one, other = archs(path)[:2]
    shutil.copy(other / "weights.safetensors", one)
    names = sorted(file.name for file in one.iterdir() if file.name != "B3SUMS")
    sums = subprocess.run(["b3sum", *names], cwd=one, capture_output=True, text=True, check=True)
    (one / "B3SUMS").write_text(sums.stdout)


def extra_arch(path):
    """An architecture that nobody names."""
    extra = path / "best/m2-000000"
    extra.mkdir()
    (extra / "arch.json").write_text('{"arch": "", "cycle": 0}')
    (extra / "B3SUMS").write_text("")


def newest(path):
    return path / f"checkpoints/{State(path).steps()[-1]:012}"


# In the folder of a run that came to its end.
IN_STATE = [
    (rows("DELETE FROM rollouts WHERE step = 7"), "the history lacks rows of 1 of"),
    (rows("DELETE FROM rollouts WHERE step = 6 AND arm = 'random' AND idx = 1"), "lacks rows"),
    (rows("UPDATE rollouts SET reward = reward + 1e-9 WHERE step = 6 AND idx = 0"),
     "rows of the history are wrong"),
    (rows("UPDATE rollouts SET log_prob = log_prob - 1e-9 WHERE step = 6 AND arm = 'controller'"),
     "rows of the history are wrong"),
    (rows("UPDATE rollouts SET entropy = NULL WHERE step = 6 AND arm = 'controller' AND idx = 0"),
     "rows of the history are wrong"),
    (rows("INSERT INTO rollouts SELECT * FROM rollouts WHERE step = 7"), "rows twice"),
    (rows("UPDATE steps SET loss = loss + 1e-9 WHERE step = 1"),
     "1 updates of the history are wrong"),
    (rows("UPDATE steps SET lr = lr * 0.5 WHERE step = 2"), "1 updates of the history are wrong"),
    (rows("UPDATE steps SET lr = NULL WHERE step = 2"), "the history lacks updates of 1 of"),
    (log_left, "the end left more than it should: ['history.sqlite-wal']"),
    (lambda path: (path / "best/.tmp-m2-0").mkdir(), "the end left more than it should"),
    (no_database, "cannot be read"),
    (lambda path: shutil.rmtree(archs(path)[0]), "has no files"),
    (extra_arch, "other architectures"),
    (lambda path: flip(archs(path)[0] / "weights.safetensors"), "weights.safetensors: FAILED"),
    (foreign_weights, "the files of ("),
    (lambda path: shutil.copytree(archs(path)[0], path / "best/m2-000000"), "lies there twice"),
    (lambda path: flip(newest(path) / "shared.safetensors"), "differs in ['shared.safetensors']"),
    (lambda path: flip(newest(path) / "policy.safetensors"), "differs in ['policy.safetensors']"),
    (lambda path: shutil.rmtree(newest(path)), "it ended with checkpoints"),
]


def found(what, words, attempts):
    """Whether one of some attempts fails with these words."""
    for attempt in attempts:
        try:
            attempt()
        except Failure as failure:
            if words in str(failure):
                return True
            print(f"FAIL {what}: found as something else: {failure}")
            return False
    print(f"FAIL not found: {what}")
    return False


def check(rig, unbroken):
    """Whether every planted fault is found, and nothing where there is none."""
    numbers_that_two_files_have(rig)
    path = rig.state("planted")
    held = []
    for plant, words in IN_STATE:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(unbroken.path, path)
        plant(path)
        held.append(found(words, words, [lambda: unbroken.check_end(State(path))]))
    held += [lying_disk(rig, unbroken, synced) for synced in ([File], [Folder])]
    shutil.rmtree(path)
    held += wrong_values(rig, unbroken, path)
    print(f"{sum(held)} of {len(held)} planted faults are found")
    return all(held)


def numbers_that_two_files_have(rig):
    """A file that is opened while another is being closed may have its number: the record must
    not take one for the other."""
    def written(text):
        return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'

    status = written('{"checkpoint":{"step":1,')
    log = rig.state("two-files.strace")
    log.write_text("\n".join([
        f"1 openat(AT_FDCWD, {written('/disk/first')}, O_WRONLY|O_CREAT|O_TRUNC, 0600) = 9",
        "1 close(9 <unfinished ...>",
        f"2 openat(AT_FDCWD, {written('/disk/second')}, O_WRONLY|O_CREAT|O_TRUNC, 0600) = 9",
        "1 <... close resumed>) = 0",
        f"2 write(9, {written('kept')}, 4) = 4",
        "2 fsync(9) = 0",
        "2 close(9 <unfinished ...>",
        f"1 sendto(9, {status}, 23, 0, NULL, 0) = 23",
        "2 <... close resumed>) = 0",
    ]))
    record = Record(log, "/disk", Folder())
    second = record.root.entries(record.index)["second"]
    durable = second.durable(record.index)
    kept = [data for index, _, data in second.changes if index <= durable]
    require(kept == [b"kept"], "a file is taken for another that had its number before")


def lying_disk(rig, unbroken, synced):
    """A disk that syncs only files, or only folders: some cut must lose something."""
    chance = random.Random(rig.seed)
    record = powercut.record(rig, chance)
    cuts = [lambda: powercut.cut(rig, unbroken, chance, record, synced)] * 60
    return found(f"a disk that syncs nothing but {synced}", "", cuts)


def wrong_values(rig, unbroken, path):
    """Values that are not as expected, served by a daemon on a sound folder. What nothing is
    wrong with is not told to be."""
    told = complaints(rig.finish(path, CYCLES - 1))
    require(not told, f"it complains of a sound folder: {told}")
    require(not rig.doctor(path), f"the doctor finds fault with a sound folder: {rig.doctor(path)}")
    other = copy.copy(unbroken)
    other.history = [(*row[:8], 0.5, *row[9:]) for row in unbroken.history]
    rewards = found("a wrong reward is served", "wrong row",
                    [lambda: rot.serve(rig, other, path, "planted")])
    other.history = unbroken.history
    other.archs = {arch: files | {"weights.safetensors": "0"}
                   for arch, files in unbroken.archs.items()}
    weights = found("wrong weights are served", "are others",
                    [lambda: rot.serve(rig, other, path, "planted")])
    return [rewards, weights]
