"""Real records as templates: the processes of each CI job and of a production node, without what is of their machine."""
import json
import re

# Names that differ from run to run, and from start to start.
RUN_NAMES = re.compile(r"(go-build)\d+|(pip-[\w-]{3,20}-)[a-z0-9_]{8}\b")
START_NAMES = re.compile(r"(/tmp/cc)\w{6}")
PROCESS = ("tracego.process.start", "tracego.process.exit")
PRODUCTION = "production.sh"
# Kinds whose program with a commit is the node's service.
SERVED = ("production", "policy")


def nanoseconds(time):
    """The nanoseconds within a day of a record's timestamp."""
    hours, minutes, seconds = time[11:-1].split(":")
    whole, _, part = seconds.partition(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 10**9 + int(part.ljust(9, "0"))


def started(exec_id):
    """The start of a process, in nanoseconds since boot, and its pid."""
    parts = exec_id.split("-")
    return int(parts[5], 16), int(parts[6], 16)


class Kind:
    """The records of one job, or of one round of a production node's programs."""

    def __init__(self, name, variant):
        self.name, self.variant, self.records = name, variant, []

    @property
    def starts(self):
        return sum(record["event_name"] == PROCESS[0] for record in self.records)

    @property
    def is_sealed(self):
        return any(record["event_name"] == "tracego.seal" and record["tracego"]["seal"]["ended"] for record in self.records)

    @property
    def finds_go_run(self):
        return any(finding["id"] == "TG001" for record in self.records for finding in record["tracego"].get("findings", []))

    @property
    def joined(self):
        """The number of starts that have an exit."""
        exits = {record["tracego"]["exec_id"] for record in self.records if record["event_name"] == PROCESS[1]}
        return sum(record["event_name"] == PROCESS[0] and record["tracego"]["exec_id"] in exits for record in self.records)

    def copy(self, name, variant, change):
        """The same records as another kind, changed by a function."""
        other = Kind(name, variant)
        other.records = [json.loads(json.dumps(record)) for record in self.records]
        for record in other.records:
            change(record)
        return other

    def rows(self):
        """Rows of the table of templates, with the times relative to the first record."""
        processes = [record for record in self.records if record["event_name"] in PROCESS] or self.records
        begin = nanoseconds(processes[0]["timestamp"])
        pids = [record["process"]["pid"] for record in processes if "process" in record] or [1]
        roots = [record["tracego"]["job"]["root"]["exec_id"] for record in processes if "job" in record["tracego"]]
        ids = [started(record["tracego"]["exec_id"]) for record in processes if "exec_id" in record["tracego"]]
        zero = min(start for start, _ in ids) if ids else 0
        root = started(roots[0]) if roots else (zero, 0)
        numbered = sum("job" in record["tracego"] for record in processes)
        services = {record["tracego"]["exec_id"] for record in processes if record["tracego"].get("go", {}).get("build", {}).get("vcs")}
        for line, record in enumerate(self.records):
            record = dict(record)
            if record["event_name"] == "tracego.seal":
                record["tracego"]["seal"]["written"], numbered = numbered, 0
            at = nanoseconds(record["timestamp"])
            start = started(record["tracego"]["exec_id"])[0] if "exec_id" in record["tracego"] else zero
            yield record | {
                "kind": self.name, "variant": self.variant, "line": line, "off": at - begin,
                "delay": max(nanoseconds(record.get("observed_timestamp", record["timestamp"])) - at, 0),
                "start_off": start - zero, "root_off": root[0] - zero, "root_pid": root[1],
                "is_service": self.name in SERVED and record["tracego"].get("exec_id") in services, "low_pid": min(pids), "high_pid": max(pids),
            }


def load(lines, work=None):
    """The kinds of a file of full records that has jobs and, beside them, a production node's programs."""
    where = re.compile(re.escape(work) + r"/\d+") if work else None
    jobs, loops, heartbeat, service = {}, {}, None, None
    parents = {}
    for line in lines:
        line = RUN_NAMES.sub(lambda match: (match[1] or match[2]) + "@run@", line)
        line = START_NAMES.sub(r"\1@start@", line)
        record = json.loads(where.sub("/home/runner/_work", line) if where else line)
        name, run = record["event_name"], record.get("cicd", {}).get("pipeline", {}).get("run", {}).get("id")
        if name == "tracego.heartbeat":
            heartbeat = record
        elif run and (name in PROCESS or name == "tracego.seal"):
            task = record["cicd"]["pipeline"]["task"]["name"]
            kind = jobs.setdefault(run, Kind(task, sum(kind.name == task for kind in jobs.values())))
            kind.records.append(record)
            build = record["tracego"].get("go", {}).get("build", {}) if name == PROCESS[0] else {}
            if build and not build.get("path", "cmd/").startswith("cmd/") and not service:
                service = record
        elif name in PROCESS:
            pid = record["process"]["pid"]
            if PRODUCTION in " ".join(record["process"].get("command_args", [])) and pid not in loops:
                loops[pid] = Kind("production", len(loops))
            parents[pid] = record["process"]["parent_pid"]
            root = pid
            while root in parents and root not in loops:
                root = parents[root]
            if root in loops:
                loops[root].records.append(record)
    if not loops:
        loops[0] = alone(service, jobs)
    # Only jobs whose end was seen: the others' seals say that records may follow.
    kinds = [kind for kind in jobs.values() if kind.is_sealed] + list(loops.values())
    return kinds, heartbeat or {"event_name": "tracego.heartbeat", "timestamp": kinds[0].records[0]["timestamp"], "tracego": {}}


def alone(service, jobs):
    """A production node's programs where none were recorded: the program that a job built and ran, outside of the job."""
    kind = Kind("production", 0)
    for job in jobs.values():
        for record in job.records:
            if record["event_name"] in PROCESS and record["tracego"]["exec_id"] == service["tracego"]["exec_id"]:
                record = json.loads(json.dumps(record))
                for member in ("cicd", "vcs"):
                    record.pop(member, None)
                record["tracego"].pop("job", None)
                record["tracego"].pop("findings", None)
                record["tracego"].get("go", {}).get("build", {}).setdefault("vcs", {"revision": "0" * 40, "modified": False})
                kind.records.append(record)
    return kind
