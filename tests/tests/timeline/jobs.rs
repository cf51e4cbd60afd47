//! Jobs whose timelines are looked at: one like those of Go projects, in any size, and one that wants to break out.

use tracego_model::finding::Severity;
use tracego_report::html::{
    Exit, FindingEntry, ProcessEntry, ProcessFlags, SealState, TimelineBuilder, TimelineData,
};

const MS: i64 = 1_000_000;
const PACKAGES: [&str; 20] = [
    "runtime",
    "net/http",
    "crypto/tls",
    "encoding/json",
    "reflect",
    "go/types",
    "database/sql",
    "html/template",
    "github.com/example/project/internal/api",
    "github.com/example/project/internal/billing",
    "github.com/example/project/internal/search",
    "github.com/example/project/internal/store",
    "google.golang.org/grpc",
    "google.golang.org/protobuf/internal/impl",
    "github.com/jackc/pgx/v5",
    "github.com/prometheus/client_golang/prometheus",
    "go.opentelemetry.io/otel/sdk/trace",
    "k8s.io/api/core/v1",
    "k8s.io/client-go/rest",
    "golang.org/x/net/http2",
];

/// Writes the processes of a job one after the other.
struct Script {
    builder: TimelineBuilder,
    random: u64,
    pid: u32,
}

/// A process that is being written.
#[derive(Clone, Copy)]
struct Place {
    index: u32,
    start: i64,
}

impl Script {
    /// Returns a number below a limit; the same numbers in every run.
    fn below(&mut self, limit: i64) -> i64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.random >> 33).unwrap() % limit.max(1)
    }

    fn start(
        &mut self,
        parent: Option<Place>,
        at: i64,
        executable: &str,
        command: &str,
        role: &str,
    ) -> Place {
        self.pid += 1 + u32::try_from(self.below(3)).unwrap();
        let directory = "/home/runner/work/project/project";
        let entry = ProcessEntry {
            parent: parent.map(|parent| parent.index),
            start: at,
            command,
            executable,
            directory,
            user: "runner",
            pid: self.pid,
            role,
            ..ProcessEntry::default()
        };
        Place { index: self.builder.process(&entry), start: at }
    }

    /// A process that ends by itself. Returns its end.
    fn run(
        &mut self,
        parent: Place,
        at: i64,
        length: i64,
        executable: &str,
        command: &str,
        role: &str,
    ) -> i64 {
        let place = self.start(Some(parent), at, executable, command, role);
        self.end(place, at + length, 0)
    }

    fn end(&mut self, place: Place, at: i64, code: u8) -> i64 {
        self.builder.end(place.index, Some(at), Exit::Code(code));
        at
    }

    /// Compilers of many packages, four at a time. Returns when the last one has ended.
    fn compile(&mut self, parent: Place, from: i64, total: usize) -> i64 {
        let mut slots = [from; 4];
        for number in 0..total {
            let slot = (0..slots.len()).min_by_key(|&slot| slots[slot]).unwrap();
            let package = PACKAGES[number % PACKAGES.len()];
            let at = slots[slot] + 2 * MS + self.below(6 * MS);
            let tool = match number % 11 {
                3 => "asm",
                _ => "compile",
            };
            let length = 18 * MS + self.below(if number % 13 == 5 { 900 * MS } else { 240 * MS });
            let command = format!(
                "/opt/hostedtoolcache/go/1.27.3/x64/pkg/tool/linux_amd64/{tool} -o $WORK/b{number:03}/_pkg_.a -trimpath $WORK/b{number:03}=> -p {package} -complete -buildid x{number} -goversion go1.27.3 -c=4 -shared -nolocalimports -importcfg $WORK/b{number:03}/importcfg -pack ./{number}.go"
            );
            let executable = format!("/opt/hostedtoolcache/go/1.27.3/x64/pkg/tool/linux_amd64/{tool}");
            slots[slot] = self.run(parent, at, length, &executable, &command, "compiler-helper");
        }
        slots.into_iter().max().unwrap()
    }

    fn link(&mut self, parent: Place, at: i64, length: i64, name: &str) -> i64 {
        let executable = "/opt/hostedtoolcache/go/1.27.3/x64/pkg/tool/linux_amd64/link";
        let command = format!(
            "{executable} -o $WORK/b001/exe/{name} -importcfg $WORK/b001/importcfg.link -buildmode=pie -extld=gcc"
        );
        self.run(parent, at, length, executable, &command, "compiler-helper")
    }
}

