//! `go run` and the programs that it makes: TG001 and TG002.

use tracego_golang::{Build, Image, task::GoTask};
use tracego_model::{
    finding::{
        Confidence,
        Severity::{High, Low, Medium},
    },
    record::{
        go::{Go, GoLinker, LinkOrigin},
        linux,
    },
};
use zerocopy::FromZeros as _;

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{TestProcess, app, go, process},
};

const HASH: &str = "ab23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(super) fn examples() -> Vec<Example> {
    [go_run(), artifacts(), by_linkers()].into_iter().flatten().collect()
}

/// Settings that let the job `nightly` off.
const NIGHTLY_OFF: &str = "[rules.TG001]\nexcept = [{ job = \"nightly\" }]";

/// Cuts the arguments of a process.
fn cut(process: TestProcess) -> TestProcess {
    process.own(|own| own.completeness.truncated.push("process.command_args"))
}

/// Creates the process that opened a job.
fn opener() -> TestProcess {
    process(1, "/bin/sh", "sh -e").with_image(Image::default()).job("1")
}

fn go_run() -> Vec<Example> {
    let ci = |args: &str| go(9, args).job("1");
    let first = ci("go run .");
    let mut all = vec![
        finds("TG001", "file", High, "files in a job", [ci("go run main.go")]),
        finds("TG001", "local", High, "a package in a job", [ci("go run ./cmd/server -v")]),
        finds("TG001", "local", High, "a job on a terminal is a job", [ci("go run .").terminal()]),
        finds("TG001", "local", High, "after -C", [ci("go -C sub run .")]),
        finds("TG001", "local", Low, "at a terminal", [go(9, "go run .").terminal()]),
        finds("TG001", "local", Medium, "in a script", [go(9, "go run .")]),
        finds("TG001", "local", High, "in a service", [go(9, "go run .").unit("api.service")]),
        finds("TG001", "local", High, "in a container", [go(9, "go run .").container()]),
        finds(
            "TG001",
            "local",
            Medium,
            "at a terminal in a container",
            [go(9, "go run .").container().terminal()],
        ),
        finds(
            "TG001",
            "local",
            Medium,
            "in a runner's own unit",
            [go(9, "go run .").unit("gitlab-runner.service")],
        ),
        finds("TG001", "local", High, "what the profile calls a job", [go(9, "go run .")]).under(Profile::Ci),
        finds("TG001", "local", High, "production by profile, at a terminal", [go(9, "go run .").terminal()])
            .under(Profile::Production),
        finds("TG001", "cut", High, "of a command line that is cut", [cut(ci("go run -tags x"))]),
        finds("TG001", "cut", High, "that the command line is cut in front of", [cut(ci("go -C sub r"))]),
        finds("TG001", "local", High, "with arguments that are cut", [cut(ci("go run ./cmd/server -v"))]),
        clean("TG001", "a build that is cut", [cut(ci("go build -o app ./cmd/server"))]),
        finds("TG001", "unpinned", High, "latest", [ci("go run example.com/tool@latest")]),
        finds("TG001", "pinned", Medium, "a version", [ci("go run example.com/tool@v1.2.3")]),
        finds("TG001", "pinned", Medium, "what go.mod requires", [ci("go run example.com/tool/cmd")]),
        finds("TG001", "local", High, "the module by its path", [ci("go run example.com/app/cmd/server")]),
        finds(
            "TG001",
            "file",
            High,
            "with the variables of go generate, and without go generate",
            [ci("go run gen.go").env("GOFILE", "a.go").env("GOLINE", "3").env("GOPACKAGE", "a")],
        ),
        finds(
            "TG001",
            "pinned",
            High,
            "in a container that claims a job by itself",
            [go(9, "go run example.com/tool@v1.2.3").container().env("CI", "1")],
        ),
        finds(
            "TG001",
            "pinned",
            Medium,
            "in a container of a job",
            [go(9, "go run example.com/tool@v1.2.3").container().in_job_of(&opener())],
        ),
        finds(
            "TG001",
            "pinned",
            Medium,
            "in a container, and --env names the job",
            [go(9, "go run example.com/tool@v1.2.3").container().injected("CI_JOB_ID", "7")],
        ),
        finds(
            "TG001",
            "file",
            High,
            "a variable of any CI system",
            [go(9, "go run a.go").env("TRAVIS", "true")],
        ),
        finds("TG001", "file", Medium, "CI=false is no job", [go(9, "go run a.go").env("CI", "false")]),
        finds(
            "TG001",
            "file",
            Medium,
            "an image's BUILD_ID is no job",
            [go(9, "go run a.go").env("BUILD_ID", "7")],
        ),
        finds(
            "TG001",
            "file",
            High,
            "that claims the name of a job that is let off",
            [go(9, "go run a.go")
                .in_job_of(&opener())
                .env("GITLAB_CI", "true")
                .env("CI_JOB_NAME", "nightly")],
        )
        .configured(NIGHTLY_OFF),
        finds(
            "TG001",
            "file",
            High,
            "that opens a job of the name that is let off",
            [go(9, "go run a.go").env("GITLAB_CI", "true").env("CI_JOB_NAME", "nightly").job("1")],
        )
        .configured(NIGHTLY_OFF),
        clean(
            "TG001",
            "in a job that is let off",
            [go(9, "go run a.go")
                .in_job_of(&opener().env("GITLAB_CI", "true").env("CI_JOB_NAME", "nightly").job("1"))],
        )
        .configured(NIGHTLY_OFF),
        clean(
            "TG001",
            "in a job that is let off, and --env names it",
            [go(9, "go run a.go").injected("GITLAB_CI", "true").injected("CI_JOB_NAME", "nightly")],
        )
        .configured(NIGHTLY_OFF),
        finds(
            "TG001",
            "file",
            High,
            "by a go command whose path is not the host's",
            [go(9, "go run a.go").job("1").process(|p| p.executable.as_mut().unwrap().elsewhere = true)],
        )
        .configured("[rules.TG001]\nexcept = [{ path = \"**\" }]"),
        clean("TG001", "by a go command whose path is let off", [ci("go run a.go")])
            .configured("[rules.TG001]\nexcept = [{ path = \"**\" }]"),
        finds(
            "TG001",
            "generate",
            Low,
            "below go generate",
            [ci("go run gen.go").below(&ci("go generate ./..."))],
        ),
        clean("TG001", "-n does nothing", [ci("go run -n .")]),
        clean("TG001", "nothing to run", [ci("go run")]),
        clean("TG001", "help", [ci("go help run")]),
        clean("TG001", "another toolchain goes on with it", [first.clone(), ci("go run .").again(&first)]),
        clean(
            "TG001",
            "a program called go that is not Go's",
            [process(9, "/usr/bin/go", "go run .").job("1").with_image(Image::default())],
        ),
        clean(
            "TG001",
            "a program of one's own called go",
            [app(9).path("/home/me/go").args("go run .").job("1")],
        ),
        clean("TG001", "an argument that says go run", [app(9).args("./app go run").job("1")]),
        clean(
            "TG001",
            "make",
            [process(9, "/usr/bin/make", "make run").job("1").with_image(Image::default())],
        ),
    ];
    for args in [
        "go build -o run .",
        "go build run",
        "go vet ./...",
        "go test ./...",
        "go test -run run ./...",
        "go generate ./...",
        "go tool compile run.go",
        "go tool run",
        "go version",
        "go env",
        "go list run",
        "go mod download",
        "go install example.com/run@v1.0.0",
        "go get run@v1.0.0",
        "go help",
        "go",
    ] {
        all.push(clean("TG001", args, [ci(args)]));
    }
    for tool in ["gopls", "golangci-lint", "mage", "air"] {
        all.push(clean(
            "TG001",
            tool,
            [app(9).path(&format!("/home/me/go/bin/{tool}")).args("x run").job("1")],
        ));
    }
    all
}

