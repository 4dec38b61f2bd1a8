#!/usr/bin/env python3
"""How much of what `enasd bench` promises the daemon's ω steps reach, on the same children.

    cargo build --release && tests/bench/daemon_steps.py [--rounds 4] [--seconds 4]

The release daemon trains the paper's cells on the embedded images, in the ω phase throughout, 6+2
cells of 20 channels with batches of 64. In every round it goes for some seconds, is paused, and the same
children are timed one by one by `enasd bench`, with as many threads. A ratio of 1 says that
drawing, batches, messages, metrics and the optimizer's way around a net that is new in every step
cost nothing. Nothing but the standard library is needed.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENASD, ENASCTL = ROOT / "target/release/enasd", ROOT / "target/release/enasctl"
# Steps after which the memory of most children is there.
WARM = 40
LAYERS, CHANNELS, BATCH, SIDE = 6, 20, 64, 28
SETTINGS = {"ENASD_NET__LAYERS": LAYERS, "ENASD_NET__CHANNELS": CHANNELS, "ENASD_NET__NODES": 5,
            "ENASD_SCHEDULE__BATCH_SIZE": BATCH, "ENASD_SCHEDULE__SHARED_STEPS": 1_000_000}


class Daemon:
    """The release daemon in a folder of its own."""

    def __init__(self, folder, threads):
        self.socket = f"{folder}/s"
        environment = dict(os.environ, **{key: str(value) for key, value in SETTINGS.items()})
        self.process = subprocess.Popen(
            [ENASD, "run", "--state", f"{folder}/state", "--socket", self.socket, "--metrics", "off"],
            env=dict(environment, ENASD_ENGINE__THREADS=str(threads)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                sys.exit("the daemon has ended")
            time.sleep(0.1)

    def ask(self, *words):
        return subprocess.check_output([ENASCTL, "--socket", self.socket, *words], text=True)

    def number(self):
        """The number of the step under way; asked without another process, which would compete."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.connect(self.socket)
            peer.sendall(b"GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            reply = b"".join(iter(lambda: peer.recv(1 << 16), b""))
        return json.loads(reply.partition(b"\r\n\r\n")[2])["place"]["number"]

    def next(self):
        """Waits for the end of the step under way; the number of the next and when it began."""
        before = self.number()
        while (number := self.number()) == before:
            time.sleep(0.002)
        return number, time.monotonic()

    def trained(self, first, last):
        """The children of those steps."""
        rows = self.ask("history", "--since", str(first), "--limit", "10000", "--output", "ndjson")
        rows = map(json.loads, rows.splitlines())
        return [row["id"] for row in rows if first <= row["step"] < last]


def bench(arch, threads):
    """The median of a step, in seconds."""
    options = {"arch": arch, "layers": LAYERS, "channels": CHANNELS, "batch": BATCH, "side": SIDE,
               "image-channels": 1, "steps": 5, "threads": threads, "output": "json"}
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    report = subprocess.check_output([ENASD, "bench", *words])
    return json.loads(report)["step"]["median_ms"] / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(folder, args.threads)
        try:
            while daemon.number() < WARM:
                time.sleep(1)
            for _ in range(args.rounds):
                daemon.next()  # Has the rest of a pause in it.
                first, start = daemon.next()
                time.sleep(args.seconds)
                last, end = daemon.next()
                daemon.ask("pause")
                daemon.ask("checkpoint")  # Writes what the history waits with.
                pace = (end - start) / (last - first)
                archs = daemon.trained(first, last)
                assert len(archs) == last - first, f"{len(archs)} of {last - first} steps are recorded"
                alone = statistics.fmean(bench(arch, args.threads) for arch in archs)
                ratios.append(alone / pace)
                print(f"steps {first} to {last}: {1e3 * pace:.1f} ms in the daemon, "
                      f"{1e3 * alone:.1f} ms in enasd bench: ratio {ratios[-1]:.3f}", flush=True)
                daemon.ask("resume")
        finally:
            daemon.process.terminate()
            daemon.process.wait()
    print(f"the daemon's pace over that of enasd bench: median {statistics.median(ratios):.3f}, "
          f"{min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
