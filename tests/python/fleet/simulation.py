"""The records of the simulated fleet, made in ClickHouse's engine and inserted into the table that tracego's sink fills.

Templates and runs are tables; a SELECT makes a record of each template and run, with the ids, times and numbers of its node.
"""
import json

from hosts import DAY, HOUR, LEAD_HOURS, MINUTE, digest

# Nodes of one insert, and numbers that never arrive.
CHUNK, GAP = 50, 61
MODULE = "golang.org/x/crypto"
BLOCKS = " SETTINGS min_insert_block_size_rows = 200000, min_insert_block_size_bytes = 0, max_threads = 2"
JSON_OUTPUT = " SETTINGS output_format_json_quote_64bit_integers = 0"

# Members of a record that differ from node to node and from run to run, as SQL over template `t`, event `e`, run `r`, host `h`.
BOOT_NS = "toUInt64(r.start + intDiv({off} * r.stretch, 1000) + cityHash64(r.tag, {pid}) % 50000 - h.booted)"
PID = "if({0} BETWEEN t.low_pid AND t.high_pid, toUInt32(1000 + ({0} - t.low_pid + r.pids) % 4190000), {0})"
HEX = "replaceRegexpOne(lower(hex({})), '^0+', '')"
NAMED = "replaceAll(replaceAll({}, '@run@', r.tag), '@start@', e.tag)"
SERVICE = "if(t.is_service, {}, {})"
STARTED = "if(t.is_service AND t.event_name = 'tracego.process.start', {}, {})"
JOB = "if(t.cicd.pipeline.run.id = '', '', {})"


def exec_id(off, pid):
    return f"concat(h.boot, '-', {HEX.format(BOOT_NS.format(off=off, pid=pid))}, '-', {HEX.format(PID.format(pid))})"


OVERRIDES = {
    "timestamp": "fromUnixTimestamp64Nano(e.ts, 'UTC')",
    "observed_timestamp": "fromUnixTimestamp64Nano(e.ts + t.delay + h.late + toInt64(cityHash64(e.tag) % 3000000), 'UTC')",
    "log.record.uid": "concat(h.boot, '/', e.tag)",
    "seq": "e.seq",
    "host.id": "h.id",
    "host.name": "h.name",
    "service.version": "h.version",
    "service.instance.id": "h.instance",
    "process.pid": PID.format("t.process.pid"),
    "process.vpid": PID.format("t.process.vpid"),
    "process.parent_pid": PID.format("t.process.parent_pid"),
    "process.command_args": f"arrayMap(one -> {NAMED.format('one')}, t.process.command_args)",
    "process.executable.path": SERVICE.format("r.path", NAMED.format("t.process.executable.path")),
    "process.executable.build_id.htlhash": STARTED.format("left(r.sha256, 32)", "t.process.executable.build_id.htlhash"),
    "process.working_directory": NAMED.format("t.process.working_directory"),
    "cicd.pipeline.run.id": JOB.format("r.run_id"),
    "cicd.pipeline.task.run.id": JOB.format("concat(r.run_id, '/1/', t.cicd.pipeline.task.name, '/', h.name)"),
    "cicd.worker.name": JOB.format("h.name"),
    "vcs.ref.head.revision": JOB.format("r.revision"),
    "vcs.repository.url.full": JOB.format("concat(t.vcs.repository.url.full, '-', toString(r.repo))"),
    "tracego.boot_id": "h.boot",
    "tracego.exec_id": f"if(t.tracego.exec_id = '', '', {exec_id('t.start_off', 't.process.pid')})",
    "tracego.sink_seq": "e.seq",
    "tracego.ancestors": f"arrayMap(one -> ({PID.format('one.pid')}, one.command, one.executable), t.tracego.ancestors)",
    "tracego.executable.digest.sha256": STARTED.format("r.sha256", "t.tracego.executable.digest.sha256"),
    "tracego.go.build.path": STARTED.format("concat('example.com/', r.service, '/cmd/server')", "t.tracego.go.build.path"),
    "tracego.go.build.vcs.revision": STARTED.format("r.revision", "t.tracego.go.build.vcs.revision"),
    "tracego.job.root.exec_id": f"if(t.tracego.job.root.exec_id = '', '', {exec_id('t.root_off', 't.root_pid')})",
    "tracego.seal.job": f"if(t.tracego.seal.job = '', '', {exec_id('t.root_off', 't.root_pid')})",
    "tracego.ledger.processed": "e.seq",
    "tracego.ledger.written": "e.seq",
}
COLUMNS = {
    "kind": "LowCardinality(String)", "variant": "UInt16", "line": "UInt16", "off": "Int64", "delay": "Int64", "start_off": "Int64",
    "root_off": "Int64", "root_pid": "UInt32", "low_pid": "UInt32", "high_pid": "UInt32", "is_service": "Bool",
}
RUNS = """day UInt16, host UInt32, start Int64, kind LowCardinality(String), variant UInt16, repo UInt8, tag String, stretch UInt32,
pids UInt32, service String, revision String, sha256 String, path String, sealed Bool, run_id String"""
HOSTS = """n UInt32, id String, name String, boot String, instance String, booted Int64, version String, late Int64,
silences Array(Tuple(Int64, Int64))"""