/// Creates a program that the go command linked, without a commit.
fn linked(path: &str) -> TestProcess {
    app(10).path(path).args(path).setting("vcs.revision", "").setting("vcs", "").setting("vcs.modified", "")
}

/// Creates a program that could not be read.
fn unread(pid: u32, why: &'static str) -> TestProcess {
    let fixed = tracego_common::ExecFixed::new_zeroed();
    process(pid, "/home/me/m/prog", "prog serve").own(|own| {
        let mut file = linux::ExecutableFile::of(&fixed, &[]);
        file.unread = Some(why);
        own.executable = Some(file);
    })
}

/// Creates a program that Go's linker wrote, called by `origin`.
fn by_linker(origin: LinkOrigin, scene: TestProcess) -> TestProcess {
    scene.own(|own| {
        let linker = GoLinker { exec_id: "x".into(), pid: 8, origin, confidence: Confidence::High };
        own.go = Go::of(&GoTask::default(), None, Some(linker), |_| String::new());
    })
}

/// The programs that Go's linker wrote without `go run` at their place.
fn by_linkers() -> Vec<Example> {
    use LinkOrigin::{BuildSystem, Direct, GoBuild, GoRun};
    let direct = || by_linker(Direct, app(9));
    vec![
        finds("TG002", "linked", High, "by the linker alone, in a job", [direct().job("1")]),
        finds("TG002", "linked", Low, "by the linker alone, at a terminal", [direct().terminal()]),
        finds("TG002", "linked", High, "by the linker alone, in a service", [direct().unit("api.service")]),
        finds("TG002", "linked", High, "by go run, and moved", [by_linker(GoRun, app(9)).job("1")]),
        finds(
            "TG002",
            "linked",
            High,
            "by the linker alone, and not read",
            [by_linker(Direct, unread(9, "denied")).job("1")],
        ),
        finds(
            "TG002",
            "linked",
            High,
            "by the linker alone, with the flags of a test",
            [direct().args("./x -test.v=true").job("1")],
        ),
        finds("TG002", "build-system", Low, "by Bazel", [by_linker(BuildSystem, app(9)).job("1")]),
        clean("TG002", "by go build", [by_linker(GoBuild, app(9)).job("1")]),
    ]
}

