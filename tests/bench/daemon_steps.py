#!/usr/bin/env python3
"""How much of what `enasd bench` promises the daemon's ω steps reach, on the same children.

    cargo build --release && tests/bench/daemon_steps.py [--rounds 4] [--seconds 4]

The release daemon trains the paper's cells on the embedded images, in the ω phase throughout, 6+2
cells of 20 channels with batches of 64. In every round it goes for some seconds, is paused, and the
same children are timed one by one by `enasd bench`, with as many threads. A ratio of 1 says that
drawing, batches, messages, metrics and the optimizer's way around a net that is new in every step
cost nothing. Nothing but the standard library is needed.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time

from daemon import TARGET, Daemon

# Steps after which the memory of most children is there.
WARM = 40
LAYERS, CHANNELS, BATCH, SIDE = 6, 20, 64, 28
SETTINGS = {"ENASD_NET__LAYERS": LAYERS, "ENASD_NET__CHANNELS": CHANNELS, "ENASD_SPACE__NODES": 5,
            "ENASD_SCHEDULE__BATCH_SIZE": BATCH}


def next_step(daemon):
    """Waits for the end of the step under way; how many are done then, and when that was. Asks
    without another process, which would compete with the step."""
    before = daemon.steps()
    while (steps := daemon.steps()) == before:
        time.sleep(0.002)
    return steps, time.monotonic()


def trained(daemon, first, last):
    """The children of those steps."""
    words = ["--since", str(first), "--limit", "10000", "--output", "ndjson"]
    rows = subprocess.check_output(
        [TARGET / "enasctl", "history", "--socket", daemon.socket, *words], text=True)
    rows = map(json.loads, rows.splitlines())
    return [row["id"] for row in rows if first <= row["step"] < last]


def bench(arch, threads):
    """The median of a step, in seconds."""
    options = {"arch": arch, "layers": LAYERS, "channels": CHANNELS, "batch": BATCH, "side": SIDE,
               "image-channels": 1, "steps": 5, "threads": threads, "output": "json"}
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    report = subprocess.check_output([TARGET / "enasd", "bench", *words])
    return json.loads(report)["step"]["median_ms"] / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    ratios = []
    settings = {**SETTINGS, "ENASD_ENGINE__THREADS": args.threads}
    with tempfile.TemporaryDirectory() as folder, Daemon(folder, settings) as daemon:
        daemon.wait(WARM)
        for _ in range(args.rounds):
            next_step(daemon)  # Has the rest of a pause in it.
            first, start = next_step(daemon)
            time.sleep(args.seconds)
            last, end = next_step(daemon)
            daemon.command("pause")
            daemon.command("checkpoint")  # Writes what the history waits with.
            pace = (end - start) / (last - first)
            archs = trained(daemon, first, last)
            assert len(archs) == last - first, f"{len(archs)} of {last - first} steps are recorded"
            alone = statistics.fmean(bench(arch, args.threads) for arch in archs)
            ratios.append(alone / pace)
            print(f"steps {first} to {last}: {1e3 * pace:.1f} ms in the daemon, "
                  f"{1e3 * alone:.1f} ms in enasd bench: ratio {ratios[-1]:.3f}", flush=True)
            daemon.command("resume")
    print(f"the daemon's pace over that of enasd bench: median {statistics.median(ratios):.3f}, "
          f"{min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
