"""A daemon at work and a Prometheus that scrapes it, both ended with this value."""

import http.client
import json
import math
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from files import FOLDER, ROOT

SCRAPE_SECONDS = 1
# For what takes seconds on an idle machine.
PATIENCE_SECONDS = 120


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(what: str, question, seconds: float = PATIENCE_SECONDS):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.2)
    raise SystemExit(f"{what} did not come within {seconds} s")


class Live:
    """The two processes, in a folder of their own."""

    def __init__(self, folder: Path, daemon: Path, settings: Path):
        self.folder = folder
        self.metrics = f"127.0.0.1:{free_port()}"
        self.web = f"127.0.0.1:{free_port()}"
        self.socket = folder / "socket"
        data = tomllib.loads(settings.read_text()).get("data", {})
        self.reads_text = data.get("source") in {"austen", "text"}
        self.daemon_command = [
            daemon, "run", "--config", settings, "--state", folder / "state",
            "--socket", self.socket, "--metrics", self.metrics,
        ]
        self.daemon = None
        self.prometheus = None

    def __enter__(self):
        self.start_daemon()
        self.prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={self.write_config()}", "--log.level=warn",
             f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address={self.web}"]
        )
        wait_for("Prometheus", lambda: fetch(f"http://{self.web}/-/ready"))
        return self

    def __exit__(self, *_):
        for process in [self.daemon, self.prometheus]:
            if process and process.poll() is None:
                process.kill()
                process.wait()

    def write_config(self) -> Path:
        """The shipped configuration with other addresses and a quicker clock."""
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        config["global"] = {"evaluation_interval": f"{SCRAPE_SECONDS}s"}
        config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
        (scrape,) = config["scrape_configs"]
        scrape["scrape_interval"] = f"{SCRAPE_SECONDS}s"
        scrape["scrape_timeout"] = f"{SCRAPE_SECONDS}s"
        scrape["static_configs"][0]["targets"] = [self.metrics]
        path = self.folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        return path

    def start_daemon(self):
        with (self.folder / "log").open("a") as log:
            self.daemon = subprocess.Popen(self.daemon_command, cwd=ROOT, stderr=log)
        wait_for("the daemon's /metrics", self.scrape)

    def kill_daemon(self):
        self.daemon.kill()
        self.daemon.wait()

    def stop_daemon(self):
        """Stops it as systemd does, and says how it ended."""
        self.daemon.send_signal(signal.SIGTERM)
        return self.daemon.wait(PATIENCE_SECONDS)

    def scrape(self) -> str:
        return fetch(f"http://{self.metrics}/metrics") or ""

    def ask_api(self, method: str, path: str, body: dict | None = None) -> int:
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE_SECONDS)
        connection.sock.connect(str(self.socket))
        connection.request(method, path, json.dumps(body) if body is not None else None)
        status = connection.getresponse().status
        connection.close()
        return status

    def prometheus_api(self, path: str, **parameters) -> dict:
        """Prometheus' answer, or `{"error": …}`."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"http://{self.web}/api/v1/{path}?{query}") as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def values(self, expr: str, seconds: int = 0) -> list:
        """All finite numbers that `expr` gives now, or over the last seconds."""
        if seconds:
            now = time.time()
            answer = self.prometheus_api(
                "query_range", query=expr, start=now - seconds, end=now, step=SCRAPE_SECONDS
            )
        else:
            answer = self.prometheus_api("query", query=expr)
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        found = answer["data"]["result"]
        points = [point for one in found for point in one.get("values", [one.get("value")])]
        return [float(value) for _, value in points if math.isfinite(float(value))]

    def alert_state(self, name: str) -> str:
        groups = self.prometheus_api("rules")["data"]["groups"]
        states = [rule["state"] for group in groups for rule in group["rules"] if rule["name"] == name]
        return states[0] if states else "unknown"


def fetch(url: str) -> str | None:
    """The page, or nothing where nobody answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def series(scrape: str) -> list:
    """The series of a scrape, without their values."""
    lines = (line for line in scrape.splitlines() if line and not line.startswith("#"))
    return sorted(line.rsplit(" ", 1)[0] for line in lines)


def metrics(scrape: str) -> set:
    """The names of a scrape's own metrics."""
    types = (line.split() for line in scrape.splitlines() if line.startswith("# TYPE enas_"))
    return {name for _, _, name, _ in types}
