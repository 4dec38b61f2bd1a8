"""The daemon under test: its machine, its unit, its configuration and its API."""

import http.client
import json
import re
import shutil
import socket
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOCKET = "/run/enasd/enasd.sock"
STATE = "/var/lib/enasd"
CONFIG = "/etc/enasd/enasd.toml"

# The smallest search, a checkpoint every fifth of a second, and nothing retrained but a sample beside
# it, by a thread that must be let step back.
TINY = re.sub(r'(?ms)^\[telemetry\].*', "", (REPOSITORY / "config/tiny.toml").read_text())
TINY = TINY.replace("candidates = 1", "candidates = 0\nsample = 2")


class CheckFailed(Exception):
    """What a check found."""


def require(condition, message):
    if not condition:
        raise CheckFailed(message)


def require_equal(found, expected, what):
    require(found == expected, f"{what}: {found!r} instead of {expected!r}")


def until(condition, seconds, what):
    """Waits until `condition()` is true: what it gave."""
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        require(time.monotonic() < end, f"after {seconds} s: not yet {what}")
        time.sleep(0.05)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket at a path."""

    def __init__(self, path, seconds):
        super().__init__("localhost", timeout=seconds)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Rig:
    """What the checks work with."""

    def __init__(self, machine, package):
        self.machine = machine
        self.package = package
        self.run = machine.run
        self.result = machine.result
        self.status = machine.status

    def copy_in(self, file, path):
        """Copies a file into the machine."""
        shutil.copyfile(file, self.machine.path(path))

    # The unit.

    def show(self, *names, unit="enasd.service"):
        """Properties of a unit."""
        output = self.run(f"systemctl show {unit} -p {','.join(names)}")
        values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
        found = [values[name] for name in names]
        return found[0] if len(found) == 1 else found

    def is_active(self, unit="enasd.service"):
        return self.show("ActiveState", unit=unit) == "active"

    def main_pid(self):
        return int(self.show("MainPID"))

    def wait_active(self, seconds=60):
        until(self.is_active, seconds, "active")

    def forget_starts(self):
        """Starts so far do not count for the unit's StartLimitBurst."""
        self.result("systemctl reset-failed enasd.service enasd.socket")

    def kill(self):
        """SIGKILL, and what comes after: the new main process is ready."""
        self.forget_starts()
        before = self.main_pid()
        self.run("systemctl kill --kill-who=main --signal=KILL enasd.service")
        until(lambda: self.main_pid() not in (0, before) and self.is_active(), 60, "started again")

    def restart_with(self, config, fresh=True):
        """Starts the daemon with another configuration, with an empty state folder if `fresh`."""
        self.run("systemctl stop enasd.service")
        self.configure(config)
        if fresh:
            self.run(f"find {STATE} -mindepth 1 -delete")
        self.forget_starts()
        self.run("systemctl start enasd.service")

    def configure(self, config):
        self.machine.path(CONFIG).write_text(config)

    def drop_in(self, text):
        """Adds to the unit, or takes the addition away when empty."""
        folder = self.machine.path("/etc/systemd/system/enasd.service.d")
        folder.mkdir(exist_ok=True)
        (folder / "test.conf").write_text(text)
        self.run("systemctl daemon-reload")

    def cursor(self):
        """The present end of the journal."""
        return self.run("journalctl --sync; journalctl -n 0 --show-cursor").split("cursor: ")[1].strip()

    def journal(self, cursor, entries="_SYSTEMD_UNIT=enasd.service"):
        """What was logged since: a dictionary an entry."""
        self.run("journalctl --sync")
        # --after-cursor leaves out one entry too many if the one at the cursor is of another unit.
        lines = self.run(f"journalctl -q -a -o json --cursor '{cursor}' {entries}").splitlines()
        found = [json.loads(line) for line in lines]
        return [entry for entry in found if entry["__CURSOR"] != cursor]

    def messages(self, cursor, entries="_SYSTEMD_UNIT=enasd.service"):
        """What was logged since, a line an entry: the message, and the daemon's own fields."""
        return "\n".join(
            " ".join(f"{entry[name]}" for name in sorted(entry, reverse=True)
                     if name == "MESSAGE" or name.startswith("ENASD_"))
            for entry in self.journal(cursor, entries)
        )

    # The API.

    def ask(self, path, method="GET", seconds=30):
        """Status code and body of a reply, asked for as root."""
        connection = UnixConnection(self.machine.path(SOCKET), seconds)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or b"null")
        finally:
            connection.close()

    def get(self, path):
        code, body = self.ask(path)
        require_equal(code, 200, f"GET {path}: {body}")
        return body

    def step(self):
        return self.get("/v1/status")["place"]["number"]

    def wait_step(self, step, seconds=120):
        until(lambda: step <= self.step(), seconds, f"at step {step}")

    def history(self, steps):
        """What was drawn and scored in the first `steps` steps, once all of it is written."""
        later = f"/v1/history?since={steps}&limit=1"
        until(lambda: self.get(later)["rows"], 60, f"past step {steps} in the history")
        rows, since = [], 0
        while since < steps:
            page = self.get(f"/v1/history?since={since}&limit=5000")
            if not page["rows"]:
                break
            rows += page["rows"]
            since = page["next_since"]
        return [row for row in rows if row["step"] < steps]

    def generations(self):
        """The checkpoints on disk, oldest first."""
        return sorted(self.run(f"ls {STATE}/checkpoints").split())

    def metric(self, name):
        """The value of a series of /metrics."""
        text = self.run("curl -sS --fail --max-time 30 http://127.0.0.1:9899/metrics")
        line = next((line for line in text.splitlines() if line.startswith(name + " ")), None)
        require(line, f"/metrics has no {name}")
        return float(line.split()[-1])
