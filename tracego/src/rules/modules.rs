//! TG004: modules that are not pinned or not verified.

use super::{
    finding::Severity::{High, Low, Medium},
    place::Who,
    report::{Case, Report},
    subject::Subject,
    table::{Grades, Rule, Variant},
};
use crate::golang::{
    command::Invocation,
    subcommand::Subcommand,
    target::{Target, Version},
};

/// See [`Rule`].
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
    start: Some(start),
    service: None,
};

/// Bad where a release is made, good to know where somebody tries something.
const MIDDLING: Grades =
    Grades { ci: Medium, production: Medium, guessed: Medium, terminal: Low, other: Low };

fn start(subject: &Subject<'_>, report: &mut Report<'_>) {
    let Some(invocation) = subject.invocation() else {
        return;
    };
    if subject.is_repeated() {
        return;
    }
    let sources = Sources { subject };
    // GOFLAGS of `go env -w` is in force where the environment says nothing.
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
    let (place, who) = (subject.place(report.settings), Who::of(subject.record));
    for case in cases {
        report.add(case.sure(subject.confidence()), place, &who);
    }
}

/// Whether it may fetch modules. `go mod init`, `go env` and `go version` may not.
fn takes_modules(invocation: &Invocation) -> bool {
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

/// Whether it builds what go.mod says, and must not change that.
fn builds(invocation: &Invocation) -> bool {
    matches!(
        invocation.subcommand,
        Subcommand::Run | Subcommand::Test | Subcommand::Build | Subcommand::Install | Subcommand::Vet
    )
}

/// What the command line and GOFLAGS say.
fn of_command(subject: &Subject<'_>, invocation: &Invocation, sources: &Sources<'_>, cases: &mut Vec<Case>) {
    let flags = &invocation.flags;
    if builds(invocation) {
        if flags.module_mode.as_deref() == Some("mod") {
            let case = Case::new("mod-mod", "a build may change go.mod and go.sum: -mod=mod");
            cases.push(case.with("-mod", "mod").with("source", sources.of_flag("mod")));
        }
        if let Some(program) = flags.toolexec.as_deref() {
            let case = Case::new("toolexec", format!("compiler and linker are started through {program}"));
            cases.push(case.with("-toolexec", program).with("source", sources.of_flag("toolexec")));
        }
        if sources.get("GO111MODULE").is_some_and(|(value, _)| value == "off") {
            let case = Case::new("gopath-mode", "modules are off: code comes from GOPATH");
            cases.push(sources.evidence(case, "GO111MODULE"));
        } else if is_without_module(subject) && needs_module(invocation) {
            let folder =
                subject.record.process.as_ref().and_then(|process| process.working_directory.as_deref());
            let case = Case::new("no-module", "a build has no go.mod in force")
                .with_some("process.working_directory", folder)
                .with_some("-C", invocation.chdir.as_deref());
            cases.push(case);
        }
    }
    if let Some(question) = question(invocation) {
        let case = Case::new("unpinned", format!("{question} is another version another day"));
        cases.push(case.with("package", question).with("source", "process.command_args"));
    }
}

/// It was looked for, and there is none.
fn is_without_module(subject: &Subject<'_>) -> bool {
    subject
        .surroundings
        .is_some_and(|around| around.go_mod.is_none() && !around.unavailable.contains_key("go_mod"))
}

/// Whether what it builds would be looked up in a module. `path@version` never is, and the standard
/// library is in none.
fn needs_module(invocation: &Invocation) -> bool {
    match (&invocation.subcommand, &invocation.target) {
        (Subcommand::Run, Some(target)) => !matches!(target, Target::Remote { .. }),
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

/// The first operand that asks for a version instead of naming one.
fn question(invocation: &Invocation) -> Option<String> {
    let is_question = |target: &Target| matches!(target, Target::Remote { version: Version::Query(query), .. } if query.as_ref() != "none");
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
    operands.iter().filter_map(|operand| Target::package(operand)).find(is_question).map(|t| t.to_string())
}

/// What variables say, from the environment or from `go env -w`.
fn of_variables(sources: &Sources<'_>, meant: &[String], cases: &mut Vec<Case>) {
    let mut add = |name: &'static str, variant, message: String| {
        cases.push(sources.evidence(Case::new(variant, message), name));
    };
    if sources.get("GOSUMDB").is_some_and(|(value, _)| value == "off") {
        add(
            "GOSUMDB",
            "sumdb-off",
            "modules are not verified against the checksum database: GOSUMDB=off".into(),
        );
    }
    for name in ["GOPRIVATE", "GONOSUMDB"] {
        let Some((value, _)) = sources.get(name) else { continue };
        let patterns = || value.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        let other = |pattern: &&str| !meant.iter().any(|meant| meant == pattern);
        if let Some(pattern) = patterns().filter(other).find(|pattern| is_wide(pattern)) {
            add(
                name,
                "private-all",
                format!("{name} takes public modules out of the checksum database: {pattern}"),
            );
        } else if let Some(pattern) = patterns().find(other) {
            add(name, "private", format!("{name} takes {pattern} out of the checksum database"));
        }
    }
    if let Some((value, _)) = sources.get("GOINSECURE")
        && value.split(',').map(str::trim).any(|p| !p.is_empty() && !meant.iter().any(|meant| meant == p))
    {
        add(
            "GOINSECURE",
            "insecure",
            format!("modules may be fetched without encryption: GOINSECURE={value}"),
        );
    }
    if let Some((value, _)) = sources.get("GOPROXY")
        && value.split([',', '|']).map(str::trim).find(|entry| !entry.is_empty()) == Some("direct")
    {
        add(
            "GOPROXY",
            "proxy-direct",
            "modules come straight from their repositories: GOPROXY begins with direct".into(),
        );
    }
    if let Some((value, _)) = sources.get("GOTOOLCHAIN") {
        // `go1.24.1+auto` names the least version and lets go.mod ask for a newer one.
        let name = value.split('+').next().unwrap_or_default();
        let running = sources.subject.build().is_some_and(|build| build.version == name);
        if name.starts_with("go1") && !running {
            add(
                "GOTOOLCHAIN",
                "toolchain",
                format!("another Go is asked for than was started: GOTOOLCHAIN={value}"),
            );
        }
    }
}

/// Whether a pattern (module.MatchPrefixPatterns of golang.org/x/mod) is for modules of anybody:
/// every host, every host below a top-level domain, or all of a public forge.
fn is_wide(pattern: &str) -> bool {
    const FORGES: [&str; 6] =
        ["github.com", "gitlab.com", "bitbucket.org", "golang.org", "google.golang.org", "gopkg.in"];
    let mut parts = pattern.split('/');
    let host = parts.next().unwrap_or_default();
    let owner = parts.next();
    let any = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'*' | b'?'));
    let any_host = any(host) || host.strip_prefix("*.").is_some_and(|rest| !rest.contains('.'));
    any_host || FORGES.contains(&host) && owner.is_none_or(any)
}

