//! TG004: modules that are not pinned or not verified.

mod command;
mod variables;

use command::of_command;
pub use command::{builds, takes_modules, unpinned_package};
use tracego_golang::command::Invocation;
use tracego_model::{
    finding::Severity::{High, Low, Medium},
    matcher::MatchTarget,
};
pub use variables::{VariableCase, variable_cases};
use variables::{VariableSources, of_variables};

use crate::rules::{
    collector::FindingCollector,
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG004.
pub const RULE: Rule = Rule {
    id: "TG004",
    name: "unverified-modules",
    title: "modules that are not pinned or not verified",
    summary: "The go command may take other code than go.mod and go.sum name, or does not verify what it takes: two \
              builds of one commit can differ, and nobody notices code that was exchanged.",
    remedy: "Build with the go.mod and go.sum of the commit, -mod=readonly, and the checksum database on.",
    reference: "https://go.dev/ref/mod",
    variants: &[
        Variant {
            name: "no-module",
            grades: MIDDLING,
            summary: "No go.mod is in force.",
            remedy: "Build in a folder with a go.mod: go mod init makes one.",
        },
        Variant {
            name: "gopath-mode",
            grades: MIDDLING,
            summary: "GO111MODULE=off: code comes from GOPATH in whatever version lies there.",
            remedy: "Unset GO111MODULE.",
        },
        Variant {
            name: "unpinned",
            grades: MIDDLING,
            summary: "A version is a question, such as @latest or @main: another day it is other code.",
            remedy: "Name a version, such as @v1.2.3.",
        },
        Variant {
            name: "mod-mod",
            grades: MIDDLING,
            summary: "-mod=mod: the build changes go.mod and go.sum instead of failing when they are not complete.",
            remedy: "Run go mod tidy, commit the result, and build with -mod=readonly, the default.",
        },
        Variant {
            name: "sumdb-off",
            grades: Grades { ci: Medium, production: High, guessed: High, terminal: Medium, other: Medium },
            summary: "GOSUMDB=off: what is new in go.sum is not verified against the checksum database.",
            remedy: "Unset GOSUMDB, and name private modules in GOPRIVATE.",
        },
        Variant {
            name: "private-all",
            grades: MIDDLING,
            summary: "GOPRIVATE or GONOSUMDB takes public modules out of the checksum database, too.",
            remedy: "Name the module paths that are private, such as example.com/team/*.",
        },
        Variant {
            name: "private",
            grades: Grades::always(Low),
            summary: "GOPRIVATE or GONOSUMDB takes modules out of the checksum database that the configuration does \
                      not list.",
            remedy: "List the patterns that are meant in rules.TG004.private.",
        },
        Variant {
            name: "insecure",
            grades: Grades { ci: High, production: High, guessed: High, terminal: Medium, other: Medium },
            summary: "GOINSECURE: modules are fetched over plain HTTP or without a look at certificates.",
            remedy: "Unset GOINSECURE, and give the server a certificate.",
        },
        Variant {
            name: "proxy-direct",
            grades: Grades::always(Low),
            summary: "GOPROXY begins with direct: modules come from their repositories, which can change or vanish.",
            remedy: "Put a module proxy in front of direct.",
        },
        Variant {
            name: "toolchain",
            grades: Grades::always(Low),
            summary: "GOTOOLCHAIN names another Go than the one that was started: it is looked for in PATH or \
                      downloaded.",
            remedy: "Set GOTOOLCHAIN=local, and install the Go that go.mod names.",
        },
        Variant {
            name: "toolexec",
            grades: MIDDLING,
            summary: "-toolexec: another program stands in front of compiler and linker and can change what they make.",
            remedy: "Build releases without -toolexec.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// Grades of a case that is bad for a release, and good to know in an experiment.
const MIDDLING: Grades =
    Grades { ci: Medium, production: Medium, guessed: Medium, terminal: Low, other: Low };

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(invocation) = subject.invocation() else {
        return;
    };
    if subject.is_repeated() {
        return;
    }
    let sources = VariableSources { subject };
    // GOFLAGS of `go env -w` is in force where the environment does not set it.
    let read_again = sources.written("GOFLAGS").map(|flags| Invocation::parse(subject.args(), flags));
    let invocation = read_again.as_ref().unwrap_or(invocation);
    if !invocation.is_plausible() {
        return;
    }
    let mut cases = Vec::new();
    of_command(subject, invocation, &sources, &mut cases);
    if takes_modules(invocation) {
        of_variables(&sources, &report.thresholds().private, &mut cases);
    }
    if cases.is_empty() {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    for case in cases {
        report.add(case.sure(subject.confidence()), place, &scope_target);
    }
}
