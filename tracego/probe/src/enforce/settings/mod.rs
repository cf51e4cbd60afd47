//! The configuration of enforcement: the table `[enforce]`.

mod exception;
mod keys;
mod matcher;

use std::path::PathBuf;

pub use exception::Exception;
pub use matcher::{ArgPattern, KernelMatcher, User};
use serde::Deserialize;
use tracego_model::clock::Time;

/// Name of this table in the configuration.
pub const TABLE: &str = "enforce";

/// The action of a rule on a matching start; never more than the mode.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum RuleAction {
    /// The action of the mode.
    #[default]
    Stop,
    /// The start is only reported.
    Audit,
    /// The program is killed, even where execve could be denied.
    Kill,
    /// All processes of the job, or of the watched command, are killed.
    KillJob,
}

/// The result of a rule whose argument cannot be read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Unreadable {
    /// The rule does not match.
    #[default]
    Allow,
    /// The rule matches if everything else does.
    Stop,
}

/// The table `[enforce]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Enforce {
    /// Result of a rule whose argument cannot be read.
    pub unreadable: Unreadable,
    /// Executables that are never stopped, beside those that a machine needs (see `lockout`).
    pub break_glass: Vec<PathBuf>,
    /// Accepts rules that would stop a login or another program that a machine needs.
    pub force: bool,
    /// Findings that kill a process as soon as they are made, and stop the same start from then on.
    pub findings: Option<Vec<String>>,
    /// Rules in order; the first match decides. Without any, the built-in rules apply.
    #[serde(skip)]
    pub rules: Option<Vec<Rule>>,
    /// Exceptions, checked before the rules.
    #[serde(skip)]
    pub exceptions: Vec<Exception>,
    /// Warnings about keys that have other names now.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// A rule, `[[enforce.rules]]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Name of the rule in records.
    pub name: String,
    /// Action on a match.
    #[serde(default)]
    pub action: RuleAction,
    /// Criteria of a match, read apart from the other keys.
    #[serde(skip)]
    pub matches: KernelMatcher,
    /// Reason, shown to the person whose program is stopped.
    #[serde(default)]
    pub message: Option<String>,
    /// Remediation: what to do instead.
    #[serde(default)]
    pub remediation: Option<String>,
}

impl Enforce {
    /// Parses the table of a configuration.
    ///
    /// # Errors
    /// Returns a text that names the place of the mistake.
    pub fn read(mut table: toml::Table) -> Result<Self, String> {
        let mut warnings = Vec::new();
        let rules = keys::take::<Rule>(&mut table, "rules", &keys::RULE, &mut warnings)?;
        let exceptions = keys::take::<Exception>(&mut table, "exceptions", &keys::EXCEPTION, &mut warnings)?;
        let read = toml::Value::Table(table).try_into();
        let read: Self = read.map_err(|error| format!("{TABLE}: {}", keys::first_line(&error)))?;
        for (one, _) in exceptions.iter().flatten() {
            let name = &one.name;
            one.holds(Time(0)).map_err(|error| format!("{TABLE}.exceptions {name:?}: {error}"))?;
            if one.owner.trim().is_empty() || one.reason.trim().is_empty() {
                return Err(format!("{TABLE}.exceptions {name:?}: owner and reason must not be empty"));
            }
        }
        let exceptions = exceptions.into_iter().flatten();
        Ok(Self {
            rules: rules.map(|all| all.into_iter().map(|(one, matches)| Rule { matches, ..one }).collect()),
            exceptions: exceptions.map(|(one, matches)| Exception { matches, ..one }).collect(),
            warnings,
            ..read
        })
    }

    /// Returns the table for a run with policies: they decide in the place of the built-in rules. Rules and
    /// findings that are written down stay in force.
    #[must_use]
    pub fn with_policies(mut self) -> Self {
        self.rules.get_or_insert_default();
        self.findings.get_or_insert_default();
        self
    }

    /// Returns the findings that kill a process.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        self.findings.clone().unwrap_or_else(|| vec!["TG001".to_owned()])
    }

    /// Returns the rules in force. `tree`: one command is watched, which counts as a build whatever its
    /// variables are.
    #[must_use]
    pub fn rules(&self, tree: bool) -> Vec<Rule> {
        self.rules.clone().unwrap_or_else(|| built_in(!tree))
    }
}

/// Returns rules for `go run` as the go command parses it: `run` comes first, or after `-C DIR`
/// (cmd/go/main.go, handleChdirFlag) and `--`, which ends flags (package flag). After both of them in four
/// words, it is out of reach for a rule.
fn built_in(in_job: bool) -> Vec<Rule> {
    let rule = |args: &[ArgPattern]| {
        Rule {
        name: "go-run".to_owned(),
        action: RuleAction::Stop,
        matches: KernelMatcher {
            executables: vec!["go".to_owned()],
            args: args.to_vec(),
            in_job,
            ..KernelMatcher::default()
        },
        message: Some(
            "go run makes a program that nobody can build again, that no scanner sees and that has no name"
                .to_owned(),
        ),
        remediation: Some(
            "build it (go build -o bin/NAME ./cmd/NAME) and run bin/NAME, or have its version in go.mod as a \
             tool (go tool NAME)"
                .to_owned(),
        ),
    }
    };
    let text = |text: &str| ArgPattern::Text(text.to_owned());
    let prefix = |text: &str| ArgPattern::Prefix(text.to_owned());
    [
        &[text("run")][..],
        &[text("--"), text("run")],
        &[text("-C"), ArgPattern::Any, text("run")],
        &[text("--C"), ArgPattern::Any, text("run")],
        &[prefix("-C="), text("run")],
        &[prefix("--C="), text("run")],
        &[prefix("-C="), text("--"), text("run")],
        &[prefix("--C="), text("--"), text("run")],
    ]
    .map(rule)
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Enforce, String> {
        Enforce::read(text.parse().expect("TOML"))
    }

    #[test]
    fn an_exception_ends() {
        let one = read(
            "exceptions = [{ name = 'a', owner = 'o', reason = 'r', expires = '2026-11-25', in-job = true }]",
        )
        .expect("an exception");
        let at = |seconds: i64| Time(seconds * 1_000_000_000);
        assert_eq!(one.exceptions[0].holds(at(1_795_564_799)), Ok(true));
        assert_eq!(one.exceptions[0].holds(at(1_795_564_800)), Ok(false));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, what) in [
            ("rules = [{ name = 'x' }]", "has no criteria"),
            ("rules = [{ name = 'x', args = ['a', 'b', 'c', 'd'] }]", "at most 3"),
            ("rules = [{ name = 'x', args = ['a*b'] }]", "only allowed at the end"),
            ("rules = [{ name = 'x', args = ['a[b]'] }]", "before a character that is no wildcard"),
            ("rules = [{ name = 'x', path = ['bin/go'] }]", "absolute path"),
            (
                "rules = [{ name = 'x', path = ['/opt/*'] }]",
                "path: \"/opt/*\": the kernel side knows no wildcards",
            ),
            ("rules = [{ name = 'x', user = 'a' }]", "user: the kernel side, which decides here, does not"),
            ("rules = [{ path = 'x' }]", "missing field `name`"),
            ("mode = 'kill'", "unknown field"),
            ("rule = []", "unknown field `rule`, expected one of"),
            (
                "exceptions = [{ name = 'a', owner = ' ', reason = 'r', expires = '2027-01-31', in-job = true }]",
                "owner and reason",
            ),
            (
                "exceptions = [{ name = 'a', owner = 'o', reason = 'r', expires = 'soon', in-job = true }]",
                "not a day",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
