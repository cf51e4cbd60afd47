//! The ways to start `go run`, and the fate of each.

use Fate::{Denied, Ended, Killed, Runs};

/// The fate of a go command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// execve fails; where the kernel does not support that, like [`Fate::Killed`].
    Denied,
    /// Killed before its first instruction.
    Killed,
    /// Killed after it was judged.
    Ended,
    /// Not stopped.
    Runs,
}

impl Fate {
    /// Returns the text in the documentation.
    pub(super) fn text(self) -> &'static str {
        match self {
            Denied => "execve fails",
            Killed => "before its first instruction",
            Ended => "after its start",
            Runs => "not stopped",
        }
    }
}

/// A sign that a go command ran.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Sign {
    /// The command creates the folders of its empty cache, or reports a missing package.
    Cache,
    /// The command fails in any case, with these words.
    Says(&'static str),
}

/// A way to start `go run`, or something that only looks like one.
pub(super) struct Way {
    /// Name in the documentation.
    pub(super) name: &'static str,
    /// Name of its folder and of the program there (`MARK.go`): an argument that identifies its records.
    pub(super) mark: &'static str,
    /// Shell script, run in that folder. `$GO` is the go command, also the first `go` in `$PATH`; `$TOP` is
    /// the folder of the helpers.
    pub(super) script: &'static str,
    /// Fate with `--enforce kill`.
    pub(super) kill: Fate,
    /// Fate with `--enforce deny`.
    pub(super) deny: Fate,
    pub(super) sign: Sign,
}

impl Way {
    /// Returns whether the way starts go more than once.
    pub(super) fn is_many(&self) -> bool {
        self.script == RACE
    }
}

const fn way(name: &'static str, mark: &'static str, script: &'static str, kill: Fate, deny: Fate) -> Way {
    Way { name, mark, script, kill, deny, sign: Sign::Cache }
}

const fn says(way: Way, words: &'static str) -> Way {
    Way { sign: Sign::Says(words), ..way }
}

/// Mark of the way with a dynamically linked go command, unlike those of go.dev.
pub(super) const LINKED: &str = "linked";

/// Path of the dynamic linker, part of the ABI of x86-64.
pub(super) const LINKER: &str = "/lib64/ld-linux-x86-64.so.2";

pub(super) const WAYS: &[Way] = &[
    way("directly", "direct", "go run direct.go", Killed, Denied),
    way("by `sh -c`", "shell", "sh -c 'go run shell.go'", Killed, Denied),
    way("by make", "make", "make -s ci", Killed, Denied),
    way("by `exec.Command` of a Go program", "command", "$TOP/command go run command.go", Killed, Denied),
    way("by `go generate`", "generate", GENERATE, Killed, Denied),
    way("with `env -i`", "wiped", "env -i PATH=\"$PATH\" HOME=\"$HOME\" go run wiped.go", Killed, Denied),
    way("`go -C DIR run`", "chdir", "go -C ../chdir run chdir.go", Killed, Denied),
    way("`go --C=DIR run`", "chdir-is", "go --C=../chdir-is run chdir-is.go", Killed, Denied),
    way("`go -- run`", "dashes", "go -- run dashes.go", Killed, Denied),
    way("`go -C=DIR -- run`", "both-is", "go -C=../both-is -- run both-is.go", Killed, Denied),
    way("`go -C DIR -- run`", "both", "go -C ../both -- run both.go", Ended, Ended),
    way("a copy of the same name", "copy", "cp $GO ./go; ./go run copy.go", Killed, Denied),
    way(
        "a symbolic link of another name",
        "symlink",
        "ln -s $GO build; ./build run symlink.go",
        Killed,
        Denied,
    ),
    way("a path of `/proc/self/fd`", "handle", "exec 9<$GO; /proc/self/fd/9 run handle.go", Killed, Denied),
    way("another `argv[0]`", "argv", "$TOP/command -as build $GO run argv.go", Killed, Denied),
    way(
        "an `argv[0]` that looks like the name of a secret",
        "secret",
        "$TOP/command -as --token $GO run secret.go",
        Killed,
        Denied,
    ),
    way(
        "such an `argv[0]` and `go -C DIR -- run`",
        "token",
        "$TOP/command -as --token $GO -C ../token -- run token.go",
        Ended,
        Ended,
    ),
    way("a shell script called `go`", "shim", SHIM, Killed, Denied),
    way("a Go file that a shell runs", "polyglot", "sh ./polyglot.go", Killed, Denied),
    says(way("a `#!` script whose interpreter is go", "script", SCRIPT, Killed, Killed), "illegal character"),
    says(
        way("a thread that changes an argument meanwhile", "race", RACE, Killed, Denied),
        "no go files listed",
    ),
    way("a copy of another name", "renamed", "cp $GO ./build; ./build run renamed.go", Ended, Ended),
    way("a hard link of another name", "link", "cp $GO ./go; ln go build; ./build run link.go", Ended, Ended),
    way("a memfd", "memory", "$TOP/unnamed $GO run memory.go", Ended, Ended),
    way("a memfd called `x/go`", "slash", "UNNAMED=x/go $TOP/unnamed $GO run slash.go", Ended, Ended),
    way("`go -C DIR -- run` with a GOFLAGS beyond 4 KiB", "flags", FLAGS, Ended, Ended),
    way("by the dynamic linker", LINKED, "$LINKER $TOP/pie/go run linked.go", Runs, Runs),
];

/// The outer go command uses other folders than the tested one.
const GENERATE: &str = "HOME=$TOP GOCACHE=$WARM GOTMPDIR=$TOP go generate generate.go";
/// Flags of which the kernel side reads `-n` alone, which would only print what is to be done.
const FLAGS: &str = "GOFLAGS=\"-n$(printf '%4100s' '')-n=false\" go -C ../flags -- run flags.go";
const SHIM: &str = "printf '#!/bin/sh\\nexec \"$GO\" \"$@\"\\n' > go; chmod +x go; ./go run shim.go";
const SCRIPT: &str = "printf '#!%s run\\n' $GO > script.go; chmod +x script.go; ./script.go";
const RACE: &str = "ln -s $GO race; $TOP/racer ./race 50 race";

/// Commands that look like `go run` and must work.
pub(super) const CONTROLS: &[Way] = &[
    way("`go build`", "built", "go build -o program built.go && ./program run", Runs, Runs),
    way("`go test`", "tested", "go test -run Run tested.go tested_test.go", Runs, Runs),
    way("`go build` of a program called run", "called", "go build -o run called.go && ./run run", Runs, Runs),
    way("`go tool`", "tooled", "go tool compile -V=full > ran", Runs, Runs),
];
