"""Receives OTLP traces and metrics: otlp_signals.py http|grpc PORT OUT [ANSWERS] [CERT KEY CA].

Each request becomes a line of JSON in OUT. ANSWERS, separated by commas, are what the first requests get:
a status ("503", over gRPC "UNAVAILABLE"), a status with Retry-After ("503/2"), or "partial/3".
Prints the port when it listens.
"""

import gzip
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service

LOCK = threading.Lock()
OUT = open(sys.argv[3], "a")
ANSWERS = [answer for answer in (sys.argv[4] if len(sys.argv) > 4 else "").split(",") if answer]
CERT, KEY, CA = sys.argv[5:8] if len(sys.argv) > 7 else (None, None, None)


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None


def pairs(attributes):
    made = {attribute.key: value(attribute.value) for attribute in attributes}
    assert len(made) == len(attributes), f"a name twice in {[a.key for a in attributes]}"
    return made


def scopes(groups, inner, items, name, read):
    for group in groups:
        for scope in getattr(group, inner):
            for item in getattr(scope, items):
                yield {
                    "resource": pairs(group.resource.attributes),
                    "schema_url": group.schema_url,
                    "scope": scope.scope.name,
                    name: read(item),
                }


def span(one):
    return {
        "trace_id": one.trace_id.hex(),
        "span_id": one.span_id.hex(),
        "parent": one.parent_span_id.hex(),
        "name": one.name,
        "kind": one.kind,
        "flags": one.flags,
        "start": one.start_time_unix_nano,
        "end": one.end_time_unix_nano,
        "attributes": pairs(one.attributes),
        "events": [
            {"name": event.name, "time": event.time_unix_nano, "attributes": pairs(event.attributes)}
            for event in one.events
        ],
        "links": [link.span_id.hex() for link in one.links],
        "status": {"code": one.status.code, "message": one.status.message},
    }


def metric(one):
    kind = one.WhichOneof("data")
    data = getattr(one, kind)
    points = []
    for point in data.data_points:
        made = {"attributes": pairs(point.attributes)}
        if kind == "histogram":
            made |= {
                "count": point.count,
                "sum": point.sum,
                "bounds": list(point.explicit_bounds),
                "counts": list(point.bucket_counts),
            }
        else:
            made["value"] = getattr(point, point.WhichOneof("value"))
        points.append(made)
    return {
        "name": one.name,
        "unit": one.unit,
        "kind": kind,
        "monotonic": kind == "sum" and data.is_monotonic,
        "temporality": getattr(data, "aggregation_temporality", 0),
        "points": points,
    }


def take(message, headers):
    """Keeps a request and says how to answer it."""
    with LOCK:
        answer, _, detail = (ANSWERS.pop(0) if ANSWERS else "ok").partition("/")
        if answer in ("ok", "partial"):
            made = {"headers": headers}
            if isinstance(message, trace_service.ExportTraceServiceRequest):
                made["spans"] = list(scopes(message.resource_spans, "scope_spans", "spans", "span", span))
            else:
                made["metrics"] = list(
                    scopes(message.resource_metrics, "scope_metrics", "metrics", "metric", metric)
                )
            OUT.write(json.dumps(made) + "\n")
            OUT.flush()
    return answer, detail


def response(message, answer, detail):
    if isinstance(message, trace_service.ExportTraceServiceRequest):
        made = trace_service.ExportTraceServiceResponse()
        if answer == "partial":
            made.partial_success.rejected_spans = int(detail)
            made.partial_success.error_message = "not these"
    else:
        made = metrics_service.ExportMetricsServiceResponse()
    return made


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.headers["content-type"] == "application/x-protobuf"
        kinds = {
            "/v1/traces": trace_service.ExportTraceServiceRequest,
            "/v1/metrics": metrics_service.ExportMetricsServiceRequest,
        }
        message = kinds[self.path].FromString(body)
        answer, detail = take(message, {key.lower(): value for key, value in self.headers.items()})
        good = answer in ("ok", "partial")
        self.send_response(200 if good else int(answer))
        if detail and not good:
            self.send_header("retry-after", detail)
        made = response(message, answer, detail).SerializeToString() if good else b""
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)

    def log_message(self, *_):
        pass


def http(port):
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if CERT:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERT, KEY)
        context.load_verify_locations(CA)
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def grpc(port):
    from concurrent import futures

    import grpc
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc

    class Service:
        def Export(self, message, context):
            headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
            answer, detail = take(message, headers)
            if answer not in ("ok", "partial"):
                context.abort(getattr(grpc.StatusCode, answer), "as it was told")
            return response(message, answer, detail)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    trace_grpc.add_TraceServiceServicer_to_server(Service(), server)
    metrics_grpc.add_MetricsServiceServicer_to_server(Service(), server)
    address = f"127.0.0.1:{port}"
    if CERT:
        pair = (open(KEY, "rb").read(), open(CERT, "rb").read())
        credentials = grpc.ssl_server_credentials([pair], open(CA, "rb").read(), True)
        port = server.add_secure_port(address, credentials)
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


{"http": http, "grpc": grpc}[sys.argv[1]](int(sys.argv[2]))
