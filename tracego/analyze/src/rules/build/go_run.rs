//! TG001: `go run`.

use tracego_golang::{
    role::Role,
    target::{ModuleVersion, RunTarget},
};
use tracego_model::{
    finding::Severity::{High, Low, Medium},
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG001.
pub const RULE: Rule = Rule {
    id: "TG001",
    name: "go-run",
    title: "go run instead of a program that was built",
    summary: "go run builds a program, starts it and throws it away: nothing says afterwards what ran. It carries \
              no commit, is not what was tested or released, downloads and compiles at start, and its exit \
              status is not the program's.",
    remedy: "Build once with go build, keep and ship the file, and start that.",
    reference: "https://pkg.go.dev/cmd/go#hdr-Compile_and_run_Go_program",
    variants: &[
        Variant {
            name: "file",
            grades: PROGRAM,
            summary: "Files are run by name: they are built outside of any module path.",
            remedy: "",
        },
        Variant {
            name: "local",
            grades: PROGRAM,
            summary: "A package of the module in force is run.",
            remedy: "",
        },
        Variant {
            name: "unpinned",
            grades: PROGRAM,
            summary: "A package of another module is run at a version that is a question, such as @latest: \
                      another day it is other code.",
            remedy: "Name a version, better add a tool line to go.mod (Go 1.24), and use go tool or go install.",
        },
        Variant {
            name: "pinned",
            grades: TOOL,
            summary: "A package of another module is run at a version that the command line or go.mod names.",
            remedy: "Add a tool line to go.mod (Go 1.24) and use go tool, or go install it into the image of the job.",
        },
        Variant {
            name: "cut",
            grades: PROGRAM,
            summary: "The command line is longer than what is kept of it: that it runs something else than go run, or \
                      what it runs, is not known.",
            remedy: "Raise --argv-max if a command line of the job is that long.",
        },
        Variant {
            name: "generate",
            grades: GENERATE,
            summary: "A line of go generate runs it: code is made while it is built.",
            remedy: "Commit what is generated, and let the job check it instead of making it.",
        },
    ],
    // GOFLAGS may turn a start into a dry run. The built-in rule of the kernel side does not look at it, either.
    by_arguments: true,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// Grades of a program that does the work of the job or of the service.
pub(super) const PROGRAM: Grades =
    Grades { ci: High, production: High, guessed: High, terminal: Low, other: Medium };
/// Grades of a tool whose code is always the same.
pub(super) const TOOL: Grades =
    Grades { ci: Medium, production: High, guessed: High, terminal: Low, other: Low };
/// Grades of a code generator.
pub(super) const GENERATE: Grades =
    Grades { ci: Low, production: High, guessed: High, terminal: Low, other: Low };

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    // A toolchain that hands over to another executes the same command line twice in one process.
    if subject.role() != Some(Role::GoRun) || subject.is_repeated() {
        return;
    }
    let Some(target) = subject.invocation().and_then(|invocation| invocation.target.as_ref()) else {
        return;
    };
    let module = subject.surroundings.and_then(|around| around.go_mod.as_ref());
    let foreign = |path: &str| module.is_some_and(|module| !is_below(path, &module.module));
    let place = subject.place(report.settings);
    let variant = if subject.is_generated() { "generate" } else { variant(target, foreign) };
    let wherein = match (place.ci, place.is_production()) {
        (true, _) => " in a CI job",
        (_, true) => " in production",
        _ => "",
    };
    let case = FindingCase::new(
        variant,
        format!("go run {target} was executed{wherein} instead of a program that was built"),
    )
    .sure(subject.confidence())
    .with("package", target.to_string())
    .with("process.command_args", subject.args().join(" "))
    .with_some("go.mod", module.map(|module| module.path.as_str()))
    .with_some("GOFILE", subject.variable("GOFILE"));
    report.add(case, place, &MatchTarget::of(subject.record));
}

/// Returns the variant of a target. `foreign` decides whether an import path without a version belongs to
/// another module.
#[must_use]
pub fn variant(target: &RunTarget, foreign: impl Fn(&str) -> bool) -> &'static str {
    match target {
        RunTarget::Files(_) => "file",
        RunTarget::Local(_) => "local",
        RunTarget::Resolved(path) if foreign(path) => "pinned",
        RunTarget::Resolved(_) => "local",
        RunTarget::Unknown => "cut",
        RunTarget::Remote { version: ModuleVersion::Query(_), .. } => "unpinned",
        RunTarget::Remote { version: ModuleVersion::Pinned(_) | ModuleVersion::Commit(_), .. } => "pinned",
    }
}

/// Whether an import path belongs to a module.
fn is_below(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