/// Where values come from.
struct Sources<'a> {
    subject: &'a Subject<'a>,
}

impl<'a> Sources<'a> {
    /// A variable as the go command sees it: an empty one is not set (cmd/go/internal/cfg.Getenv).
    fn get(&self, name: &str) -> Option<(&'a str, &'static str)> {
        let own = self.subject.variable(name).map(|value| (value, "environment"));
        own.or_else(|| self.written(name).map(|value| (value, "go env file")))
    }

    /// What `go env -w` wrote, where the environment says nothing.
    fn written(&self, name: &str) -> Option<&'a str> {
        if !self.subject.knows_environment() || self.subject.variable(name).is_some() {
            return None;
        }
        let file = &self.subject.surroundings?.go_env;
        file.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn evidence(&self, case: Case, name: &'static str) -> Case {
        match self.get(name) {
            Some((value, source)) => case.with(name, value).with("source", source),
            None => case,
        }
    }

    /// Whether a flag stands on the command line or in GOFLAGS.
    fn of_flag(&self, flag: &str) -> String {
        let given = self.subject.args().iter().any(|arg| {
            let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
            name.is_some_and(|name| name.split('=').next() == Some(flag))
        });
        match self.get("GOFLAGS").filter(|_| !given) {
            Some((_, source)) => format!("GOFLAGS ({source})"),
            None => "process.command_args".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_patterns_are_told_from_those_of_a_team() {
        for wide in ["*", "*.com", "github.com", "github.com/*", "gitlab.com/*", "*/*", "**"] {
            assert!(is_wide(wide), "{wide}");
        }
        for narrow in [
            "example.com",
            "*.corp.example.com",
            "github.com/acme",
            "github.com/acme/*",
            "git.example.com/*",
            "",
        ] {
            assert!(!is_wide(narrow), "{narrow}");
        }
    }
}
