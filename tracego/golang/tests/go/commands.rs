//! `golang::command`: the parsed form of each command line.

use tracego_golang::{
    command::{Invocation, Problem},
    subcommand::Subcommand,
    target::{ModuleVersion, RunTarget},
};

/// Parses a command line split at spaces, without GOFLAGS.
fn parse(line: &str) -> Invocation {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    Invocation::parse(&words, "")
}

fn local(text: &str) -> RunTarget {
    RunTarget::Local(text.into())
}

fn remote(path: &str, version: ModuleVersion) -> RunTarget {
    RunTarget::Remote { path: path.into(), version }
}

#[test]
fn what_go_run_runs() {
    let files = |files: &[&str]| RunTarget::Files(files.iter().map(|&file| file.into()).collect());
    let pinned = ModuleVersion::Pinned("v1.2.3".into());
    let table = [
        ("go run main.go", None, files(&["main.go"])),
        ("go run a.go b.go run c.go", None, files(&["a.go", "b.go"])),
        ("go run .", None, local(".")),
        ("go run ./cmd/server -race -n", None, local("./cmd/server")),
        ("go -C sub run .", Some("sub"), local(".")),
        ("go --C sub run .", Some("sub"), local(".")),
        ("go -C=sub run .", Some("sub"), local(".")),
        ("go --C=sub run .", Some("sub"), local(".")),
        ("go run -C sub .", Some("sub"), local(".")),
        ("go run --C=sub .", Some("sub"), local(".")),
        ("go run -C run .", Some("run"), local(".")),
        ("go -C run run run", Some("run"), local("run")),
        ("go run -exec nice .", None, local(".")),
        ("go run -exec=nice .", None, local(".")),
        ("go run --exec nice --race .", None, local(".")),
        ("go run -race=false -p 4 -tags a,b -mod=mod .", None, local(".")),
        ("go run -ldflags -s ./x", None, local("./x")),
        ("go run -buildvcs ./x", None, local("./x")),
        ("go run -buildvcs=auto ./x", None, local("./x")),
        ("go run -x -work ./x", None, local("./x")),
        ("go run -cover -covermode atomic ./x", None, local("./x")),
        ("go run -- ./x", None, local("./x")),
        ("go -- run ./x", None, local("./x")),
        ("go -C d -- run ./x", Some("d"), local("./x")),
        ("go run ./x -- -C y", None, local("./x")),
        ("go run ./x -C y", None, local("./x")),
        ("go run cmd/vet", None, local("cmd/vet")),
        ("go run example.com/x", None, RunTarget::Resolved("example.com/x".into())),
        ("go run example.com/x@v1.2.3 -v", None, remote("example.com/x", pinned.clone())),
        ("go run -mod=mod example.com/x@v1.2.3", None, remote("example.com/x", pinned)),
        ("go run example.com/x@latest", None, remote("example.com/x", ModuleVersion::Query("latest".into()))),
        ("go run example.com/x@v1 a@b", None, remote("example.com/x", ModuleVersion::Query("v1".into()))),
        ("/usr/lib/go/bin/go run ./x", None, local("./x")),
        ("anything run ./x", None, local("./x")),
    ];
    for (line, chdir, target) in table {
        let invocation = parse(line);
        assert_eq!(invocation.subcommand, Subcommand::Run, "{line}");
        assert_eq!(invocation.chdir.as_deref(), chdir, "{line}");
        assert_eq!(invocation.target, Some(target), "{line}");
        assert_eq!(invocation.problem, None, "{line}");
        assert!(invocation.starts_program(), "{line}");
    }
}

