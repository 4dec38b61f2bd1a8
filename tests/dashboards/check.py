"""Proves the dashboard and the alerts: by their files, and on a real Prometheus that scrapes a
daemon at work. Then plants faults, to show that each check can find one.

    check.py ENASD ENASCTL CONFIG

The daemon searches as CONFIG says. `prometheus` and `promtool` are taken from PATH.
"""

import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import yaml

import files as shipped
import planted
import proof
from compose import compose_faults
from files import FOLDER, ROOT, Files
from lint import lint
from live import PATIENCE_SECONDS, Live, metrics, series, wait_for

MAX_SERIES = 310
# Architectures are correlated from eight on: four promotions of the configurations here.
PROMOTIONS_SECONDS = 4 * PATIENCE_SECONDS
TESTS = sorted(Path(__file__).parent.glob("alerts*_test.yml"))
CONFIG = tomllib.loads((ROOT / "config/enasd.toml").read_text())

# Questions and commands; some are at fault.
REQUESTS = [
    ("GET", "/v1/status", None, 200),
    ("GET", "/v1/best", None, 200),
    ("GET", "/v1/history", None, 200),
    ("GET", "/nowhere", None, 404),
    ("POST", "/v1/sample", {"count": 1}, 200),
    ("POST", "/v1/score", {"arch": "no architecture"}, 400),
    ("POST", "/v1/checkpoint", None, 200),
]


def main(enasd: Path, enasctl: Path, config: Path):
    files = shipped.read()
    expect_none("the files", lint(files))
    expect_none("the compose file", list(compose_faults(files)))
    expect_none("the runbook", runbook_faults(files, enasctl))
    expect_none("promtool", promtool_faults())
    with tempfile.TemporaryDirectory() as folder:
        with Live(Path(folder), enasd, config) as live:
            scrape = work(live)
            expect_none("the scrape", scrape_faults(scrape))
            exported = metrics(scrape)
            expect_none("names", proof.name_faults(files, exported, test_series()))
            prove(live, files)
            count = find_planted(live, files, enasctl, exported)
            code = live.stop_daemon()
            expect_none("the end", [f"exit code {code} on SIGTERM"] if code else [])
    count += find_planted_alerts(files)
    print(
        f"{len(shipped.panels(files.dashboard))} panels, {len(files.alerts)} alerts, "
        f"{len(exported)} metrics, {len(series(scrape))} series; {count} planted faults found"
    )


def work(live: Live) -> str:
    """Has the daemon do all that the dashboard shows, and returns its last scrape."""
    first = series(live.scrape())
    wait_for("a best architecture in Prometheus", lambda: live.values("enas_best_score_ratio"))
    ranked = lambda: live.values("enas_rank_correlation")
    wait_for("a rank correlation in Prometheus", ranked, PROMOTIONS_SECONDS)
    live.kill_daemon()
    wait_for("EnasdDown", lambda: live.alert_state("EnasdDown") == "pending")
    live.start_daemon()
    # Over several scrapes, so that there are rates to show.
    for _ in range(8):
        for method, path, body, status in REQUESTS:
            found = live.ask_api(method, path, body)
            if found != status:
                raise SystemExit(f"{method} {path} gave {found}, not {status}")
        time.sleep(1)
    live.ask_api("POST", "/v1/pause")
    wait_for("empty mailboxes in a pause", lambda: sum_of("enas_mailbox_messages", live) == 0)
    live.ask_api("POST", "/v1/resume")
    scrape = live.scrape()
    expect_none("series", [f"{one} came or went" for one in set(first) ^ set(series(scrape))])
    return scrape


