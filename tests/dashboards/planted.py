"""Faults planted one at a time, each with the words that a check must find it with."""

import copy

from files import Files, panels


def change(edit):
    """An edit of a copy of the files."""

    def planted(files: Files) -> Files:
        files = copy.deepcopy(files)
        edit(files)
        return files

    return planted


def panel(files: Files, title: str) -> dict:
    return next(one for one in panels(files.dashboard) if one["title"] == title)


def alert(files: Files, name: str) -> dict:
    return next(rule for rule in files.alerts if rule["alert"] == name)


def in_panel(of: str, **fields):
    return change(lambda files: panel(files, of).update(fields))


def query(title: str, old: str, new: str, place: int = 0):
    def edit(files: Files):
        target = panel(files, title)["targets"][place]
        assert old in target["expr"], f"{old} is not in panel `{title}`"
        target["expr"] = target["expr"].replace(old, new)

    return change(edit)


def in_alert(of: str, **fields):
    return change(lambda files: alert(files, of).update(fields))


def alert_query(name: str, old: str, new: str):
    def edit(files: Files):
        rule = alert(files, name)
        assert old in rule["expr"], f"{old} is not in alert {name}"
        rule["expr"] = rule["expr"].replace(old, new)

    return change(edit)


def without_panel(title: str):
    return change(lambda files: files.dashboard["panels"].remove(panel(files, title)))


def in_dashboard(**fields):
    return change(lambda files: files.dashboard.update(fields))


def in_variable(of: str, **fields):
    def edit(files: Files):
        by_name = {var["name"]: var for var in files.dashboard["templating"]["list"]}
        by_name[of].update(fields)

    return change(edit)


def in_runbook(old: str, new: str):
    def edit(files: Files):
        assert old in files.runbook, f"{old} is not in the runbook"
        files.runbook = files.runbook.replace(old, new)

    return change(edit)


def in_provider(**fields):
    return change(lambda files: files.provisioning["providers"][0].update(fields))


def in_source(**fields):
    return change(lambda files: files.provisioning["datasources"][0].update(fields))


def in_compose(old: str, new: str):
    def edit(files: Files):
        assert old in files.compose, f"{old} is not in the compose file"
        files.compose = files.compose.replace(old, new)

    return change(edit)


# What `lint` must find.
IN_THE_FILES = [
    (in_panel("CPU", unitt="s"), "/unitt is not in Grafana's schema"),
    (in_panel("CPU", gridPos={"h": 7, "w": 8, "x": 0, "y": 0}), "overlaps `Up`"),
    (in_panel("CPU", gridPos={"h": 7, "w": 8, "x": 20, "y": 900}), "wider than the screen"),
    (in_panel("CPU", id=1), "panel id 1 is used twice"),
    (in_panel("CPU", description=""), "`CPU` has no description"),
    (in_panel("CPU", title=""), "has no title"),
    (in_panel("CPU", fieldConfig={"defaults": {"unit": "seconds"}, "overrides": []}), "`seconds` is no unit"),
    (in_panel("CPU", datasource={"type": "prometheus", "uid": "abc"}), "`CPU`: the data source"),
    (in_panel("CPU", targets=[]), "`CPU` asks for nothing"),
    (query("Steps", "$__rate_interval", "5m"), "a rate over [5m]"),
    (query("Steps", "rate(", "avg_over_time("), "the counter enas_steps_total outside a rate"),
    (query("Loss of the shared parameters", '{job=~"$job", instance=~"$instance"}', ""), "enas_shared_loss is not limited"),
    (in_dashboard(schemaVersion=40), "schemaVersion is not 41"),
    (in_dashboard(editable=True), "is editable"),
    (in_dashboard(uid=""), "no uid"),
    (in_variable("job", name="work"), "no variable `job`"),
    (in_variable("instance", refresh=1), "does not refresh"),
    (in_alert("EnasdDown", **{"for": None}), "EnasdDown has no `for`"),
    (in_alert("EnasdDown", labels={"severity": "bad"}), "EnasdDown has no severity"),
    (in_alert("EnasdDown", annotations={"summary": "down"}), "EnasdDown has no description"),
    (in_alert("EnasdDown", alert="EnasdGone"), "the runbook says nothing of EnasdGone"),
    (in_alert("EnasdDown", alert="EnasdGone"), "EnasdDown, which is no alert"),
    (in_alert("EnasdDown", alert="EnasdGone"), "EnasdGone does not lead to its section"),
    (in_runbook("**Mend.** Make room or restore", "Make room or restore"), "EnasdCheckpointFailing lacks **Mend.**"),
    (in_provider(options={"path": "enasd.json"}), "provides no folder"),
    (in_source(uid="other"), "the dashboard opens on the data source prometheus"),
    (in_variable("datasource", current={}), "the dashboard opens on the data source None"),
]

