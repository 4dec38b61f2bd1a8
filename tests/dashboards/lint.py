"""The rules that need nothing but the files: Grafana's schema, and the house rules."""

import json
import re

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from files import Files, expressions, panels, selectors, variables

SCHEMA_VERSION = 41
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
SEVERITIES = {"critical", "warning", "info"}

# Grafana's Prometheus plugin reads it, and Grafana's schema, which leaves annotation queries to
# the plugins, does not have it.
OUTSIDE_THE_SCHEMA = re.compile(r"/annotations/list/\d+/titleFormat")

# Counted once, at the start of the process: there is no rate to take.
COUNTED_AT_START = {"enas_checkpoint_rejected_total"}

register_default_plugins()


def lint(files: Files) -> list:
    """Everything wrong with the files."""
    dashboard = files.dashboard
    return [
        *schema_faults(dashboard),
        *dashboard_faults(dashboard),
        *variable_faults(dashboard),
        *layout_faults(dashboard),
        *[fault for panel in panels(dashboard) for fault in panel_faults(panel)],
        *[fault for place, expr in expressions(files) for fault in expression_faults(place, expr)],
        *[fault for rule in files.alerts for fault in alert_faults(rule)],
        *runbook_faults(files),
        *provisioning_faults(files.provisioning),
        *opening_faults(files),
    ]


def schema_faults(dashboard: dict) -> list:
    """What is lost or changed when Grafana's own types read the dashboard and write it again."""
    try:
        again = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    except Exception as error:  # The library raises whatever the wrong value leads to.
        return [f"Grafana's schema does not read it: {error!r}"]
    lost = [path for path in lost_paths(dashboard, again) if not OUTSIDE_THE_SCHEMA.fullmatch(path)]
    return [f"{path} is not in Grafana's schema" for path in lost]


def lost_paths(before, after, path: str = ""):
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from lost_paths(value, after[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for idx, pair in enumerate(zip(before, after)):
            yield from lost_paths(*pair, f"{path}/{idx}")
    elif before != after:
        yield path


def dashboard_faults(dashboard: dict):
    if dashboard.get("schemaVersion") != SCHEMA_VERSION:
        yield f"schemaVersion is not {SCHEMA_VERSION}, the one it is checked against"
    if dashboard.get("editable") is not False:
        yield "the dashboard is editable: what is provisioned would be lost"
    if not dashboard.get("uid"):
        yield "the dashboard has no uid: links to it would break"
    ids = [panel["id"] for panel in dashboard["panels"]]
    yield from (f"the panel id {idx} is used twice" for idx in {i for i in ids if ids.count(i) > 1})
    for note in dashboard["annotations"]["list"]:
        if note.get("datasource") != DATASOURCE:
            yield f"annotation `{note['name']}`: the data source is not the variable"


def variable_faults(dashboard: dict):
    by_name = {var["name"]: var for var in dashboard["templating"]["list"]}
    for name in ["datasource", "job", "instance"]:
        if name not in by_name:
            yield f"there is no variable `{name}`"
    for var in variables(dashboard):
        if var.get("refresh") != 2:
            yield f"variable `{var['name']}` does not refresh when the time changes"
        if var.get("datasource") != DATASOURCE:
            yield f"variable `{var['name']}`: the data source is not the variable"


def layout_faults(dashboard: dict):
    taken = {}
    for panel in dashboard["panels"]:
        pos = panel["gridPos"]
        if 24 < pos["x"] + pos["w"]:
            yield f"panel `{panel['title']}` is wider than the screen"
        cells = {
            (x, y)
            for x in range(pos["x"], pos["x"] + pos["w"])
            for y in range(pos["y"], pos["y"] + pos["h"])
        }
        below = {taken[cell] for cell in cells if cell in taken}
        yield from (f"panel `{panel['title']}` overlaps `{title}`" for title in below)
        taken |= dict.fromkeys(cells, panel["title"])


def panel_faults(panel: dict):
    place = f"panel `{panel.get('title')}`"
    for field in ["title", "description"]:
        if not panel.get(field):
            yield f"{place} has no {field}"
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
    if unit not in UNITS:
        yield f"{place}: `{unit}` is no unit of Grafana's"
    if panel.get("datasource") != DATASOURCE:
        yield f"{place}: the data source is not the variable"
    targets = panel.get("targets", [])
    if not targets:
        yield f"{place} asks for nothing"
    if len({target["refId"] for target in targets}) != len(targets):
        yield f"{place}: a refId is used twice"
    for target in targets:
        for metric, matchers in selectors(target["expr"]):
            if '{job=~"$job", instance=~"$instance"' not in matchers:
                yield f"{place}: {metric} is not limited to the chosen job and instances"
        for window in re.findall(r"\b(?:rate|increase|irate)\([^\[]*\[([^\]]+)\]", target["expr"]):
            if window not in ("$__rate_interval", "$__range"):
                yield f"{place}: a rate over [{window}] rather than [$__rate_interval]"


def expression_faults(place: str, expr: str):
    for match in re.finditer(r"\benas_[a-z_]+_(?:total|bucket|sum|count)\b", expr):
        name = match.group()
        before = re.search(r"(\w+)\($", expr[: match.start()])
        if name not in COUNTED_AT_START and (
            not before or before.group(1) not in ("rate", "irate", "increase")
        ):
            yield f"{place}: the counter {name} outside a rate"


def alert_faults(rule: dict):
    name = rule["alert"]
    if not rule.get("for"):
        yield f"alert {name} has no `for`"
    if rule.get("labels", {}).get("severity") not in SEVERITIES:
        yield f"alert {name} has no severity of {sorted(SEVERITIES)}"
    notes = rule.get("annotations", {})
    for field in ["summary", "description"]:
        if not notes.get(field):
            yield f"alert {name} has no {field}"
    if not notes.get("runbook_url", "").endswith(f"/runbook.md#{name.lower()}"):
        yield f"alert {name} does not lead to its section of the runbook"


def runbook_faults(files: Files):
    sections = dict(re.findall(r"^## (Enasd\w+)\n(.*?)(?=^## |\Z)", files.runbook, re.M | re.S))
    alerts = {rule["alert"] for rule in files.alerts}
    for name in alerts - set(sections):
        yield f"the runbook says nothing of {name}"
    for name, text in sections.items():
        if name not in alerts:
            yield f"the runbook speaks of {name}, which is no alert"
        for part in ["**Means.**", "**Look.**", "**Mend.**"]:
            if part not in text:
                yield f"the runbook's {name} lacks {part}"


def opening_faults(files: Files):
    """A dashboard that opens on another data source than the one that is provisioned."""
    by_name = {var["name"]: var for var in files.dashboard["templating"]["list"]}
    opens_on = by_name.get("datasource", {}).get("current", {}).get("value")
    provisioned = [source.get("uid") for source in files.provisioning.get("datasources", [])]
    if [opens_on] != provisioned:
        yield f"the dashboard opens on the data source {opens_on}, and {provisioned} are provisioned"


def provisioning_faults(given: dict):
    if given.get("apiVersion") != 1:
        yield "provisioning: apiVersion is not 1"
    for provider in given.get("providers", [{}]):
        if provider.get("type") != "file" or not provider["options"]["path"].endswith("/dashboards"):
            yield "provisioning: the provider provides no folder of dashboards"
    for source in given.get("datasources", [{}]):
        if source.get("type") != "prometheus" or not source.get("url") or not source.get("uid"):
            yield "provisioning: the data source is no Prometheus with an address and a uid"
