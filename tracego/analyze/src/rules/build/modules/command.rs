//! Checks of a command line and GOFLAGS that decide where modules come from.

use tracego_golang::{
    command::Invocation,
    subcommand::Subcommand,
    target::{ModuleVersion, RunTarget},
};

use super::variables::VariableSources;
use crate::rules::{collector::FindingCase, subject::Subject};

/// Adds the cases that the command line and GOFLAGS are.
pub(super) fn of_command(
    subject: &Subject<'_>,
    invocation: &Invocation,
    sources: &VariableSources<'_>,
    cases: &mut Vec<FindingCase>,
) {
    let flags = &invocation.flags;
    // The flags without those of GOFLAGS. Arguments behind the package are for the program that is run.
    let given = || Invocation::parse(subject.args(), "").flags;
    if builds(invocation) {
        if flags.module_mode.as_deref() == Some("mod") {
            let case = FindingCase::new("mod-mod", "a build may change go.mod and go.sum: -mod=mod");
            let source = sources.of_flag(given().module_mode.is_some());
            cases.push(case.with("-mod", "mod").with("source", source));
        }
        if let Some(program) = flags.toolexec.as_deref() {
            let case =
                FindingCase::new("toolexec", format!("compiler and linker are started through {program}"));
            let source = sources.of_flag(given().toolexec.is_some());
            cases.push(case.with("-toolexec", program).with("source", source));
        }
        if sources.get("GO111MODULE").is_some_and(|(value, _)| value == "off") {
            let case = FindingCase::new("gopath-mode", "modules are off: code comes from GOPATH");
            cases.push(sources.evidence(case, "GO111MODULE"));
        } else if is_without_module(subject) && needs_module(invocation) {
            let folder =
                subject.record.process.as_ref().and_then(|process| process.working_directory.as_deref());
            let case = FindingCase::new("no-module", "a build has no go.mod in force")
                .with_some("process.working_directory", folder)
                .with_some("-C", invocation.chdir.as_deref());
            cases.push(case);
        }
    }
    if let Some(question) = unpinned_package(invocation) {
        let case = FindingCase::new("unpinned", format!("{question} is another version another day"));
        cases.push(case.with("package", question).with("source", "process.command_args"));
    }
}

/// Whether the command may fetch modules. `go mod init`, `go env` and `go version` may not.
#[must_use]
pub fn takes_modules(invocation: &Invocation) -> bool {
    match invocation.subcommand {
        Subcommand::Run
        | Subcommand::Test
        | Subcommand::Build
        | Subcommand::Install
        | Subcommand::Vet
        | Subcommand::Get
        | Subcommand::List
        | Subcommand::Tool
        | Subcommand::Fix => true,
        Subcommand::Mod => invocation.operands.first().is_some_and(|verb| {
            matches!(verb.as_ref(), "download" | "tidy" | "vendor" | "graph" | "why" | "verify")
        }),
        _ => false,
    }
}

/// Whether the command builds what go.mod names and must not change go.mod.
#[must_use]
pub fn builds(invocation: &Invocation) -> bool {
    matches!(
        invocation.subcommand,
        Subcommand::Run | Subcommand::Test | Subcommand::Build | Subcommand::Install | Subcommand::Vet
    )
}

/// Whether a go.mod was looked for and there is none.
fn is_without_module(subject: &Subject<'_>) -> bool {
    subject
        .surroundings
        .is_some_and(|around| around.go_mod.is_none() && !around.unavailable.contains_key("go_mod"))
}

/// Whether the target of the command is looked up in a module. `path@version` never is, and the standard
/// library is in none.
fn needs_module(invocation: &Invocation) -> bool {
    match (&invocation.subcommand, &invocation.target) {
        (Subcommand::Run, Some(target)) => !matches!(target, RunTarget::Remote { .. } | RunTarget::Unknown),
        (Subcommand::Run, None) => false,
        _ => {
            invocation.operands.is_empty() || invocation.operands.iter().any(|operand| is_of_module(operand))
        }
    }
}

fn is_of_module(operand: &str) -> bool {
    let host = operand.split('/').next().unwrap_or_default();
    operand.ends_with(".go")
        || operand.starts_with(['.', '/'])
        || host.contains('.') && !operand.contains('@')
}

/// Returns the first operand with a query such as `@latest` in place of a version.
#[must_use]
pub fn unpinned_package(invocation: &Invocation) -> Option<String> {
    let is_question = |target: &RunTarget| matches!(target, RunTarget::Remote { version: ModuleVersion::Query(query), .. } if query.as_ref() != "none");
    if let Some(target) = invocation.target.as_ref().filter(|target| is_question(target)) {
        return Some(target.to_string());
    }
    let operands = match invocation.subcommand {
        Subcommand::Install | Subcommand::Get => invocation.operands.as_slice(),
        Subcommand::Mod if invocation.operands.first().is_some_and(|verb| verb.as_ref() == "download") => {
            invocation.operands.get(1..).unwrap_or_default()
        }
        _ => &[],
    };
    operands.iter().filter_map(|operand| RunTarget::package(operand)).find(is_question).map(|t| t.to_string())
}

#[cfg(test)]
mod tests {
    use crate::rules::{
        place::Profile,
        test_process::{self, go},
    };

    #[test]
    fn a_flag_comes_from_where_the_go_command_reads_it() {
        for (args, goflags, source) in [
            ("go run -mod=mod .", "", "process.command_args"),
            ("go run --mod mod .", "-mod=mod", "process.command_args"),
            ("go run . -mod=mod", "-mod=mod", "GOFLAGS (environment)"),
            ("go run . -toolexec x", "-toolexec=y", "GOFLAGS (environment)"),
            ("go build -ldflags -mod .", "-mod=mod", "GOFLAGS (environment)"),
            ("go build -toolexec x .", "-toolexec=y", "process.command_args"),
            ("go test . -args -toolexec=x", "-toolexec=y", "GOFLAGS (environment)"),
        ] {
            let mut rules = test_process::rules("", Profile::Auto);
            let found = go(9, args).job("1").env("GOFLAGS", goflags).start(&mut rules);
            let sources: Vec<&str> = found
                .iter()
                .filter(|finding| finding.id == "TG004")
                .filter_map(|finding| finding.evidence.get("source").map(String::as_str))
                .collect();
            assert_eq!(sources, [source], "{args}, GOFLAGS={goflags}");
        }
    }
}
