//! Go commands: TG005 and TG014.

use tracego_golang::{Build, Image};
use tracego_model::finding::Severity::{High, Low, Medium};

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{TestProcess, app, go, process},
};

pub(super) fn examples() -> Vec<Example> {
    [shared(), toolchain()].into_iter().flatten().collect()
}

fn shared() -> Vec<Example> {
    let own_temp = |scene: TestProcess, n: &str| scene.env("TMPDIR", &format!("/tmp/{n}"));
    let build = |pid: u32, job: &str| own_temp(go(pid, "go build .").job(job), job);
    let two = |change: &dyn Fn(TestProcess) -> TestProcess| vec![build(1, "1"), change(build(2, "2"))];
    vec![
        finds("TG005", "cache", Medium, "the default cache of one user", two(&|scene| scene)),
        finds(
            "TG005",
            "cache",
            Medium,
            "named by three variables",
            vec![build(1, "1").env("GOCACHE", "/c/go-build"), build(2, "2").env("XDG_CACHE_HOME", "/c/")],
        ),
        finds(
            "TG005",
            "temporary-folder",
            Low,
            "the default",
            vec![
                go(1, "go test .").job("1").env("GOCACHE", "/1"),
                go(2, "go run .").job("2").env("GOCACHE", "/2").env("TMPDIR", "/tmp/"),
            ],
        ),
        finds(
            "TG005",
            "temporary-folder",
            Low,
            "GOTMPDIR wins",
            vec![
                go(1, "go test .").job("1").env("GOCACHE", "/1").env("GOTMPDIR", "/t"),
                go(2, "go run .").job("2").env("GOCACHE", "/2").env("TMPDIR", "/t"),
            ],
        ),
        clean("TG005", "folders of their own", two(&|scene| scene.env("GOCACHE", "/c/2"))),
        clean("TG005", "one job", vec![build(1, "1"), build(2, "1")]),
        clean(
            "TG005",
            "other mounts",
            two(&|scene| scene.own(|own| own.namespace.as_mut().unwrap().mnt = 8).env("TMPDIR", "/tmp/1")),
        ),
        clean("TG005", "a command that does not build", vec![build(1, "1"), go(2, "go version").job("2")]),
        clean("TG005", "no job", vec![build(1, "1"), go(2, "go build .")]),
        clean("TG005", "told before", vec![build(1, "1"), build(2, "2"), build(3, "2")]),
        Example::new("TG005", "the first has ended", |rules| {
            let (first, second) = (go(1, "go build .").job("1"), go(2, "go build .").job("2"));
            first.start(rules);
            rules.exit(first.id, 5);
            second.start(rules)
        }),
        Example::new("TG005", "the first became another program", |rules| {
            let first = go(1, "go build .").job("1");
            first.start(rules);
            process(1, "/bin/sh", "sh").with(|scene| scene.id = first.id).start(rules);
            go(2, "go build .").job("2").start(rules)
        }),
    ]
}

fn toolchain() -> Vec<Example> {
    let compile = Build { version: "go1.27.3".into(), path: "cmd/compile".into(), ..Build::default() };
    let image = Image { go: Some(compile), ..Image::default() };
    let compile =
        process(9, "/usr/local/go/pkg/tool/linux_amd64/compile", "compile -V=full").with_image(image);
    vec![
        finds("TG014", "go-command", Medium, "in a container", [go(9, "go build .").container()]),
        finds("TG014", "go-command", High, "in production", [go(9, "go build .").container()])
            .under(Profile::Production),
        finds("TG014", "go-command", Medium, "in a service", [go(9, "go version").unit("api.service")]),
        finds(
            "TG014",
            "go-command",
            Medium,
            "at a terminal in a container",
            [go(9, "go env").container().terminal()],
        ),
        finds("TG014", "tool", Medium, "the compiler by itself", [compile.clone().container()]),
        clean("TG014", "the compiler of a go command", [compile.container().below(&go(8, "go build ."))]),
        clean("TG014", "a container of a job", [go(9, "go build .").container().part_of_job("1")]),
        finds(
            "TG014",
            "go-command",
            Medium,
            "a container that claims a job by itself",
            [go(9, "go build .").container().env("CI", "1")],
        ),
        clean(
            "TG014",
            "a container of a job by CI=true",
            [go(9, "go build .").container().part_of_job_by("CI", "true")],
        ),
        clean("TG014", "a runner's unit", [go(9, "go build .").unit("actions.runner.acme.1.service")]),
        clean("TG014", "a container engine's unit", [go(9, "go build .").unit("docker.service")]),
        clean(
            "TG014",
            "a desktop's unit",
            [go(9, "go build .").unit("gnome-terminal-server.service").process(|p| {
                p.linux.as_mut().unwrap().cgroup =
                    "/user.slice/user-1000.slice/user@1000.service/x.service".into();
            })],
        ),
        clean("TG014", "a developer's container", [go(9, "go build .").container()])
            .under(Profile::Developer),
        clean("TG014", "a container that is none of production", [go(9, "go build .").container()])
            .configured("[production]\nexcept = [{ container = \"0123*\" }]"),
        finds("TG014", "go-command", High, "a user that is", [go(9, "go build .").terminal()])
            .configured("[production]\nmatch = [{ user = \"me\" }]"),
        clean("TG014", "a program of Go's in a container", [app(9).container()]),
        clean("TG014", "another toolchain goes on with it", {
            let first = go(9, "go build .").container();
            [first.clone(), go(9, "go build .").container().again(&first)]
        }),
    ]
}
