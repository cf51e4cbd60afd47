//! Findings about real programs of a real Go toolchain.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::Duration,
};

use serde_json::Value;
use tracego_tests::{Session, args, go, records, remove_job, tracego, with_full_records};

use crate::{
    ConditionalTest, Test,
    metrics::{of, on_unix},
};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("a go run that is hidden in a build fails the job", hidden as Test, needs),
    ("a build that keeps its artifact passes", clean, needs),
    ("a program of another commit than the job's is reported", commit, needs),
    ("a build of a pull request is of more than one commit", pull_request, needs),
    ("a tool of somebody else is not the job's", foreign, needs),
    ("a job may clone and build others, and move its own checkout", checkouts, needs),
    ("legs of a matrix that share a cache are two jobs", matrix, needs),
    ("two jobs that build at once with one temporary folder are reported", shared, needs),
    ("a service with low limits and without its variables is reported", service, needs),
    ("a running service without a pidfile is reported later", pidfile, needs),
    ("a replay finds what was found", replayed, needs),
    ("only findings are written on request", only, needs),
    ("a go run that GOENV makes print is none", printed, needs),
    ("the metrics count what is found", counted, needs),
    ("a program that the linker wrote by hand is an artifact of go run wherever it lies", linked, needs),
    ("a program that is moved or copied out of go run is its artifact", moved, needs),
    ("what a build system links is no high finding", built_by_bazel, needs),
    ("a program that contradicts its build information is reported", patched, needs),
    (
        "enforcement: a program that the linker wrote by hand is killed if the configuration says so",
        killed,
        needs,
    ),
];

/// Returns why Go is unavailable.
pub(crate) fn needs() -> Option<String> {
    go::toolchain(go::GO_1_27).err()
}

/// A module with a server, and a build that a Makefile starts through a shell script.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    root: PathBuf,
}