#[test]
fn what_starts_no_program() {
    for (line, problem) in [
        ("go run -n ./x", None),
        ("go run -n=true ./x", None),
        ("go run -C d -n ./x", None),
        ("go run", Some(Problem::Usage)),
        ("go run -race", Some(Problem::Usage)),
        ("go run -exec", Some(Problem::Usage)),
        ("go run -exec nice", Some(Problem::Usage)),
        ("go run -race=maybe ./x", Some(Problem::Usage)),
        ("go run x_test.go", Some(Problem::Usage)),
        ("go run -race -C d ./x", Some(Problem::Usage)),
        ("go -C a run -C b ./x", Some(Problem::Usage)),
        ("go -x run ./x", Some(Problem::Usage)),
        ("go run -h", Some(Problem::Help)),
        ("go run -help ./x", Some(Problem::Help)),
        ("go help run", Some(Problem::Help)),
        ("go -h", Some(Problem::Help)),
        ("go", Some(Problem::Help)),
        ("go -C d", Some(Problem::Help)),
        ("go runn ./x", Some(Problem::Usage)),
        ("go - run ./x", Some(Problem::Usage)),
        ("go -- -C d run ./x", Some(Problem::Usage)),
        ("go build ./x", None),
        ("go build -o run", None),
        ("go install example.com/run@latest", None),
        ("go vet ./...", None),
        ("go list -run ./x", Some(Problem::UnknownFlag)),
        ("go test -c", None),
        ("go test -n ./x", None),
        ("go test -run x -h", Some(Problem::Help)),
        ("go tool", None),
        ("go tool -n vet", None),
        ("go tool -h", Some(Problem::Help)),
        ("go generate ./...", None),
        ("go mod tidy", None),
        ("go mod", Some(Problem::Usage)),
        ("go mod help tidy", Some(Problem::Help)),
        ("go env -w GOFLAGS=-mod=mod", None),
    ] {
        let invocation = parse(line);
        assert!(!invocation.starts_program(), "{line}");
        assert_eq!(invocation.problem, problem, "{line}");
    }
    assert!(!Invocation::parse(&[] as &[&str], "").starts_program());
    assert!(!Invocation::parse(&["go", ""], "").starts_program());
}

#[test]
fn what_the_others_are_asked() {
    use Subcommand as S;
    for (line, subcommand, chdir, operands) in [
        ("go build -o run .", S::Build, None, &["."][..]),
        ("go build -C x -o=run ./a ./b", S::Build, Some("x"), &["./a", "./b"]),
        ("go install -race example.com/x@v1.0.0", S::Install, None, &["example.com/x@v1.0.0"]),
        ("go test", S::Test, None, &[]),
        ("go test ./...", S::Test, None, &["./..."]),
        ("go test -C x -v -run X ./a ./b -count 1", S::Test, Some("x"), &["./a", "./b"]),
        ("go test -v ./a -update x ./b", S::Test, None, &["./a"]),
        ("go test -unknown ./a", S::Test, None, &[]),
        ("go test ./a -args ./b -c", S::Test, None, &["./a"]),
        ("go test ./a -- -c", S::Test, None, &["./a"]),
        ("go test -exec sudo -test.run X ./a", S::Test, None, &["./a"]),
        ("go vet -printf=false -composites ./a", S::Vet, None, &["./a"]),
        ("go vet -vettool x ./a", S::Vet, None, &["./a"]),
        ("go -C x generate -run y ./a", S::Generate, Some("x"), &["./a"]),
        ("go tool compile -o x y.go", S::Tool, None, &["compile"]),
        ("go tool -modfile=tools.mod stringer -n", S::Tool, None, &["stringer"]),
        ("go get -u=patch example.com/x@latest", S::Get, None, &["example.com/x@latest"]),
        ("go mod -C x tidy -go 1.21", S::Mod, Some("x"), &["tidy"]),
        ("go mod tidy -C x", S::Mod, Some("x"), &["tidy"]),
        ("go mod edit -replace=a=b go.mod", S::Mod, None, &["edit", "go.mod"]),
        ("go work use -r .", S::Work, None, &["use", "."]),
        ("go env GOROOT", S::Env, None, &["GOROOT"]),
        ("go list -m -json all", S::List, None, &["all"]),
        ("go list -f {{.Dir}} ./x", S::List, None, &["./x"]),
        ("go version -m x", S::Version, None, &["x"]),
        ("go clean -cache", S::Clean, None, &[]),
        ("go fmt ./...", S::Fmt, None, &["./..."]),
        ("go doc -all fmt", S::Doc, None, &["fmt"]),
        ("go telemetry off", S::Telemetry, None, &["off"]),
        ("go bug", S::Bug, None, &[]),
        ("go fix ./...", S::Fix, None, &["./..."]),
    ] {
        let invocation = parse(line);
        assert_eq!(invocation.subcommand, subcommand, "{line}");
        assert_eq!(invocation.chdir.as_deref(), chdir, "{line}");
        let found: Vec<&str> = invocation.operands.iter().map(|word| &**word).collect();
        assert_eq!(found, operands, "{line}");
        assert_eq!(invocation.problem, None, "{line}");
        assert!(invocation.is_plausible(), "{line}");
    }
    for line in ["go", "go player.sgf", "go --version", "go run", "go test -count=x=y -C z"] {
        assert!(!parse(line).is_plausible(), "{line}");
    }
    assert_eq!(Invocation::parse(&["go", "** telemetry **"], "").subcommand, S::Sidecar);
}

