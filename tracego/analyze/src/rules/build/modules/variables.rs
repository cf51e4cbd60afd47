//! Checks of variables that decide where modules come from, set in the environment or by `go env -w`.

use crate::rules::{collector::FindingCase, subject::Subject};

/// Adds the cases that variables from the environment or from `go env -w` are. `meant` lists patterns that
/// the configuration allows.
pub(super) fn of_variables(sources: &VariableSources<'_>, meant: &[String], cases: &mut Vec<FindingCase>) {
    let running = sources.subject.build().map(|build| build.version.as_str());
    for case in variable_cases(|name| sources.get(name).map(|(value, _)| value), meant, running) {
        cases.push(sources.evidence(FindingCase::new(case.variant, case.message), case.name));
    }
}

/// A variable of the go command that decides where modules come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VariableCase {
    /// Name of the variable.
    pub name: &'static str,
    /// Variant of the rule.
    pub variant: &'static str,
    /// Description of the case.
    pub message: String,
}

/// Returns the cases that variables are. `get` returns the value of a variable, `meant` lists patterns that the
/// configuration allows, and `running` is the version of the go command.
#[must_use]
pub fn variable_cases<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    meant: &[String],
    running: Option<&str>,
) -> Vec<VariableCase> {
    let mut cases = Vec::new();
    let mut add = |name, variant, message| cases.push(VariableCase { name, variant, message });
    if get("GOSUMDB") == Some("off") {
        let message = "modules are not verified against the checksum database: GOSUMDB=off".into();
        add("GOSUMDB", "sumdb-off", message);
    }
    // GONOSUMDB defaults to GOPRIVATE (cmd/go/internal/cfg/cfg.go).
    // `none` is no module path: it is written where no module is meant (go.dev/ref/mod, GONOPROXY=none).
    let unverified = ["GONOSUMDB", "GOPRIVATE"].into_iter().find(|name| get(name).is_some());
    if let Some(name) = unverified
        && let Some(value) = get(name)
    {
        let patterns = || value.split(',').map(str::trim).filter(|pattern| !["", "none"].contains(pattern));
        let other = |pattern: &&str| !meant.iter().any(|meant| meant == pattern);
        if let Some(pattern) = patterns().filter(other).find(|pattern| is_wide(pattern)) {
            let message = format!("{name} takes public modules out of the checksum database: {pattern}");
            add(name, "private-all", message);
        } else if let Some(pattern) = patterns().find(other) {
            add(name, "private", format!("{name} takes {pattern} out of the checksum database"));
        }
    }
    if let Some(value) = get("GOINSECURE")
        && value.split(',').map(str::trim).any(|p| !p.is_empty() && !meant.iter().any(|meant| meant == p))
    {
        let message = format!("modules may be fetched without encryption: GOINSECURE={value}");
        add("GOINSECURE", "insecure", message);
    }
    if let Some(value) = get("GOPROXY")
        && value.split([',', '|']).map(str::trim).find(|entry| !entry.is_empty()) == Some("direct")
    {
        let message = "modules come straight from their repositories: GOPROXY begins with direct".into();
        add("GOPROXY", "proxy-direct", message);
    }
    if let Some(value) = get("GOTOOLCHAIN") {
        // `go1.24.1+auto` names the oldest allowed version and lets go.mod ask for a newer one.
        let name = value.split('+').next().unwrap_or_default();
        if name.starts_with("go1") && running != Some(name) {
            let message = format!("another Go is asked for than was started: GOTOOLCHAIN={value}");
            add("GOTOOLCHAIN", "toolchain", message);
        }
    }
    cases
}

/// Whether a pattern (module.MatchPrefixPatterns of golang.org/x/mod) covers anybody's modules: every host,
/// every host below a top-level domain, or all of a public forge.
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

/// The sources of variables: the environment, and the file of `go env -w`.
pub(super) struct VariableSources<'a> {
    pub(super) subject: &'a Subject<'a>,
}

impl<'a> VariableSources<'a> {
    /// Returns a variable as the go command sees it, with its source. An empty variable counts as unset
    /// (cmd/go/internal/cfg.Getenv).
    pub(super) fn get(&self, name: &str) -> Option<(&'a str, &'static str)> {
        let own = self.subject.variable(name).map(|value| (value, "environment"));
        own.or_else(|| self.written(name).map(|value| (value, "go env file")))
    }

    /// Returns the value that `go env -w` wrote, if the environment does not set the variable.
    pub(super) fn written(&self, name: &str) -> Option<&'a str> {
        if !self.subject.knows_environment() || self.subject.variable(name).is_some() {
            return None;
        }
        let file = &self.subject.surroundings?.go_env;
        file.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn evidence(&self, case: FindingCase, name: &'static str) -> FindingCase {
        match self.get(name) {
            Some((value, source)) => case.with(name, value).with("source", source),
            None => case,
        }
    }

    /// Returns the source of a flag. With `given`, the flag is among the go command's own on the command
    /// line.
    pub(super) fn of_flag(&self, given: bool) -> String {
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
