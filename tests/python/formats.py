"""Reads what tracego writes with libraries that are not tracego's: formats.py WHAT < input > output."""

import base64
import json
import sys


def ocsf_schemas():
    """JSON Schemas of the classes that are named on the command line, with their profiles."""
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
    wanted = json.load(sys.stdin)
    made = []
    for uid, profiles in wanted:
        name = schema.lookup_class_name_from_uid(class_uid=uid)
        made.append(schema.get_class_schema(class_name=name, profiles=profiles))
    json.dump(made, sys.stdout)


def cloudevents():
    """Every line, and every element of a batch, as the SDK understands it."""
    from cloudevents.core.formats.json import JSONFormat

    for line in sys.stdin:
        whole = json.loads(line)
        for one in whole if isinstance(whole, list) else [whole]:
            event = JSONFormat().read(None, json.dumps(one))
            attributes = dict(event.get_attributes())
            attributes["time"] = attributes["time"].isoformat()
            print(json.dumps({"attributes": attributes, "data": event.get_data()}))


def otlp(message):
    """A request as JSON; ids in hexadecimal as in OTLP, where protobuf's own mapping has base64."""
    from google.protobuf import json_format

    result = json_format.MessageToDict(message)
    ids(result, lambda text: base64.b64decode(text).hex())
    json.dump(result, sys.stdout)


def ids(value, change):
    if isinstance(value, list):
        for one in value:
            ids(one, change)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in ("traceId", "spanId"):
                value[key] = change(inner)
            else:
                ids(inner, change)


def request():
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return ExportLogsServiceRequest()


def otlp_protobuf():
    message = request()
    message.ParseFromString(sys.stdin.buffer.read())
    otlp(message)


def otlp_json():
    from google.protobuf import json_format

    value = json.load(sys.stdin)
    ids(value, lambda text: base64.b64encode(bytes.fromhex(text)).decode())
    # Unknown names are refused.
    otlp(json_format.ParseDict(value, request()))


{
    "ocsf-schemas": ocsf_schemas,
    "cloudevents": cloudevents,
    "otlp-protobuf": otlp_protobuf,
    "otlp-json": otlp_json,
}[sys.argv[1]]()
