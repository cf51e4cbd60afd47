//! Exceptions of a repository: findings that are allowed by path, for files that have no comments.

use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use tracego_analyze::rules::registry;

use crate::{finding::ScanFinding, suppression::is_day};

/// An exception, as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExceptionSettings {
    /// Pattern of paths, relative to the folder that is scanned.
    pub path: String,
    /// Id or name of a rule.
    pub rule: String,
    /// Name of a variant; without it, all are meant.
    pub variant: Option<String>,
    /// The person or team that answers for the exception.
    pub owner: String,
    /// Reason.
    pub reason: String,
    /// Last day, as in `2027-01-31`.
    pub expires: Option<String>,
}

/// Why an exception is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionError {
    /// The pattern is not valid.
    #[error("path {path:?}: {error}")]
    Path {
        /// Pattern.
        path: String,
        /// Mistake.
        error: globset::Error,
    },
    /// There is no such rule or variant.
    #[error("{0}")]
    Rule(String),
    /// The last day is none.
    #[error("expires is not a day as in \"2027-01-31\"")]
    Day,
    /// A text is empty that has to be there.
    #[error("{0} must not be empty")]
    Empty(&'static str),
}

/// An exception that is ready to be applied.
#[derive(Clone, Debug)]
pub struct ScanException {
    settings: ExceptionSettings,
    rule: &'static str,
    path: GlobMatcher,
}

impl ScanException {
    /// Creates an exception.
    ///
    /// # Errors
    /// Fails if a pattern, a rule or a variant is not valid, or the owner or the reason is empty.
    pub fn new(settings: ExceptionSettings) -> Result<Self, ExceptionError> {
        let rule = registry::find(&settings.rule).ok_or_else(|| {
            let nearest = registry::nearest_id(&settings.rule);
            ExceptionError::Rule(format!("there is no rule {:?}; {nearest}", settings.rule))
        })?;
        if let Some(variant) = settings.variant.as_deref().filter(|variant| rule.variant(variant).is_none()) {
            let names: Vec<&str> = rule.variants.iter().map(|variant| variant.name).collect();
            let text = format!("{} has no variant {variant:?}; valid: {}", rule.id, names.join(", "));
            return Err(ExceptionError::Rule(text));
        }
        if settings.expires.as_deref().is_some_and(|day| !is_day(day)) {
            return Err(ExceptionError::Day);
        }
        for (name, text) in [("owner", &settings.owner), ("reason", &settings.reason)] {
            if text.trim().is_empty() {
                return Err(ExceptionError::Empty(name));
            }
        }
        let path = Glob::new(&settings.path)
            .map_err(|error| ExceptionError::Path { path: settings.path.clone(), error })?
            .compile_matcher();
        Ok(Self { rule: rule.id, path, settings })
    }

    /// Suppresses the findings that the exception is about, unless its last day is over. Returns a description of what
    /// is wrong with it: it ended, or it matches nothing.
    pub fn apply(&self, findings: &mut [ScanFinding], today: &str) -> Option<String> {
        let ExceptionSettings { path, variant, owner, reason, expires, .. } = &self.settings;
        if let Some(day) = expires.as_deref().filter(|day| *day < today) {
            return Some(format!("the exception of {owner} for {} in {path} ended on {day}", self.rule));
        }
        let mut matched = false;
        for finding in findings {
            let is_meant = finding.case.rule.id == self.rule
                && variant.as_deref().is_none_or(|variant| variant == finding.case.variant)
                && self.path.is_match(&finding.relative_path);
            if is_meant {
                matched = true;
                finding.suppressed.get_or_insert_with(|| format!("{reason} ({owner})"));
            }
        }
        (!matched).then(|| {
            format!("the exception of {owner} for {} in {path} matches nothing; remove it", self.rule)
        })
    }
}
