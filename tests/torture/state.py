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
        """The best cells that a checkpoint names: architecture and cycle."""
        search = json.loads((self.path / f"checkpoints/{step:012}/search.json").read_text())
        return [(cell["arch"], cell["cycle"]) for cell in search["best"]]

    def cells(self):
        """The files of the best cells, by architecture and cycle. All must fit their sums."""
        cells = {}
        for folder in (self.path / "best").glob("[!.]*"):
            sums = subprocess.run(["b3sum", "--check", "--quiet", "B3SUMS"], cwd=folder,
                                  capture_output=True, text=True)
            require(sums.returncode == 0, f"best cell {folder.name}: {sums.stdout}{sums.stderr}")
            card = json.loads((folder / "arch.json").read_text())
            cell = card["arch"], card["cycle"]
            require(cell not in cells, f"best cell {cell} lies there twice")
            cells[cell] = hashes(folder)
        return cells

    def history(self):
        """The rows of the view `history`. A copy is read, for a reader would replay the log."""
        with tempfile.TemporaryDirectory() as folder:
            for file in self.path.glob("history.sqlite*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, folder)
            try:
                db = sqlite3.connect(f"file:{folder}/history.sqlite?mode=rw", uri=True)
                try:
                    return db.execute("SELECT step, arm, idx, phase, cycle, epoch, arch, arch_id,"
                                      " reward FROM history ORDER BY step, arm, idx").fetchall()
                finally:
                    db.close()
            except sqlite3.Error as error:
                raise Failure(f"history.sqlite cannot be read: {error}") from None
