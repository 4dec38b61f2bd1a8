"""A machine for tests: a Debian under its own systemd, in a container of systemd-nspawn."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

PACKAGES = "systemd,systemd-sysv,dbus,procps,curl,libnss-systemd"
BOOT_SECONDS = 120


class CommandFailed(Exception):
    """A command that was to succeed did not."""


def fetch(suite, archive):
    """Makes the files of a minimal Debian, from its mirror, and packs them; once."""
    if archive.is_file():
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    draft = archive.with_suffix(".draft.tar")
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", suite, draft],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    draft.rename(archive)


class Machine:
    """A running machine. Ends, and leaves nothing, with the `with` block."""

    def __init__(self, archive, scratch):
        self.folder = scratch / "root"
        self.log = scratch / "console.log"
        self.folder.mkdir()
        subprocess.run(["tar", "-xpf", archive, "-C", self.folder, "--numeric-owner"], check=True)
        (self.folder / "etc/machine-id").write_text("")
        (self.folder / "var/log/journal").mkdir(parents=True, exist_ok=True)
        self.outer = None
        self.leader = None

    def __enter__(self):
        with self.log.open("wb") as console:
            self.outer = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot",
                 "--directory", self.folder, "--private-network", "--machine=enasd-test",
                 "--console=pipe"],
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_booted()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.leader is not None:
            # SIGRTMIN+4: systemd powers off.
            self._signal(self.leader, signal.SIGRTMIN + 4)
        try:
            self.outer.wait(60 if self.leader else 0.1)
        except subprocess.TimeoutExpired:
            if self.leader is not None:
                self._signal(self.leader, signal.SIGKILL)
            self.outer.kill()
            self.outer.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _signal(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def _wait_until_booted(self):
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end:
            if self.outer.poll() is not None:
                break
            self.leader = self.leader or find_systemd(self.outer.pid)
            if self.leader and self.status("systemctl is-system-running --wait") == 0:
                return
            time.sleep(0.2)
        raise CommandFailed(
            "no Debian can be booted with systemd-nspawn here, so nothing of this is tested:\n"
            + self.log.read_text(errors="replace")
        )

    def _argv(self, command, user):
        inner = ["/bin/sh", "-c", command]
        if user != "root":
            inner = ["runuser", "-u", user, "--", *inner]
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w",
                "--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *inner]

    def start(self, command, user="root"):
        """Starts a shell command in the machine; its output can be read from what is returned."""
        return subprocess.Popen(
            self._argv(command, user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def result(self, command, user="root", seconds=120):
        """Runs a shell command in the machine: its exit status, and what it printed."""
        process = self.start(command, user)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise CommandFailed(f"`{command}` took more than {seconds} s:\n{output}") from None
        return process.returncode, output

    def status(self, command, user="root", seconds=120):
        """The exit status of a shell command in the machine."""
        return self.result(command, user, seconds)[0]

    def run(self, command, user="root", seconds=120):
        """Runs a shell command in the machine, which must succeed: what it printed."""
        status, output = self.result(command, user, seconds)
        if status != 0:
            raise CommandFailed(f"`{command}` as {user} ended with status {status}:\n{output}")
        return output

    def path(self, path):
        """Where a file of the machine is for this process, mounts of the machine included."""
        return Path(f"/proc/{self.leader}/root") / path.lstrip("/")

    def host_pid(self, pid):
        """The id outside the machine of the process that has the id `pid` inside."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                ids = status_field(entry / "status", "NSpid")
                if len(ids) > 1 and ids[-1] == str(pid) and self._is_inside(entry):
                    return int(entry.name)
        raise CommandFailed(f"the machine has no process {pid}")

    def _is_inside(self, entry):
        try:
            return os.readlink(entry / "ns/pid") == os.readlink(f"/proc/{self.leader}/ns/pid")
        except OSError:
            return False


def status_field(path, name):
    """The words of a field of a file such as /proc/1/status."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    return next((line.split()[1:] for line in lines if line.startswith(name + ":")), [])


def find_systemd(pid):
    """The systemd among the descendants of a process."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            if status_field(Path(f"/proc/{child}/status"), "Name") == ["systemd"]:
                if len(status_field(Path(f"/proc/{child}/status"), "NSpid")) > 1:
                    return int(child)
            if found := find_systemd(child):
                return found
    return None


