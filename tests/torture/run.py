#!/usr/bin/env python3
"""Tortures the daemon: after each torture the history has no gap, the best have their files,
and history, weights and best architectures equal those of a run that nobody disturbed.

usage: run.py ENASD ENASCTL [--space NAME] [--seconds N] [--seed N] [--only NAME]… [--try N]
       [--keep FOLDER]
       run.py ENASD ENASCTL --plant

Tries of all tortures are made in turns, each that which has had the least time. `--try` repeats
one. `--plant` plants faults instead, each of which must be found. Needs strace and b3sum; as root
also a disk of fixed size is filled.
"""

import argparse
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import disk
import kills
import planted
import powercut
import removed
import rot
import slow
import suspended
from rig import SPACES, Failure, Rig
from unbroken import Unbroken

TORTURES = {module.__name__: module
            for module in [kills, powercut, slow, suspended, disk, removed, rot]}

# Failures that are told in full.
MAX_TOLD = 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("enasd", type=Path)
    parser.add_argument("enasctl", type=Path)
    parser.add_argument("--space", choices=SPACES, default="micro")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=TORTURES, default=[])
    parser.add_argument("--try", type=int, dest="number")
    parser.add_argument("--keep", type=Path, help="where the folders of failed tries are kept")
    parser.add_argument("--plant", action="store_true", help="plant faults, which must be found")
    return parser.parse_args()


class Campaign:
    """Tries, and what came of them."""

    def __init__(self, rig, unbroken, args):
        self.rig, self.unbroken, self.args = rig, unbroken, args
        names = args.only or list(TORTURES)
        self.seconds = dict.fromkeys(names, 0.0)
        self.tries = dict.fromkeys(names, 0)
        self.failures = dict.fromkeys(names, 0)

    def attempt(self, name, number):
        """One try. All that it does by chance depends on its name and number, and on the seed."""
        start = time.monotonic()
        try:
            note = TORTURES[name].attempt(self.rig, self.unbroken,
                                          random.Random(f"{self.args.seed} {name} {number}"))
            if self.args.number is not None:
                print(f"ok   {name}: {note}")
        except (Failure, OSError, KeyError, ValueError) as failure:
            self.failures[name] += 1
            if sum(self.failures.values()) <= MAX_TOLD:
                print(f"FAIL {name}, try {number}: {failure}\n     again: {sys.argv[0]}"
                      f" {self.args.enasd} {self.args.enasctl} --space {self.args.space}"
                      f" --seed {self.args.seed} --only {name} --try {number}")
                if not isinstance(failure, Failure):
                    traceback.print_exc(limit=-2, file=sys.stdout)
                if self.args.keep:
                    self.rig.save(name, self.args.keep / f"{name}-{number}")
        self.tries[name] += 1
        self.seconds[name] += time.monotonic() - start

    def run(self):
        end = time.monotonic() + self.args.seconds
        while time.monotonic() < end:
            name = min(self.seconds, key=self.seconds.get)
            self.attempt(name, self.tries[name])

    def report(self):
        for name, tries in self.tries.items():
            doc = TORTURES[name].attempt.__doc__
            print(f"{name:10} {tries:4} tries, {self.failures[name]:3} failed,"
                  f" {self.seconds[name]:5.0f} s: {doc}")
        return not any(self.failures.values())


def main():
    args = arguments()
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    missing = [tool for tool in ("strace", "b3sum") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"these programs are missing: {missing}")
    with Rig(args.enasd.resolve(), args.enasctl.resolve(), args.seed, args.space) as rig:
        try:
            unbroken = Unbroken(rig)
        except Failure as failure:
            sys.exit(f"FAIL a run that nobody disturbs: {failure}")
        if args.plant:
            sys.exit(0 if planted.check(rig, unbroken) else 1)
        campaign = Campaign(rig, unbroken, args)
        if args.number is None:
            campaign.run()
        else:
            for name in args.only:
                campaign.attempt(name, args.number)
        sys.exit(0 if campaign.report() else 1)


if __name__ == "__main__":
    main()
