"""A release daemon in a folder of its own, for the scripts that time it."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

TARGET = pathlib.Path(__file__).resolve().parents[2] / "target/release"


def exchange(family, address, path, method="GET"):
    """One request on one connection; the body of the reply."""
    with socket.socket(family, socket.SOCK_STREAM) as peer:
        peer.settimeout(30)
        peer.connect(address)
        peer.sendall(f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        parts = []
        while part := peer.recv(1 << 16):
            parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    return body


class Daemon:
    """The built-in search with some settings, in the ω phase throughout. Ends with its block."""

    def __init__(self, folder, settings):
        self.socket = f"{folder}/s"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.metrics = probe.getsockname()
        settings = {"ENASD_SCHEDULE__SHARED_STEPS": 1_000_000, **settings}
        self.process = subprocess.Popen(
            [TARGET / "enasd", "run", "--state", f"{folder}/state",
             "--socket", self.socket, "--metrics", "%s:%d" % self.metrics],
            env=os.environ | {key: str(value) for key, value in settings.items()},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask_status(self):
        return exchange(socket.AF_UNIX, self.socket, "/v1/status")

    def ask_metrics(self):
        return exchange(socket.AF_INET, self.metrics, "/metrics")

    def command(self, name):
        return exchange(socket.AF_UNIX, self.socket, f"/v1/{name}", "POST")

    def steps(self):
        """Steps that are done."""
        return json.loads(self.ask_status())["place"]["number"]

    def wait(self, steps):
        """Until so many steps are done."""
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit("the daemon has ended")
            try:
                if steps <= self.steps():
                    return
            except OSError:
                pass
            time.sleep(0.1)
        sys.exit("the daemon does not train")
