"""A disk that fails, or is full, for a while."""

import contextlib
import os
import subprocess
import time

from rig import CYCLES, require
from state import State

# Calls, and what they fail with.
FAULTS = [
    ("fsync", "EIO"), ("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EDQUOT"), ("mkdir", "ENOSPC"),
    ("openat", "EMFILE"), ("rename", "EIO"), ("renameat2", "EIO"), ("unlinkat", "EIO"),
    ("ftruncate", "EIO"),
]

# What it says where it cannot end as it should.
LAST = "the last checkpoint could not be written"

# A checkpoint leaves 8 MiB free.
DISK_BYTES = 24 << 20


def attempt(rig, unbroken, random):
    """calls that fail for a while, or a full disk; the search goes on, or a start says why not"""
    if os.geteuid() == 0 and random.random() < 0.3:
        return fill(rig, unbroken, random)
    return fail(rig, unbroken, random)


def fail(rig, unbroken, random):
    state = rig.state("disk")
    call, error = random.choice(FAULTS)
    first = int(2 ** random.uniform(0, 7))
    last = first + int(2 ** random.uniform(0, 5))
    under = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
             "-e", f"inject={call}:error={error}:when={first}..{last}"]
    note = f"{call} fails with {error} from call {first} to {last}"
    with rig.start(state, CYCLES, {}, under) as daemon:
        status = check_end(daemon)
    unbroken.check(State(state))
    rig.finish(state)
    unbroken.check_end(State(state))
    return f"{note}: exit status {status}"


def fill(rig, unbroken, random):
    folder = rig.state("full")
    folder.mkdir()
    state = folder / "disk/state"
    with mounted(folder / "disk"), rig.start(state, CYCLES, beside=folder / "daemon") as daemon:
        daemon.wait_answering()
        time.sleep(random.uniform(0, 1))
        ballast = folder / "disk/ballast"
        left = random.choice([0, 0, 4096, 100_000, 1 << 20, 8 << 20])
        fill_but(ballast, left)
        seconds = random.uniform(0.1, 2)
        time.sleep(seconds)
        ballast.unlink()
        if check_end(daemon) != 0:
            rig.finish(state)
        unbroken.check_end(State(state))
    return f"{left} bytes free for {seconds:.1f} s"


def check_end(daemon):
    """Waits for the end: the exit status. It fails only at the start, or where the last
    checkpoint cannot be written, and says so."""
    status, said = daemon.wait(), daemon.said()
    refused = '"kind":"start"' not in said and "enasd: " in said
    require(status == 0 or 0 < status and (refused or LAST in said),
            f"exit status {status}: {daemon.complaints()}")
    return status


@contextlib.contextmanager
def mounted(folder):
    """A disk of fixed size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder],
                   check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill_but(path, left):
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    os.truncate(path, max(0, path.stat().st_size - left))
