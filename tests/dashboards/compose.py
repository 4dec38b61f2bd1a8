"""The compose file: by the schema of the compose specification, and by what it mounts."""

import json
from importlib.resources import files as resources

import jsonschema
import yaml

from files import FOLDER, Files

PROVISIONING = "/etc/grafana/provisioning"


def compose_faults(files: Files):
    """Everything wrong with `dashboards/compose.yml`."""
    compose = yaml.safe_load(files.compose)
    vendored = resources("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    validator = jsonschema.validators.validator_for(schema := json.loads(vendored.read_text()))
    for error in validator(schema).iter_errors(compose):
        yield f"compose: {error.json_path}: {error.message}"
        return
    mounts = {}
    for name, service in compose["services"].items():
        for volume in service["volumes"]:
            source, target = volume.split(":")[:2]
            mounts[target] = source
            if source.startswith("."):
                if not (FOLDER / source).exists():
                    yield f"compose: {name} mounts {source}, which is not there"
            elif source not in compose["volumes"]:
                yield f"compose: {name} mounts {source}, which is no volume"
    yield from mount_faults(mounts)
    flag = "--web.listen-address="
    listens = [one.removeprefix(flag) for one in compose["services"]["prometheus"]["command"] if flag in one]
    for source in files.provisioning["datasources"]:
        if [source["url"].removeprefix("http://")] != listens:
            yield f"compose: Grafana asks {source['url']}, and Prometheus listens at {listens}"


def mount_faults(mounts: dict):
    """What Prometheus and Grafana look for and is not mounted there."""
    for kind in ["datasources", "dashboards"]:
        if mounts.get(f"{PROVISIONING}/{kind}") != f"./provisioning/{kind}":
            yield f"compose: the {kind} are not mounted where Grafana looks for them"
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/enasd.yml").read_text())
    wanted = provider["providers"][0]["options"]["path"] + "/enasd.json"
    if mounts.get(wanted) != "./enasd.json":
        yield f"compose: the dashboard is not mounted at {wanted}"
    rules = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"]
    for rule in rules:
        if mounts.get(f"/etc/prometheus/{rule}") != f"./{rule}":
            yield f"compose: {rule} is not mounted beside the configuration of Prometheus"
