"""Settings that are wrong."""

from rig import CONFIG, TINY, require, require_equal

EX_CONFIG = 78


def broken(rig, config, *expected):
    """Starts with a wrong configuration: what the journal says."""
    cursor = rig.cursor()
    rig.run("systemctl stop enasd.service")
    rig.configure(config)
    require(rig.status("systemctl start enasd.service", seconds=60) != 0, "it starts")
    code, restarts, state = rig.show("ExecMainStatus", "NRestarts", "ActiveState")
    require_equal((int(code), int(restarts), state), (EX_CONFIG, 0, "failed"),
                  "exit code, restarts, state")
    said = rig.messages(cursor)
    for word in expected:
        require(word in said, f"no {word} in:\n{said}")


def unknown_key(rig):
    """an unknown key ends with 78, is not restarted, and the journal names file, line and remedy"""
    rig.restart_with(TINY)
    broken(rig, "[net]\nnodez = 2\n", CONFIG, "2", "nodez", "nodes")
    rig.restart_with(TINY)


def other_settings(rig):
    """a state folder of other settings ends with 78, and stays as it is"""
    rig.restart_with(TINY)
    rig.wait_step(50)
    rows = rig.history(50)
    broken(rig, TINY.replace("channels = 2", "channels = 3"), "net.channels")
    rig.restart_with(TINY, fresh=False)
    require(rig.history(50) == rows, "the history is another")
