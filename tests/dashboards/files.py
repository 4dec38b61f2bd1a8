"""What is checked: the dashboard, the alerts and the runbook, and the expressions in them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"

SELECTOR = re.compile(r"\b((?:enas|process)_[a-z_]+|up|ALERTS)\b(\{[^}]*\})?")


@dataclass
class Files:
    """The files under `dashboards/`, read."""

    dashboard: dict
    alerts: list
    runbook: str
    # What Grafana is given at its start: providers of dashboards, and data sources.
    provisioning: dict
    # The text of the compose file.
    compose: str


def read() -> Files:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    provisioning = {}
    for path in FOLDER.glob("provisioning/*/*.yml"):
        provisioning |= yaml.safe_load(path.read_text())
    return Files(
        provisioning=provisioning,
        compose=(FOLDER / "compose.yml").read_text(),
        dashboard=json.loads((FOLDER / "enasd.json").read_text()),
        alerts=[rule for group in groups for rule in group["rules"]],
        runbook=(FOLDER / "runbook.md").read_text(),
    )


def panels(dashboard: dict) -> list:
    """All panels but rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(dashboard: dict) -> list:
    """The variables whose values Prometheus gives."""
    return [var for var in dashboard["templating"]["list"] if var["type"] == "query"]


def expressions(files: Files) -> list:
    """Every expression with the place it stands in."""
    dashboard = files.dashboard
    found = [
        (f"panel `{panel['title']}`", target["expr"])
        for panel in panels(dashboard)
        for target in panel.get("targets", [])
    ]
    found += [(f"variable `{var['name']}`", var["query"]) for var in variables(dashboard)]
    found += [
        (f"annotation `{note['name']}`", note["expr"])
        for note in dashboard["annotations"]["list"]
    ]
    return found + [(f"alert {rule['alert']}", rule["expr"]) for rule in files.alerts]


def selectors(expression: str) -> list:
    """Every series selector as (metric, matchers)."""
    return [match.groups(default="") for match in SELECTOR.finditer(expression)]
