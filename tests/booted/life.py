"""Life: start, stop, crashes and stalls."""

import re
import subprocess
import sys
import threading
import time

from rig import REPOSITORY, SOCKET, TINY, require, require_equal, until

HOLD_THREAD = REPOSITORY / "tests/systemd/hold_thread.py"
WATCHDOG_SECONDS = 4
SYSTEMD = "UNIT=enasd.service"
STOP_SECONDS = 45


def status_text(rig):
    """systemctl status says phase, cycle and epoch"""
    rig.restart_with(TINY)
    text = rig.show("StatusText")
    require(all(word in text for word in ("phase", "cycle", "epoch")), f"StatusText={text}")
    until(lambda: rig.show("StatusText") != text, 60, "another text")
    return text


def activation(rig):
    """with the daemon stopped, the first request starts it, waits, and is answered"""
    rig.restart_with(TINY)
    rig.run("systemctl stop enasd.service")
    require_equal(rig.is_active("enasd.socket"), True, "the socket is active")
    require(rig.run("enasctl status", seconds=60), "no answer")
    rig.wait_active()
    rig.run("systemctl stop enasd.service")
    rig.metric('enas_steps_total{net="shared"}')
    rig.wait_active()


def no_refusal(rig):
    """while the daemon is killed three times, no connection is refused"""
    rig.restart_with(TINY)
    outcomes, ended = [], threading.Event()

    def knock():
        while not ended.is_set():
            try:
                outcomes.append(rig.ask("/v1/status", seconds=60)[0])
            except Exception as error:
                outcomes.append(type(error).__name__)
            time.sleep(0.01)

    knocking = [threading.Thread(target=knock) for _ in range(4)]
    for thread in knocking:
        thread.start()
    try:
        for _ in range(3):
            rig.kill()
            before = outcomes.count(200)
            until(lambda: before + 20 <= outcomes.count(200), 30, "answered again")
    finally:
        ended.set()
        for thread in knocking:
            thread.join()
    counts = {outcome: outcomes.count(outcome) for outcome in outcomes}
    # A request that the dead process had taken breaks off; any other must be answered.
    broken = {"RemoteDisconnected", "ConnectionResetError", "IncompleteRead", "BrokenPipeError"}
    require(set(counts) <= broken | {200}, f"outcomes: {counts}")
    require(sum(count for outcome, count in counts.items() if outcome in broken) <= 3 * 4,
            f"more broken requests than were under way: {counts}")
    return str(counts)


def exact_resume(rig):
    """killed four times, the history is that of an unbroken run, row for row"""
    steps = 400
    rig.restart_with(TINY)
    rig.wait_step(steps)
    unbroken = rig.history(steps)
    rig.restart_with(TINY)
    resumed = []
    for kill in range(1, 5):
        rig.wait_step(steps * kill // 5)
        newest = rig.get("/v1/status")["checkpoint"]["step"]
        cursor = rig.cursor()
        rig.kill()
        found = re.findall(r"goes on at search step (\d+)", rig.messages(cursor))
        require(len(found) == 1 and newest < int(found[0]),
                f"saved at {newest}, but it goes on at {found}")
        resumed.append(int(found[0]))
    rig.wait_step(steps)
    killed = rig.history(steps)
    require(len(killed) >= steps, f"{len(killed)} rows")
    different = [pair for pair in zip(unbroken, killed) if pair[0] != pair[1]]
    require(not different and len(killed) == len(unbroken),
            f"{len(unbroken)} and {len(killed)} rows, {len(different)} differ: {different[:1]}")
    return f"{len(killed)} rows equal; resumed at steps {resumed}"


def stalled_trainer(rig):
    """with the trainer's thread held, the watchdog restarts the daemon, and the search goes on"""
    rig.drop_in(f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\n")
    try:
        rig.restart_with(TINY)
        rig.wait_step(50)
        pid, cursor, start = rig.main_pid(), rig.cursor(), time.monotonic()
        outer = rig.machine.host_pid(pid)
        holding = subprocess.Popen([sys.executable, HOLD_THREAD, str(outer), "trainer", "60"],
                                   stdout=subprocess.PIPE, text=True)
        try:
            require_equal(holding.stdout.readline(), "held\n", "the trainer's thread")
            require_equal(rig.ask("/v1/status")[0], 200, "the API of a stalled daemon")
            until(lambda: "Watchdog timeout" in rig.messages(cursor, SYSTEMD), 3 * WATCHDOG_SECONDS,
                  "noticed by systemd")
            seconds = time.monotonic() - start
        finally:
            holding.kill()
            holding.communicate()
        # A process that is traced ends only when it is let go.
        until(lambda: rig.main_pid() not in (0, pid) and rig.is_active(), 60, "restarted")
        rig.wait_step(rig.step() + 50)
        require("trainer" in rig.messages(cursor), "the daemon does not say what stalled")
        return f"noticed after {seconds:.1f} s at WatchdogSec={WATCHDOG_SECONDS}"
    finally:
        rig.drop_in("")


def journal_fields(rig):
    """every line in the journal has a priority and its module, and that of a step its phase"""
    rig.restart_with(TINY)
    cursor = rig.cursor()
    rig.run("systemctl restart enasd.service")
    rig.wait_step(rig.step() + 30)
    entries = [entry for entry in rig.journal(cursor) if entry["_COMM"] == "enasd"]
    require(entries, "the journal is empty")
    for entry in entries:
        require(entry["SYSLOG_IDENTIFIER"] == "enasd" and entry["PRIORITY"] in "34567", str(entry))
        require(entry["TARGET"].split("::")[0], str(entry))
    for field in ("ENASD_PHASE", "ENASD_CYCLE", "ENASD_ARCH"):
        require(rig.run(f"journalctl -q -u enasd -F {field}").strip(), f"no line has {field}")


def stop(rig):
    """a stop writes a last checkpoint, ends with 0 within 45 s, and loses no step"""
    rig.restart_with(TINY.replace("checkpoint_seconds = 0.2", "checkpoint_seconds = 86400"))
    rig.wait_step(200)
    before, step, start = rig.generations(), rig.step(), time.monotonic()
    rig.run("systemctl stop enasd.service", seconds=STOP_SECONDS)
    seconds = time.monotonic() - start
    code, result = rig.show("ExecMainStatus", "Result")
    require_equal((code, result), ("0", "success"), "exit code and result")
    after = rig.generations()
    require(after[-1] not in before, f"no last checkpoint: {before}, {after}")
    require(step <= int(after[-1]), f"stopped after step {step}, saved at {after[-1]}")
    rig.run(f"test -e {SOCKET}")
    rig.run("systemctl start enasd.service")
    require(step <= rig.step(), "steps were lost")
    return f"in {seconds:.1f} s"
