"""Rights: what the daemon may do, and what others may do to it."""

import re

from rig import SOCKET, STATE, TINY, require, require_equal

MAX_EXPOSURE = 0.6

# A person, and the codes that `enasctl status` and `enasctl checkpoint` end with.
DONE, REFUSED, NO_DAEMON = 0, 1, 3
PEOPLE = {
    "root": (DONE, DONE),
    "enasd": (DONE, DONE),
    "admin": (DONE, DONE),
    "member": (DONE, REFUSED),
    "nobody": (NO_DAEMON, NO_DAEMON),
}


def exposure(rig):
    """systemd-analyze security finds an exposure of at most 0.6"""
    report = rig.run("systemd-analyze security --no-pager enasd.service")
    found = re.search(r"Overall exposure level for enasd.service: ([0-9.]+)", report)
    require(found, report)
    require(float(found[1]) <= MAX_EXPOSURE, report)
    return f"exposure {found[1]}"


def confined(rig):
    """the daemon has no root, no capability, no network of its own, and system calls are filtered"""
    pid = rig.main_pid()
    text = rig.run(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    uid = rig.run("id -u enasd").strip()
    require_equal(set(fields["Uid"].split()), {uid}, "user")
    require_equal(int(fields["CapBnd"], 16), 0, "capabilities that it may get")
    require_equal(int(fields["CapEff"], 16), 0, "capabilities")
    require_equal(fields["NoNewPrivs"], "1", "NoNewPrivs")
    require_equal(fields["Seccomp"], "2", "Seccomp")
    own, outer = (rig.run(f"readlink /proc/{process}/ns/net") for process in (pid, 1))
    require(own != outer, "it is in the machine's network")
    devices = rig.run(f"nsenter -t {pid} -m ls /dev")
    require("sd" not in devices and "kmsg" not in devices, devices)


def people(rig):
    """root, the daemon's user, an admin, a member of the group, and nobody: read and write"""
    rig.run("useradd --no-create-home --groups enasd admin;"
            " useradd --no-create-home --groups enasd member")
    admin = rig.run("id -u admin").strip()
    rig.restart_with(TINY + f"\n[api]\nadmins = [{admin}]\n")
    found = {
        user: tuple(rig.status(f"enasctl {verb}", user) for verb in ("status", "checkpoint"))
        for user in PEOPLE
    }
    require_equal(found, PEOPLE, "exit codes of `enasctl status` and `enasctl checkpoint`")


def sockets(rig):
    """the API's socket is root's and its group's, in a folder that only root may change"""
    require_equal(rig.run(f"stat -c '%A %U %G' {SOCKET} /run/enasd").splitlines(),
                  ["srw-rw---- root enasd", "drwxr-xr-x root root"], "the socket and its folder")
    require_equal(rig.run(f"stat -c '%A %U %G' {STATE}").strip(), "drwxr-x--- enasd enasd", STATE)
    require(rig.status(f"ls {STATE}", "nobody") != 0, f"nobody may list {STATE}")
    metrics = rig.run("curl -sS --fail --max-time 30 http://127.0.0.1:9899/metrics", "nobody")
    require("enas_build_info{" in metrics, metrics)
    addresses = rig.run("cat /proc/net/tcp /proc/net/tcp6")
    port = f":{9899:04X} "
    listening = [line.split()[1] for line in addresses.splitlines() if port in line]
    require(all(address.startswith("0100007F") for address in listening), addresses)
