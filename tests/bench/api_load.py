#!/usr/bin/env python3
"""How fast the API answers at full training load, and how much asking slows the training.

    cargo build --release && tests/bench/api_load.py [--pairs 8] [--seconds 10] [--rate 50]

Runs the release daemon on the built-in search, in the ω phase throughout, on as many threads as it
takes of itself. Intervals with and without requests alternate, so that what else the machine does
falls on both, and the asking itself takes its part of the same cores; half of the requests are GET
/v1/status over the socket, half GET /metrics over TCP, each on a connection of its own. Latency is
from before the connection to the end of the reply. Nothing but the standard library is needed.
"""

import argparse
import os
import pathlib
import random
import statistics
import tempfile
import time

from daemon import Daemon


def computed(daemon):
    """What the daemon has computed so far, in seconds."""
    stat = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def interval(daemon, seconds, rate, latencies):
    """Steps a second over an interval, with `rate` requests a second."""
    first, start = daemon.steps(), time.monotonic()
    asked = 0
    while time.monotonic() < start + seconds:
        if rate == 0:
            time.sleep(start + seconds - time.monotonic())
            break
        time.sleep(max(0.0, start + asked / rate - time.monotonic()))
        ask = (daemon.ask_status, daemon.ask_metrics)[asked % 2]
        before = time.monotonic()
        ask()
        latencies[asked % 2].append(time.monotonic() - before)
        asked += 1
    return (daemon.steps() - first) / (time.monotonic() - start)


def cost(daemon, rate):
    """What answers cost a daemon that does nothing else: no matter what else the machine does."""
    daemon.command("pause")
    costs = []
    for ask in (daemon.ask_status, daemon.ask_metrics):
        before = computed(daemon)
        for _ in range(1000):
            ask()
        costs.append((computed(daemon) - before) / 1000)
    share = rate * statistics.fmean(costs) / os.cpu_count()
    print(f"computing an answer: /v1/status {1e3 * costs[0]:.2f} ms, /metrics "
          f"{1e3 * costs[1]:.2f} ms; {rate:g} a second take {share:.2%} of "
          f"{os.cpu_count()} cores")


def line(name, values):
    values = sorted(1e3 * value for value in values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    print(f"{name}: {len(values)} requests, p50 {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms, "
          f"most {values[-1]:.2f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=50)
    args = parser.parse_args()
    latencies, ratios = ([], []), []
    with tempfile.TemporaryDirectory() as folder, Daemon(folder, {}) as daemon:
        daemon.wait(100)
        for number in range(args.pairs):
            # Each goes first as often as the other.
            rates = (0, args.rate) if number % 2 == 0 else (args.rate, 0)
            paces = {rate: interval(daemon, args.seconds, rate, latencies) for rate in rates}
            quiet, asked = paces[0], paces[args.rate]
            ratios.append(asked / quiet)
            print(f"steps/s: {quiet:.1f} alone, {asked:.1f} asked {args.rate:g} times a "
                  f"second, ratio {ratios[-1]:.3f}; load {os.getloadavg()[0]:.1f}", flush=True)
        cost(daemon, args.rate)
    line("/v1/status", latencies[0])
    line("/metrics", latencies[1])
    asking = sum(os.times()[:2]) / (args.pairs * args.seconds * os.cpu_count())
    print(f"asking itself took {asking:.2%} of {os.cpu_count()} cores while it went on")
    draws = random.Random(1)
    means = sorted(statistics.fmean(draws.choices(ratios, k=len(ratios))) for _ in range(2000))
    print(f"ratio of steps: mean {statistics.fmean(ratios):.3f}, 95 % within {means[50]:.3f} to "
          f"{means[1949]:.3f}, median {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
