"""A second Rego engine (rego-cpp) beside tracego's: decides, tests, and makes inputs.

policy_oracle.py decide BUNDLE            a line of JSON for every line of JSON on standard input
policy_oracle.py cases BUNDLE FILE        lines of {test, input, settings, expected}: what the tests of the
                                          starter bundle ask. rego-cpp 1.5.2 ends with SIGSEGV when `with`
                                          reaches a rule that calls a function, so it cannot run test_* rules.
policy_oracle.py examples FOLDER          NAME.rego with NAME.json: {data, input, expected}
policy_oracle.py generate SEED COUNT RECORD...
                                          records made of those in the files, with members changed

BUNDLE is a folder. `decide` prints {"violations": [ids, sorted], "allow": …, "action": …, "severity": …}, or
{"error": …}. Inputs get the aliases that a policy may use beside the record; --as-is leaves them alone.
Exits with 1 when a case or an example fails.
"""

import copy
import json
import pathlib
import random
import re
import sys

DECISION = "data.tracego.process.decision"


def aliased(record):
    """A record with the names that policies of other tools use; none hides one of the record's."""
    process = record.get("process")
    if isinstance(process, dict):
        below = {name: member for name, member in process.items() if isinstance(member, dict)}
        arguments = process.get("command_args", [])
        short = {
            "argv": arguments,
            "args": arguments,
            "cwd": process.get("working_directory"),
            "name": below.get("executable", {}).get("name"),
            "user_id": below.get("user", {}).get("id"),
            "env": process.get("environment_variable", {}),
        }
        shown = {name: value for name, value in short.items() if value is not None}
        record = {**record, "process": {**shown, **process}}
    own = record.get("tracego", {})
    time = record.get("timestamp")
    day = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T.*Z", time) if isinstance(time, str) else None
    date = {"date": day[1]} if day else {}
    return {"job": own.get("job", {}), "findings": own.get("findings", []), **date, **record}


class Engine:
    """A bundle without its tests, loaded once."""

    def __init__(self, folder, settings=None):
        import regopy

        self.regopy = regopy
        self.rego = regopy.Interpreter()
        folder = pathlib.Path(folder)
        for path in sorted(folder.rglob("*.rego")):
            if not path.name.endswith("_test.rego"):
                self.rego.add_module(str(path.relative_to(folder)), path.read_text())
        data = data_of(folder)
        if settings:
            data["tracego"]["settings"].update(settings)
        self.rego.add_data(data)
        self.programs = {}

    def ask(self, query, value):
        """The value of an expression; nothing where it is undefined."""
        if query not in self.programs:
            self.programs[query] = self.rego.build(f"answer := {query}")
        self.rego.set_input(self.regopy.Input(value))
        output = self.rego.query_bundle(self.programs[query])
        if not output.ok():
            raise ValueError(str(output))
        return output[0].bindings.get("answer")

    def decide(self, value):
        try:
            # Scalars and arrays: what an object prints is not JSON in every case.
            allow, action, severity, violations = self.ask(
                f"[{DECISION}.allow, {DECISION}.action, object.get({DECISION}, `severity`, ``),"
                f" [violation.id | some violation in {DECISION}.violations]]",
                value,
            )
        except (ValueError, TypeError, self.regopy.RegoError) as error:
            return {"error": str(error)[:500]}
        return {"violations": sorted(violations), "allow": allow, "action": action, "severity": severity}


def data_of(folder):
    """data.json files, each below the names of its folders."""
    data = {}
    for path in sorted(folder.rglob("data.json")):
        at = data
        for name in path.relative_to(folder).parts[:-1]:
            at = at.setdefault(name, {})
        at.update(json.loads(path.read_text()))
    return data


def run_cases(folder, file):
    engines, failed, passed = {}, 0, 0
    for line in pathlib.Path(file).read_text().splitlines():
        case = json.loads(line)
        settings = json.dumps(case["settings"], sort_keys=True)
        if settings not in engines:
            engines[settings] = Engine(folder, case["settings"])
        decision = engines[settings].decide(aliased(case["input"]))
        if decision == case["expected"]:
            passed += 1
        else:
            failed += 1
            print(f"FAIL {case['test']}: {json.dumps(decision)}, not {json.dumps(case['expected'])}")
    print(f"{passed} passed, {failed} failed")
    return failed == 0 and passed > 0


