"""A slow disk: every sync takes long, and perhaps every rename or removal too."""

import signal
import time

from rig import CYCLES
from state import State

SLOW = ["fsync,fdatasync", "fsync,fdatasync,rename,renameat2,unlinkat", "pwrite64,fdatasync"]


def attempt(rig, unbroken, random):
    """run to the end on a disk whose calls take up to 60 ms, perhaps killed once"""
    state = rig.state("slow")
    calls = random.choice(SLOW)
    micros = int(random.uniform(5e3, 60e3))
    under = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
             "-e", f"inject={calls}:delay_enter={micros}"]
    note = f"{calls} take {micros / 1e3:.0f} ms"
    if random.random() < 0.5:
        seconds = random.uniform(0, 3)
        note += f", killed after {seconds:.2f} s"
        with rig.start(state, CYCLES, {}, under) as daemon:
            daemon.wait_answering()
            time.sleep(seconds)
            daemon.signal(signal.SIGKILL)
            daemon.process.wait()
        unbroken.check(State(state))
    rig.finish(state, CYCLES, {}, under)
    unbroken.check_end(State(state))
    return note
