#!/usr/bin/env python3
"""Boots a Debian with its own systemd, installs the package, and tries what a server goes through.

usage: run.py PACKAGE.deb [--suite bookworm|trixie] [--archives FOLDER] [--only NAME]…
       run.py --fetch [--suite bookworm|trixie] [--archives FOLDER]

Every check is named and can fail alone. `--only` is for work on a check: the installation and the
checks named. Needs root, systemd-nspawn and mmdebstrap. Where no machine can be booted it fails.
"""

import argparse
import contextlib
import inspect
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import life
import package
import rights
import settings
from machine import CommandFailed, Machine, fetch
from rig import REPOSITORY, CheckFailed, Rig

TOOLS = ("systemd-nspawn", "mmdebstrap", "nsenter", "dpkg-deb")

# In order: the last ones take the package away.
CHECKS = [
    package.install,
    package.units_are_valid,
    package.documents,
    rights.exposure,
    rights.confined,
    rights.sockets,
    rights.people,
    life.status_text,
    life.activation,
    life.no_refusal,
    life.exact_resume,
    life.stalled_trainer,
    life.journal_fields,
    life.stop,
    settings.reload_taken,
    settings.reload_wrong,
    settings.reload_refused,
    settings.unknown_key,
    settings.other_settings,
    package.upgrade,
    package.remove,
    package.install_again,
    package.purge,
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, nargs="?")
    parser.add_argument("--fetch", action="store_true", help="only make that Debian")
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--archives", type=Path, default=REPOSITORY / "target/booted",
                        help="where the files of each Debian are kept")
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()
    if not args.fetch and not (args.package and args.package.is_file()):
        parser.error(f"{args.package} is no package; `.debian/build` makes one")
    return args


def name_of(check):
    return f"{check.__module__}.{check.__name__}"


def try_check(check, rig, folder):
    """Runs a check: whether it held."""
    start = time.monotonic()
    wanted = inspect.signature(check).parameters
    cursor = rig.cursor()
    rig.forget_starts()
    try:
        note = check(*[rig, folder][: len(wanted)])
    except (CheckFailed, CommandFailed, OSError, KeyError, ValueError) as error:
        print(f"FAIL {name_of(check)}: {check.__doc__}\n  {type(error).__name__}: {error}")
        if not isinstance(error, (CheckFailed, CommandFailed)):
            traceback.print_exc(file=sys.stdout)
        with contextlib.suppress(CommandFailed):
            log = rig.run(f"journalctl -q --no-pager --after-cursor '{cursor}' | tail -n 40")
            print("  the journal meanwhile:\n    " + log.replace("\n", "\n    "))
        return False
    seconds = time.monotonic() - start
    print(f"ok   {name_of(check)}: {check.__doc__} ({seconds:.1f} s{'; ' if note else ''}{note or ''})")
    return True


def main():
    args = arguments()
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        sys.exit(f"a machine is booted by root, with the programs {', '.join(TOOLS)};"
                 f" missing: {missing or 'root'}")
    archive = args.archives / f"{args.suite}.tar"
    fetch(args.suite, archive)
    if args.fetch:
        return
    checks = [check for check in CHECKS
              if not args.only or check is package.install or name_of(check) in args.only]
    with tempfile.TemporaryDirectory(prefix="enasd-booted-") as folder:
        folder = Path(folder)
        try:
            with Machine(archive, folder) as machine:
                rig = Rig(machine, args.package)
                print(rig.run(". /etc/os-release; echo \"$PRETTY_NAME,"
                              " $(systemctl --version | head -n 1)\"").strip())
                held = [try_check(check, rig, folder) for check in checks]
        except CommandFailed as error:
            sys.exit(str(error))
    print(f"{sum(held)} of {len(held)} checks hold")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