/// Returns a CI job of about as many processes, with a `go run` and a failed download in it.
pub(crate) fn go_job(processes: usize) -> TimelineData {
    const GO: &str = "/opt/hostedtoolcache/go/1.27.3/x64/bin/go";
    let mut script = Script { builder: TimelineBuilder::new(), random: 42, pid: 4100 };
    let part = processes / 20;
    let make = script.start(None, 0, "/usr/bin/make", "make ci", "");
    let ci = script.start(Some(make), 9 * MS, "/usr/bin/bash", "/bin/bash ./scripts/ci.sh", "");
    let mut at = 30 * MS;

    let git = script.start(Some(ci), at, "/usr/bin/git", "git fetch --depth=1 origin 4be1f0c2a9d7", "");
    let remote = script.start(
        Some(git),
        at + 6 * MS,
        "/usr/lib/git-core/git-remote-https",
        "git remote-https origin https://github.com/example/project",
        "",
    );
    script.run(git, at + 420 * MS, 310 * MS, "/usr/bin/git", "git index-pack --stdin --fix-thin --keep", "");
    script.end(remote, at + 750 * MS, 0);
    at = script.end(git, at + 790 * MS, 0);
    at = script.run(
        ci,
        at + 10 * MS,
        160 * MS,
        "/usr/bin/git",
        "git checkout --progress --force 4be1f0c2a9d7",
        "",
    );

    let npm = script.start(Some(ci), at + 20 * MS, "/usr/bin/node", "npm ci --prefix web", "");
    let mut inner = at + 900 * MS;
    for number in 0..(part / 6).max(3) {
        let sh = script.start(Some(npm), inner, "/usr/bin/dash", "sh -c node install.js", "");
        let node = script.run(
            sh,
            inner + 3 * MS,
            60 * MS + i64::try_from(number % 5).unwrap() * 40 * MS,
            "/usr/bin/node",
            "node install.js",
            "",
        );
        inner = script.end(sh, node + 2 * MS, 0);
    }
    at = script.end(npm, inner + 700 * MS, 0);

    let vet = script.start(Some(ci), at + 12 * MS, GO, "go vet ./...", "go-command");
    let compiled = script.compile(vet, at + 140 * MS, part * 4);
    let mut vetted = compiled;
    for package in PACKAGES.iter().skip(8).take(4) {
        let tool = "/opt/hostedtoolcache/go/1.27.3/x64/pkg/tool/linux_amd64/vet";
        let command = format!("{tool} -atomic -bool -buildtags -printf $WORK/{package}/vet.cfg");
        vetted = script.run(vet, vetted + 4 * MS, 190 * MS, tool, &command, "compiler-helper");
    }
    at = script.end(vet, vetted + 40 * MS, 0);

    let build = script.start(
        Some(ci),
        at + 8 * MS,
        GO,
        "go build -trimpath -ldflags=-s\\ -w -o bin/ ./cmd/...",
        "go-build",
    );
    let compiled = script.compile(build, at + 160 * MS, part * 6);
    let linked = script.link(build, compiled + 6 * MS, 1_400 * MS, "server");
    script.link(build, compiled + 20 * MS, 900 * MS, "worker");
    at = script.end(build, linked + 60 * MS, 0);

    let curl = script.start(
        Some(ci),
        at + 5 * MS,
        "/usr/bin/curl",
        "curl -fsS --retry 2 https://cache.example.com/fixtures.tar.zst -o /tmp/fixtures.tar.zst",
        "",
    );
    at = script.end(curl, at + 640 * MS, 22);

    let run = script.start(
        Some(ci),
        at + 9 * MS,
        GO,
        "go run ./cmd/migrate --database postgres://localhost:5432/test",
        "go-run",
    );
    let compiled = script.compile(run, at + 90 * MS, (part / 2).max(4));
    let linked = script.link(run, compiled + 4 * MS, 820 * MS, "migrate");
    let migrate = script.start(
        Some(run),
        linked + 6 * MS,
        "/tmp/go-build2731/b001/exe/migrate",
        "/tmp/go-build2731/b001/exe/migrate --database postgres://localhost:5432/test",
        "go-run-child",
    );
    let migrated = script.end(migrate, linked + 1_900 * MS, 0);
    at = script.end(run, migrated + 12 * MS, 0);

    let test = script.start(Some(ci), at + 8 * MS, GO, "go test -race -count=1 ./...", "go-test");
    let mut done = script.compile(test, at + 210 * MS, part * 5);
    let mut slots = [done; 4];
    for number in 0..(part * 3 / 2).max(8) {
        let slot = (0..4).min_by_key(|&slot| slots[slot]).unwrap();
        let name = PACKAGES[number % PACKAGES.len()].rsplit('/').next().unwrap();
        let linked = script.link(
            test,
            slots[slot] + 5 * MS,
            120 * MS + script_length(number),
            &format!("{name}.test"),
        );
        let executable = format!("/tmp/go-build1189/b{number:03}/{name}.test");
        let command = format!("{executable} -test.paniconexit0 -test.timeout=10m0s -test.count=1");
        let length = 80 * MS + script.below(if number % 17 == 3 { 3_800 * MS } else { 420 * MS });
        slots[slot] = script.run(test, linked + 3 * MS, length, &executable, &command, "go-test-binary");
        done = done.max(slots[slot]);
    }
    at = script.end(test, done + 40 * MS, 0);

    let docker = script.start(
        Some(ci),
        at + 15 * MS,
        "/usr/bin/docker",
        "docker build --pull --tag registry.example.com/project:4be1f0c .",
        "",
    );
    let buildx = script.start(
        Some(docker),
        at + 60 * MS,
        "/usr/libexec/docker/cli-plugins/docker-buildx",
        "docker-buildx build --pull --tag registry.example.com/project:4be1f0c .",
        "go-service",
    );
    let pushed = script.end(buildx, at + 3_300 * MS, 0);
    at = script.end(docker, pushed + 30 * MS, 0);
    let agent = script.start(Some(ci), at + 4 * MS, "/usr/bin/ssh-agent", "ssh-agent -s", "");
    let _still_runs = agent.start;
    at = script.end(ci, at + 30 * MS, 0);
    script.end(make, at + 6 * MS, 0);
    finish(script.builder, run.index, migrate.index, docker.index)
}

