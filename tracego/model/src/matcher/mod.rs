//! Matchers: the one language by which the configuration chooses processes, in the scopes and exceptions of
//! rules, in the rules and exceptions of enforcement, and in the filters of sinks.
//!
//! ```text
//! key      the keys, and their former names
//! pattern  globs
//! target   the attributes of a process that matchers compare with
//! ```
//!
//! A matcher only chooses or also lets off: an exception must not be met by what the process says about itself
//! (see [`Purpose`]).

mod key;
mod pattern;
mod target;

use std::collections::BTreeMap;

pub use key::MatchKey;
pub use pattern::{Pattern, PatternShape};
use target::ARGS_MAX;
pub use target::{KeptTarget, MatchArgs, MatchTarget};

use crate::{
    linux::{cgroup, users::User},
    record::job::OpenedBy,
};

/// The consequence of a match, which says how much of a process's own word counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// A match makes a setting apply. All that is known counts, claims of the process included.
    Select,
    /// A match lets a process off. Only facts that the process cannot choose by itself count: paths of the
    /// host, and jobs that an ancestor opened or `--env` names.
    Exempt,
}

/// A matcher: all keys that are given have to match; one of several values suffices.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProcessMatcher {
    criteria: BTreeMap<MatchKey, Vec<Pattern>>,
    /// Former names that the matcher was written with.
    former: Vec<&'static str>,
}

impl ProcessMatcher {
    /// Reads a matcher: `{ unit = "api-*.service", user = "www-data" }`.
    ///
    /// # Errors
    /// Fails if a key is unknown, its value is wrong, or there is no criterion. The message begins with the
    /// key: `path: …`.
    pub fn read(value: &toml::Value) -> Result<Self, String> {
        let table = value.as_table().ok_or("must be a table such as { unit = \"api-*.service\" }")?;
        let mut matcher = Self::default();
        for (name, value) in table {
            let (key, former) = MatchKey::find(name).ok_or_else(|| MatchKey::unknown(name, &[]))?;
            let patterns =
                patterns(key, value, former.is_some()).map_err(|error| format!("{name}: {error}"))?;
            if former.is_some() && table.contains_key(key.name()) {
                return Err(format!("{name}: is the former name of {}, which is given, too", key.name()));
            }
            matcher.former.extend(former.map(|former| former.name));
            matcher.criteria.extend(patterns.map(|patterns| (key, patterns)));
        }
        if matcher.criteria.is_empty() {
            let keys = MatchKey::names().join(", ");
            return Err(format!("has no criteria, so it is for every process; name one of: {keys}"));
        }
        Ok(matcher)
    }

    /// Creates a matcher for an executable by its file name, and its first arguments. The texts have no
    /// wildcards, but `*` at the end of an argument.
    ///
    /// # Errors
    /// Fails if a text is no pattern.
    pub fn command(name: &str, args: &[&str], in_job: bool) -> Result<Self, String> {
        let args: Result<_, _> = args.iter().map(|arg| Pattern::new(arg, false)).collect();
        let mut criteria =
            BTreeMap::from([(MatchKey::Path, vec![Pattern::plain(name)?]), (MatchKey::Args, args?)]);
        criteria.extend(in_job.then(|| (MatchKey::InJob, Vec::new())));
        Ok(Self { criteria, former: Vec::new() })
    }

    /// Returns the patterns of a key; `None` if the key is not given.
    #[must_use]
    pub fn patterns(&self, key: MatchKey) -> Option<&[Pattern]> {
        self.criteria.get(&key).map(Vec::as_slice)
    }

    /// Iterates over the keys that are given, with their patterns. The membership in a job has none.
    pub fn criteria(&self) -> impl Iterator<Item = (MatchKey, &[Pattern])> {
        self.criteria.iter().map(|(key, patterns)| (*key, patterns.as_slice()))
    }

    /// Returns a warning for each former name that the matcher is written with: `users: is now called
    /// real-user`.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let new = |former: &str| MatchKey::find(former).map_or("", |(key, _)| key.name());
        self.former.iter().map(move |former| format!("{former}: is now called {}", new(former)))
    }

    /// Whether the matcher matches a process.
    #[must_use]
    pub fn matches(&self, target: &MatchTarget<'_>, purpose: Purpose) -> bool {
        self.criteria.iter().all(|(key, patterns)| holds(*key, patterns, target, purpose))
    }
}

fn holds(key: MatchKey, patterns: &[Pattern], target: &MatchTarget<'_>, purpose: Purpose) -> bool {
    let exempt = purpose == Purpose::Exempt;
    let any = |value: Option<&str>| value.is_some_and(|value| patterns.iter().any(|one| one.matches(value)));
    let user = |user: Option<&User>| {
        user.is_some_and(|user| any(user.name.as_deref()) || any(Some(&user.id.to_string())))
    };
    let jobs = |jobs: &[Option<&str>; 4]| jobs.iter().any(|job| any(*job));
    match key {
        MatchKey::Path => {
            let counts = !(exempt && target.path_elsewhere);
            counts && target.path.is_some_and(|path| patterns.iter().any(|one| is_path(one, path)))
        }
        MatchKey::Args => patterns.iter().enumerate().all(|(at, one)| {
            one.text() == "*" || target.args.get(at + 1).is_some_and(|arg| one.matches(arg))
        }),
        MatchKey::User => user(target.user),
        MatchKey::RealUser => user(target.real_user),
        MatchKey::Unit => any(target.unit),
        MatchKey::Container => any(target.container),
        MatchKey::Cgroup => any(target.cgroup),
        MatchKey::Job => jobs(&target.vouched_jobs) || (!exempt && jobs(&target.claimed_jobs)),
        MatchKey::InJob => target.opened_by.is_some_and(|by| !(exempt && by == OpenedBy::Itself)),
    }
}

