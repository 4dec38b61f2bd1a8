"""Killed, or told to stop: at a moment by the clock, or as it enters a writing system call."""

import signal
import time

from rig import CYCLES, require
from state import State

CALLS = ["openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat2",
         "mkdir", "unlink", "unlinkat"]


def attempt(rig, unbroken, random):
    """killed or stopped one to four times, then let run to its end"""
    state = rig.state("kills")
    moments = []
    for _ in range(random.randint(1, 4)):
        settings = {"ENASD_ENGINE__THREADS": random.choice("123")}
        if random.random() < 0.5:
            number = random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            moments.append(kill_by_clock(rig, state, settings, random, number))
        else:
            moments.append(kill_in_call(rig, state, settings, random))
        unbroken.check(State(state))
    rig.finish(state)
    unbroken.check_end(State(state))
    return ", ".join(moments)


def kill_by_clock(rig, state, settings, random, number=signal.SIGKILL):
    with rig.start(state, CYCLES, settings) as daemon:
        if random.random() < 0.8:
            daemon.wait_answering()
        seconds = random.uniform(0, 1)
        time.sleep(seconds)
        daemon.signal(number)
        status = daemon.wait()
    require(number == signal.SIGKILL or status in (0, -number),
            f"after signal {number} it ended with {status}")
    return f"{signal.Signals(number).name} after {seconds:.2f} s"


def kill_in_call(rig, state, settings, random):
    call = random.choice(CALLS)
    # Most calls come seldom, and some often.
    number = int(2 ** random.uniform(0, 8))
    under = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
             "-e", f"inject={call}:signal=KILL:when={number}"]
    with rig.start(state, CYCLES, settings, under) as daemon:
        status = daemon.wait()
    return f"{call} {number}" + (" not reached" if status == 0 else "")