def sum_of(metric: str, live: Live) -> float:
    lines = [line for line in live.scrape().splitlines() if line.startswith(metric + "{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def prove(live: Live, files: Files):
    """All that only Prometheus can tell."""
    # The first step after the start may take a while on a busy machine.
    faults = lambda: proof.query_faults(live, files)
    end = time.monotonic() + 30
    while faults() and time.monotonic() < end:
        time.sleep(1)
    expect_none("queries", faults())
    expect_none("variables", proof.variable_faults(live, files))
    expect_none("alerts", proof.alert_faults(live, files))
    expect_none("loaded rules", proof.loaded_rule_faults(live, files))


def scrape_faults(scrape: str) -> list:
    count = len(series(scrape))
    faults = [f"{count} series, at most {MAX_SERIES}"] if MAX_SERIES < count else []
    faults += output_of_failed(["promtool", "check", "metrics"], text=scrape)
    bad = "# TYPE enas_bad_ms gauge\nenas_bad_ms 1\n"
    if not output_of_failed(["promtool", "check", "metrics"], text=bad):
        faults.append("promtool accepts a metric without help: its check says nothing")
    return faults


def promtool_faults() -> list:
    return [
        *output_of_failed(["promtool", "check", "config", FOLDER / "prometheus.yml"]),
        *output_of_failed(["promtool", "check", "rules", FOLDER / "alerts.yml"]),
        *output_of_failed(["promtool", "test", "rules", *TESTS]),
    ]


def output_of_failed(command: list, text: str | None = None) -> list:
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    return [done.stdout + done.stderr] if done.returncode else []


def runbook_faults(files: Files, enasctl: Path) -> list:
    """Commands and settings that do not exist."""
    faults = []
    for verb in sorted(set(re.findall(r"enasctl (?!--)([a-z]+)\b(?! finds)", files.runbook))):
        if output_of_failed([enasctl, verb, "--help"]):
            faults.append(f"the runbook's `enasctl {verb}` is no command")
    for section, key in re.findall(r"`([a-z]+)\.([a-z_]+)", files.runbook):
        if section in CONFIG and key not in CONFIG[section]:
            faults.append(f"the runbook's `{section}.{key}` is no setting")
    return faults


def test_series() -> list:
    """The series that the alerts' tests invent."""
    return [
        (f"a test, `{case['name']}`", one["series"])
        for path in TESTS
        for case in yaml.safe_load(path.read_text())["tests"]
        for one in case["input_series"]
    ]


def find_planted(live: Live, files: Files, enasctl: Path, exported: set) -> int:
    """Plants faults one at a time, and sees that each is found."""
    kinds = [
        (planted.IN_THE_FILES, lint),
        (planted.IN_THE_COMPOSE_FILE, compose_faults),
        (planted.IN_THE_RUNBOOK, lambda files: runbook_faults(files, enasctl)),
        (planted.IN_THE_NAMES, lambda files: proof.name_faults(files, exported, [])),
        (planted.IN_THE_QUERIES, lambda files: proof.query_faults(live, files)),
        (planted.OF_PERPLEXITY[live.reads_text], lambda files: proof.query_faults(live, files)),
        (planted.IN_THE_VARIABLES, lambda files: proof.variable_faults(live, files)),
        (planted.IN_THE_ALERTS, lambda files: proof.alert_faults(live, files)),
    ]
    for faults, check in kinds:
        for plant, expected in faults:
            found = list(check(plant(files)))
            if not any(expected in fault for fault in found):
                raise SystemExit(f"planted, and not found: {expected}\nfound: {found}")
    return sum(len(faults) for faults, _ in kinds)


def find_planted_alerts(files: Files) -> int:
    """Has all alerts fire never, then always: the tests of each must find both."""
    for expr in ["vector(1) > 2", "vector(1)"]:
        with tempfile.TemporaryDirectory() as folder:
            rules = [{**rule, "expr": expr, "for": "0s"} for rule in files.alerts]
            path = Path(folder, "alerts.yml")
            path.write_text(yaml.safe_dump({"groups": [{"name": "planted", "rules": rules}]}))
            tests = [copy_of_test(test, path) for test in TESTS]
            found = "".join(output_of_failed(["promtool", "test", "rules", *tests]))
        for rule in files.alerts:
            if f"alertname: {rule['alert']}," not in found:
                raise SystemExit(f"with `{expr}`, no test of {rule['alert']} fails")
    return 2 * len(files.alerts)


def copy_of_test(test: Path, rules: Path) -> Path:
    content = yaml.safe_load(test.read_text()) | {"rule_files": [str(rules)]}
    path = rules.parent / test.name
    path.write_text(yaml.safe_dump(content, width=10_000))
    return path


def expect_none(what: str, faults: list):
    if faults:
        raise SystemExit(f"{what}:\n  " + "\n  ".join(faults))
    print(f"{what}: ok", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*(Path(path).resolve() for path in sys.argv[1:]))
