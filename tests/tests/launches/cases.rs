//! The tested ways to start Go programs.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use tracego_tests::{Session, go};

use crate::replay;

/// A way to start Go programs.
pub(crate) struct LaunchCase {
    /// Name of the way.
    pub(crate) name: &'static str,
    /// First and last minor version of Go that the row applies to.
    minor: (u32, u32),
    /// Shell script, run in a copy of `demo`. `HOST` is the version of another toolchain.
    script: &'static str,
    /// The processes with a role, in the format of `replay::lines`.
    seen: &'static [&'static str],
}

const ALL: (u32, u32) = (21, 99);
/// Versions that keep the executables of `go run`.
const KEEPING: (u32, u32) = (24, 99);

impl LaunchCase {
    pub(crate) fn is_for(&self, version: &str) -> bool {
        (self.minor.0..=self.minor.1).contains(&minor(version))
    }
}

fn minor(version: &str) -> u32 {
    version.split('.').nth(1).unwrap().parse().unwrap()
}

/// All rows. `KEPT` stands for `@cache` if the toolchain keeps executables, and for `@work` otherwise;
/// `HOSTKEPT` is the same for the other toolchain. `BEFORE_1_27` stands for `medium` in older versions, and
/// for nothing since.
pub(crate) const ROWS: &[LaunchCase] = &[
    LaunchCase {
        name: "go run of a file",
        minor: ALL,
        script: "go run main.go",
        seen: &["go-run run main.go", "go-run-child main @work < run main.go"],
    },
    LaunchCase {
        name: "go run of a package, twice",
        minor: ALL,
        script: "go run ./cmd/app; go run ./cmd/app true -C x run",
        seen: &[
            "go-run run ./cmd/app",
            "go-run-child app @work < run ./cmd/app",
            "go-run run ./cmd/app",
            "go-run-child app KEPT < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "-C in front of the subcommand and behind it",
        minor: ALL,
        script: "go -C cmd run ./app; go run -C=cmd ./app; go run --C cmd -x ./app 2>/dev/null",
        seen: &[
            "go-run run ./app -C cmd",
            "go-run-child app @work < run ./app",
            "go-run run ./app -C cmd",
            "go-run-child app KEPT < run ./app",
            "go-run run ./app -C cmd",
            "go-run-child app KEPT < run ./app",
        ],
    },
    LaunchCase {
        name: "a module of a proxy, pinned, latest, and as go.mod says",
        minor: ALL,
        script: r#"
            python3 ../proxy.py ../proxy
            export GOPROXY=file://$PWD/../proxy
            cd /; go run example.com/p@v1.0.0; go run example.com/p@latest; cd - >&2
            go mod edit -require=example.com/p@v1.0.0
            GOFLAGS=-mod=mod go run example.com/p"#,
        seen: &[
            "go-run run example.com/p@v1.0.0",
            "go-run-child p @work < run example.com/p@v1.0.0",
            "go-run run example.com/p@latest",
            "go-run-child p KEPT < run example.com/p@latest",
            "go-command mod edit",
            "go-run run example.com/p",
            "go-run-child p KEPT < run example.com/p",
        ],
    },
    LaunchCase {
        name: "go run -exec with a program and with a shell that forks",
        minor: ALL,
        script: r#"
            go run -exec 'nice -n 5' ./cmd/app
            go run -exec "sh -c '\"\$@\"; exit \$?' x" ./cmd/app
            GOFLAGS=-exec=./wrap.sh go run ./cmd/app"#,
        seen: &[
            "go-run run ./cmd/app",
            "go-run-child app @work < run ./cmd/app",
            "go-run run ./cmd/app",
            "go-run-child app KEPT < run ./cmd/app",
            "go-run run ./cmd/app",
            "go-run-child app KEPT < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "a toolchain that hands over to another",
        minor: ALL,
        script: r#"
            export PATH=$PWD/../other:$PATH GOTOOLCHAIN=goHOST
            go run ./cmd/app
            go -C cmd run ./app
            printf '#!/bin/sh\nexec ../host/goHOST "$@"\n' > ../other/goHOST.new
            chmod +x ../other/goHOST.new; mkdir ../host; mv ../other/goHOST ../host
            mv ../other/goHOST.new ../other/goHOST
            go run ./cmd/app
            GODEBUG=gotoolchainexec=0 go run ./cmd/app"#,
        seen: &[
            "go-run run ./cmd/app",
            "again go-run run ./cmd/app",
            "go-run-child app @work < run ./cmd/app",
            "go-run run ./app -C cmd",
            "again go-run run ./app -C cmd",
            "go-run-child app HOSTKEPT < run ./app",
            "go-run run ./cmd/app",
            "again go-run run ./cmd/app",
            "go-run-child app HOSTKEPT < run ./cmd/app",
            "go-run run ./cmd/app",
            "again go-run run ./cmd/app",
            "go-run-child app HOSTKEPT < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "go generate with a go run",
        minor: ALL,
        script: "go generate ./...",
        seen: &[
            "go-generate generate ./...",
            "go-run run ./cmd/app in go-generate",
            "go-run-child app @work in go-generate < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "go tool with a tool of the distribution",
        minor: (21, 24),
        script: "go tool addr2line -h 2>/dev/null; go tool compile -V; go tool -n compile",
        seen: &[
            "go-tool tool addr2line",
            "go-tool addr2line < tool addr2line",
            "go-tool tool compile",
            "go-tool compile < tool compile",
            "go-tool tool compile",
        ],
    },
    LaunchCase {
        name: "go tool with a tool of the distribution that it builds",
        minor: (25, 99),
        script: "go tool addr2line -h 2>/dev/null; go tool addr2line -h 2>/dev/null; go tool compile -V; go tool -n compile",
        seen: &[
            "go-tool tool addr2line",
            "go-tool addr2line @work < tool addr2line",
            "go-tool tool addr2line",
            "go-tool addr2line @cache < tool addr2line",
            "go-tool tool compile",
            "go-tool compile < tool compile",
            "go-tool tool compile",
        ],
    },
    LaunchCase {
        name: "go tool with a tool of go.mod, also by hand",
        minor: KEEPING,
        script: r#"
            go mod edit -go=1.24 -tool=example.com/demo/cmd/app
            go tool app; go tool example.com/demo/cmd/app
            $(go tool -n app)"#,
        seen: &[
            "go-command mod edit",
            "go-tool tool app",
            "go-tool app @work < tool app",
            "go-tool tool example.com/demo/cmd/app",
            "go-tool app @cache < tool example.com/demo/cmd/app",
            "go-tool tool app",
            "medium go-run-child app @cache",
        ],
    },
    LaunchCase {
        name: "go test, alone, with -exec and with a go run in it",
        minor: ALL,
        script: r#"
            go test .
            go test -count=1 -exec nice .
            START='go run ./cmd/app' go test -count=1 ."#,
        seen: &[
            "go-test test .",
            "go-test-binary demo.test in go-test < test .",
            "go-test test .",
            "go-test-binary demo.test in go-test < test .",
            "go-test test .",
            "go-test-binary demo.test in go-test < test .",
            "go-run run ./cmd/app in go-test",
            "go-run-child app @work in go-test < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "go test -c, its result by hand, and go test -o",
        minor: ALL,
        script: "go test -c -o x.test .; ./x.test -test.v; go test -o y -count=1 .; ./y -test.v",
        seen: &[
            "go-test test .",
            "go-test-binary x.test",
            "go-test test .",
            "go-test-binary demo.test in go-test < test .",
            "BEFORE_1_27 go-test-binary y",
        ],
    },
    LaunchCase {
        name: "coverage, for which go test starts go tool",
        minor: (25, 99),
        script: "go test -cover ./cmd/app; go test -cover ./cmd/app",
        seen: &[
            "go-test test ./cmd/app",
            "go-tool tool covdata in go-test",
            "go-tool covdata @work in go-test < tool covdata",
            "go-test test ./cmd/app",
            "go-tool tool covdata in go-test",
            "go-tool covdata @cache in go-test < tool covdata",
        ],
    },
    LaunchCase {
        name: "go build and go install, and what they make",
        minor: ALL,
        script: r#"
            go build -o run ./cmd/app; ./run; ./run go run .
            GOBIN=$PWD go install ./cmd/app; ./app; go -C cmd build ./app"#,
        seen: &[
            "go-build build ./cmd/app",
            "go-service run",
            "go-service run",
            "go-run run .",
            "go-run-child demo @work < run .",
            "go-build install ./cmd/app",
            "go-service app",
            "go-build build ./app -C cmd",
        ],
    },
    LaunchCase {
        name: "arguments that only look like a go run",
        minor: ALL,
        script: "go build -o app ./cmd/app; ./app true go run .; ./app true /tmp/go-build1/b001/exe/x",
        seen: &["go-build build ./cmd/app", "go-service app", "go-service app"],
    },
    LaunchCase {
        name: "go vet, go list, go env, go fmt, go version, go help, go clean, go mod tidy",
        minor: ALL,
        script: "go vet ./...; go list ./...; go env GOROOT; go fmt; go version; go help run; go run -h 2>/dev/null
            go clean; go mod tidy; go",
        seen: &[
            "go-command vet ./...",
            "go-command list ./...",
            "go-command env GOROOT",
            "go-command fmt",
            "go-command version",
            "go-command help",
            "go-command run",
            "go-command clean",
            "go-command mod tidy",
            "go-command help",
        ],
    },
    LaunchCase {
        name: "make, a shell, a script and then a go run",
        minor: ALL,
        script: "make run",
        seen: &["go-run run ./cmd/app", "go-run-child app @work < run ./cmd/app"],
    },
    LaunchCase {
        name: "a Go program that starts a go run",
        minor: ALL,
        script: "go build -o app ./cmd/app; ./app go run ./cmd/app true",
        seen: &[
            "go-build build ./cmd/app",
            "go-service app",
            "go-run run ./cmd/app",
            "go-run-child app @work < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "an environment that was wiped",
        minor: ALL,
        script: "env -i HOME=$HOME PATH=$PATH GOCACHE=$GOCACHE GOTOOLCHAIN=local go run ./cmd/app env",
        seen: &["go-run run ./cmd/app", "go-run-child app @work < run ./cmd/app"],
    },
    LaunchCase {
        name: "a child that outlives its go run and starts itself again",
        minor: ALL,
        script: r#"
            go run ./cmd/again $PWD/runs & go=$!
            while [ ! -e runs ]; do sleep 0.01; done
            kill -9 $go
            while [ ! -e runs.again ]; do sleep 0.01; done"#,
        seen: &[
            "go-run run ./cmd/again",
            "go-run-child again @work < run ./cmd/again",
            "again go-run-child again @work < run ./cmd/again",
        ],
    },
    LaunchCase {
        name: "what the child of a go run starts",
        minor: ALL,
        script: "go build -o app ./cmd/app; go run ./cmd/app ./app go version; go run ./cmd/app go run .",
        seen: &[
            "go-build build ./cmd/app",
            "go-run run ./cmd/app",
            "go-run-child app @work < run ./cmd/app",
            "go-service app",
            "go-command version",
            "go-run run ./cmd/app",
            "go-run-child app KEPT < run ./cmd/app",
            "go-run run .",
            "go-run-child demo @work < run .",
        ],
    },
    LaunchCase {
        name: "a go command that was renamed, copied and linked",
        minor: ALL,
        script: r#"
            export GOROOT=$(go env GOROOT)
            cp $GOROOT/bin/go ../copied; ln -s $GOROOT/bin/go ../linked; ln $PWD/../copied ../sh
            ../copied run ./cmd/app; ../linked run ./cmd/app; ../sh run ./cmd/app"#,
        seen: &[
            "go-command env GOROOT",
            "go-run run ./cmd/app",
            "go-run-child app @work < run ./cmd/app",
            "go-run run ./cmd/app",
            "go-run-child app KEPT < run ./cmd/app",
            "go-run run ./cmd/app",
            "go-run-child app KEPT < run ./cmd/app",
        ],
    },
    LaunchCase {
        name: "a go run that runs nothing",
        minor: ALL,
        script: "go run -n ./cmd/app 2>/dev/null; GOFLAGS=-n go run ./cmd/app 2>/dev/null; go run 2>/dev/null; go run -race -C cmd ./app 2>/dev/null",
        seen: &["go-command run ./cmd/app", "go-command run ./cmd/app", "go-command run", "go-command run"],
    },
    LaunchCase {
        name: "programs called go",
        minor: ALL,
        script: r#"
            go build -o own/go ./cmd/app; own/go true run .
            mkdir bin sh; cp /bin/true bin/go; sleep 0.1; bin/go run .
            printf '#!/bin/sh\ntrue "$@"\n' > sh/go; chmod +x sh/go; sh/go run ."#,
        seen: &["go-build build ./cmd/app", "go-service go"],
    },
    LaunchCase {
        name: "folders called like those of the go command",
        minor: ALL,
        script: r#"
            go build -o go-build123/app ./cmd/app; go-build123/app
            mkdir -p go-build123/b001; cp go-build123/app go-build123/b001; go-build123/b001/app
            mkdir -p go-build123/b001/exe; cp /bin/true go-build123/b001/exe; sleep 0.1; go-build123/b001/exe/true
            hash=abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789
            mkdir -p $GOCACHE/ab/$hash-d; cp /bin/true $GOCACHE/ab/$hash-d; sleep 0.1; $GOCACHE/ab/$hash-d/true
            cp go-build123/app $GOCACHE; $GOCACHE/app"#,
        seen: &["go-build build ./cmd/app", "go-service app", "go-service app", "go-service app"],
    },
    LaunchCase {
        name: "wrappers of the compiler and of vet",
        minor: ALL,
        script: r#"
            go build -o wrapper ./cmd/app; cp $(go env GOTOOLDIR)/vet checker
            go run -toolexec $PWD/wrap.sh ./cmd/app
            go run -toolexec $PWD/wrapper ./cmd/app
            go vet -vettool=$PWD/checker ."#,
        seen: &[
            "go-build build ./cmd/app",
            "go-command env GOTOOLDIR",
            "go-run run ./cmd/app",
            "compiler-helper dash",
            "go-run-child app @work < run ./cmd/app",
            "go-run run ./cmd/app",
            "compiler-helper wrapper",
            "go-run-child app KEPT < run ./cmd/app",
            "go-command vet .",
            "compiler-helper checker",
        ],
    },
];

/// Runs a row under tracego, and compares the observed roles with the expected ones.
pub(crate) fn check(row: &LaunchCase, version: &str) {
    let root = go::toolchain(version).unwrap();
    let other = if version == go::GO_1_27 { go::GO_1_24 } else { go::GO_1_27 };
    let folder = tempfile::tempdir().unwrap();
    // The path as the kernel sees it.
    let home = fs::canonicalize(folder.path()).unwrap();
    go::fill_cache(version, &home).unwrap();
    let demo = home.join("demo");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/launches/demo"), &demo);
    fs::write(home.join("proxy.py"), include_str!("proxy.py")).unwrap();
    fs::create_dir(home.join("other")).unwrap();
    if row.script.contains("HOST") {
        let other_root = go::toolchain(other).unwrap();
        go::fill_cache(other, &home).unwrap();
        symlink(other_root.join("bin/go"), home.join(format!("other/go{other}"))).unwrap();
    }
    let script = row.script.replace("HOST", other);
    let options = ["-e", "execve,exit,fork", "--env", "GOFLAGS"];
    let session = Session::run(&options, &["/bin/sh", "-c", &script], |command| {
        command.env_clear().envs(go::environment(&root, &home)).current_dir(&demo);
    });
    let kept = |version: &str| if minor(version) >= 24 { "@cache" } else { "@work" };
    let wanted: Vec<String> = row
        .seen
        .iter()
        .map(|line| line.replace("HOSTKEPT", kept(other)).replace("KEPT", kept(version)))
        .map(|line| line.replace("BEFORE_1_27 ", if minor(version) < 27 { "medium " } else { "" }))
        .collect();
    let seen = replay::lines(&session.records);
    assert!(session.stderr().contains(" = 0 lost"), "{}", session.stderr());
    assert_eq!(seen, wanted, "\n{}\n{seen:#?}", session.stderr());
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}