fn script_length(number: usize) -> i64 {
    i64::try_from(number % 7).unwrap() * 35 * MS
}

fn finish(mut builder: TimelineBuilder, run: u32, migrate: u32, docker: u32) -> TimelineData {
    builder.finding(&FindingEntry {
        process: Some(run),
        id: "TG001",
        name: "go-run",
        severity: Severity::High,
        message: "go run ./cmd/migrate was executed in a CI job instead of a program that was built",
        remedy: "Build once with go build, keep and ship the file, and start that.",
        evidence: &[("package", "./cmd/migrate"), ("go.mod", "/home/runner/work/project/project/go.mod")],
        place: Some("scripts/ci.sh:31"),
    });
    builder.finding(&FindingEntry {
        process: Some(migrate),
        id: "TG002",
        name: "run-artifact",
        severity: Severity::High,
        message: "migrate is the program that go run built in a temporary folder",
        remedy: "The fix of the go run that started it is enough.",
        evidence: &[("started by", "go run ./cmd/migrate")],
        place: None,
    });
    builder.finding(&FindingEntry {
        process: Some(docker),
        id: "TG024",
        name: "new-process",
        severity: Severity::Medium,
        message: "docker build --pull is not in the baseline of 12 green runs",
        remedy: "If it belongs to the job, take it into the baseline.",
        evidence: &[("runs", "12")],
        place: Some(".github/workflows/ci.yml:44"),
    });
    let mut data = builder.finish();
    data.processes.flags[docker as usize] = ProcessFlags { is_new: true, stopped: false }.bits();
    "build and test".clone_into(&mut data.job.name);
    "42/1/build".clone_into(&mut data.job.id);
    "github".clone_into(&mut data.job.system);
    "https://github.com/example/project/actions/runs/42".clone_into(&mut data.job.url);
    "https://github.com/example/project".clone_into(&mut data.job.repository);
    "main".clone_into(&mut data.job.branch);
    "4be1f0c2a9d7e65310aa7f6be3d2c1908f7e6d5c".clone_into(&mut data.job.commit);
    "2026-11-25T02:11:46.003673602Z".clone_into(&mut data.start);
    data.verdict.seal = SealState::Valid;
    "key 7f3a…91".clone_into(&mut data.verdict.seal_detail);
    data
}

