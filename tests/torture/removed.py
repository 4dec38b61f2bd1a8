"""Removed while the daemon runs, and is paused: its lock, its socket, the folder of the best.

Nothing but time mends it: no command, and no step.
"""

import contextlib
import shutil
import signal

from rig import CYCLES, LOCKED, Failure, require, until
from state import State


def attempt(rig, unbroken, random):
    """a file it needs is removed while it runs: made again, and nobody else gets in"""
    state = rig.state("removed")
    rig.finish(state, 1)
    remove = random.choice([lock, socket, best, arch, checkpoints])
    with rig.start(state, CYCLES) as daemon:
        daemon.wait_answering()
        daemon.ask("/v1/pause", "POST")
        # What was under way is on disk then.
        daemon.ask("/v1/checkpoint", "POST")
        remove(rig, daemon, state, random)
        daemon.ask("/v1/resume", "POST")
        require(daemon.wait() == 0, f"it failed: {daemon.complaints()}")
    unbroken.check_end(State(state))
    return remove.__name__


def lock(rig, daemon, state, _):
    (state / "LOCK").unlink()
    with rig.start(state, CYCLES, beside=rig.state("intruder")) as second:
        status = second.wait()
        require(status == LOCKED, f"without LOCK a second daemon ended with {status}")


def socket(_rig, daemon, _state, _random):
    daemon.socket.unlink()

    def answers():
        with contextlib.suppress(OSError):
            return daemon.ask("/v1/status")[0] == 200
        return False
    try:
        until(answers, "the socket is there again", 30)
    except BaseException:
        daemon.signal(signal.SIGTERM)
        raise


def best(_rig, _daemon, state, _random):
    gone(state / "best", State(state).archs)


def arch(_rig, _daemon, state, random):
    gone(random.choice(sorted((state / "best").iterdir())), State(state).archs)


def checkpoints(_rig, _daemon, state, _random):
    gone(state / "checkpoints", lambda: State(state).steps()[-1:])


def gone(folder, look):
    """Removes a folder, which must come again with what it had."""
    before = look()
    shutil.rmtree(folder)

    def is_back():
        with contextlib.suppress(OSError, Failure):
            return look() == before
        return False
    until(is_back, f"{folder.name} is there again", 30)
