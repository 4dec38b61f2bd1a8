"""Settings: those that change live, those that cannot, and those that are wrong."""

from rig import CONFIG, TINY, require, require_equal, until

EX_CONFIG = 78
TAKEN = "enas_config_reload_successful"


def with_log(level):
    return TINY + f'\n[telemetry]\nlog = "{level}"\n'


def log_in_force(rig):
    return rig.get("/v1/config")["telemetry"]["log"]


def reload(rig, config):
    """Has another configuration read: what the journal says. The process stays the same."""
    pid, cursor = rig.main_pid(), rig.cursor()
    rig.configure(config)
    rig.run("systemctl reload enasd.service", seconds=30)
    until(lambda: "the configuration was" in rig.messages(cursor), 10, "an answer in the journal")
    require_equal((rig.main_pid(), rig.is_active()), (pid, True), "the process")
    return rig.messages(cursor)


def reload_taken(rig):
    """a reload takes what can change live, in the same process"""
    rig.restart_with(with_log("info"))
    reload(rig, with_log("info,enasd::actors=debug"))
    require_equal(log_in_force(rig), "info,enasd::actors=debug", "the log's filter")
    require_equal(rig.metric(TAKEN), 1.0, TAKEN)


def reload_wrong(rig):
    """a reload of a wrong file changes nothing, and names file, line and remedy"""
    rig.restart_with(with_log("info"))
    said = reload(rig, with_log("debug") + "\n[policy]\nhiden = 3\n")
    require_equal((log_in_force(rig), rig.metric(TAKEN)), ("info", 0.0), f"the log's filter, {TAKEN}")
    for word in (CONFIG, "hiden", "hidden"):
        require(word in said, f"no {word} in:\n{said}")
    reload(rig, with_log("info,enasd::api=debug"))
    require_equal((log_in_force(rig), rig.metric(TAKEN)),
                  ("info,enasd::api=debug", 1.0), f"the log's filter, {TAKEN}")


def reload_refused(rig):
    """a reload of what cannot change live is refused as a whole, and says which keys"""
    rig.restart_with(with_log("info"))
    said = reload(rig, with_log("debug").replace("channels = 2", "channels = 3"))
    require("net.channels" in said, said)
    require_equal((log_in_force(rig), rig.metric(TAKEN)), ("info", 0.0), f"the log's filter, {TAKEN}")


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
    broken(rig, "[space]\nnodez = 2\n", CONFIG, "2", "nodez", "nodes")
    rig.restart_with(TINY)


def other_settings(rig):
    """a state folder of other settings ends with 78, and stays as it is"""
    rig.restart_with(TINY)
    rig.wait_step(50)
    rows = rig.history(50)
    broken(rig, TINY.replace("channels = 2", "channels = 3"), "net.channels")
    rig.restart_with(TINY, fresh=False)
    require(rig.history(50) == rows, "the history is another")