/// Texts of the hostile job, which a page must show and never run or obey.
pub(crate) const MARKUP: &str = "sh -c </script><img src=x onerror=\"window.broken=1;document.title='broken'\"><script>window.broken=1</script>";
pub(crate) const COMMENT: &str = "printf <!-- <script> ]]> --!> \u{2028}\u{2029} &amp;&lt; {{data}} \\u003c";
pub(crate) const BIDI: &str =
    "cat \u{202e}txt.exe\u{202c} \u{2066}שלום עולם\u{2069} \u{200b}zero\u{feff} مرحبا";
pub(crate) const CONTROL: &str = "echo \u{1b}[31mred\u{1b}[0m\ttab\nline\u{0}nul\u{7f}\u{85}";

/// Returns a job whose processes say what could break a page, and whose times and parents make no sense.
pub(crate) fn hostile_job() -> TimelineData {
    let mut builder = TimelineBuilder::new();
    let long = format!("tar --exclude={} done", "x".repeat(2_000_000));
    let process = |parent, start, end, command: &'static str| ProcessEntry {
        parent,
        start,
        end,
        command,
        executable: command,
        directory: command,
        user: "<b>root</b>\u{202e}",
        role: "<i>role</i>",
        pid: 7,
        exit: Exit::Signal(9),
        ..ProcessEntry::default()
    };
    builder.process(&process(None, 0, Some(5_000 * MS), MARKUP));
    builder.process(&process(Some(0), 10 * MS, Some(900 * MS), COMMENT));
    builder.process(&process(Some(0), 30 * MS, None, BIDI));
    // The clock stepped back, before the start of the job and below the start of the process.
    builder.process(&process(Some(0), 2_000 * MS, Some(40 * MS), CONTROL));
    builder.process(&process(Some(1), -500 * MS, Some(-1), CONTROL));
    let large = ProcessEntry {
        parent: Some(1),
        start: 50 * MS,
        end: Some(80 * MS),
        command: &long,
        ..ProcessEntry::default()
    };
    builder.process(&large);
    // Parents that do not exist, and a circle.
    builder.process(&process(Some(4_000_000), 60 * MS, Some(90 * MS), "lost"));
    builder.process(&process(Some(8), 70 * MS, Some(95 * MS), "circle one"));
    builder.process(&process(Some(7), 71 * MS, Some(94 * MS), "circle two"));
    for (index, text) in [MARKUP, COMMENT, BIDI, CONTROL].into_iter().enumerate() {
        builder.finding(&FindingEntry {
            process: Some(u32::try_from(index).unwrap()),
            id: text,
            name: text,
            severity: Severity::Critical,
            message: text,
            remedy: text,
            evidence: &[(text, text)],
            place: Some(text),
        });
    }
    let mut data = builder.finish();
    for field in [
        &mut data.title,
        &mut data.job.name,
        &mut data.job.commit,
        &mut data.job.repository,
        &mut data.job.branch,
        &mut data.job.id,
        &mut data.start,
    ] {
        MARKUP.clone_into(field);
    }
    "javascript:window.broken=1".clone_into(&mut data.job.url);
    data.verdict.lost = vec![MARKUP.to_owned(), BIDI.to_owned()];
    data.verdict.seal = SealState::Broken;
    MARKUP.clone_into(&mut data.verdict.seal_detail);
    data
}
