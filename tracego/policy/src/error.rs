//! Why policies are not loaded.

use std::fmt;

/// One thing that is wrong with a bundle.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Refusal {
    /// Name of the bundle.
    pub bundle: String,
    /// The module, and the line from 1 in it; nothing when it is about the bundle as a whole.
    pub place: Option<(String, u32)>,
    /// What, and the way out.
    pub what: String,
}

impl fmt::Display for Refusal {
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

/// All that is wrong; none of the bundles is loaded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct PolicyError {
    /// In the order of bundles, modules and lines.
    pub refusals: Vec<Refusal>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.refusals.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{refusal}")?;
        }
        Ok(())
    }
}
