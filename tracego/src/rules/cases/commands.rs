//! Go commands and what they make: TG001, TG002, TG004, TG005 and TG014.

use super::{Example, clean, finds};
use crate::{
    golang::{Build, Image},
    rules::{
        finding::Severity::{High, Low, Medium},
        place::Profile,
        scene::{Scene, app, go, process},
    },
};

const HASH: &str = "ab23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(super) fn examples() -> Vec<Example> {
    [go_run(), artifacts(), modules(), variables(), shared(), toolchain()].into_iter().flatten().collect()
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
        finds("TG001", "unpinned", High, "latest", [ci("go run example.com/tool@latest")]),
        finds("TG001", "pinned", Medium, "a version", [ci("go run example.com/tool@v1.2.3")]),
        finds("TG001", "pinned", Medium, "what go.mod requires", [ci("go run example.com/tool/cmd")]),
        finds("TG001", "local", High, "the module by its path", [ci("go run example.com/app/cmd/server")]),
        finds(
            "TG001",
            "generate",
            Low,
            "in go generate",
            [ci("go run gen.go").env("GOFILE", "a.go").env("GOLINE", "3").env("GOPACKAGE", "a")],
        ),
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

/// A program that go linked.
fn linked(path: &str) -> Scene {
    app(10).path(path).args(path).setting("vcs.revision", "").setting("vcs", "").setting("vcs.modified", "")
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
            "generate",
            Low,
            "in go generate",
            [child("go run gen.go").env("GOFILE", "a.go").env("GOLINE", "3").env("GOPACKAGE", "a")],
        ),
        finds("TG002", "unknown-parent", Medium, "whose go run is not known", [linked(work).job("1")]),
        finds("TG002", "unknown-parent", Low, "that could not be read", [process(9, cache, cache)]),
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

fn modules() -> Vec<Example> {
    let bare = |args: &str| go(9, args).around(|around| around.go_mod = None);
    let ci = |args: &str| go(9, args).job("1");
    let mut all = vec![
        finds("TG004", "no-module", Medium, "files without go.mod", [bare("go run main.go").job("1")]),
        finds("TG004", "no-module", Low, "a folder without go.mod", [bare("go build").terminal()]),
        finds("TG004", "no-module", Medium, "all packages without go.mod", [bare("go test ./...").job("1")]),
        finds(
            "TG004",
            "gopath-mode",
            Medium,
            "modules are off",
            [bare("go build .").env("GO111MODULE", "off").job("1")],
        ),
        finds("TG004", "unpinned", Medium, "run latest", [ci("go run example.com/t@latest")]),
        finds("TG004", "unpinned", Medium, "install a branch", [ci("go install example.com/t@main")]),
        finds(
            "TG004",
            "unpinned",
            Medium,
            "get a major version",
            [ci("go get example.com/a@v1.0.0 example.com/t@v2")],
        ),
        finds("TG004", "unpinned", Medium, "download latest", [ci("go mod download example.com/t@latest")]),
        finds("TG004", "mod-mod", Medium, "as a flag", [ci("go build -mod=mod .")]),
        finds("TG004", "mod-mod", Medium, "as two words", [ci("go build -mod mod .")]),
        finds("TG004", "mod-mod", Medium, "in GOFLAGS", [ci("go build .").env("GOFLAGS", "-v -mod=mod")]),
        finds(
            "TG004",
            "mod-mod",
            Medium,
            "in GOFLAGS of go env -w",
            [ci("go build .")
                .around(|around| drop(around.go_env.insert("GOFLAGS".into(), "-mod=mod".into())))],
        ),
        finds("TG004", "toolexec", Medium, "as a flag", [ci("go build -toolexec /tmp/x .")]),
        clean(
            "TG004",
            "the command line wins over GOFLAGS",
            [ci("go build -mod=readonly .").env("GOFLAGS", "-mod=mod")],
        ),
        clean(
            "TG004",
            "the environment wins over go env -w",
            [ci("go build .")
                .env("GOFLAGS", "-v")
                .around(|around| drop(around.go_env.insert("GOFLAGS".into(), "-mod=mod".into())))],
        ),
        clean("TG004", "a standard package without go.mod", [bare("go vet fmt").job("1")]),
        clean("TG004", "path@version without go.mod", [bare("go run example.com/t@v1.0.0").job("1")]),
        clean(
            "TG004",
            "install path@version without go.mod",
            [bare("go install example.com/t@v1.0.0").job("1")],
        ),
        clean(
            "TG004",
            "go.mod was hidden",
            [bare("go build .")
                .around(|around| drop(around.unavailable.insert("go_mod".into(), "EACCES".into())))
                .job("1")],
        ),
        clean("TG004", "nothing was read around it", [go(9, "go build .").with_nothing_around().job("1")]),
        clean("TG004", "go mod tidy may change go.mod", [ci("go mod tidy").env("GOFLAGS", "-mod=mod")]),
        clean("TG004", "the argument of a program", [ci("go run . -mod=mod x@latest")]),
        clean("TG004", "another toolchain goes on with it", {
            let first = ci("go build -mod=mod .");
            [first.clone(), ci("go build -mod=mod .").again(&first)]
        }),
    ];
    for args in [
        "go build ./...",
        "go vet ./...",
        "go test -mod=vendor ./...",
        "go install .",
        "go mod download",
        "go mod init x",
        "go version",
        "go env -w GOSUMDB=off",
        "go get example.com/x@none",
        "go list -m -u all",
        "go list -m example.com/t@latest",
    ] {
        all.push(clean("TG004", args, [ci(args)]));
    }
    all
}

