//! TG014: the Go toolchain in a place where only built programs should run.

use tracego_golang::{role::Role, task::GoPosition};
use tracego_model::{
    finding::Severity::{High, Medium},
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG014.
pub const RULE: Rule = Rule {
    id: "TG014",
    name: "toolchain-in-production",
    title: "a Go toolchain in a run-time container or production unit",
    summary: "The go command, or a tool of its toolchain, was executed in a run-time container or by a production \
              unit: something is built, downloaded or changed where only what was released should run.",
    remedy: "Build in the job and put the program alone into the image; take golang images for build stages only.",
    reference: "https://docs.docker.com/build/building/multi-stage/",
    variants: &[
        Variant {
            name: "go-command",
            grades: Grades::declared(High, Medium),
            summary: "The go command was executed.",
            remedy: "",
        },
        Variant {
            name: "tool",
            grades: Grades::declared(High, Medium),
            summary: "A compiler, linker or another tool of the toolchain was executed, not by the go command.",
            remedy: "",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(variant) = variant(subject) else {
        return;
    };
    let place = subject.place(report.settings);
    if !place.is_production() || subject.is_repeated() {
        return;
    }
    let record = subject.record;
    let message = match &record.container {
        Some(container) => format!("{} was executed in the container {}", subject.path(), container.id),
        None => format!("{} was executed in production", subject.path()),
    };
    let case = FindingCase::new(variant, message)
        .sure(place.confidence())
        .with("process.executable.path", subject.path())
        .with_some("tracego.unit", record.tracego.unit.as_deref())
        .with_some("process.runtime.version", subject.build().map(|build| build.version.as_str()));
    report.add(case, place, &MatchTarget::of(record));
}

/// Returns the variant: the go command, however it is called, or a tool that the go command did not start.
fn variant(subject: &Subject<'_>) -> Option<&'static str> {
    if subject.invocation().is_some() {
        return Some("go-command");
    }
    let task = subject.task.filter(|task| task.role == Some(Role::CompilerHelper))?;
    (task.place == GoPosition::Outside).then_some("tool")
}
