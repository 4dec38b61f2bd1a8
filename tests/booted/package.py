"""The package: what it installs, and what an upgrade, a removal and a purge leave."""

import subprocess

from rig import CONFIG, SOCKET, STATE, TINY, require, require_equal, until

DEB = "/root/enasd.deb"
UNITS = ("enasd.service", "enasd.socket")


def install(rig):
    """dpkg -i: both units are enabled and active within seconds, with the configuration shipped"""
    rig.copy_in(rig.package, DEB)
    rig.run(f"dpkg -i {DEB}", seconds=60)
    for unit in UNITS:
        require_equal(rig.run(f"systemctl is-enabled {unit}").strip(), "enabled", unit)
        require(rig.is_active(unit), f"{unit} is not active")
    require(1 <= rig.step(), "active before the first step")
    conffiles = rig.run("dpkg-query -W -f '${Conffiles}' enasd").split()
    require(CONFIG in conffiles, f"{CONFIG} is no conffile: {conffiles}")
    # A default that a later version changes then refuses no state.
    status, lines = rig.result(f"grep -E '^[a-z_]+ =' {CONFIG}")
    require_equal((status, lines), (1, ""), f"keys that {CONFIG} sets")


def units_are_valid(rig):
    """systemd-analyze verify says nothing"""
    units = " ".join(f"/usr/lib/systemd/system/{unit}" for unit in UNITS)
    status, output = rig.result(f"systemd-analyze verify --man=no {units}")
    require_equal((status, output), (0, ""), "systemd-analyze verify")


def documents(rig):
    """manual pages, completions, dashboard and alerts are where their readers look"""
    share = "/usr/share"
    files = [
        f"{share}/man/man8/enasd.8.gz",
        f"{share}/man/man1/enasctl.1.gz",
        f"{share}/zsh/vendor-completions/_enasctl",
        f"{share}/fish/vendor_completions.d/enasctl.fish",
        f"{share}/enasd/dashboards/enasd.json",
        f"{share}/enasd/dashboards/alerts.yml",
        f"{share}/enasd/dashboards/runbook.md",
        f"{share}/enasd/dashboards/provisioning/dashboards/enasd.yml",
        f"{share}/enasd/cuda.conf",
        f"{share}/doc/enasd/copyright",
        f"{share}/doc/enasd/changelog.Debian.gz",
    ]
    rig.run(" && ".join(f"test -s {file}" for file in files))
    for name in ("enasd", "enasctl"):
        found = rig.run(
            f"bash -c '. {share}/bash-completion/completions/{name};"
            f" COMP_WORDS=({name} \"\"); COMP_CWORD=1; _{name} {name} \"\" {name};"
            ' echo "${COMPREPLY[@]}"\''
        ).split()
        expected = {"enasd": "check-config", "enasctl": "status"}[name]
        require(expected in found, f"bash completes `{name} ` to {found}")


def of_later_version(rig, folder):
    """The same package with a later version."""
    tree = folder / "later"
    subprocess.run(["dpkg-deb", "-R", rig.package, tree], check=True)
    control = tree / "DEBIAN/control"
    version = rig.run("dpkg-query -W -f '${Version}' enasd")
    later = version + "+later"
    control.write_text(control.read_text().replace(f"Version: {version}\n", f"Version: {later}\n"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", "-Znone", tree, folder / "later.deb"],
                   check=True, stdout=subprocess.DEVNULL)
    rig.copy_in(folder / "later.deb", "/root/later.deb")
    return later


def upgrade(rig, folder):
    """an upgrade restarts the daemon, and keeps the state and the changed configuration"""
    later = of_later_version(rig, folder)
    rig.restart_with(TINY)
    rig.wait_step(100)
    rows, pid = rig.history(100), rig.main_pid()
    rig.run("dpkg -i /root/later.deb", seconds=120)
    require_equal(rig.run("dpkg-query -W -f '${Version}' enasd"), later, "the version")
    rig.wait_active()
    require(rig.main_pid() != pid, "the old daemon still runs")
    require(100 <= rig.step(), "the search began anew")
    require(rig.history(100) == rows, "the history is another")
    require_equal(rig.machine.path(CONFIG).read_text(), TINY, CONFIG)
    require_equal(rig.run("systemctl --failed --quiet"), "", "failed units")


def remove(rig):
    """a removal stops the daemon, takes socket and units away, and leaves state and configuration"""
    pid = rig.main_pid()
    rig.run("dpkg -r enasd", seconds=90)
    require(rig.status(f"test -e /proc/{pid}") != 0, "the daemon still runs")
    require(rig.status(f"test -e {SOCKET}") != 0, f"{SOCKET} is still there")
    for unit in UNITS:
        require(rig.status(f"systemctl is-active {unit}") != 0, f"{unit} is active")
        require(rig.status(f"test -e /usr/lib/systemd/system/{unit}") != 0, f"{unit} is there")
    rig.run(f"test -e {CONFIG} && test -d {STATE}/checkpoints")


def install_again(rig):
    """an installation after a removal goes on where the search was"""
    rows = 100
    rig.run(f"dpkg -i {DEB}", seconds=60)
    rig.wait_active()
    require(rows <= rig.step(), "the search began anew")


def purge(rig):
    """a purge leaves no file, no unit and no failed unit"""
    # As cuda.conf has it.
    rig.run("install -D /dev/null /var/cache/enasd/ComputeCache/index")
    rig.run("dpkg -P enasd", seconds=90)
    rig.run("test ! -e /var/cache/enasd")
    left = rig.run(
        "find / -xdev -iname '*enasd*' -not -path '/root/*' -not -path '/proc/*'"
        " -not -path '/sys/*' -not -path '/var/log/*' -not -path '/var/cache/*'"
        " -not -path '/etc/systemd/system/enasd.service.d*'"
    ).split()
    require_equal(left, [], "left")
    require_equal(rig.run("systemctl --failed --quiet"), "", "failed units")
    until(lambda: "running" in rig.result("systemctl is-system-running")[1], 10, "a healthy system")
