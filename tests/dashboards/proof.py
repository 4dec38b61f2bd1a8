"""The rules that need a daemon at work: names, queries, variables, alerts."""

import re

from files import Files, expressions, panels, selectors, variables
from live import Live

# How far back the queries look: the whole run.
LOOK_BACK_SECONDS = 120

# A machine without a GPU has one series of it, whatever the alert looks for.
FIXED_BY_THE_MACHINE = {"enas_device_info"}

# What has a number only where text is searched.
OF_TEXT = {"enas_shared_perplexity", "enas_champion_perplexity"}


def filled_in(expr: str) -> str:
    """The expression as Grafana sends it with all instances chosen."""
    for name, value in {
        "$job": "enasd",
        "$instance": ".+",
        "$__rate_interval": "10s",
        "$__range": f"{LOOK_BACK_SECONDS}s",
    }.items():
        expr = expr.replace(name, value)
    return expr


def name_faults(files: Files, exported: set, tests: list) -> list:
    """Names that nobody exports, and exports that nobody looks at; a test is no use of a metric."""
    used = {name for _, expr in expressions(files) for name in names(expr, exported)}
    return [
        f"{place}: {name} is not exported"
        for place, expr in [*expressions(files), *tests]
        for name in names(expr, exported) - exported
    ] + [f"{name} is in no panel, annotation or alert" for name in exported - used]


def names(expr: str, exported: set) -> set:
    """The daemon's metrics in an expression; parts of a histogram are the histogram."""
    found = {metric for metric, _ in selectors(expr) if metric.startswith("enas_")}
    whole = {metric: re.sub(r"_(bucket|sum|count)$", "", metric) for metric in found}
    return {base if base in exported else metric for metric, base in whole.items()}


def query_faults(live: Live, files: Files) -> list:
    """Queries that do not parse, have no number to show, or have one of text where there are images;
    and panels that are empty."""
    dashboard = files.dashboard
    asked = {
        f"panel `{panel['title']}`": [
            (target["expr"], not target.get("instant")) for target in panel["targets"]
        ]
        for panel in panels(dashboard)
    }
    asked |= {
        f"annotation `{note['name']}`": [(note["expr"], True)]
        for note in dashboard["annotations"]["list"]
    }
    faults = []
    for place, queries in asked.items():
        is_empty = True
        for expr, over_time in queries:
            is_wanted = live.reads_text or not OF_TEXT & {metric for metric, _ in selectors(expr)}
            try:
                found = live.values(filled_in(expr), LOOK_BACK_SECONDS if over_time else 0)
            except ValueError as error:
                faults.append(f"{place} does not parse: {error}")
                continue
            is_empty &= not found
            if is_wanted and not found:
                faults.append(f"{place} has nothing to show: {expr}")
            if found and not is_wanted:
                faults.append(f"{place} shows {found[:3]}, which images have not: {expr}")
        if is_empty:
            faults.append(f"{place} is empty")
    return faults


def variable_faults(live: Live, files: Files) -> list:
    """Variables without values to choose from."""
    faults = []
    for var in variables(files.dashboard):
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", var["query"])
        if not match:
            faults.append(f"variable `{var['name']}` is no label_values(series, label)")
            continue
        found, label = filled_in(match.group(1)), match.group(2)
        answer = live.prometheus_api(f"label/{label}/values", **{"match[]": found})
        if not answer.get("data"):
            faults.append(f"variable `{var['name']}` has no values: {answer.get('error')}")
    return faults


def alert_faults(live: Live, files: Files) -> list:
    """Alerts that do not parse, and conditions on series that do not exist: they cannot fire."""
    faults = []
    for rule in files.alerts:
        name = rule["alert"]
        try:
            live.values(rule["expr"])
        except ValueError as error:
            faults.append(f"alert {name} does not parse: {error}")
        for metric, matchers in selectors(rule["expr"]):
            if metric in FIXED_BY_THE_MACHINE:
                continue
            found = live.prometheus_api("series", **{"match[]": metric + matchers})
            if not found.get("data"):
                faults.append(f"alert {name}: there is no {metric}{matchers}")
    return faults


def loaded_rule_faults(live: Live, files: Files) -> list:
    """Rules that Prometheus did not load or could not evaluate."""
    groups = live.prometheus_api("rules")["data"]["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    return [
        f"alert {rule['alert']} is {health.get(rule['alert'], 'not loaded')} in Prometheus"
        for rule in files.alerts
        if health.get(rule["alert"]) != "ok"
    ]
