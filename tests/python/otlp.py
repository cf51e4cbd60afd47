"""A receiver of OTLP logs that fails as it is told: otlp.py http|h2|grpc SCRIPT [CERT KEY [CLIENT_CA]].

SCRIPT is a JSON list: what each request is answered with; the last holds for all others. Prints its port, and
then each request as a line of JSON, before it answers.
"""

import base64
import gzip
import json
import socket
import ssl
import sys
import threading
import time

from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

LOCK = threading.Lock()


class Script:
    def __init__(self, steps):
        self.steps = steps

    def next(self):
        with LOCK:
            return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]


def say(line):
    with LOCK:
        print(json.dumps(line), flush=True)


def decompressed(coding, data):
    if coding in (None, "", "identity"):
        return data
    if coding == "gzip":
        return gzip.decompress(data)
    if coding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 28)
    raise ValueError(coding)


def base64_ids(value):
    """OTLP has ids in hexadecimal, protobuf's own JSON in base64."""
    if isinstance(value, list):
        for one in value:
            base64_ids(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in ("traceId", "spanId"):
                value[key] = base64.b64encode(bytes.fromhex(inner)).decode()
            else:
                base64_ids(inner)


def uids(kind, message):
    request = logs.ExportLogsServiceRequest()
    if kind == "application/json":
        value = json.loads(message)
        base64_ids(value)
        json_format.ParseDict(value, request)
    else:
        request.ParseFromString(message)
    found = []
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                named = [a.value.string_value for a in record.attributes if a.key == "log.record.uid"]
                found.append(named[0])
    return found


def report(path, headers, data, peer, wire):
    """Says what came, and gives the identifiers of its records."""
    kind = headers.get("content-type")
    message = decompressed(headers.get("content-encoding"), data)
    found = uids(kind, message)
    say(
        {
            "path": path,
            "headers": headers,
            "message": base64.b64encode(message).decode(),
            "wire": len(data),
            "uids": found,
            "peer": peer,
            "protocol": wire,
        }
    )
    return found


def refused(step, found):
    """Whether what is in the request is refused by its content."""
    if "poison" in step:
        return any(uid in step["poison"] for uid in found)
    if "most" in step:
        return len(found) > step["most"]
    return True


def exported(step, kind):
    """The body of a success."""
    if "body" in step:
        return base64.b64decode(step["body"])
    response = logs.ExportLogsServiceResponse()
    if "partial" in step:
        response.partial_success.rejected_log_records = step["partial"][0]
        response.partial_success.error_message = step["partial"][1]
    if kind == "application/json":
        return json_format.MessageToJson(response).encode()
    return response.SerializeToString()


def answer(step, kind, found):
    """Status, headers and body over HTTP."""
    status = step.get("status", 200) if refused(step, found) else 200
    headers = dict(step.get("headers", {}))
    if status == 200:
        body = exported(step, kind)
        headers.setdefault("content-type", kind)
    else:
        body = step.get("text", "").encode()
        headers.setdefault("content-type", "text/plain")
    return status, headers, body


def tls(arguments, alpn):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments[0], arguments[1])
    context.set_alpn_protocols(alpn)
    if len(arguments) > 2:
        context.load_verify_locations(arguments[2])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def http(script, arguments):
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            step = script.next()
            headers = {name.lower(): value for name, value in self.headers.items()}
            if "early" in step:
                # Before the body was read; it is left where it is.
                say({"path": self.path, "headers": headers, "uids": []})
                self.send_response(step["status"])
                self.send_header("content-length", "0")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True
                self.wfile.flush()
                time.sleep(step["early"])
                return
            data = self.rfile.read(int(headers["content-length"]))
            if headers.get("content-encoding") in step.get("ignores", []):
                # A receiver that does not know the compression takes the frame itself for the message.
                try:
                    uids(headers["content-type"], data)
                    status, text = 200, b""
                except Exception:
                    status, text = step.get("unreadable", 400), b"cannot parse"
                say({"path": self.path, "headers": headers, "uids": []})
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return
            found = report(self.path, headers, data, self.client_address[1], self.request_version)
            time.sleep(step.get("sleep", 0))
            if "raw" in step:
                self.wfile.write(step["raw"].encode() + b"x" * step.get("fill", 0))
                self.wfile.flush()
                self.close_connection = True
                return
            status, more, body = answer(step, headers["content-type"], found)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            # Without a word, as a proxy that has waited for too long.
            self.close_connection = "leave" in step

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if arguments:
        server.socket = tls(arguments, ["http/1.1"]).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
    say({"port": server.server_address[1]})
    server.serve_forever()


