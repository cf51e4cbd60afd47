//! The configuration of enforcement: the table `[enforce]`.

mod exception;
mod keys;
mod matcher;

use std::path::PathBuf;

pub use exception::Exception;
pub use matcher::{Matcher, User};
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
    pub rules: Option<Vec<Rule>>,
    /// Exceptions, checked before the rules.
    pub exceptions: Vec<Exception>,
}

/// A rule, `[[enforce.rules]]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// Name of the rule in records.
    pub name: String,
    /// Action on a match.
    #[serde(default)]
    pub action: RuleAction,
    /// Criteria of a match. Its keys are flattened, so serde cannot reject unknown ones: `keys` does.
    #[serde(flatten)]
    pub matches: Matcher,
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
    pub fn read(value: toml::Value) -> Result<Self, String> {
        keys::check(&value).map_err(|error| format!("{TABLE}.{error}"))?;
        let table: Self = value.try_into().map_err(|error: toml::de::Error| {
            format!("{TABLE}: {}", error.message().lines().next().unwrap_or_default())
        })?;
        let rules = table.rules.iter().flatten().map(|rule| ("rules", &rule.name, &rule.matches));
        let exceptions = table.exceptions.iter().map(|one| ("exceptions", &one.name, &one.matches));
        for (list, name, matches) in rules.chain(exceptions) {
            matches.check().map_err(|error| format!("{TABLE}.{list} {name:?}: {error}"))?;
        }
        for one in &table.exceptions {
            let name = &one.name;
            one.holds(Time(0)).map_err(|error| format!("{TABLE}.exceptions {name:?}: {error}"))?;
            if one.owner.trim().is_empty() || one.reason.trim().is_empty() {
                return Err(format!("{TABLE}.exceptions {name:?}: owner and reason must not be empty"));
            }
        }
        Ok(table)
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
    let rule = |args: &[&str]| {
        Rule {
        name: "go-run".to_owned(),
        action: RuleAction::Stop,
        matches: Matcher {
            executables: vec!["go".to_owned()],
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            in_job,
            ..Matcher::default()
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
    let ways: [&[&str]; 8] = [
        &["run"],
        &["--", "run"],
        &["-C", "*", "run"],
        &["--C", "*", "run"],
        &["-C=*", "run"],
        &["--C=*", "run"],
        &["-C=*", "--", "run"],
        &["--C=*", "--", "run"],
    ];
    ways.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Enforce, String> {
        let table: toml::Table = text.parse().expect("TOML");
        Enforce::read(toml::Value::Table(table))
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
            ("rules = [{ name = 'x', executables = ['bin/go'] }]", "absolute path"),
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