# What the compose file must find.
IN_THE_COMPOSE_FILE = [
    (in_compose("network_mode: host", "network_mode: [host]"), "is not of type"),
    (in_compose("/etc/grafana/provisioning/datasources", "/etc/grafana/datasources"), "the datasources are not mounted"),
    (in_compose("./enasd.json:", "./enas.json:"), "mounts ./enas.json, which is not there"),
    (in_compose("./alerts.yml:/etc/prometheus/", "./alerts.yml:/etc/"), "alerts.yml is not mounted"),
    (in_compose("127.0.0.1:9090", "127.0.0.1:9091"), "Prometheus listens at ['127.0.0.1:9091']"),
    (in_source(url="http://127.0.0.1:9091"), "Grafana asks http://127.0.0.1:9091"),
]

# What the names must find.
IN_THE_NAMES = [
    (query("Reward of the policy and of the random arm, as score.reward has it", "enas_reward{", "enas_rewards{"), "enas_rewards is not exported"),
    (query("Options that the policy prefers", "enas_option_", "enas_op_"), "enas_op_probability is not exported"),
    (without_panel("Mailboxes"), "enas_mailbox_messages is in no panel"),
    (query("Range of the policy's entropy that is left", "_left_", "_over_"), "enas_policy_entropy_over_ratio is not exported"),
    (without_panel("Nets under way"), "enas_trials_running is in no panel"),
    (alert_query("EnasdHistoryBehind", "enas_history_backlog", "enas_history_behind"), "enas_history_behind is not exported"),
]

# What the queries must find.
IN_THE_QUERIES = [
    (query("Memory", "resident", "residence"), "`Memory` has nothing to show"),
    (query("Scores higher by (reward)", '"low"', '"lower"'), "`Scores higher by (reward)` has nothing to show"),
    (query("Learnt by (reward)", '"low"', '"lower"'), "`Learnt by (reward)` has nothing to show"),
    (query("Better once retrained by", '"low"', '"lower"'), "`Better once retrained by` has nothing to show"),
    (query("Agreement of shared and retrained scores", '"shared"', '"test"'), "`Agreement of shared and retrained scores` has nothing to show"),
    (query("Steps", "rate(", "rate(("), "`Steps` does not parse"),
    (query("Steps", "$__rate_interval", "$__rate_intervall"), "`Steps` does not parse"),
]

# What the queries must find where images are searched, and where text is.
OF_PERPLEXITY = {
    False: [
        (query("Accuracy, and perplexity of text", "enas_shared_accuracy_ratio", "enas_shared_perplexity"), "`Accuracy, and perplexity of text` is empty"),
    ],
    True: [
        (query("Accuracy, and perplexity of text", "enas_shared_perplexity", "enas_shared_perplexities", 1), "`Accuracy, and perplexity of text` has nothing to show"),
        (query("Score of the champion, and perplexity of text", "enas_champion_perplexity", "enas_champion_perplexities", 1), "`Score of the champion, and perplexity of text` has nothing to show"),
    ],
}

# What the variables must find.
IN_THE_VARIABLES = [
    (in_variable("job", query="label_values(enas_info, job)"), "`job` has no values"),
    (in_variable("job", query="enas_build_info"), "`job` is no label_values"),
]

# What the alerts must find.
IN_THE_ALERTS = [
    (alert_query("EnasdEntropyCollapse", "per_decision", "decision"), "EnasdEntropyCollapse: there is no enas_policy_entropy_nats"),
    (alert_query("EnasdRanksUnrelated", '"low"', '"lowest"'), "EnasdRanksUnrelated: there is no enas_rank_correlation"),
    (alert_query("EnasdArchsAlike", '"high"', '"highest"'), "EnasdArchsAlike: there is no enas_rank_correlation"),
    (alert_query("EnasdDiskLow", "<", "< <"), "EnasdDiskLow does not parse"),
]

# What the runbook's commands and settings must find.
IN_THE_RUNBOOK = [
    (in_runbook("`enasctl checkpoint`", "`enasctl save`"), "`enasctl save` is no command"),
    (in_runbook("`shared.learning_rate_max`", "`shared.lr`"), "`shared.lr` is no setting"),
    (in_runbook("`final.epochs`", "`final.laps`"), "`final.laps` is no setting"),
]