def h2(script, arguments):
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, RequestReceived, StreamEnded

    def respond(connection, stream, step, headers, data, peer):
        grpc = headers["content-type"].startswith("application/grpc")
        shown = dict(headers)
        if grpc:
            assert len(data) == 5 + int.from_bytes(data[1:5], "big")
            coding = headers.get("grpc-encoding")
            shown["content-encoding"] = coding if data[0] else None
            data = data[5:]
        found = report(headers[":path"], shown, data, peer, "HTTP/2")
        if "cut" in step:
            # The beginning of a message, and no more.
            kind = [(":status", "200"), ("content-type", headers["content-type"])]
            connection.send_headers(stream, kind)
            connection.send_data(stream, b"\0\0")
            return False
        status, more, body = answer(step, headers["content-type"], found)
        connection.send_headers(stream, [(":status", str(status)), *more.items()])
        if grpc:
            connection.send_data(stream, b"\0" + len(body).to_bytes(4, "big") + body)
            connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        else:
            connection.send_data(stream, body, end_stream=True)
        if "leave" in step:
            connection.close_connection()
            return False
        return True

    def serve(sock, peer):
        if arguments:
            sock = context.wrap_socket(sock, server_side=True)
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        streams, going = {}, True
        while going and (received := sock.recv(65536)):
            for event in connection.receive_data(received):
                if isinstance(event, RequestReceived):
                    streams[event.stream_id] = (dict(event.headers), bytearray())
                elif isinstance(event, DataReceived):
                    streams[event.stream_id][1].extend(event.data)
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    headers, data = streams.pop(event.stream_id)
                    going = respond(connection, event.stream_id, script.next(), headers, bytes(data), peer)
            sock.sendall(connection.data_to_send())
        sock.close()

    context = tls(arguments, ["h2"]) if arguments else None
    listener = socket.create_server(("127.0.0.1", 0))
    say({"port": listener.getsockname()[1]})
    while True:
        sock, address = listener.accept()
        threading.Thread(target=serve, args=(sock, address[1]), daemon=True).start()


def grpc(script, arguments):
    from concurrent import futures

    import grpc as library
    from grpc_status import rpc_status

    def export(message, context):
        step = script.next()
        headers = {key: value for key, value in context.invocation_metadata()}
        found = report("", headers, message, context.peer(), "grpc")
        time.sleep(step.get("sleep", 0))
        if "code" not in step or not refused(step, found):
            return exported(step, "")
        code = library.StatusCode[step["code"]]
        status = status_pb2.Status(code=code.value[0], message=step.get("text", ""))
        if "retry" in step:
            info = error_details_pb2.RetryInfo()
            info.retry_delay.FromMilliseconds(step["retry"])
            status.details.add().Pack(info)
            context.abort_with_status(rpc_status.to_status(status))
        context.abort(code, status.message)

    # Bytes as they are: what is in them is looked at above.
    method = library.unary_unary_rpc_method_handler(export, lambda data: data, lambda data: data)
    service = "opentelemetry.proto.collector.logs.v1.LogsService"
    server = library.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((library.method_handlers_generic_handler(service, {"Export": method}),))
    if arguments:
        read = [open(path, "rb").read() for path in arguments]
        root = read[2] if len(read) > 2 else None
        pair = [(read[1], read[0])]
        credentials = library.ssl_server_credentials(pair, root, require_client_auth=root is not None)
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say({"port": port})
    server.wait_for_termination()


if __name__ == "__main__":
    kind = {"http": http, "h2": h2, "grpc": grpc}[sys.argv[1]]
    kind(Script(json.loads(sys.argv[2])), sys.argv[3:])