/// Runs long enough to outlive the tick in which it was linked: its file cannot be trusted before.
const SERVER: &str = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() {\n\
    \tfmt.Println(\"served\")\n\ttime.Sleep(20 * time.Millisecond)\n\tif len(os.Args) > 1 {\n\t\ttime.Sleep(time.Minute)\n\t}\n}\n";

impl Project {
    pub(crate) fn new(script: &str) -> Self {
        let root = go::toolchain(go::GO_1_27).unwrap();
        let folder = tempfile::tempdir().unwrap();
        go::fill_cache(go::GO_1_27, folder.path()).unwrap();
        let project = Self { folder, root };
        project.write("go.mod", "module example.com/project\n\ngo 1.27\n");
        project.write("cmd/server/main.go", SERVER);
        project.write("Makefile", "ci:\n\t./scripts/ci.sh\n");
        project.write("scripts/ci.sh", &format!("#!/bin/sh\nset -e\n{script}\n"));
        let script = project.path("scripts/ci.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn edit(&self, command: &mut Command) {
        command.current_dir(self.path("")).envs(go::environment(&self.root, self.folder.path()));
        // No third-party module is needed, so no verification needs to be disabled.
        command.env("TMPDIR", self.folder.path()).env_remove("GOSUMDB").env_remove("GONOSUMDB");
        command.env_remove("GOPROXY");
    }

    /// Runs a shell script outside of tracego.
    pub(crate) fn shell(&self, script: &str) -> String {
        let mut command = Command::new("sh");
        self.edit(command.args(["-ec", script]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, options: &[&str], command: &[&str]) -> Session {
        Session::run(options, command, |tracego| self.edit(tracego))
    }

    pub(crate) fn config(&self, text: &str) -> String {
        self.write("tracego.toml", text);
        self.path("tracego.toml").to_str().unwrap().to_owned()
    }
}

/// Returns the findings of a session: id, severity and record.
fn findings(records: &[Value]) -> Vec<(&str, &str, &Value)> {
    records
        .iter()
        .flat_map(|record| {
            let findings = record["tracego"]["findings"].as_array().into_iter().flatten();
            findings.map(move |finding| {
                (finding["id"].as_str().unwrap(), finding["severity"].as_str().unwrap(), record)
            })
        })
        .collect()
}

fn ids(session: &Session) -> Vec<(&str, &str)> {
    findings(&session.records).into_iter().map(|(id, severity, _)| (id, severity)).collect()
}

const CI: [&str; 4] = ["--profile", "ci", "--env", "GIT_COMMIT=0123456789abcdef0123456789abcdef01234567"];

fn hidden() {
    let project = Project::new("go run ./cmd/server");
    let session = project.run(&CI, &["make", "ci"]);
    assert_eq!(session.output.status.code(), Some(5), "{}", session.stderr());
    assert_eq!(String::from_utf8_lossy(&session.output.stdout).lines().last(), Some("served"));
    let found = findings(&session.records);
    let told: Vec<_> = found.iter().map(|&(id, severity, _)| (id, severity)).collect();
    assert_eq!(told, [("TG001", "high"), ("TG002", "high")], "{}", session.stderr());
    let (run, child) = (found[0].2, found[1].2);
    assert_eq!(&args(run)[1..], ["run", "./cmd/server"]);
    assert_eq!((&run["severity_number"], &run["severity_text"]), (&17.into(), &"ERROR".into()));
    let line: Vec<_> =
        run["tracego"]["ancestors"].as_array().unwrap()[..2].iter().map(|a| &a["command"]).collect();
    assert_eq!(line, ["ci.sh", "make"]);
    // Both records have the same finding: the child names the go run that made it.
    let command = &child["tracego"]["go"]["command"];
    assert_eq!(command["exec_id"], run["tracego"]["exec_id"]);
    assert_eq!((&command["package"], &command["subcommand"]), (&"./cmd/server".into(), &"run".into()));
    assert_eq!(child["tracego"]["go"]["role"], "go-run-child");
    assert_eq!(run["process"]["runtime"]["version"], format!("go{}", go::GO_1_27));
    let stderr = session.stderr();
    assert!(stderr.contains("high TG001 go-run: go run ./cmd/server"), "{stderr}");
    assert!(
        stderr.contains("make (") && stderr.contains(" → ci.sh (") && stderr.contains("fix "),
        "{stderr}"
    );
    let never = project.run(&["--fail-on", "never", "--profile", "ci"], &["make", "ci"]);
    assert_eq!(never.output.status.code(), Some(0));
}

fn clean() {
    let project = Project::new("go vet ./...\ngo test ./...\ngo build -o app ./cmd/server\n./app");
    let session = project.run(&CI, &["make", "ci"]);
    assert_eq!((session.output.status.code(), ids(&session)), (Some(0), vec![]), "{}", session.stderr());
    assert!(!session.stderr().contains("findings"), "{}", session.stderr());
    let built = session.start(&project.path("app"));
    assert_eq!(built["tracego"]["go"]["role"], "go-service");
    assert_eq!(built["tracego"]["go"]["build"]["path"], "example.com/project/cmd/server");
}

/// Go takes a variable that is set to nothing from the file of `go env -w`.
fn printed() {
    let project = Project::new("true");
    project.write("goenv", "GOFLAGS=-n\n");
    let script =
        "GOENV=$PWD/goenv; export GOENV; GOFLAGS= go run ./cmd/server; env -u GOFLAGS go run ./cmd/server";
    let session = project.run(&["--profile", "ci"], &["sh", "-ec", script]);
    assert_eq!((session.output.status.code(), ids(&session)), (Some(0), vec![]), "{}", session.stderr());
    assert!(!String::from_utf8_lossy(&session.output.stdout).contains("served"));
}

fn commit() {
    let project = Project::new("go build -o app ./cmd/server\n./app");
    let git = "git init -q . && git -c user.name=t -c user.email=t@example.com";
    let head = project.shell(&format!(
        "printf 'app\\ntracego.toml\\n' > .gitignore; {git} add -A && git -c user.name=t -c user.email=t@example.com \
         commit -qm first && git rev-parse HEAD"
    ));
    let head = head.trim();
    let run = |commit: &str| {
        let commit = format!("GIT_COMMIT={commit}");
        project.run(&["--profile", "ci", "--env", &commit], &["make", "ci"])
    };
    for same in [head, &head[..9]] {
        let session = run(same);
        assert_eq!(ids(&session), [], "{}", session.stderr());
        let build = &session.start(&project.path("app"))["tracego"]["go"]["build"];
        assert_eq!((&build["vcs"]["revision"], &build["vcs"]["modified"]), (&head.into(), &false.into()));
    }
    let other = run("0123456789abcdef0123456789abcdef01234567");
    let told = findings(&other.records);
    assert!(matches!(told[..], [("TG003", _, _)]), "{}", other.stderr());
    assert_eq!(told[0].2["process"]["executable"]["path"], project.path("app").to_str().unwrap());
    project.write("cmd/server/more.go", "package main\n");
    let dirty = run(head);
    assert_eq!(findings(&dirty.records)[0].0, "TG003", "{}", dirty.stderr());
    assert!(
        dirty.stderr().contains("the binary says that the checkout it was built in was not clean"),
        "{}",
        dirty.stderr()
    );
}

/// Variables for git in shell scripts: the author of commits, and no configuration of the machine.
const AUTHOR: &str = "export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@x GIT_COMMITTER_NAME=t \
     GIT_COMMITTER_EMAIL=t@x";

/// Makes a repository of the project, and returns the commits of a head and of its merge, which is checked out.
fn merged(project: &Project) -> (String, String) {
    let script = format!(
        "{AUTHOR}; git init -q -b main . && printf 'app\nevent.json\n' >.gitignore && git add -A && \
         git commit -qm 1; git checkout -qb fix; echo >>Makefile; git commit -qam 2; git rev-parse HEAD; \
         git checkout -q main; echo x >n; git add n; git commit -qm 3; git merge -q --no-edit fix; git rev-parse HEAD"
    );
    let said = project.shell(&script);
    let mut lines = said.lines().map(str::to_owned);
    (lines.next().unwrap(), lines.next().unwrap())
}

fn pull_request() {
    let project = Project::new("go build -o app ./cmd/server\n./app");
    let (head, merge) = merged(&project);
    let azure = |one: &str, two: &str| {
        let session = Session::run(&["--profile", "ci"], &["make", "ci"], |tracego| {
            project.edit(tracego);
            tracego.env("TF_BUILD", "True").env("BUILD_BUILDID", "3").env("BUILD_SOURCEVERSION", one);
            tracego.env("SYSTEM_PULLREQUEST_SOURCECOMMITID", two);
        });
        assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
        let record = session.start(&project.path("app")).clone();
        assert_eq!(record["vcs"]["ref"]["head"]["revision"], one);
        assert_eq!(record["tracego"]["job"]["commits"][0]["revision"], two);
        assert_eq!(record["tracego"]["job"]["change"], true);
        ids(&session).into_iter().map(|(id, severity)| format!("{id} {severity}")).collect::<Vec<_>>()
    };
    assert_eq!(azure(&merge, &head), [""; 0]);
    assert_eq!(azure(&head, &merge), [""; 0]);
    let other = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(azure(&head, other), ["TG003 low"]);
    // GitHub names the merge commit, and the event names the head.
    project.shell("git checkout -q fix");
    let github = |event: &str, sha: &str, name: &str| {
        project.write("event.json", event);
        let session = Session::run(&["--profile", "ci"], &["make", "ci"], |tracego| {
            project.edit(tracego);
            tracego.env("GITHUB_ACTIONS", "true").env("GITHUB_RUN_ID", "3").env("GITHUB_JOB", "build");
            tracego.env("GITHUB_EVENT_NAME", name).env("GITHUB_SHA", sha);
            tracego.env("GITHUB_EVENT_PATH", project.path("event.json"));
        });
        ids(&session).into_iter().map(|(id, severity)| format!("{id} {severity}")).collect::<Vec<_>>()
    };
    let event = |head: &str| format!("{{\"pull_request\":{{\"head\":{{\"sha\":\"{head}\"}}}}}}");
    assert_eq!(github(&event(&head), &merge, "pull_request"), [""; 0]);
    assert_eq!(github("not JSON", &merge, "pull_request"), [""; 0]);
    assert_eq!(github(&event(other), &merge, "pull_request"), ["TG003 low"]);
    assert_eq!(github("{}", other, "push"), ["TG003 high"]);
}

fn foreign() {
    let project = Project::new("true");
    merged(&project);
    // Built elsewhere, by somebody else.
    project.shell(&format!(
        "{AUTHOR}; mkdir ../tool; cd ../tool; git init -q .; printf 'module lantern.dev/lantern\n' >go.mod; \
         printf 'package main\nfunc main() {{}}\n' >main.go; git add -A; git commit -qm 1; \
         go build -trimpath -o ../project/lantern . && rm -rf ../tool"
    ));
    let tool = project.path("lantern");
    let session = Session::run(&["--profile", "ci"], &[tool.to_str().unwrap()], |tracego| {
        project.edit(tracego);
        tracego.env("GITHUB_ACTIONS", "true").env("GITHUB_SHA", "1111111111111111111111111111111111111111");
        tracego.env("GITHUB_RUN_ID", "1").env("GITHUB_JOB", "deploy").env("GITHUB_REPOSITORY", "umbra/kiosk");
        tracego.env("GITHUB_SERVER_URL", "https://github.com");
    });
    assert!(session.start(&tool)["tracego"]["go"]["build"]["vcs"]["revision"].is_string());
    assert_eq!(ids(&session), [], "{}", session.stderr());
}

fn matrix() {
    let project = Project::new("true");
    let leg = |n: u32, name: &str| {
        format!(
            "GITHUB_ACTIONS=true GITHUB_RUN_ID=9 GITHUB_JOB={name} RUNNER_NAME=r{n} go build -a -o leg{n} ./cmd/server"
        )
    };
    for (one, two) in [("test", "test"), ("testA", "testB")] {
        let script = format!("{} & {}; wait", leg(1, one), leg(2, two));
        let session = project.run(&[], &["sh", "-c", &script]);
        assert!(session.output.status.success(), "{}", session.stderr());
        assert!(ids(&session).iter().any(|(id, _)| *id == "TG005"), "{one} {two}: {}", session.stderr());
    }
}

fn shared() {
    let project = Project::new("true");
    project.write("scripts/both.sh", "");
    let both = |two: &str| {
        let one = "CI_JOB_ID=1 GITHUB_RUN_ID=1 go build -a -o one ./cmd/server";
        format!("{one} & {two} go build -a -o two ./cmd/server; wait")
    };
    let of = |two: &str| {
        let script = both(two);
        let session = project.run(&[], &["sh", "-c", &script]);
        assert!(session.output.status.success(), "{}", session.stderr());
        ids(&session).into_iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
    };
    assert!(of("CI_JOB_ID=2").contains(&"TG005".to_owned()));
    fs::create_dir(project.path("tmp")).unwrap();
    let apart = format!(
        "CI_JOB_ID=2 TMPDIR={} GOCACHE={}",
        project.path("tmp").display(),
        project.path("cache").display()
    );
    assert_eq!(of(&apart), Vec::<String>::new());
}

fn service() {
    let project = Project::new("true");
    // The SDK of OpenTelemetry, as far as a program is concerned.
    let sdk = "go.opentelemetry.io/otel/sdk";
    let module =
        format!("module example.com/project\n\ngo 1.27\n\nrequire {sdk} v1.0.0\n\nreplace {sdk} => ./otel\n");
    project.write("go.mod", &module);
    project.write("otel/go.mod", &format!("module {sdk}\n\ngo 1.27\n"));
    project.write("otel/sdk.go", "package sdk\n");
    project.write("cmd/server/telemetry.go", &format!("package main\n\nimport _ \"{sdk}\"\n"));
    project.shell("go build -ldflags '-s -w' -o app ./cmd/server");
    // A limit that every machine allows; the hard limit of some is below the default threshold.
    let config = project.config("[rules.TG007]\nnofile = 512\n");
    let start = |script: &str| {
        let options = ["--profile", "production", "--config", &config];
        let session = project.run(&options, &["sh", "-c", script]);
        assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
        assert_eq!(session.start(&project.path("app"))["tracego"]["go"]["role"], "go-service");
        ids(&session).into_iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
    };
    let bad = start("ulimit -S -n 256; exec ./app");
    for id in ["TG007", "TG009", "TG010"] {
        assert!(bad.contains(&id.to_owned()), "{id} in {bad:?}");
    }
    let well = "ulimit -S -n 512; APP_ENV=production OTEL_SERVICE_NAME=server exec ./app";
    assert_eq!(start(well), Vec::<String>::new());
    project.shell("go build -o app ./cmd/server");
    assert_eq!(start(well), ["TG012"]);
}

fn pidfile() {
    let project = Project::new("true");
    project.shell("go build -ldflags '-s -w' -o app ./cmd/server");
    let config = project.config(&format!(
        "[rules.TG006]\ngrace-seconds = 1\nservices = [{{ path = \"{}\" }}]\n",
        project.path("app").display()
    ));
    let session = project.run(
        &["--profile", "production", "--config", &config],
        &["sh", "-c", "./app wait & sleep 4; kill $!"],
    );
    let found: Vec<_> =
        session.records.iter().filter(|record| record["event_name"] == "tracego.finding").collect();
    assert_eq!(found.len(), 1, "{:#?} {}", found, session.stderr());
    assert_eq!(found[0]["tracego"]["findings"][0]["id"], "TG006");
    let start = session.start(&project.path("app"));
    assert_eq!(found[0]["tracego"]["exec_id"], start["tracego"]["exec_id"]);
    assert_eq!(found[0]["process"]["pid"], start["process"]["pid"]);
}

fn replayed() {
    let project = Project::new("go run ./cmd/server");
    let file = project.path("capture");
    let mut capture = with_full_records();
    project.edit(capture.args(["capture", "--heartbeat", "0"]).arg(&file).args(["--", "make", "ci"]));
    remove_job(&mut capture);
    assert!(capture.output().unwrap().status.success());
    let mut replay = Command::new("setpriv");
    // Readable by every user.
    fs::set_permissions(project.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let program = copy(project.folder.path());
    replay.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    replay.args(["replay", "--profile", "ci", "--output", "json"]).arg(&file);
    let Output { status, stdout, stderr } = replay.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let all = records(std::str::from_utf8(&stdout).unwrap());
    let told: Vec<_> = findings(&all).into_iter().map(|(id, severity, _)| (id, severity)).collect();
    assert_eq!(told, [("TG001", "high"), ("TG002", "high")]);
}

/// Copies the program into a folder that every user can enter.
fn copy(folder: &Path) -> PathBuf {
    let program = folder.join("tracego");
    fs::copy(tracego(), &program).unwrap();
    program
}

fn only() {
    let project = Project::new("go run ./cmd/server");
    let session = project.run(&[&CI[..], &["--only-findings"]].concat(), &["make", "ci"]);
    assert_eq!((session.of("start").count(), ids(&session).len()), (2, 2), "{}", session.stderr());
    // A start that says that its digest is pending has a record behind it.
    let digests =
        session.records.iter().filter(|record| record["event_name"] == "tracego.executable").count();
    assert_eq!(session.records.len(), 2 + digests, "{:#?}", session.records);
    let none = project.run(&[&CI[..], &["--min-severity", "critical"]].concat(), &["make", "ci"]);
    assert_eq!((none.records.len(), none.output.status.code()), (0, Some(5)), "{}", none.stderr());
}

fn counted() {
    let project = Project::new("go run ./cmd/server\nsleep 3");
    let socket = project.folder.path().join("metrics.sock");
    let listen = format!("unix:{}", socket.display());
    let (session, last) = thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut last = String::new();
            loop {
                thread::sleep(Duration::from_millis(200));
                match on_unix(&socket, "/metrics") {
                    Some(answer) => last = answer.body,
                    None if last.is_empty() => {}
                    None => return last,
                }
            }
        });
        let options = [&CI[..], &["--listen", &listen]].concat();
        (project.run(&options, &["make", "ci"]), asked.join().unwrap())
    });
    let mut told: Vec<_> = ids(&session).into_iter().filter(|&(id, _)| id == "TG001").collect();
    assert!(!told.is_empty(), "{}", session.stderr());
    told.dedup();
    for (id, severity) in told {
        let metric = format!("tracego_findings_total{{rule=\"{id}\",severity=\"{severity}\"}}");
        let count = ids(&session).iter().filter(|&&finding| finding == (id, severity)).count();
        assert_eq!(of(&last, &metric), count as u64, "{last}");
    }
}

fn checkouts() {
    let script = format!(
        "{AUTHOR}\ngit clone -q ../tool w\n(cd w && go build -o ../t .)\n./t\necho 2 >VERSION\ngit add VERSION\n\
         git commit -qm 2\ngo build -o app ./cmd/server\n./app\ngit worktree add -q ../old HEAD~1\n\
         cd ../old\ngo build -o app ./cmd/server\n./app"
    );
    let project = Project::new(&script);
    let main = SERVER.replace("served", "lantern");
    project.write("../tool/main.go", &main);
    project.write("../tool/go.mod", "module lantern.dev/lantern\n\ngo 1.27\n");
    let head = project.shell(&format!(
        "{AUTHOR}; printf 'app\nt\nw\n' >.gitignore; git init -q -b main .; git add -A; git commit -qm 1; \
         cd ../tool; git init -q .; git add -A; git commit -qm 1; cd ../project; git rev-parse HEAD"
    ));
    let commit = format!("GIT_COMMIT={}", head.trim());
    for _ in 0..3 {
        let session = project.run(&["--profile", "ci", "--env", &commit], &["make", "ci"]);
        assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
        let told = findings(&session.records);
        let about = |(id, severity, record): &(&str, &str, &Value)| {
            let path = record["process"]["executable"]["path"].as_str().unwrap();
            format!("{id} {severity} {}", path.rsplit_once('/').unwrap().0.rsplit_once('/').unwrap().1)
        };
        assert_eq!(told.iter().map(about).collect::<Vec<_>>(), ["TG003 low project"], "{}", session.stderr());
        project.shell(&format!(
            "{AUTHOR}; git worktree remove -f ../old; rm -rf w t app; git reset -q --hard HEAD~1"
        ));
    }
}

/// Prepares a folder to link in by hand: `$LINK` is the linker, `$IN` its input.
const BY_HAND: &str = "go list -deps -export -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' \
    runtime >importcfg; printf 'package main\nfunc main() { for i := 0; i < 300000000; i++ { }; println(\"ran\") }\n' >x.go; \
    go tool compile -p main -importcfg importcfg -o x.a x.go; mkdir -p out; \
    LINK=\"$(go env GOTOOLDIR)/link\"; IN='-importcfg importcfg x.a'";

/// Ways to link a program by hand and to start it: name of the executable in the folder, and script.
const LINKED: [(&str, &str); 13] = [
    ("out/relative", "$LINK -o out/relative $IN; out/relative"),
    ("out/is", "$LINK -o=out/../out/is $IN; $PWD/out/is"),
    ("out/dashes", "$LINK --o out/dashes $IN; cd out; ./dashes"),
    ("out/folder", "ln -s out link; $LINK -o link/folder $IN; out/folder"),
    ("target", "touch target; chmod +x target; ln -s ../target out/s; $LINK -o out/s $IN; ./target"),
    ("out/tool", "go tool link -o out/tool $IN; out/tool"),
    ("out/renamed", "cp $LINK build; ./build -o out/renamed $IN; out/renamed"),
    ("out/wiped", "env -i $LINK -o out/wiped $IN; env -i out/wiped"),
    ("out/handle", "$LINK -o out/handle $IN; exec 9<out/handle; /proc/self/fd/9"),
    ("out/two", "$LINK -o out/one $IN; ln out/one out/two; out/two"),
    ("out/new", "$LINK -o out/old $IN; mv out/old out/new; out/new"),
    ("out/mode", "$LINK -o out/mode $IN; sleep 0.1; chmod 700 out/mode; out/mode -test.v=true"),
    ("a.out", "$LINK -buildid=a/b/c/d $IN; ./a.out"),
];

fn linked() {
    let scripts: Vec<String> = LINKED.iter().map(|(_, script)| format!("({script})")).collect();
    // A copy is another file: it is not recognised.
    let copy = "$LINK -o out/z $IN; sleep 0.1; cp out/z out/copy; out/copy";
    let project = Project::new("true");
    let script = format!("{BY_HAND}; {}; {copy}", scripts.join("; "));
    let session = project.run(&CI, &["bash", "-ec", &script]);
    let found = findings(&session.records);
    let all: Vec<String> = found
        .iter()
        .map(|(id, severity, record)| {
            let finding = &record["tracego"]["findings"][0];
            let path = record["process"]["executable"]["path"].as_str().unwrap();
            assert_eq!(record["tracego"]["go"]["linker"]["origin"], "direct", "{path}");
            format!("{path} {id} {} {severity}", finding["variant"].as_str().unwrap())
        })
        .collect();
    let wanted: Vec<String> = LINKED
        .iter()
        .map(|(name, _)| format!("{} TG002 linked high", project.path(name).display()))
        .collect();
    assert_eq!(all, wanted, "{}", session.stderr());
    assert_eq!(session.output.status.code(), Some(5), "{}", session.stderr());
    let copy = session.start(&project.path("out/copy"));
    assert!(copy["tracego"]["go"]["linker"].is_null() && copy["tracego"]["go"]["build"].is_object());
}

fn moved() {
    let project = Project::new("true");
    for program in ["mv", "ln", "cp"] {
        // Other settings each time: from the second time on, the go command starts what is in its cache.
        let tag = format!("-tags={program}");
        let script = format!("go run {tag} -exec ./move.sh ./cmd/server");
        project.write("move.sh", &format!("#!/bin/sh\n{program} \"$1\" {program}ed && exec ./{program}ed\n"));
        project.write("cmd/server/more.go", &format!("package main\n\nvar more = \"{program}\"\n"));
        let session = project.run(&CI, &["sh", "-ec", &format!("chmod +x move.sh; {script}")]);
        assert_eq!(ids(&session), [("TG001", "high"), ("TG002", "high")], "{program}: {}", session.stderr());
        let app = session.start(&project.path(&format!("{program}ed")));
        assert_eq!(app["tracego"]["go"]["linker"]["origin"], "go-run");
        assert_eq!(app["tracego"]["findings"][0]["variant"], "linked");
    }
    // The linker of go build is named, and is nothing to report.
    let session =
        project.run(&CI, &["sh", "-ec", "go build -o built ./cmd/server; ./built; cp built copy; ./copy"]);
    assert_eq!(ids(&session), [], "{}", session.stderr());
    let built = &session.start(&project.path("built"))["tracego"];
    assert_eq!(built["go"]["linker"]["origin"], "go-build");
    assert_eq!(built["go"]["linker"]["confidence"], "high");
    let claims = ["process.executable.build_id.gnu", "process.executable.build_id.go"];
    let claims: Vec<_> = claims.into_iter().chain(["process.runtime", "tracego.go.build"]).collect();
    assert_eq!(built["executable"]["claims"], serde_json::json!(claims));
}

fn built_by_bazel() {
    let project = Project::new("true");
    let script = format!(
        "{BY_HAND}; cp /bin/bash bazel; sleep 0.1; mkdir -p bazel-out/bin; \
         ./bazel -c \"cd $PWD; $LINK -buildid=redacted -o bazel-out/bin/app $IN; true\"; bazel-out/bin/app; \
         ./bazel -c 'bazel-out/bin/app; true'; $LINK -o bazel-out/bin/hand $IN; bazel-out/bin/hand"
    );
    let session = project.run(&CI, &["bash", "-ec", &script]);
    let told = [("TG002", "low"), ("TG002", "low"), ("TG002", "high")];
    assert_eq!(ids(&session), told, "{}", session.stderr());
    let origins: Vec<_> = findings(&session.records)
        .iter()
        .map(|(_, _, record)| &record["tracego"]["go"]["linker"]["origin"])
        .collect();
    assert_eq!(origins, ["build-system", "build-system", "direct"]);
}

fn patched() {
    let project = Project::new("true");
    project.shell("go build -o app ./cmd/server");
    let mut bytes = fs::read(project.path("app")).unwrap();
    let (module, other) = (b"path\texample.com/project", b"path\texample.com/changed");
    // The last one is in the build information, the one before is what the program itself reads.
    let last = (0..bytes.len()).rev().find(|at| bytes[*at..].starts_with(module)).unwrap();
    bytes[last..last + other.len()].copy_from_slice(other);
    fs::write(project.path("app"), bytes).unwrap();
    let session = project.run(&CI, &["sh", "-c", "sleep 0.1; ./app; true"]);
    assert_eq!(ids(&session), [("TG003", "medium")], "{}", session.stderr());
    let record = &session.start(&project.path("app"))["tracego"];
    assert_eq!(record["go"]["build"]["inconsistent"], serde_json::json!(["modules"]));
    assert_eq!(record["findings"][0]["variant"], "inconsistent");
}

fn killed() {
    let project = Project::new("true");
    let config = project.config("[enforce]\nmode = \"kill\"\nfindings = [\"TG001\", \"TG002\"]\n");
    let script = format!(
        "{BY_HAND}; $LINK -o out/app $IN; mv out/app out/new; out/new; go build -o kept x.go; ./kept"
    );
    let session = project.run(&["--config", &config], &["bash", "-c", &script]);
    let out = [session.output.stdout.as_slice(), &session.output.stderr].concat();
    let out = String::from_utf8_lossy(&out);
    assert_eq!(out.lines().filter(|line| *line == "ran").count(), 1, "go build alone: {out}");
    let all = crate::enforcement::decisions(&session.records);
    let told: Vec<_> = all.iter().map(|about| (about["rule"].as_str(), about["when"].as_str())).collect();
    assert_eq!(told, [(Some("TG002"), Some("after-start"))], "{out}");
    // Unless the configuration says so, it is reported only.
    let session = project.run(&["--enforce", "kill"], &["bash", "-c", &script]);
    assert_eq!(crate::enforcement::decisions(&session.records).len(), 0, "{}", session.stderr());
    assert!(ids(&session).contains(&("TG002", "medium")), "{}", session.stderr());
}