#[test]
fn the_flags_that_rules_ask_for() {
    let line = "go run -mod=mod -modfile=other.mod -modcacherw -overlay o.json -toolexec t -exec e \
                -buildvcs=0 -ldflags=-s -gcflags all=-N -tags a,b -buildmode pie -race -msan -asan -cover \
                -trimpath -x .";
    let flags = parse(line).flags;
    for (flag, wanted) in [
        (&flags.module_mode, "mod"),
        (&flags.modfile, "other.mod"),
        (&flags.overlay, "o.json"),
        (&flags.toolexec, "t"),
        (&flags.exec, "e"),
        (&flags.buildvcs, "false"),
        (&flags.ldflags, "-s"),
        (&flags.gcflags, "all=-N"),
        (&flags.tags, "a,b"),
        (&flags.buildmode, "pie"),
    ] {
        assert_eq!(flag.as_deref(), Some(wanted));
    }
    let switches = [
        flags.modcache_writable,
        flags.race,
        flags.msan,
        flags.asan,
        flags.cover,
        flags.trimpath,
        flags.verbose,
        !flags.dry_run,
    ];
    assert_eq!(switches, [true; 8]);
    assert!(parse("go test -c -coverprofile c.out").flags.compile_only);
    assert!(parse("go test -coverprofile c.out").flags.cover);
    assert_eq!(parse("go build -o out").flags.output.as_deref(), Some("out"));
    // The last value counts, and an empty one resets the flag.
    assert_eq!(parse("go run -mod=mod -mod=vendor .").flags.module_mode.as_deref(), Some("vendor"));
    assert_eq!(parse("go run -mod=mod -mod= .").flags.module_mode, None);
    assert!(!parse("go run -n -n=false .").flags.dry_run);
}

#[test]
fn goflags_come_first_and_the_command_line_wins() {
    let parse = |line: &str, goflags| Invocation::parse(&line.split(' ').collect::<Vec<_>>(), goflags);
    let both = parse("go run -mod=vendor .", "-mod=mod -race");
    assert_eq!(both.flags.module_mode.as_deref(), Some("vendor"));
    assert!(both.flags.race && both.starts_program());
    assert!(!parse("go run .", "-n").starts_program());
    assert!(parse("go run -n=false .", "-n").starts_program());
    assert_eq!(parse("go run .", "-mod").problem, Some(Problem::Usage));
    assert_eq!(parse("go run .", "mod=mod").problem, Some(Problem::Usage));
    assert_eq!(parse("go env .", "mod=mod").problem, None);
    assert_eq!(parse("go tool x", "-mod=mod -race").problem, None);
    assert_eq!(parse("go test ./x", "-exec=nice").flags.exec.as_deref(), Some("nice"));
}

#[test]
fn a_flag_of_a_later_go_is_not_taken_for_wrong_usage() {
    let invocation = parse("go run -newer=x -newest ./x");
    assert_eq!(invocation.problem, Some(Problem::UnknownFlag));
    assert_eq!(invocation.target, Some(local("./x")));
    assert!(invocation.starts_program());
}

#[test]
fn long_command_lines_are_kept_in_part() {
    let words: Vec<String> = ["go".to_owned(), "build".to_owned(), "é".repeat(9000)]
        .into_iter()
        .chain((0..1000).map(|n| n.to_string()))
        .collect();
    let invocation = Invocation::parse(&words, "");
    assert_eq!(invocation.operands.len(), 64);
    assert_eq!(invocation.operands[0].len(), 4096);
    let files: Vec<String> =
        ["go".to_owned(), "run".to_owned()].into_iter().chain((0..1000).map(|n| format!("{n}.go"))).collect();
    let Some(RunTarget::Files(files)) = Invocation::parse(&files, "").target else { panic!() };
    assert_eq!(files.len(), 64);
}

#[test]
fn a_command_line_takes_a_bounded_place_in_memory() {
    let long = |name: &str| {
        let words = ["go".to_owned(), name.to_owned()].into_iter();
        words.chain((0..64).map(|n| format!("{n}{}.go", "x".repeat(4000)))).collect::<Vec<_>>()
    };
    let build = Invocation::parse(&long("build"), "");
    let kept = build.operands.iter().map(|word| word.len()).sum::<usize>();
    assert!(build.operands.len() == 64 && kept <= 8192 + 4096, "{kept}");
    assert!(build.is_same_but_chdir(&Invocation::parse(&long("build"), "")));
    let Some(RunTarget::Files(files)) = Invocation::parse(&long("run"), "").target else { panic!() };
    let kept = files.iter().map(|file| file.len()).sum::<usize>();
    assert!(files.len() == 64 && kept <= 8192 + 4096, "{kept}");
}
