"""The run that nobody disturbs, and how others are held against it."""

from rig import CYCLES, require
from state import State


class Unbroken:
    """What runs of 1, 2, … cycles left that nobody disturbed."""

    def __init__(self, rig):
        self.archs, self.checkpoints = {}, {}
        for cycles in range(1, CYCLES + 1):
            path = rig.state(f"unbroken{cycles}")
            rig.finish(path, cycles, {"ENASD_STORE__KEEP_CHECKPOINTS": "100"})
            state = State(path)
            self.archs |= state.archs()
            self.checkpoints |= {step: state.checkpoint(step) for step in state.steps()}
        self.path = path
        self.history, self.updates = state.history(), state.updates()
        self.end = state.steps()[-1]
        self.best = state.archs()
        self.check_end(state)

    def check(self, state):
        """Holds a folder, at whatever moment its daemon ended, against the unbroken run: the
        newest checkpoint, its history without gaps, and the files of the best that it names."""
        steps = state.steps()
        if not steps:
            return
        newest = steps[-1]
        expected = self.checkpoints.get(newest)
        if expected is not None:
            found = state.checkpoint(newest)
            different = sorted(name for name in expected.keys() | found.keys()
                               if expected.get(name) != found.get(name))
            require(not different, f"checkpoint {newest} differs in {different}")
        self.check_rows("rows", state.history(), self.history, newest)
        self.check_rows("updates", state.updates(), self.updates, newest)
        archs = state.archs()
        for arch in state.best(newest):
            require(arch in archs, f"best architecture {arch} of checkpoint {newest} has no files")
            require(archs[arch] == self.archs.get(arch),
                    f"the files of {arch} differ: {archs[arch]}, {self.archs.get(arch)}")

    @staticmethod
    def check_rows(what, rows, right, newest):
        """All rows below the checkpoint are there, and all rows are right."""
        below = [row for row in right if row[0] < newest]
        missing = sorted({row[0] for row in set(below) - set(rows)})
        foreign = sorted(set(rows) - set(right), key=repr)
        require(not foreign, f"{len(foreign)} {what} of the history are wrong: {foreign[:2]}")
        require(not missing, f"the history lacks {what} of {len(missing)} of the {newest} steps"
                             f" below the checkpoint: {missing[:20]}")
        require(len(set(rows)) == len(rows), f"the history has {what} twice")

    def check_end(self, state):
        """Holds the folder of a run that came to its end against the unbroken one. Its end leaves
        the history as one file, and nothing half written."""
        steps = state.steps()
        require(steps and steps[-1] == self.end, f"it ended with checkpoints {steps}")
        self.check(state)
        left = state.leftovers()
        require(not left, f"the end left more than it should: {left}")
        rows, updates = state.history(), state.updates()
        require(rows == self.history, f"{len(rows)} rows instead of {len(self.history)}")
        require(updates == self.updates, f"{len(updates)} updates instead of {len(self.updates)}")
        require(state.archs() == self.best, "best/ holds other architectures at the end")