def members(kind, at=0):
    """The members of a type `Tuple(name type, ...)`; nothing for another type."""
    if not kind.startswith("Tuple("):
        return []
    parts, depth, begin = [], 0, 6
    for at, letter in enumerate(kind):
        depth += (letter == "(") - (letter == ")")
        if (letter == "," and depth == 1) or depth == 0 and at > 5:
            parts.append(kind[begin:at].strip().split(" ", 1))
            begin = at + 1
    return parts


def expression(path, kind):
    """The SQL of a member, built anew where a member below it differs."""
    if path in OVERRIDES:
        return OVERRIDES[path]
    if not any(one.startswith(f"{path}.") for one in OVERRIDES):
        return f"t.{path}"
    return f"tuple({', '.join(expression(f'{path}.{name}', below) for name, below in members(kind))})"


class Simulation:
    """A fleet in a store. `query` runs SQL and returns bytes; `insert` takes the rows of an INSERT."""

    def __init__(self, engine, fleet, heartbeat, settings):
        self.engine, self.fleet, self.settings, self.gap = engine, fleet, settings, 0
        self.run("CREATE DATABASE IF NOT EXISTS simulated")
        self.run("CREATE TABLE simulated.templates AS tracego.ingest ENGINE = MergeTree ORDER BY tuple()")
        for name, kind in COLUMNS.items():
            self.run(f"ALTER TABLE simulated.templates ADD COLUMN {name} {kind}")
        heartbeat = heartbeat | {name: 0 for name in COLUMNS} | {"kind": "heartbeat"}
        kinds = [*fleet.kinds, *fleet.planted_kinds.values()]
        self.fill("templates", [row for kind in kinds for row in kind.rows()] + [heartbeat])
        self.run(f"CREATE TABLE simulated.runs ({RUNS}) ENGINE = MergeTree ORDER BY day")
        self.run(f"CREATE TABLE simulated.hosts ({HOSTS}) ENGINE = MergeTree ORDER BY n")
        self.fill("hosts", [vars(host) for host in fleet.hosts])
        self.all_runs = list(fleet.runs())
        self.fill("runs", self.all_runs)
        self.run("""CREATE TABLE simulated.events (host UInt32, ts Int64, run String, kind LowCardinality(String), variant UInt16,
            line UInt16, tag String, seq UInt64) ENGINE = MergeTree ORDER BY (host, ts)""")
        # Runs that are no runs: the heartbeats of a node.
        beats = [{"day": day, "host": host.n, "start": fleet.begin + day * DAY, "kind": "heartbeat", "tag": f"beat-{host.n}-{day}", "stretch": 1000}
                 for host in fleet.hosts for day in range(fleet.days)]
        self.fill("runs", beats)
        self.run("CREATE TABLE simulated.numbers (host UInt32, n UInt64) ENGINE = MergeTree ORDER BY host")
        self.run("INSERT INTO simulated.numbers SELECT n, 0 FROM simulated.hosts")
        self.columns = [line.split("\t") for line in self.rows(
            "SELECT name, type FROM system.columns WHERE database = 'tracego' AND table = 'ingest' AND default_kind = '' ORDER BY position")]

    def run(self, sql, **parameters):
        return self.engine.query(sql, "TabSeparatedRaw", parameters)

    def rows(self, sql):
        return self.run(sql).decode().splitlines()

    def fill(self, table, rows):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self.engine.insert(f"INSERT INTO simulated.{table} FORMAT JSONEachRow", text.encode(), self.settings)

    def number(self, day):
        """Makes the events of a day: which template for which run, when, and with which number of its node's sink."""
        self.run("TRUNCATE TABLE simulated.events")
        self.run(f"""INSERT INTO simulated.events SELECT host, ts, run, kind, variant, line, tag,
            before.n + row_number() OVER (PARTITION BY host ORDER BY ts, tag) AS seq FROM
            (
                SELECT r.host AS host, r.start + intDiv(t.off * r.stretch, 1000) + cityHash64(r.tag, t.line) % 50000 AS ts, r.tag AS run,
                    r.kind AS kind, r.variant AS variant, t.line AS line, hex(cityHash64(r.tag, t.line, 'start')) AS tag
                FROM simulated.runs AS r INNER JOIN simulated.templates AS t ON t.kind = r.kind AND t.variant = r.variant
                WHERE r.day = {day} AND r.kind != 'heartbeat' AND (r.sealed OR t.event_name != 'tracego.seal')
                UNION ALL
                SELECT r.host, r.start + minute * {MINUTE} + cityHash64(r.tag, minute) % 1000000, r.tag, 'heartbeat', 0, 0, hex(cityHash64(r.tag, minute))
                FROM simulated.runs AS r INNER JOIN simulated.hosts AS h ON h.n = r.host
                ARRAY JOIN range({DAY // MINUTE}) AS minute
                WHERE r.day = {day} AND r.kind = 'heartbeat'
                    AND NOT arrayExists(span -> r.start + minute * {MINUTE} >= span.1 AND r.start + minute * {MINUTE} < span.2, h.silences)
            ) AS made INNER JOIN (SELECT host, max(numbers.n) AS n FROM simulated.numbers GROUP BY host) AS before ON before.host = made.host""")
        self.run("INSERT INTO simulated.numbers SELECT host, max(seq) FROM simulated.events GROUP BY host")

    def select(self, day, where):
        made = ", ".join(f"{expression(name, kind)} AS {name}" for name, kind in self.columns)
        return f"""SELECT {made} FROM (SELECT * FROM simulated.events WHERE {where} ORDER BY host, ts) AS e
            INNER JOIN (SELECT * FROM simulated.runs WHERE day = {day}) AS r ON r.tag = e.run
            INNER JOIN simulated.templates AS t ON t.kind = e.kind AND t.variant = e.variant AND t.line = e.line
            INNER JOIN simulated.hosts AS h ON h.n = e.host"""

    def load(self, as_json=0, log=lambda text: None):
        """Inserts all records, day by day. The first `as_json` nodes' records of the first day go as tracego's sink sends them."""
        gap = self.fleet.host["ci-gap"].n
        whole = ", ".join(name for name, _ in self.columns)
        named = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in self.columns)
        for day in range(self.fleet.days):
            self.number(day)
            lost = "1"
            if day == self.fleet.days // 2:
                # In the middle of the node's biggest job of the day.
                first, count = self.rows(f"""SELECT min(seq), count() FROM simulated.events WHERE host = {gap} AND kind != 'heartbeat'
                    GROUP BY run ORDER BY count() DESC, run LIMIT 1""")[0].split("\t")
                at, self.gap = int(first) + int(count) // 4, min(GAP, int(count) // 4)
                gone = f"host = {gap} AND seq >= {at} AND seq < {at + self.gap}"
                self.run(f"""CREATE TABLE simulated.lost_starts ENGINE = MergeTree ORDER BY n AS SELECT count() AS n FROM simulated.events AS e
                    INNER JOIN simulated.templates AS t USING (kind, variant, line) WHERE {gone} AND t.event_name = 'tracego.process.start'""")
                lost = f"NOT ({gone})"
            for low in range(0, len(self.fleet.hosts), CHUNK):
                select = self.select(day, f"host >= {low} AND host < {low + CHUNK} AND {lost}")
                if day == 0 and low < as_json:
                    rows = self.engine.query(f"SELECT {named} FROM ({select}){JSON_OUTPUT}", "JSONEachRow", {})
                    self.engine.insert(f"INSERT INTO tracego.ingest ({whole}) FORMAT JSONEachRow", rows, self.settings)
                else:
                    self.run(f"INSERT INTO tracego.ingest ({whole}) {select}{BLOCKS}")
            log(f"day {day + 1} of {self.fleet.days}")
        self.inventory()

    def inventory(self):
        """Fills the tables that the owners of a fleet fill, with a node that never reported."""
        nodes = [{"host_id": host.id, "host_name": host.name, "role": host.role, "region": "eu", "team": "shop"} for host in self.fleet.hosts]
        nodes.append({"host_id": digest("ci-never", 32), "host_name": "ci-never", "role": "ci", "region": "eu", "team": "shop"})
        approved, modules = [], [{"sha256": digest("vulnerable"), "module": MODULE, "version": "v0.9.0", "sum": ""}]
        for service in self.fleet.services:
            for at in range(self.fleet.begin, self.fleet.end, HOUR):
                revision, since, sha256 = self.fleet.release(service, at)
                row = {"main": f"example.com/{service}/cmd/server", "revision": revision, "sha256": sha256,
                       "committed": since // 10**9 - LEAD_HOURS * 3600, "approved": since // 10**9}
                if row not in approved:
                    approved.append(row)
                    modules.append({"sha256": sha256, "module": MODULE, "version": "v0.31.0", "sum": ""})
                    if service == self.fleet.services[0]:
                        approved.append(row | {"sha256": digest("vulnerable")})
        repos = self.rows("SELECT DISTINCT repo FROM tracego.first_seen WHERE repo != ''")
        teams = [{"repo": repo, "team": repo.rsplit("/", 1)[1].split("-")[0]} for repo in repos]
        for table, rows in (("nodes", nodes), ("approved", approved), ("image_modules", modules), ("repos", teams)):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            self.engine.insert(f"INSERT INTO tracego.{table} FORMAT JSONEachRow", text.encode(), {})