fn variables() -> Vec<Example> {
    let with = |name: &str, value: &str| go(9, "go build .").job("1").env(name, value);
    let mut all = Vec::new();
    for (name, value, variant, severity) in [
        ("GOSUMDB", "off", "sumdb-off", Medium),
        ("GOPRIVATE", "*", "private-all", Medium),
        ("GONOSUMDB", "github.com/*", "private-all", Medium),
        ("GOPRIVATE", "git.example.com/*", "private", Low),
        ("GONOSUMDB", "github.com/acme/*", "private", Low),
        ("GOINSECURE", "git.example.com", "insecure", High),
        ("GOPROXY", "direct", "proxy-direct", Low),
        ("GOPROXY", "direct,https://proxy.example.com", "proxy-direct", Low),
        ("GOTOOLCHAIN", "go1.21.0", "toolchain", Low),
        ("GOTOOLCHAIN", "go1.28rc1+auto", "toolchain", Low),
    ] {
        all.push(finds("TG004", variant, severity, name, [with(name, value)]));
    }
    for (name, value) in [
        ("GOSUMDB", "sum.golang.org"),
        ("GOSUMDB", ""),
        ("GOPROXY", "https://proxy.golang.org,direct"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOTOOLCHAIN", "auto"),
        ("GOTOOLCHAIN", "go1.27.3"),
        ("GOPRIVATE", ""),
        ("GOPRIVATE", "none"),
        ("GONOSUMDB", "none"),
        ("GONOPROXY", "*"),
        ("GOFLAGS", "-trimpath -v"),
        ("GO111MODULE", "on"),
    ] {
        all.push(clean("TG004", value, [with(name, value)]));
    }
    let meant = "[rules.TG004]\nprivate = [\"git.example.com/*\", \"*.corp\"]";
    all.push(clean("TG004", "meant", [with("GOPRIVATE", "git.example.com/*,*.corp")]).configured(meant));
    all.push(
        finds("TG004", "private", Low, "not meant", [with("GOPRIVATE", "*.corp,x.example.com")])
            .configured(meant),
    );
    // GONOSUMDB stands in front of GOPRIVATE, in whatever of both places each is.
    let written = |scene: Scene, name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        scene.around(move |around| drop(around.go_env.insert(name, value)))
    };
    let (all_private, meant) = (with("GOPRIVATE", "*"), "[rules.TG004]\nprivate = [\"corp\"]");
    all.extend([
        clean("TG004", "GONOSUMDB alone counts", [all_private.clone().env("GONOSUMDB", "corp")])
            .configured(meant),
        clean("TG004", "GONOSUMDB of go env -w counts", [written(all_private.clone(), "GONOSUMDB", "corp")])
            .configured(meant),
        clean(
            "TG004",
            "GOPRIVATE of go env -w does not",
            [written(with("GONOSUMDB", "corp"), "GOPRIVATE", "*")],
        )
        .configured(meant),
        clean("TG004", "all are verified", [all_private.clone().env("GONOSUMDB", "none")]),
        finds("TG004", "private", Low, "not meant", [all_private.clone().env("GONOSUMDB", "corp")]),
        finds(
            "TG004",
            "private-all",
            Medium,
            "GONOSUMDB is wider",
            [with("GOPRIVATE", "corp").env("GONOSUMDB", "*")],
        )
        .configured(meant),
        finds(
            "TG004",
            "private-all",
            Medium,
            "an empty one is not set",
            [all_private.clone().env("GONOSUMDB", "")],
        ),
        finds(
            "TG004",
            "private-all",
            Medium,
            "GONOPROXY says nothing of it",
            [all_private.env("GONOPROXY", "corp")],
        ),
    ]);
    all.push(finds(
        "TG004",
        "sumdb-off",
        Medium,
        "go env -w",
        [go(9, "go build .")
            .job("1")
            .around(|around| drop(around.go_env.insert("GOSUMDB".into(), "off".into())))],
    ));
    all.push(clean("TG004", "go version takes no module", [go(9, "go version").env("GOSUMDB", "off")]));
    all
}

fn shared() -> Vec<Example> {
    let own_temp = |scene: Scene, n: &str| scene.env("TMPDIR", &format!("/tmp/{n}"));
    let build = |pid: u32, job: &str| own_temp(go(pid, "go build .").job(job), job);
    let two = |change: &dyn Fn(Scene) -> Scene| vec![build(1, "1"), change(build(2, "2"))];
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
        clean("TG014", "a container of a job", [go(9, "go build .").container().job("1")]),
        clean(
            "TG014",
            "a container of a job by CI=true",
            [go(9, "go build .").container().env("CI", "true")],
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
