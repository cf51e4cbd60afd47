//! The outcomes as a Markdown table.
#![expect(clippy::print_stdout, reason = "the table is the product of this arm")]

use super::BootOutcome;
use super::guest_report::DoctorReport;

/// Prints tests, sizes and checks of all kernels, the running one last if it is given; then the details of each boot.
pub(super) fn print(here: Option<&DoctorReport>, outcomes: &[BootOutcome]) {
    let kernels: Vec<&DoctorReport> = outcomes.iter().map(|outcome| &outcome.doctor).chain(here).collect();
    println!();
    row("", outcomes.iter().map(|outcome| &outcome.name).chain(here.map(|here| &here.kernel)).cloned());
    row("---", kernels.iter().map(|_| "---".to_owned()));
    let of = |text: fn(&BootOutcome) -> String| {
        outcomes.iter().map(text).chain(here.map(|_| "not run".to_owned()))
    };
    row("tests passed", of(|outcome| outcome.tests.passed.len().to_string()));
    row("tests failed", of(|outcome| outcome.tests.failed.len().to_string()));
    row("tests ignored", of(|outcome| outcome.tests.ignored.len().to_string()));
    row("boot, whole", of(|outcome| format!("{} s, {} s", outcome.boot.as_secs(), outcome.total.as_secs())));
    for name in names(kernels.iter().flat_map(|doctor| doctor.programs.iter().map(|program| &program.name))) {
        row(
            &format!("{name}: instructions"),
            kernels.iter().map(|doctor| {
                let program = doctor.programs.iter().find(|program| program.name == name);
                let none = if doctor.kernel.is_empty() { "not tried" } else { "refused" };
                program.map_or(none.to_owned(), |program| program.verified_insns.to_string())
            }),
        );
    }
    for name in names(kernels.iter().flat_map(|doctor| doctor.checks.iter().map(|check| &check.name))) {
        row(
            name,
            kernels.iter().map(|doctor| {
                let check = doctor.checks.iter().find(|check| check.name == name);
                check.map_or("not tried".to_owned(), |check| match check.state.as_str() {
                    "ok" => "ok".to_owned(),
                    state => format!("{state}: {}", check.detail.replace('|', "/")),
                })
            }),
        );
    }
    for outcome in outcomes {
        details(outcome);
    }
}

/// Prints failures and ignored tests, which the table omits.
fn details(outcome: &BootOutcome) {
    println!("\nLinux {}", outcome.name);
    for error in &outcome.errors {
        println!("  wrong: {error}");
    }
    for name in &outcome.tests.ignored {
        println!("  ignored: {name}");
    }
    for name in &outcome.tests.failed {
        println!("  failed: {name}");
    }
    if !outcome.tests.failures.is_empty() {
        println!("{}", outcome.tests.failures);
    }
}

fn row(name: &str, values: impl Iterator<Item = String>) {
    println!("| {name} | {} |", values.collect::<Vec<_>>().join(" | "));
}

/// Returns each name once, in order of first appearance.
fn names<'a>(all: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in all {
        if !names.contains(&name.as_str()) {
            names.push(name.as_str());
        }
    }
    names
}
