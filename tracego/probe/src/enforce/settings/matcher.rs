//! The part of a matcher that the kernel side can decide about.

use tracego_common::verdict::{ARG_LEN, ARGS, NAME_LEN};
use tracego_model::matcher::{MatchKey, Pattern, PatternShape, ProcessMatcher};

/// The criteria of a rule or an exception, as far as the kernel side knows them. A criterion that is not set
/// matches everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KernelMatcher {
    /// File names or absolute paths.
    pub executables: Vec<String>,
    /// Arguments from `argv[1]` on.
    pub args: Vec<ArgPattern>,
    /// Only processes in a job.
    pub in_job: bool,
    /// Real users.
    pub users: Vec<User>,
    /// Paths of cgroups v2 in their hierarchy; their descendants do not match.
    pub cgroups: Vec<String>,
}

/// A user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum User {
    /// User id.
    Id(u32),
    /// User name.
    Name(String),
}

/// A pattern of an argument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ArgPattern {
    /// Anything, also no argument.
    Any,
    /// This argument.
    Text(String),
    /// Arguments that begin with this text.
    Prefix(String),
}

impl KernelMatcher {
    /// Reads the criteria of a matcher.
    ///
    /// # Errors
    /// Fails if the kernel side cannot decide about a criterion. The message begins with the key and names the
    /// way out.
    pub fn of(matcher: &ProcessMatcher) -> Result<Self, String> {
        let mut out = Self::default();
        for (key, patterns) in matcher.criteria() {
            out.add(key, patterns).map_err(|error| format!("{}: {error}", key.name()))?;
        }
        Ok(out)
    }

    fn add(&mut self, key: MatchKey, patterns: &[Pattern]) -> Result<(), String> {
        match key {
            MatchKey::Path => self.executables = each(patterns, executable)?,
            MatchKey::Args if patterns.len() > ARGS => {
                return Err(format!("the kernel side compares at most {ARGS}"));
            }
            MatchKey::Args => self.args = each(patterns, argument)?,
            MatchKey::RealUser => self.users = each(patterns, user)?,
            MatchKey::InJob => self.in_job = true,
            MatchKey::Cgroup => self.cgroups = each(patterns, cgroup)?,
            MatchKey::User => return Err(beyond("the effective user", "write real-user")),
            MatchKey::Unit => {
                return Err(beyond("systemd units", "write cgroup = \"/system.slice/NAME.service\""));
            }
            MatchKey::Container => {
                return Err(beyond("containers", "write cgroup with the folder of the container"));
            }
            MatchKey::Job => {
                let way = "write in-job = true, or choose jobs in [rules.TG001] and let `findings` stop them";
                return Err(beyond("names of jobs", way));
            }
        }
        Ok(())
    }
}

fn beyond(what: &str, way_out: &str) -> String {
    format!("the kernel side, which decides here, does not know {what}; {way_out}")
}

fn each<T>(patterns: &[Pattern], read: fn(&Pattern) -> Result<T, String>) -> Result<Vec<T>, String> {
    patterns.iter().map(read).collect()
}

/// Returns the text of a pattern without wildcards.
fn plain(pattern: &Pattern) -> Result<String, String> {
    match pattern.shape() {
        PatternShape::Text(text) => Ok(text),
        PatternShape::Prefix(_) | PatternShape::Other => Err(format!(
            "{:?}: the kernel side knows no wildcards here; name each, or put \\ before a character that is none",
            pattern.text()
        )),
    }
}

fn executable(pattern: &Pattern) -> Result<String, String> {
    let name = plain(pattern)?;
    if name.contains('/') && !name.starts_with('/') {
        return Err(format!("{name:?}: must be a file name or an absolute path"));
    }
    if !name.contains('/') && name.len() >= NAME_LEN {
        return Err(format!("{name:?}: at most {} bytes", NAME_LEN - 1));
    }
    Ok(name)
}

fn argument(pattern: &Pattern) -> Result<ArgPattern, String> {
    let arg = match pattern.shape() {
        PatternShape::Prefix(text) if text.is_empty() => return Ok(ArgPattern::Any),
        PatternShape::Prefix(text) => ArgPattern::Prefix(text),
        PatternShape::Text(text) => ArgPattern::Text(text),
        PatternShape::Other => {
            return Err(format!(
                "{:?}: '*' is only allowed at the end; put \\ before a character that is no wildcard",
                pattern.text()
            ));
        }
    };
    let (ArgPattern::Prefix(text) | ArgPattern::Text(text)) = &arg else { return Ok(arg) };
    if text.len() >= ARG_LEN {
        return Err(format!("{:?}: at most {} bytes", pattern.text(), ARG_LEN - 1));
    }
    Ok(arg)
}

fn user(pattern: &Pattern) -> Result<User, String> {
    let text = plain(pattern)?;
    Ok(text.parse().map_or(User::Name(text), User::Id))
}

fn cgroup(pattern: &Pattern) -> Result<String, String> {
    let path = plain(pattern)?;
    if path.starts_with('/') { Ok(path) } else { Err(format!("{path:?}: must begin with /")) }
}
