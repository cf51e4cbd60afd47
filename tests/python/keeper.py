"""A receiver of OTLP logs that keeps what it gets: keeper.py PORT FILE.

Each record becomes a line of JSON with some of its parts, on the disk before the request is answered; so whoever kills this at any
moment finds what was acknowledged in the file.
"""

import gzip
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs


def text(value):
    if value.HasField("array_value"):
        return [text(one) for one in value.array_value.values]
    return value.string_value


class Keeper(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        request = logs.ExportLogsServiceRequest()
        request.ParseFromString(data)
        lines = []
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    named = {a.key: text(a.value) for a in record.attributes}
                    kept = ("log.record.uid", "process.command_args", "process.environment_variable.ROUND")
                    line = {name: named.get(name) for name in kept}
                    line["event_name"] = record.event_name
                    line["trace_id"] = record.trace_id.hex()
                    line["names"] = sorted(named)
                    line["body"] = record.body.string_value
                    line["time"] = record.time_unix_nano
                    lines.append(json.dumps(line) + "\n")
        FILE.write("".join(lines))
        FILE.flush()
        os.fsync(FILE.fileno())
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


FILE = open(sys.argv[2], "a")
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Keeper).serve_forever()