def run_examples(folder):
    failed = passed = 0
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        import regopy

        example = json.loads(path.read_text())
        rego = regopy.Interpreter()
        rego.add_module(path.stem, path.with_suffix(".rego").read_text())
        rego.add_data(example.get("data", {}))
        rego.set_input(regopy.Input(example.get("input", {})))
        for query, expected in example["expected"].items():
            results = rego.query(f"answer := {query}").results
            # An undefined expression has no binding at all.
            answer = results[0].bindings.get("answer") if results else None
            if answer == expected:
                passed += 1
            else:
                failed += 1
                print(f"FAIL {path.name} {query}: {json.dumps(answer)}, not {json.dumps(expected)}")
    print(f"{passed} passed, {failed} failed")
    return failed == 0 and passed > 0


# What the starter bundle reads, with values that its rules turn on. None takes a member away.
COMMIT = "0123456789abcdef0123456789abcdef01234567"
EXECUTABLES = [
    "/usr/bin/make",
    "/opt/go/bin/go",
    "/srv/ci/project/app",
    "/tmp/tool",
    "/dev/shm/x",
    "/var/tmp/a b/ü",
    "/tmp/go-build3401/b001/exe/main",
    "/tmp/go-build3401/b001/main.test",
    "/root/.cache/go-build/3f/" + "3f" * 32 + "-d/server",
    "/opt/tools/lint",
    None,
]
ARGUMENTS = [
    ["go", "run", "main.go"],
    ["/usr/local/go/bin/go", "run", "./main.go", "helper.go"],
    ["go", "run", "./cmd/server"],
    ["go", "run", "./cmd/server", "-mod=mod", "@latest", "x.go"],
    ["go", "run", "./cmd/../other"],
    ["go", "run", "example.com/tool@latest"],
    ["go", "run", "-mod=mod", "./tools/gen"],
    ["go", "run"],
    ["go", "install", "golang.org/x/tools/cmd/stringer@latest"],
    ["go", "install", "golang.org/x/tools/cmd/stringer@v0.30.0"],
    ["go", "get", "-u", "example.com/a@main", "example.com/b@master"],
    ["go", "build", "--mod=mod", "./..."],
    ["go", "build", "-mod", "readonly", "./..."],
    ["go", "test", "./...", "-args", "-mod=mod"],
    ["go", "mod", "download"],
    ["go", "mod"],
    ["go"],
    ["./app", "run", "main.go"],
    ["", "run", "main.go"],
    [],
    None,
]
PACKAGES = [
    "main.go",
    "./cmd/server",
    "./cmd/../x",
    "./tools/gen",
    "example.com/t@v1.0.0",
    "example.com/t@latest",
    "",
    None,
]
CI = {"name": "ci", "run": {"id": "42"}, "task": {"run": {"id": "42/1/build"}}}
ROLES = ["go-command", "go-run", "go-run", "go-run-child", "go-build", "go-test-binary", "compiler-helper", "go-service"]
VALUES = {
    "event_name": ["tracego.process.start"] * 8 + ["tracego.process.fork", "tracego.process.exit", None],
    "timestamp": ["2026-11-25T02:11:46.003673602Z", "2026-12-31T23:59:59.999999999Z", "2027-01-01T00:00:00Z", None],
    "process.command_args": ARGUMENTS,
    "process.executable.path": EXECUTABLES,
    "process.executable.build_id.go": ["a/b/c/d", None],
    "process.working_directory": ["/srv/ci/project", "/", "", None],
    "process.interactive": [True, False, None],
    "process.linux.cgroup": ["/", "/user.slice/user-0.slice/session-1.scope", "/system.slice/app.service", None],
    "process.runtime.name": ["go", None],
    "process.environment_variable.CI": ["true", "1", "false", "", "yes", None],
    "process.environment_variable.APP_ENV": ["production", "prod", "test", None],
    "process.environment_variable.GOFLAGS": ["-mod=mod", "-v -mod=mod -insecure", "-mod=vendor", "-insecure", "", None],
    "process.environment_variable.GOPROXY": ["direct", "https://proxy.golang.org,direct", "direct|x", "off", "", None],
    "process.environment_variable.GOSUMDB": ["off", "sum.golang.org", None],
    "process.environment_variable.GONOSUMDB": ["*", "example.com/team/*", "a,,b", "", None],
    "process.environment_variable.GONOSUMCHECK": ["1", "0", None],
    "process.environment_variable.GOINSECURE": ["*.example.com", "", None],
    "process.environment_variable.GOCACHE": ["/tmp", "/tmp/cache", "/tmpfs/cache", "/srv/ci/home/go-build", "", None],
    "cicd": [
        {"pipeline": CI, "system": {"component": "github"}},
        {"pipeline": {"name": "release", "task": {"run": {"id": ""}}}},
        {"pipeline": {"run": {"id": "7"}}},
        None,
        None,
    ],
    "vcs.ref.head.revision": [COMMIT, COMMIT[:7], COMMIT[:6], COMMIT.upper(), "abc123f" + COMMIT[7:], "forged", "", None],
    "vcs.repository.url.full": [
        "https://github.com/example/project",
        "https://example.com/project.git",
        "git@example.com:x",
        None,
    ],
    "container.id": ["0123456789ab", None],
    "tracego.unit": ["app.service", "gitlab-runner.service", "session-1.scope", "ssh.service", None],
    "tracego.elf.stripped": [True, False, None],
    "tracego.elf.packer": ["upx", None, None],
    "tracego.executable.mode": ["100755", "100757", "100772", "100666", "", None],
    "tracego.executable.deleted": [True, False, False, None],
    "tracego.executable.memfd": [True, False, False, None],
    "tracego.go.role": [*ROLES, None],
    "tracego.go.command.subcommand": ["run", "build", "test", "install", "get", "vet", "mod", None],
    "tracego.go.command.package": PACKAGES,
    "tracego.go.command.target": ["files", "local", "resolved", "pinned", "unpinned", None],
    "tracego.go.build": [{"path": "cmd/go"}, None],
    "tracego.go.build.module.path": ["example.com/project", "example.com/project2", "github.com/example/project/v2", None],
    "tracego.go.build.module.sum": ["h1:x", None, None],
    "tracego.go.build.vcs.revision": [COMMIT, "fedcba98" + COMMIT[8:], "abc123f", "short", "", None],
    "tracego.go.build.vcs.modified": [True, False, None],
    "tracego.job.sources": [
        [{"attribute": "cicd.pipeline.run.id", "source": "environment", "variable": "BUILD_ID"}],
        [{"attribute": "cicd.pipeline.task.run.id", "source": "explicit", "variable": "CI_JOB_ID"}],
        [{"attribute": "vcs.ref.head.revision", "source": "explicit", "variable": "GIT_COMMIT"}],
        [],
        None,
    ],
    "tracego.job.dropped": [["vcs.ref.head.revision", "cicd.pipeline.run.id"], [], None],
    "tracego.job.changed": [
        [{"attribute": "vcs.ref.head.revision", "claimed": "forged", "expected": COMMIT, "source": "inherited"}],
        [],
        None,
    ],
    "tracego.findings": [
        [{"id": "TG001", "variant": "generate", "severity": "low", "message": "a", "remedy": "b"}],
        [{"id": "TG005", "variant": "cache", "severity": "medium", "message": "two jobs", "remedy": "one each"}],
        [{"id": "TG007", "severity": "critical", "message": "100 %s ü", "remedy": ""},
         {"id": "TG006", "severity": "low", "message": "c", "remedy": "d"}],
        [{"id": "TG015", "severity": "high", "message": "e", "remedy": "f"},
         {"id": "TG015", "severity": "high", "message": "g", "remedy": "h"}],
        [],
        None,
        None,
    ],
}


