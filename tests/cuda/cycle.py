#!/usr/bin/env python3
"""A cycle of a search by the CUDA executor where there is no GPU: tests/cuda/cycle.py ENASD MOCK.

The driver in MOCK, which tests/cuda/mock.sh makes, runs the kernels on the CPU. The search must be the
same, bit for bit, with threads in the other order, with work deferred as long as it may be, with memory
that holds no numbers at first, and when it is killed on the way; and nearly that of the CPU's executor.
Errors of the device must end a run or be told, and never change what is found.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

enasd, mock = sys.argv[1:]
scratch = tempfile.TemporaryDirectory()


def command(name, device, until="cycles=1", *more):
    state = os.path.join(scratch.name, name)
    return [enasd, "run", "--config", "tests/cuda/small.toml", "--state", state,
            "--set", f"engine.device={device}", "--until", until, *more]


def env(**more):
    return {**os.environ, "LD_LIBRARY_PATH": mock, **more}


def run(name, device="cuda:0", **more):
    done = subprocess.run(command(name, device), env=env(**more), capture_output=True, text=True)
    return done.returncode, done.stderr


def rows(name):
    history = sqlite3.connect(os.path.join(scratch.name, name, "history.sqlite"))
    found = history.execute("SELECT step, arm, idx, arch, reward FROM history ORDER BY 1, 2, 3")
    return found.fetchall()


def check(is_so, what):
    if not is_so:
        sys.exit(f"not so: {what}")
    print(what, flush=True)


code, said = run("plain")
check(code == 0, f"a cycle ends {said[-2000:] if code else ''}")
plain = rows("plain")
check(len(plain) > 10, f"it has {len(plain)} rows")
code, said = run("other", SHIM_REVERSE="1", MOCK_DEFER="1", MOCK_POISON="1")
check(code == 0 and rows("other") == plain, "it is the same in another order, deferred and poisoned")

killed = 0
while True:
    daemon = subprocess.Popen(command("killed", "cuda:0"), env=env(), stderr=subprocess.DEVNULL)
    try:
        code = daemon.wait(timeout=4 if killed < 2 else 600)
        break
    except subprocess.TimeoutExpired:
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        killed += 1
check(code == 0 and killed > 0 and rows("killed") == plain, f"it is the same when killed {killed} times")

code, _ = run("cpu", device="cpu")
cpu = rows("cpu")
first = {row[:4]: row[4] for row in cpu if row[4] is not None}
pairs = [(row[4], first[row[:4]]) for row in plain if row[4] is not None and row[:4] in first]
worst = max(abs(a - b) for a, b in pairs[:4])
check(code == 0 and len(pairs) >= 4 and worst < 1e-3,
      f"the first rewards differ from those of the CPU's executor by {worst:.1e} at most")

# A search goes on with the bits that it has, or not at all.
begun = subprocess.run(command("moved", "auto", "epochs=1"), env=env(), capture_output=True)
here = subprocess.run(command("moved", "auto"), env=os.environ, capture_output=True, text=True)
check(begun.returncode == 0 and here.returncode == 78 and "cuda (kernels 1)" in here.stderr
      and "no CUDA device" in here.stderr, "without the device `auto` refuses to go on, and says why")
there = subprocess.run(command("moved", "auto"), env=env(), capture_output=True)
check(there.returncode == 0 and rows("moved") == plain, "and with it goes on to the same")
moved = subprocess.run(
    command("moved", "cpu", "cycles=2", "--set", "engine.resume_elsewhere=true"),
    env=os.environ, capture_output=True, text=True)
check(moved.returncode == 0 and rows("moved")[:len(plain)] == plain and "was computed by" in moved.stderr,
      "it moves where that is allowed, and says so")

code, said = run("plain", device="cpu")
check(code == 78 and "engine.resume_elsewhere = true" in said, "another device is refused, and what allows it is said")

# The device is others' while a search is paused.
taken = os.path.join(scratch.name, "taken")


def memory(until, what):
    start = time.monotonic()
    while True:
        found = int(open(taken).read() or 0) if os.path.exists(taken) else 0
        if until(found):
            return
        assert time.monotonic() - start < 60 and daemon.poll() is None, f"{what}: {found} bytes are taken"
        time.sleep(0.05)


def ask(word):
    socket = os.path.join(scratch.name, "paused.sock")
    done = subprocess.run([enasd.replace("enasd", "enasctl"), "--socket", socket, word], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


daemon = subprocess.Popen(
    [*command("paused", "cuda:0", "cycles=1000"), "--socket", os.path.join(scratch.name, "paused.sock")],
    env=env(MOCK_MEMORY=taken), stderr=subprocess.DEVNULL)
memory(lambda found: found > 0, "at work")
while not os.path.exists(os.path.join(scratch.name, "paused.sock")):
    time.sleep(0.05)
ask("pause")
memory(lambda found: found == 0, "paused")
ask("resume")
memory(lambda found: found > 0, "at work again")
ask("stop")
check(daemon.wait(timeout=60) == 0, "paused it has none of the device's memory, and goes on with as much as before")

small = subprocess.run(command("small", "cuda:0", "cycles=1", "--set", "engine.memory_limit=4"),
                       env=env(), capture_output=True, text=True)
check(small.returncode == 71 and "batches of" in small.stderr and "engine.memory_limit" in small.stderr,
      "a limit that is too low is refused before the first step, with what fits")

code, said = run("full", MOCK_OOM_AT="1")
check(code != 0 and "of the device's memory are wanted" in said, "without memory it ends, and says so")
code, said = run("faulty", MOCK_FAULT_AT="400")
check(code != 0 and "CUDA_ERROR_ILLEGAL_ADDRESS" in said, "a device that is lost ends it, and is named")
code, _ = run("faulty")
check(code == 0 and rows("faulty") == plain, "and what it had goes on to the same")
