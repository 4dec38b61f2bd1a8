"""What a state folder holds, read without the program and without leaving a trace."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from rig import Failure, require


def hashes(folder, without=()):
    """The files of a folder by name, each by the hash of its bytes."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in folder.iterdir() if file.name not in without}


class State:
    """A state folder that no daemon holds at the moment."""

    def __init__(self, path):
        self.path = Path(path)

    def steps(self):
        """The steps of the checkpoints, ascending."""
        folder = self.path / "checkpoints"
        return sorted(int(one.name) for one in folder.glob("[0-9]*")) if folder.is_dir() else []

    def checkpoint(self, step):
        """The files of a checkpoint. The manifest depends on the checkpoints before it."""
        return hashes(self.path / f"checkpoints/{step:012}", without=["MANIFEST.json"])

    def best(self, step):
        """The best architectures that a checkpoint names: architecture and cycle."""
        search = json.loads((self.path / f"checkpoints/{step:012}/search.json").read_text())
        return [(arch["arch"], arch["cycle"]) for arch in search["best"]]

    def archs(self, damaged_too=True):
        """The files of the best, by architecture and cycle. All must fit their sums, but for
        damaged ones that are left out."""
        archs = {}
        for folder in (self.path / "best").glob("[!.]*"):
            sums = subprocess.run(["b3sum", "--check", "--quiet", "B3SUMS"], cwd=folder,
                                  capture_output=True, text=True)
            if sums.returncode != 0 and not damaged_too:
                continue
            require(sums.returncode == 0, f"best {folder.name}: {sums.stdout}{sums.stderr}")
            card = json.loads((folder / "arch.json").read_text())
            arch = card["arch"], card["cycle"]
            require(arch not in archs, f"best architecture {arch} lies there twice")
            archs[arch] = hashes(folder)
        return archs

    def history(self):
        """The history's rows, with what a policy said of each. A copy is read, for a reader would
        replay the log."""
        return self._rows("SELECT step, arm, idx, phase, cycle, cycle_epoch, arch, arch_id, reward,"
                          " log_prob, entropy FROM rollouts ORDER BY step, arm, idx")

    def leftovers(self):
        """What an end in order leaves nothing of: logs of the history, and parts of files."""
        names = {file.relative_to(self.path).as_posix() for file in self.path.rglob("*")}
        return sorted(name for name in names if name.startswith("history.sqlite-")
                      or name.split("/")[-1].startswith((".tmp-", ".old-")))

    def updates(self):
        """What each update of ω measured, and its learning rate."""
        return self._rows("SELECT step, loss, accuracy, lr, grad_norm FROM steps"
                          " WHERE lr IS NOT NULL ORDER BY step")

    def _rows(self, select):
        with tempfile.TemporaryDirectory() as folder:
            for file in self.path.glob("history.sqlite*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, folder)
            try:
                db = sqlite3.connect(f"file:{folder}/history.sqlite?mode=rw", uri=True)
                try:
                    return db.execute(select).fetchall()
                finally:
                    db.close()
            except sqlite3.Error as error:
                raise Failure(f"history.sqlite cannot be read: {error}") from None
