"""The faults that are planted in records, and the answers that all questions have to give about the simulated fleet."""
from hosts import BAD, LEAD_HOURS, digest
from simulation import MODULE
from templates import PROCESS, Kind

VIOLATION = {
    "allow": False, "violations": [{"bundle": "starter", "id": "TGP002", "msg": "the executable is in a folder of builds"}], "warnings": [],
    "bundles": [{"name": "starter", "digest": "sha256:" + digest("starter")}],
}
LOST = {"ring_full": 85001, "no_scratch": 85002}
NEW_TOOL = "/usr/local/bin/new-tool"


def planted_kinds(kinds, heartbeat):
    """Kinds of runs that have a fault: a decision of a policy, a program that a repository never ran, and lost events."""
    loop = next(kind for kind in kinds if kind.name == "production")
    job = next(kind for kind in kinds if kind.name != "production")
    denied = next(record["seq"] for record in loop.records if record["event_name"] == PROCESS[0])
    new = [record["tracego"]["exec_id"] for record in job.records if record["event_name"] == PROCESS[0]][-1]

    def deny(record):
        if record["seq"] == denied:
            record["tracego"]["policy"] = VIOLATION

    def rename(record):
        if record["tracego"].get("exec_id") == new:
            record["process"]["executable"]["path"] = NEW_TOOL

    loss = Kind("loss", 0)
    loss.records = [heartbeat | {"event_name": "tracego.lost", "tracego": {"lost": LOST}}]
    return [loop.copy("policy", 0, deny), job.copy("new", 0, rename), loss]


class Expected:
    """The answers, each as the question, its parameters, and a function from the rows to what is wrong with them."""

    def __init__(self, simulation):
        self.simulation, self.fleet = simulation, simulation.fleet
        kinds = [*self.fleet.kinds, *self.fleet.planted_kinds.values()]
        self.kinds = {(kind.name, kind.variant): kind for kind in kinds}
        self.runs = simulation.all_runs

    def kind(self, run):
        return self.kinds[run["kind"], run["variant"]]

    def jobs_with_go_run(self):
        jobs = {}
        for run in self.runs:
            kind = self.kind(run)
            if kind.finds_go_run:
                url = next(record["vcs"]["repository"]["url"]["full"] for record in kind.records if "vcs" in record)
                jobs[f"{url}-{run['repo']}"] = jobs.get(f"{url}-{run['repo']}", 0) + 1
        return jobs

    def answers(self):
        name = {host.n: host.name for host in self.fleet.hosts}
        longest = max((run for run in self.runs if run["kind"] not in ("production", "policy", "loss")), key=lambda run: self.kind(run).starts)
        day = f"to={self.at(self.fleet.end)}"
        releases = len(self.fleet.services) * self.fleet.releases
        reporting = len({host.id for host in self.fleet.hosts})
        return {
            "go_run": ([], lambda rows: ({row["repo"]: row["jobs"] for row in rows}, self.jobs_with_go_run())),
            "unapproved": ([], lambda rows: ([(row["exe"], row["revision"], row["some"]) for row in rows], [("/srv/unapproved", BAD, ["prod-unapproved"])])),
            "first_seen": ([f"from={self.at(self.fleet.end - 86400 * 10**9)}", day], lambda rows: ([row["exe"] for row in rows], [NEW_TOOL])),
            "gaps": ([], lambda rows: ([(row["host_name"], row["inside"], row["before"]) for row in rows], [("ci-gap", self.simulation.gap, 0)])),
            "silent": ([], lambda rows: (sorted((row["host_name"], row["still"], row["never"]) for row in rows),
                                         [("ci-gone", 1, 0), ("ci-never", 1, 1), ("ci-silent", 0, 0)])),
            "unsealed_jobs": ([], lambda rows: (sorted({(row["host_name"], row["problem"]) for row in rows}),
                                                [("ci-gap", "records are missing"), ("ci-unsealed", "no seal")])),
            "lead_time": ([], lambda rows: ((sum(row["releases"] for row in rows), all(LEAD_HOURS <= row["worst_hours"] < LEAD_HOURS + 3 for row in rows)),
                                            (releases, True))),
            "losses": ([], lambda rows: ({(row["host_name"], row["reason"]): row["lost"] for row in rows},
                                         {("ci-losses", reason): lost for reason, lost in LOST.items()})),
            "decisions": ([], lambda rows: ([(row["rule"], row["decisions"], row["nodes"]) for row in rows], [("TGP002", 1, 1)])),
            "modules": ([f"module={MODULE}"], lambda rows: ([(row["exe"], row["version"], row["nodes"]) for row in rows], [("/srv/vulnerable", "v0.9.0", 3)])),
            "job_tree": ([f"job={longest['run_id']}/%"], lambda rows: ((len(rows), sum(row["code"] is not None for row in rows)),
                                                                      (min(self.kind(longest).starts, 1000), min(self.kind(longest).joined, 1000)))),
            "rare": ([], lambda rows: ([(row["exe"], row["some"]) for row in rows], [("/srv/unapproved", ["prod-unapproved"])])),
            "versions": ([], lambda rows: ([(row["version"], row["nodes"]) for row in rows], [("0.1.0", reporting - 1), ("0.0.9", 1)])),
            "lateness": ([], lambda rows: ([row["host_name"] for row in rows if row["median_ms"] > 4000], ["ci-late"])),
            "rates": (["step=3600"], lambda rows: (sum(row["starts"] for row in rows), self.arrived())),
            "cloned_ids": ([], lambda rows: ([(row["machines"], sorted(row["names"])) for row in rows], [(2, ["ci-clone-a", "ci-clone-b"])])),
        }

    def arrived(self):
        """The number of starts, counted by the numbers of events instead of the table of starts."""
        made = sum(self.kind(run).starts for run in self.runs)
        return made - int(self.simulation.rows("SELECT sum(n) FROM simulated.lost_starts")[0])

    @staticmethod
    def at(nanoseconds):
        import datetime
        return datetime.datetime.fromtimestamp(nanoseconds // 10**9, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
