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
use tracego_tests::{Session, args, go, records, remove_job, tracego};

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
    ("legs of a matrix that share a cache are two jobs", matrix, needs),
    ("two jobs that build at once with one temporary folder are reported", shared, needs),
    ("a service with low limits and without its variables is reported", service, needs),
    ("a running service without a pidfile is reported later", pidfile, needs),
    ("a replay finds what was found", replayed, needs),
    ("only findings are written on request", only, needs),
    ("a go run that GOENV makes print is none", printed, needs),
    ("the metrics count what is found", counted, needs),
];

/// Returns why Go is unavailable.
fn needs() -> Option<String> {
    go::toolchain(go::GO_1_27).err()
}

/// A module with a server, and a build that a Makefile starts through a shell script.
struct Project {
    folder: tempfile::TempDir,
    root: PathBuf,
}

/// Runs long enough to outlive the tick in which it was linked: its file cannot be trusted before.
const SERVER: &str = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() {\n\
    \tfmt.Println(\"served\")\n\ttime.Sleep(20 * time.Millisecond)\n\tif len(os.Args) > 1 {\n\t\ttime.Sleep(time.Minute)\n\t}\n}\n";

impl Project {
    fn new(script: &str) -> Self {
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

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn edit(&self, command: &mut Command) {
        command.current_dir(self.path("")).envs(go::environment(&self.root, self.folder.path()));
        // No third-party module is needed, so no verification needs to be disabled.
        command.env("TMPDIR", self.folder.path()).env_remove("GOSUMDB").env_remove("GONOSUMDB");
        command.env_remove("GOPROXY");
    }

    /// Runs a shell script outside of tracego.
    fn shell(&self, script: &str) -> String {
        let mut command = Command::new("sh");
        self.edit(command.args(["-ec", script]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, options: &[&str], command: &[&str]) -> Session {
        Session::run(options, command, |tracego| self.edit(tracego))
    }

    fn config(&self, text: &str) -> String {
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
        dirty.stderr().contains("the checkout that the binary was built in was not clean"),
        "{}",
        dirty.stderr()
    );
}

/// Makes a repository of the project, and returns the commits of a head and of its merge, which is checked out.
fn merged(project: &Project) -> (String, String) {
    let script = "export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@x GIT_COMMITTER_NAME=t \
         GIT_COMMITTER_EMAIL=t@x; git init -q -b main . && printf 'app\nevent.json\n' >.gitignore && git add -A && \
         git commit -qm 1; git checkout -qb fix; echo >>Makefile; git commit -qam 2; git rev-parse HEAD; \
         git checkout -q main; echo x >n; git add n; git commit -qm 3; git merge -q --no-edit fix; git rev-parse HEAD";
    let said = project.shell(script);
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
    project.shell(
        "export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@x GIT_COMMITTER_NAME=t \
         GIT_COMMITTER_EMAIL=t@x; mkdir ../tool; cd ../tool; git init -q .; printf 'module lantern.dev/lantern\n' >go.mod; \
         printf 'package main\nfunc main() {}\n' >main.go; git add -A; git commit -qm 1; \
         go build -trimpath -o ../project/lantern . && rm -rf ../tool",
    );
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
    let mut capture = Command::new(tracego());
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
    assert_eq!((session.records.len(), ids(&session).len()), (2, 2), "{}", session.stderr());
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
