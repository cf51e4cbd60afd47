//! The criteria by which rules and exceptions match process starts.

use std::path::PathBuf;

use serde::Deserialize;

/// The criteria of a rule or an exception. A criterion that is not set matches everything.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case", default)]
pub struct Matcher {
    /// File names or absolute paths.
    pub executables: Vec<String>,
    /// Arguments from `argv[1]` on: `*` matches anything, `text*` matches a prefix.
    pub args: Vec<String>,
    /// Only processes in a job.
    pub in_job: bool,
    /// Real users, by id or name.
    pub users: Vec<User>,
    /// Folders of cgroups v2; their descendants do not match.
    pub cgroups: Vec<PathBuf>,
}

/// A user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(untagged)]
pub enum User {
    /// User id.
    Id(u32),
    /// User name.
    Name(String),
}

impl Matcher {
    pub(super) fn check(&self) -> Result<(), String> {
        use tracego_common::verdict::{ARG_LEN, ARGS, NAME_LEN};
        if self == &Self::default() {
            return Err("has no criteria: set executables, args, users, cgroups or in-job".to_owned());
        }
        if self.args.len() > ARGS {
            return Err(format!("args: at most {ARGS}"));
        }
        for arg in &self.args {
            let fixed = arg.strip_suffix('*').unwrap_or(arg);
            if fixed.contains('*') {
                return Err(format!("args: {arg:?}: '*' is only allowed at the end"));
            }
            if arg.len() >= ARG_LEN || arg.contains('\0') {
                return Err(format!("args: {arg:?}: at most {} bytes, none of them NUL", ARG_LEN - 1));
            }
        }
        for name in &self.executables {
            if name.is_empty() || (name.contains('/') && !name.starts_with('/')) {
                return Err(format!("executables: {name:?}: a file name, or an absolute path"));
            }
            if !name.contains('/') && name.len() >= NAME_LEN {
                return Err(format!("executables: {name:?}: at most {} bytes", NAME_LEN - 1));
            }
        }
        Ok(())
    }
}
