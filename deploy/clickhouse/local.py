#!/usr/bin/env python3
"""A local store for tracego's records: ClickHouse's engine in a process (chDB), behind ClickHouse's HTTP interface.

    local.py serve                          a store in ./tracego-store, at 127.0.0.1:8123
    local.py questions                      lists the questions
    local.py ask NAME                       asks the store
    local.py ask FILE.sql                   asks the store a question of yours, such as what deploy/sigma/convert.py prints
    local.py ask NAME records.json ...      asks files of records, without a store
    local.py migrate --server URL           applies the migrations to a ClickHouse server

The store is for one machine and for tests; a fleet takes a ClickHouse server. It has no password: anyone on this
machine can read and change it, and reads files with the rights of the user who runs it. Web pages cannot: requests
that a browser sends for them are refused.
"""
# /// script
# dependencies = ["chdb==4.4.0"]
# ///
import argparse
import datetime
import glob
import os
import re
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
# A batch of the sink has at most 32 MB.
MAX_BODY = 256 << 20
# Codes of ClickHouse's errors that a server answers with another status than 500.
UNKNOWN_NAMES = (60, 81)
BAD_REQUESTS = (6, 26, 27, 36, 38, 41, 43, 46, 47, 53, 62, 72, 73, 117, 456, 457)
# Hosts by which the store is called: a name of somebody else's domain may lead here as well.
OWN_HOSTS = ("localhost", "127.0.0.1", "::1")
# Parameters of a URL that are no settings.
NO_SETTINGS = (
    "query", "database", "user", "password", "default_format", "query_id", "compress", "decompress", "wait_end_of_query",
)
INSERT = "INSERT INTO tracego.ingest"
INSERT_SETTINGS = {
    "input_format_skip_unknown_fields": "1",
    "date_time_input_format": "best_effort",
    "input_format_json_read_objects_as_strings": "1",
}


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def migrations():
    """The statements of all migrations, in order."""
    for path in sorted(glob.glob(os.path.join(HERE, "migrations", "*.sql"))):
        yield from statements(text(path))


def statements(sql):
    """The statements of a file: comments are whole lines, and a statement ends with its line."""
    lines = [line for line in sql.splitlines() if not line.startswith("--")]
    return [one.strip() for one in re.split(r";\s*$", "\n".join(lines), flags=re.M) if one.strip()]


def question_files():
    files = sorted(glob.glob(os.path.join(HERE, "questions", "*.sql")))
    return {os.path.basename(path)[3:-4]: path for path in files}


def question(name):
    """A question's sentence, its SQL, and its parameters with their defaults."""
    files = question_files()
    if name.endswith(".sql") and os.path.exists(name):
        files[name] = name
    if name not in files:
        sys.exit(f"local.py: no question {name}; `local.py questions` lists them, and a file of SQL has a name with .sql")
    sql = text(files[name])
    now = datetime.datetime.now(datetime.timezone.utc)
    values = {"from": now - datetime.timedelta(days=30), "to": now + datetime.timedelta(minutes=1)}
    values = {key: value.strftime("%Y-%m-%d %H:%M:%S") for key, value in values.items()}
    values.update(re.findall(r"^-- param (\w+) = ([^:]*):", sql, flags=re.M))
    return sql.splitlines()[0][3:], sql, values


class Engine:
    """A session of chDB. Queries run one after the other."""

    def __init__(self, folder):
        try:
            from chdb import session
        except ImportError:
            sys.exit("local.py: chDB is missing: pip install chdb==4.4.0")
        self.session = session.Session(folder)
        self.lock = threading.Lock()
        for statement in migrations():
            self.session.query(statement)
        self.session.query("USE tracego")

    def query(self, sql, form, parameters):
        with self.lock:
            return self.session.query(sql, form, params=parameters or None).bytes() or b""

    def insert(self, sql, rows, settings, compression="none"):
        """Inserts the rows of an `INSERT ... FORMAT name`."""
        head, form = re.fullmatch(r"(?is)(.*?)\s+FORMAT\s+(\w+)\s*", sql).groups()
        given = ", ".join(f"{key} = '{quoted(value)}'" for key, value in settings.items())
        with tempfile.NamedTemporaryFile(prefix="tracego-") as file:
            file.write(rows)
            file.flush()
            given = f" SETTINGS {given}" if given else ""
            with self.lock:
                self.session.query(f"{head} FROM INFILE '{file.name}' COMPRESSION '{compression}'{given} FORMAT {form}")


def quoted(value):
    return value.replace("\\", "\\\\").replace("'", "\\'")


