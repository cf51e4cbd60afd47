//! The checks of a bundle, one by one.

use std::path::PathBuf;

use serde::Serialize;

use crate::judgement::Judgement;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// The check holds.
    Holds,
    /// The check does not hold.
    Fails,
    /// The check was not done, because another one does not hold.
    NotReached,
    /// There is nothing to check.
    NotNeeded,
}

/// A check of a bundle.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CheckStep {
    /// The name of the check.
    pub check: &'static str,
    /// The outcome.
    pub outcome: StepOutcome,
    /// The facts that were found.
    pub detail: String,
}

/// All checks of a bundle about a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The file of the bundle.
    pub bundle: PathBuf,
    /// The checks in their order.
    pub steps: Vec<CheckStep>,
    /// The judgement of this bundle alone.
    pub judgement: Judgement,
}

/// Checks as they are done.
pub(crate) struct Steps {
    pub(crate) list: Vec<CheckStep>,
    /// Whether somebody reads the list, so that more work is done to find out which check fails.
    pub(crate) is_explained: bool,
}

impl Steps {
    /// Returns an empty list.
    pub(crate) fn new(is_explained: bool) -> Self {
        Self { list: Vec::new(), is_explained }
    }

    /// Adds a check.
    pub(crate) fn add(&mut self, check: &'static str, outcome: StepOutcome, detail: impl std::fmt::Display) {
        if self.is_explained {
            self.list.push(CheckStep {
                check,
                outcome,
                detail: crate::clean_text::clean(&detail.to_string()),
            });
        }
    }

    /// Adds a check that holds.
    pub(crate) fn holds(&mut self, check: &'static str, detail: impl std::fmt::Display) {
        self.add(check, StepOutcome::Holds, detail);
    }
}
