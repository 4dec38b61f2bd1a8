"""What schemathesis is told beyond the OpenAPI document.

FUZZ_ARCH is an architecture of the running search, so that not only refusals are met.
"""

import json
import os

import jsonschema_rs
import schemathesis

ARCH = os.environ["FUZZ_ARCH"]


@schemathesis.hook
def before_load_schema(context, raw_schema):
    paths = raw_schema["paths"]
    for path, item in paths.items():
        if "{id}" in path:
            item["get"]["parameters"][0]["example"] = ARCH
    for path in ("/v1/score", "/v1/retrain", "/v1/archs:convert"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]
        body["example"] = {"arch": ARCH}
    if os.environ.get("FUZZ_PLANT"):
        plant(raw_schema)


def plant(raw_schema):
    """Makes the document wrong in two ways, which a run must find: a field of another type, and an
    answer that is not listed. Any call of the two operations shows them."""
    status = raw_schema["components"]["schemas"]["Status"]
    status["properties"]["version"] = {"type": "integer"}
    responses = raw_schema["paths"]["/v1/config"]["get"]["responses"]
    responses["204"] = responses.pop("200")


@schemathesis.hook
def before_call(context, case, kwargs):
    """A stream that is followed has no end; tests/api/streams.rs follows some. Of two parameters
    that say the same of weights one is asked with."""
    if {"stage", "weights"} <= set(case.query or {}):
        del case.query["stage"]
    if str((case.query or {}).get("follow", "")).lower() == "true":
        case.query["follow"] = "false"


@schemathesis.hook
def map_body(context, body):
    """JSON Schema takes 3.0 for an integer; the daemon wants it written as one."""
    if isinstance(body, dict):
        for key, value in body.items():
            if isinstance(value, float) and value.is_integer():
                body[key] = int(value)
    return body


@schemathesis.deserializer("application/octet-stream")
def octets(context, response):
    """Any bytes will do; as a text they would be sent back as an architecture."""
    return ""


@schemathesis.deserializer("application/x-ndjson")
def no_line(context, response):
    """The schema describes a line, of which there may be none: `each_line` looks at those there."""
    return {"seq": 0, "unix_ms": 0, "kind": "none", "message": ""}


@schemathesis.check
def each_line(context, response, case):
    if response.headers.get("content-type") != ["application/x-ndjson"]:
        return
    schema = case.operation.schema.raw_schema["components"]["schemas"]["Event"]
    for line in filter(None, response.content.split(b"\n")):
        jsonschema_rs.validate(schema, json.loads(line))