class Front(BaseHTTPRequestHandler):
    """The part of ClickHouse's HTTP interface that tracego and the questions use."""

    protocol_version = "HTTP/1.1"
    engine = None

    def log_message(self, *_):
        pass

    def body(self):
        """The body of the request; `None` if it is too long or damaged, after which nothing more can be read."""
        try:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                length = int(self.headers.get("Content-Length") or 0)
                return self.rfile.read(length) if 0 <= length <= MAX_BODY else None
            parts, total = [], 0
            while size := int(self.rfile.readline(64).split(b";")[0], 16):
                total += size
                if size < 0 or total > MAX_BODY:
                    return None
                parts.append(self.rfile.read(size))
                self.rfile.readline(64)
            self.rfile.readline(64)
            return b"".join(parts)
        except ValueError:
            return None

    def is_from_page(self):
        """Whether a browser sends the request for a web page, or for a host that is not this one."""
        host = urllib.parse.urlsplit(f"//{self.headers.get('Host', 'localhost')}").hostname
        own = host in OWN_HOSTS or host == self.server.server_address[0]
        return "Origin" in self.headers or "Sec-Fetch-Site" in self.headers or not own

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        values = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        body = self.body()
        if body is None or self.is_from_page():
            self.close_connection = True
            return self.answer(413 if body is None else 403, b"refused")
        if url.path == "/ping":
            return self.answer(200, b"Ok.\n")
        sql = values.get("query", "")
        if not sql:
            sql, body = body.decode(), b""
        parameters = {key[6:]: value for key, value in values.items() if key.startswith("param_")}
        settings = {key: value for key, value in values.items() if key not in NO_SETTINGS and not key.startswith("param_")}
        try:
            if re.match(r"(?is)\s*insert\b.*\bformat\s+\w+\s*$", sql):
                compression = self.headers.get("Content-Encoding", "none")
                if compression not in ("none", "gzip", "zstd"):
                    return self.answer(415, b"gzip and zstd are known")
                self.engine.insert(sql, body, settings, compression)
                return self.answer(200, b"")
            return self.answer(200, self.engine.query(sql, values.get("default_format", "TabSeparated"), parameters))
        except Exception as error:
            code = int((re.search(r"Code: (\d+)", str(error)) or [0, 0])[1])
            status = 404 if code in UNKNOWN_NAMES else 400 if code in BAD_REQUESTS else 500
            return self.answer(status, str(error).encode())


def post(server, sql, form, parameters, database):
    """Sends a query to a server, and returns its answer."""
    values = {"default_format": form, "database": database, **{f"param_{key}": value for key, value in parameters.items()}}
    url = f"{server.rstrip('/')}/?{urllib.parse.urlencode(values)}"
    headers = {}
    if user := os.environ.get("CLICKHOUSE_USER"):
        headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": os.environ.get("CLICKHOUSE_PASSWORD", "")}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, sql.encode(), headers)) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"local.py: {server}: {error.read().decode(errors='replace').strip()}")
    except OSError as error:
        sys.exit(f"local.py: {server}: {error}; start a store with `local.py serve`, or name files")


def serve(given):
    host, _, port = given.listen.rpartition(":")
    Front.engine = Engine(given.store)
    server = ThreadingHTTPServer((host, int(port)), Front)
    print(f"local.py: a store in {given.store} listens on http://{host}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def ask(given):
    _, sql, values = question(given.name)
    values.update(one.split("=", 1) for one in given.set)
    if not given.files:
        sys.stdout.buffer.write(post(given.server, sql, given.format, values, given.database))
        return
    with tempfile.TemporaryDirectory(prefix="tracego-") as folder:
        engine = Engine(folder)
        for path in given.files:
            with open(path, "rb") as file:
                engine.insert(f"{INSERT} FORMAT JSONEachRow", file.read(), INSERT_SETTINGS)
        for row in given.inventory:
            table, _, value = row.partition("=")
            engine.insert(f"INSERT INTO tracego.{table} FORMAT JSONEachRow", value.encode(), {})
        sys.stdout.buffer.write(engine.query(sql, given.format, values))


def migrate(given):
    for statement in migrations():
        if given.replicated:
            statement = re.sub(r"\bENGINE = (\w*MergeTree)", r"ENGINE = Replicated\1", statement)
            statement = statement.replace("non_replicated_deduplication_window", "replicated_deduplication_window")
        if given.print:
            print(f"{statement};\n")
        else:
            post(given.server, statement, "TabSeparated", {}, "default")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("serve", help="runs a local store")
    one.add_argument("--store", default="tracego-store", help="folder of the store")
    one.add_argument("--listen", default="127.0.0.1:8123", help="address; port 0 takes a free one")
    one.set_defaults(run=serve)
    one = commands.add_parser("questions", help="lists the questions")
    one.set_defaults(run=lambda _: print("\n".join(f"{name:15} {question(name)[0]}" for name in question_files())))
    one = commands.add_parser("ask", help="asks a question")
    one.add_argument("name", help="a question, or a file of SQL")
    one.add_argument("files", nargs="*", help="files of full records (--detail full)")
    one.add_argument("--server", default="http://127.0.0.1:8123")
    one.add_argument("--database", default="tracego", help="tracego_all asks all shards of a cluster")
    one.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the question")
    one.add_argument("--inventory", action="append", default=[], metavar="TABLE=JSON", help="a row of tracego.nodes, repos or approved")
    one.add_argument("--format", default="PrettyCompactMonoBlock", help="a format of ClickHouse, such as JSONEachRow")
    one.set_defaults(run=ask)
    one = commands.add_parser("migrate", help="applies the migrations to a server")
    one.add_argument("--server", default="http://127.0.0.1:8123")
    one.add_argument("--replicated", action="store_true", help="takes the replicated engines of tables")
    one.add_argument("--print", action="store_true", help="prints the statements instead")
    one.set_defaults(run=migrate)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
