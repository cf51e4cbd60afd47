//! Modules and their verification: TG004.

use tracego_model::finding::Severity::{High, Low, Medium};

use super::{Example, clean, finds};
use crate::rules::test_process::{TestProcess, go};

pub(super) fn examples() -> Vec<Example> {
    [modules(), variables()].into_iter().flatten().collect()
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
    // GONOSUMDB takes precedence over GOPRIVATE, wherever each of the two is set.
    let written = |scene: TestProcess, name: &str, value: &str| {
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