fn artifacts() -> Vec<Example> {
    let work = "/tmp/go-build123/b001/exe/server";
    let cache: &'static str =
        Box::leak(format!("/home/me/.cache/go-build/ab/{HASH}-d/server").into_boxed_str());
    let child = |args: &str| linked(work).job("1").below(&go(9, args).job("1"));
    let tool = Build { version: "go1.27.3".into(), path: "cmd/addr2line".into(), ..Build::default() };
    vec![
        finds("TG002", "local", High, "linked into the temporary folder", [child("go run ./cmd/server")]),
        finds("TG002", "local", High, "linked into the cache", [child("go run ./cmd/server").path(cache)]),
        finds("TG002", "file", High, "of files", [child("go run a.go b.go")]),
        finds("TG002", "unpinned", High, "of a question", [child("go run example.com/t@main")]),
        finds("TG002", "pinned", Medium, "of a version", [child("go run example.com/t@v1.0.0")]),
        finds(
            "TG002",
            "pinned",
            Medium,
            "of what go.mod requires",
            [child("go run example.com/t").build(|build| build.main.as_mut().unwrap().sum = "h1:x".into())],
        ),
        finds(
            "TG002",
            "file",
            High,
            "with the variables of go generate, and without go generate",
            [child("go run gen.go").env("GOFILE", "a.go").env("GOLINE", "3").env("GOPACKAGE", "a")],
        ),
        finds(
            "TG002",
            "generate",
            Low,
            "in go generate",
            [linked(work)
                .job("1")
                .below(&go(9, "go run gen.go").job("1").below(&go(8, "go generate").job("1")))],
        ),
        finds(
            "TG002",
            "cut",
            High,
            "of a command line that is cut",
            [linked(work).job("1").below(&cut(go(9, "go run -tags x").job("1")))],
        ),
        finds("TG002", "unknown-parent", Medium, "whose go run is not known", [linked(work).job("1")]),
        finds("TG002", "unknown-parent", Low, "that could not be read", [process(9, cache, cache)]),
        finds(
            "TG002",
            "unread",
            Medium,
            "of a job, of which nothing is known",
            [unread(9, "denied").job("1")],
        ),
        clean(
            "TG002",
            "the same program once more",
            [unread(9, "denied").job("1"), unread(10, "denied").job("1")],
        ),
        finds("TG002", "vanished", Low, "of a test that is over", [unread(9, "gone").job("1")]),
        finds("TG002", "vanished", Low, "that a build has just written", [unread(9, "unstable").job("1")]),
        clean("TG002", "that could not be read, outside of a job", [unread(9, "denied")]),
        clean("TG002", "what go build made", [app(9).job("1").below(&go(8, "go build .").job("1"))]),
        clean(
            "TG002",
            "a test",
            [child("go test .").path("/tmp/go-build123/b001/app.test").args("x -test.v=true")],
        ),
        clean("TG002", "a tool of go tool", [child("go tool stringer").path(cache)]),
        clean(
            "TG002",
            "a tool of the distribution",
            [process(9, cache, cache).with_image(Image { go: Some(tool), ..Image::default() })],
        ),
        clean("TG002", "a folder of that name", [app(9).path("/home/me/go-build123/server").job("1")]),
        clean(
            "TG002",
            "a program under GOCACHE that go did not put there",
            [app(9).path("/home/me/.cache/go-build/server").job("1")],
        ),
        clean(
            "TG002",
            "a static program there that Go did not make",
            [process(9, cache, cache).job("1").with_image(Image::default())],
        ),
        clean(
            "TG002",
            "a child of the child",
            [process(11, "/usr/bin/ls", "ls").with_image(Image::default()).below(&child("go run ."))],
        ),
    ]
}
