"""Rot: a file of a stopped daemon's state is damaged.

The daemon starts nevertheless, serves no wrong value, and goes on to the same weights. What it
cannot make good again is told: by the doctor, and in the log.
"""

import hashlib
import http.client
import json
import shutil
import signal
import time

from rig import CYCLES, Failure, complaints, require, until
from state import State



def attempt(rig, unbroken, random):
    """a file of a stopped state is damaged: mended or told, and no wrong value is ever served"""
    state = rig.state("rot")
    if random.random() < 0.5:
        with rig.start(state, CYCLES) as daemon:
            daemon.wait_answering()
            time.sleep(random.uniform(0, 1))
            daemon.signal(signal.SIGKILL)
            daemon.process.wait()
    else:
        rig.finish(state, CYCLES - 1)
    note = damage(state, random)
    told = rig.doctor(state)
    require(told or has_all(unbroken, State(state)), f"{note}: the doctor does not find it")
    log = serve(rig, unbroken, state, note)
    log += rig.finish(state)
    told += "".join(complaints(log))
    ended = State(state)
    require(ended.steps()[-1:] == [unbroken.end]
            and ended.checkpoint(unbroken.end) == unbroken.checkpoints[unbroken.end],
            f"{note}: it did not come to the same end")
    require(told or is_right(unbroken, ended), f"{note}: nothing was told of it")
    return note


def has_all(unbroken, state):
    """Whether every row is there that should be, and the best ones with their files, all right."""
    try:
        newest = state.steps()[-1]
        unbroken.check_rows("rows", state.history(), unbroken.history, newest)
        unbroken.check_rows("updates", state.updates(), unbroken.updates, newest)
        return has_best(unbroken, state, newest)
    except Failure:
        return False


def has_best(unbroken, state, newest):
    """Whether the best of a checkpoint have their files, or those of a later cycle, which a
    run that was killed wrote ahead of its checkpoint."""
    archs = state.archs(damaged_too=False)
    return all(any(arch == other and (cycle < later or files == unbroken.archs[arch, cycle])
                   for (other, later), files in archs.items())
               for arch, cycle in state.best(newest))


def is_right(unbroken, state):
    """Whether nothing of a folder differs from the unbroken run's."""
    try:
        unbroken.check(state)
    except (Failure, OSError, ValueError, KeyError):
        return False
    return True


def serve(rig, unbroken, state, note):
    """Asks a daemon on that folder for everything it may have wrong: its log."""
    with rig.start(state, CYCLES) as daemon:
        daemon.wait_answering()
        if is_paused(daemon):
            for path in ("/v1/status", "/v1/archs", "/v1/best", "/v1/events"):
                require(daemon.ask(path)[0] == 200, f"{note}: {path} gives {daemon.ask(path)}")
            check_history(daemon, unbroken, note)
            check_weights(daemon, unbroken, note)
            daemon.signal(signal.SIGTERM)
        status = daemon.wait()
        require(status == 0, f"{note}: exit status {status}: {daemon.complaints()}")
        return daemon.said()


def is_paused(daemon):
    """Waits until it waits. A search that is nearly over may end before it hears of it."""
    def is_so():
        return json.loads(daemon.ask("/v1/status")[1])["state"] == "paused"
    try:
        daemon.ask("/v1/pause", "POST")
        return until(is_so, "it is paused")
    except (OSError, http.client.HTTPException):
        until(daemon.has_ended, "it answers, or has ended")
        return False


def check_history(daemon, unbroken, note):
    status, body = daemon.ask("/v1/history?since=0&limit=1000")
    require(status == 200, f"{note}: /v1/history gives {status}: {body}")
    right = {(step, arm, idx, arch_id, reward)
             for step, arm, idx, _, _, _, _, arch_id, reward, _, _ in unbroken.history}
    for row in json.loads(body)["rows"]:
        served = row["step"], row["arm"], row["idx"], row["id"], row["reward"]
        require(served in right, f"{note}: /v1/history gives a wrong row: {row}")


def check_weights(daemon, unbroken, note):
    for arch in json.loads(daemon.ask("/v1/best")[1])["archs"]:
        status, body = daemon.ask(f"/v1/archs/{arch['id']}.safetensors")
        right = unbroken.archs[arch["arch"], arch["cycle"]]["weights.safetensors"]
        require(status != 200 or hashlib.sha256(body).hexdigest() == right,
                f"{note}: the weights of {arch['id']} are others")


# What is damaged, and how.

def damage(state, random):
    kinds = ["checkpoints/*/*", "history.sqlite", "history.sqlite-wal", "best/*/*", "LOCK"]
    files = sorted(state.glob(random.choice(kinds))) or [state / "history.sqlite"]
    file = random.choice(files)
    how = random.choice([flip, flip, zero, cut, empty, append, delete, exchange])
    how(file, random)
    return f"{how.__name__} {file.relative_to(state)}"


def flip(file, random):
    """One bit."""
    data = bytearray(file.read_bytes())
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    file.write_bytes(data)


def zero(file, random):
    """A block."""
    data = bytearray(file.read_bytes())
    start = random.randrange(len(data) // 512 + 1) * 512
    data[start:start + 512] = bytes(len(data[start:start + 512]))
    file.write_bytes(data)


def cut(file, random):
    data = file.read_bytes()
    file.write_bytes(data[:random.randrange(len(data) + 1)])


def empty(file, _):
    file.write_bytes(b"")


def append(file, random):
    with file.open("ab") as end:
        end.write(random.randbytes(random.randrange(1, 5000)))


def delete(file, _):
    file.unlink()


def exchange(file, random):
    """With a file of the same kind, where there is one: a checkpoint's with another's."""
    others = [other for other in file.parent.parent.glob(f"*/{file.name}") if other != file]
    if others:
        shutil.copy(random.choice(others), file)
    else:
        file.write_bytes(random.randbytes(file.stat().st_size))