def put(record, name, value):
    """Sets a member, or takes it away."""
    *above, last = name.split(".")
    at = record
    for part in above:
        if not isinstance(at.get(part), dict):
            if value is None:
                return
            at[part] = {}
        at = at[part]
    if value is None:
        at.pop(last, None)
    else:
        at[last] = copy.deepcopy(value)


def generate(seed, count, files):
    """Every record once as it is, then copies with up to a dozen members changed.

    Half of them are of Go, and a third has nothing of a CI job left and stands in a container or service.
    """
    records = [json.loads(line) for file in files for line in open(file) if line.strip()]
    starts = [record for record in records if record["event_name"] == "tracego.process.start"]
    go = [record for record in starts if record["tracego"].get("go")] or starts
    yield from records[:count]
    chance = random.Random(int(seed))
    names = sorted(VALUES)
    for _ in range(count - len(records)):
        record = copy.deepcopy(chance.choice(chance.choice([starts, go])))
        if chance.random() < 0.33:
            for name in ["cicd", "tracego.job", "process.environment_variable.CI"]:
                put(record, name, None)
            name, value = chance.choice([("container.id", "0123456789ab"), ("tracego.unit", "app.service")])
            put(record, name, value)
        for name in sorted(chance.sample(names, chance.randint(1, 12))):
            put(record, name, chance.choice(VALUES[name]))
        yield record


def lines(values):
    for value in values:
        print(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def main(arguments):
    as_is = "--as-is" in arguments
    match [argument for argument in arguments if argument != "--as-is"]:
        case ["decide", folder]:
            engine = Engine(folder)
            inputs = (json.loads(line) for line in sys.stdin if line.strip())
            lines(engine.decide(value if as_is else aliased(value)) for value in inputs)
        case ["cases", folder, file]:
            return run_cases(folder, file)
        case ["examples", folder]:
            return run_examples(folder)
        case ["generate", seed, count, *files] if files:
            lines(generate(seed, int(count), files))
        case _:
            print(__doc__, file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
