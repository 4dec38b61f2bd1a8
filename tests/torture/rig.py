"""The programs under torture: a daemon with a small search, started, asked and ended."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# Cycles of a whole search. With the settings below it takes about a second.
CYCLES = 3

SMALL = {
    "ENASD_FINAL__CANDIDATES": "0",
    "ENASD_POLICY__HIDDEN": "8",
    "ENASD_STORE__CHECKPOINT_SECONDS": "0.05",
}

# What a small search sets in each space; what other spaces alone know has its default.
SPACES = {
    "micro": {"ENASD_NET__AUX_WEIGHT": "0"},
    "whole_net": {"ENASD_SPACE__KIND": "whole_net", "ENASD_SPACE__NODES": "5",
                  "ENASD_SPACE__LAYERS": "3"},
    "recurrent": {"ENASD_SPACE__KIND": "recurrent", "ENASD_SPACE__NODES": "5",
                  "ENASD_SPACE__RECURRENT_NODES": "3", "ENASD_SCORE__REWARD": "perplexity",
                  "ENASD_NET__CHANNELS": "64", "ENASD_SCHEDULE__BPTT": "35",
                  "ENASD_DATA__SOURCE": "text",
                  "ENASD_DATA__PATH": str(REPOSITORY / "tests/novels")},
}

# Longer than anything takes on a busy machine.
PATIENCE = 120

LOCKED = 75


class Failure(Exception):
    """What was promised does not hold."""


def require(holds, text):
    if not holds:
        raise Failure(text)


def until(condition, what, seconds=PATIENCE):
    """Waits for a condition: what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.005)
    raise Failure(f"within {seconds} s it was not so: {what}")


def complaints(log):
    """The lines of warnings and errors, and those that are not of a log."""
    return [line for line in log.splitlines()
            if '"WARN"' in line or '"ERROR"' in line or not line.startswith("{")]


class Connection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Daemon:
    """A daemon at work, perhaps under strace. Ends with its block, at the latest."""

    def __init__(self, argv, env, beside):
        self.log = Path(f"{beside}.log")
        self.socket = Path(f"{beside}.sock")
        with self.log.open("wb") as log:
            # A group of its own: strace and what it traces end together.
            self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log,
                                            start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def has_ended(self):
        return self.process.poll() is not None

    def wait(self):
        """Waits for the end: the exit status, negative for a signal."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not end: {self.complaints()}") from None
        self.check_log()
        return status

    def said(self):
        return self.log.read_text(errors="replace")

    def complaints(self):
        """The last of what it warned of, and of what it said besides its log."""
        return "\n     ".join(line[:400] for line in complaints(self.said())[-4:])

    def check_log(self):
        """No panic, whatever was done to it."""
        panics = [line for line in self.said().splitlines() if "panic" in line.lower()]
        require(not panics, f"it panicked: {panics[:2]}")

    def wait_answering(self):
        """Until it answers, or has ended."""
        def answers():
            try:
                return self.has_ended() or self.ask("/v1/status")[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        until(answers, "it answers")

    def ask(self, path, method="GET"):
        """A request: status and body."""
        connection = Connection(self.socket)
        with contextlib.closing(connection):
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, reply.read()

    def thread(self, name):
        """The id of the thread of that name, if there is one."""
        for task in Path(f"/proc/{self.process.pid}/task").glob("*"):
            with contextlib.suppress(OSError):
                if (task / "comm").read_text().strip() == name:
                    return int(task.name)
        return None


def ignore_sockets(folder, names):
    return [name for name in names if not os.path.isdir(path := os.path.join(folder, name))
            and not os.path.isfile(path)]


class Rig:
    """The two programs, and room for state folders. Removes what it made with its block."""

    def __init__(self, enasd, enasctl, seed, space):
        self.enasd, self.enasctl, self.seed = enasd, enasctl, seed
        self.small = SMALL | SPACES[space]
        self.folder = Path(tempfile.mkdtemp(prefix="enasd-torture-"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def state(self, name):
        """A place for a state folder; nothing is there."""
        state = self.folder / name
        for left in self.folder.glob(f"{name}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        return state

    def save(self, name, folder):
        """Copies what lies at the places `name`… to a folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in self.folder.glob(f"{name}*"):
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=ignore_sockets)
            elif path.is_file():
                shutil.copy(path, folder)

    def env(self, settings):
        own = {key: value for key, value in os.environ.items() if not key.startswith("ENASD_")}
        return own | self.small | settings

    def start(self, state, cycles=None, settings={}, under=(), beside=None):
        """A daemon on that folder, until the end of so many cycles; `under` is what runs it. Its
        log and its socket lie beside the folder, or `beside` that path."""
        beside = beside or state
        argv = [*under, self.enasd, "run", "--config", REPOSITORY / "config/tiny.toml",
                "--state", state, "--socket", f"{beside}.sock", "--metrics", "off",
                "--seed", str(self.seed)]
        if cycles is not None:
            argv += ["--until", f"cycles={cycles}"]
        return Daemon(argv, self.env(settings), beside)

    def finish(self, state, cycles=CYCLES, settings={}, under=()):
        """Runs to the end, which must be reached: the log."""
        with self.start(state, cycles, settings, under) as daemon:
            status = daemon.wait()
            require(status == 0, f"exit status {status}: {daemon.complaints()}")
            return daemon.said()

    def doctor(self, state):
        """What the doctor finds wrong, or warns of in the history and the best; or nothing."""
        argv = [self.enasctl, "doctor", "--config", REPOSITORY / "config/tiny.toml",
                "--state", state, "--socket", f"{state}.sock", "--output", "ndjson"]
        env = self.env({"ENASD_SEED": str(self.seed)})
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE)
        require(done.returncode in (0, 4), f"doctor ended with {done.returncode}: {done.stderr}")
        found = map(json.loads, done.stdout.splitlines())
        wrong = [finding for finding in found if finding["verdict"] == "fail"
                 or finding["verdict"] == "warn" and finding["check"] in ("history", "best")]
        return "\n".join(f"{finding['check']}: {finding['what']}" for finding in wrong)