/// Whether a pattern matches a path; without a slash, it is compared with the file name.
fn is_path(pattern: &Pattern, path: &str) -> bool {
    // The name of a memfd is no path, whatever it contains.
    let is_whole = pattern.text().contains('/') || path.starts_with("memfd:");
    pattern.matches(if is_whole { path } else { path.rsplit('/').next().unwrap_or(path) })
}

/// Reads the values of a key. Returns `None` for values that are no criterion: an empty list, and `false`.
fn patterns(key: MatchKey, value: &toml::Value, plain: bool) -> Result<Option<Vec<Pattern>>, String> {
    if key == MatchKey::InJob {
        let given = value.as_bool().ok_or("must be true or false")?;
        return Ok(given.then(Vec::new));
    }
    let is_user = matches!(key, MatchKey::User | MatchKey::RealUser);
    let one = |value: &toml::Value| {
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) if is_user && u32::try_from(*number).is_ok() => number.to_string(),
            _ if is_user => return Err("must be a name or a number, or a list of these".to_owned()),
            _ => return Err("must be a string or a list of strings".to_owned()),
        };
        if text.contains('\0') || text.is_empty() && key != MatchKey::Args {
            return Err(format!("{text:?}: must not be empty and must not contain NUL"));
        }
        let text = if key == MatchKey::Cgroup { in_hierarchy(&text) } else { &text };
        if plain {
            Pattern::plain(text)
        } else {
            Pattern::new(text, matches!(key, MatchKey::Path | MatchKey::Cgroup))
        }
    };
    let list: Vec<Pattern> = match value {
        toml::Value::Array(list) => list.iter().map(one).collect::<Result<_, _>>()?,
        value => vec![one(value)?],
    };
    if key == MatchKey::Args && list.len() > ARGS_MAX {
        return Err(format!("at most {ARGS_MAX}"));
    }
    Ok(Some(list).filter(|list| !list.is_empty()))
}

/// Returns the path of a cgroup in its hierarchy; `text` may begin with the folder that it is mounted at.
fn in_hierarchy(text: &str) -> &str {
    let below =
        |root: &&str| text.strip_prefix(root).filter(|below| below.is_empty() || below.starts_with('/'));
    let below = cgroup::ROOTS.iter().find_map(below);
    below.map_or(text, |below| if below.is_empty() { "/" } else { below })
}

/// Whether one of the matchers matches a process.
#[must_use]
pub fn one_of(matchers: &[ProcessMatcher], target: &MatchTarget<'_>, purpose: Purpose) -> bool {
    matchers.iter().any(|matcher| matcher.matches(target, purpose))
}

/// The processes that a setting is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProcessScope {
    /// Processes that the setting is for; all when empty.
    pub only: Vec<ProcessMatcher>,
    /// Processes that the setting is never for.
    pub except: Vec<ProcessMatcher>,
}

impl ProcessScope {
    /// Whether the scope includes a process. The exceptions let a process off.
    #[must_use]
    pub fn covers(&self, target: &MatchTarget<'_>) -> bool {
        (self.only.is_empty() || one_of(&self.only, target, Purpose::Select)) && !self.excepts(target)
    }

    /// Whether one of the matchers names the process, and no exception does.
    #[must_use]
    pub fn names(&self, target: &MatchTarget<'_>, purpose: Purpose) -> bool {
        one_of(&self.only, target, purpose) && !self.excepts(target)
    }

    /// Whether an exception names the process.
    #[must_use]
    pub fn excepts(&self, target: &MatchTarget<'_>) -> bool {
        one_of(&self.except, target, Purpose::Exempt)
    }

    /// Whether the scope includes every process.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }
}

/// Returns the warnings of a list of matchers, each with its position: `[0]: users: is now called real-user`.
#[must_use]
pub fn warnings(list: &[ProcessMatcher]) -> Vec<String> {
    let of = |(at, one): (usize, &ProcessMatcher)| {
        one.warnings().map(|warning| format!("[{at}]: {warning}")).collect::<Vec<_>>()
    };
    list.iter().enumerate().flat_map(of).collect()
}

/// Reads a list of matchers.
///
/// # Errors
/// Fails if a matcher is wrong. The message begins with its position: `[1]: path: …`.
pub fn read(value: &toml::Value) -> Result<Vec<ProcessMatcher>, String> {
    let list = value.as_array().ok_or("must be a list of matchers such as [{ path = \"/opt/**\" }]")?;
    let one = |(n, value)| ProcessMatcher::read(value).map_err(|error| format!("[{n}]: {error}"));
    list.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests;
