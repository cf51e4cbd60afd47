//! The ways to start `go run`, and what becomes of each.

use Fate::{Denied, Ended, Killed, Runs};

/// What becomes of a go command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// execve fails; where the kernel does not allow that, as [`Fate::Killed`].
    Denied,
    /// It is killed before its first instruction.
    Killed,
    /// It is killed when it has been judged.
    Ended,
    /// Nothing happens to it.
    Runs,
}

impl Fate {
    /// As the documentation says it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Denied => "execve fails",
            Killed => "before its first instruction",
            Ended => "after its start",
            Runs => "not stopped",
        }
    }
}

/// How it shows that a go command ran.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Sign {
    /// It makes the folders of its cache, which is empty before, or says that a package is missing.
    Cache,
    /// It fails in any case, with these words.
    Says(&'static str),
}

/// A way to start `go run`, or something that only looks like it.
pub(super) struct Way {
    /// As the documentation calls it.
    pub(super) name: &'static str,
    /// Its folder, and the name of the program there (`MARK.go`): an argument by which its records are known.
    pub(super) mark: &'static str,
    /// What a shell does in that folder. `$GO` is the go command, also the first `go` of `$PATH`; `$TOP` has the
    /// helpers.
    pub(super) script: &'static str,
    /// With `--enforce kill`.
    pub(super) kill: Fate,
    /// With `--enforce deny`.
    pub(super) deny: Fate,
    pub(super) sign: Sign,
}

impl Way {
    /// Whether it starts go more than once.
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

/// For a go command that is linked dynamically, which those of go.dev are not.
pub(super) const LINKED: &str = "linked";

/// Where the dynamic linker is: part of the ABI of x86-64.
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
    way("by the dynamic linker", LINKED, "$LINKER $TOP/pie/go run linked.go", Runs, Runs),
];

/// The go command around it is another one than the one that is looked at.
const GENERATE: &str = "HOME=$TOP GOCACHE=$WARM GOTMPDIR=$TOP go generate generate.go";
const SHIM: &str = "printf '#!/bin/sh\\nexec \"$GO\" \"$@\"\\n' > go; chmod +x go; ./go run shim.go";
const SCRIPT: &str = "printf '#!%s run\\n' $GO > script.go; chmod +x script.go; ./script.go";
const RACE: &str = "ln -s $GO race; $TOP/racer ./race 50 race";

/// What looks like it and is none: it has to do its work.
pub(super) const CONTROLS: &[Way] = &[
    way("`go build`", "built", "go build -o program built.go && ./program run", Runs, Runs),
    way("`go test`", "tested", "go test -run Run tested.go tested_test.go", Runs, Runs),
    way("`go build` of a program called run", "called", "go build -o run called.go && ./run run", Runs, Runs),
    way("`go tool`", "tooled", "go tool compile -V=full > ran", Runs, Runs),
];
