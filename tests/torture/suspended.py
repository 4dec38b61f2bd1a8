"""Suspended: the process as by a laptop that sleeps, and some of its threads as on a machine that
has more to do."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from rig import CYCLES, require
from state import State

THREADS = ["keeper", "controller", "trainer", "evaluator", "sampler"]

# Of a whole process. A finished step waits a second to be written.
PAUSES = [0.01, 0.1, 1.1, 1.1]


def attempt(rig, unbroken, random):
    """run to the end while the process, and some of its threads, get no time now and then"""
    state = rig.state("suspended")
    starved = random.choice([[], ["keeper"], random.sample(THREADS, 2)])
    settings = {"ENASD_STORE__CHECKPOINT_SECONDS": random.choice(["0.05", "0.5", "1.0"])}
    pauses = [random.choice(PAUSES) for _ in range(random.randint(1, 5))]
    with rig.start(state, CYCLES, settings) as daemon:
        daemon.wait_answering()
        with starving(daemon, starved):
            for seconds in pauses:
                time.sleep(random.uniform(0, 0.4))
                daemon.signal(signal.SIGSTOP)
                time.sleep(seconds)
                daemon.signal(signal.SIGCONT)
        require(daemon.wait() == 0, f"it failed: {daemon.complaints()}")
    unbroken.check_end(State(state))
    return f"stopped for {pauses} s, {starved} starved"


@contextlib.contextmanager
def starving(daemon, names):
    """Every core has something else to do, which comes before these threads."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(os.cpu_count() if names else 0)]
    threads = [thread for thread in map(daemon.thread, names) if thread]
    try:
        schedule(threads, os.SCHED_IDLE)
        yield
        schedule(threads, os.SCHED_OTHER)
    finally:
        for one in busy:
            one.kill()
            one.wait()


def schedule(threads, policy):
    for thread in threads:
        # It may have ended meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(thread, policy, os.sched_param(0))
