//! Errors of loading policies.

use std::fmt;

/// A problem of a bundle.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct PolicyProblem {
    /// Name of the bundle.
    pub bundle: String,
    /// Module and line, from 1; 0 for the whole module. `None` if the bundle as a whole is meant.
    pub place: Option<(String, u32)>,
    /// Problem and remediation.
    pub what: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bundle)?;
        if let Some((path, line)) = &self.place {
            write!(f, ": {path}")?;
            if *line > 0 {
                write!(f, ":{line}")?;
            }
        }
        write!(f, ": {}", self.what)
    }
}

/// All problems of the bundles, none of which is loaded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct PolicyError {
    /// Problems, in the order of bundles, modules and lines.
    pub problems: Vec<PolicyProblem>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
