//! A finding of a scan.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::{
    judge::ScanCase,
    source::{Position, SourceFile},
    suppression::Suppression,
};

/// A step on the way from the file that decides about a place to a command.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct CallerStep {
    /// Path.
    pub path: String,
    /// Position of the call.
    pub position: Position,
    /// Line of the call.
    pub line: String,
}

/// A finding with its place.
#[derive(Clone, Debug)]
pub struct ScanFinding {
    /// The case.
    pub case: ScanCase,
    /// Remediation, in one sentence.
    pub remedy: &'static str,
    /// Name of the place.
    pub place: &'static str,
    /// Path, as it was given.
    pub path: String,
    /// Path relative to the folder that was scanned.
    pub relative_path: String,
    /// First character.
    pub start: Position,
    /// Position behind the last character.
    pub end: Position,
    /// The first line, or the part of it around the finding.
    pub line: String,
    /// Number of characters of the line in front of that part.
    pub line_offset: usize,
    /// The files through which the command is reached, the one that decides about the place first.
    pub callers: Vec<CallerStep>,
    /// Identity across changes elsewhere in the file: a hash of rule, variant, path and words, and a number among equals.
    pub fingerprint: String,
    /// Reason of the comment or exception that suppresses the finding.
    pub suppressed: Option<String>,
    /// Whether the baseline knows the finding.
    pub is_known: bool,
}

impl ScanFinding {
    /// Creates the finding of a case.
    #[must_use]
    pub fn of(case: ScanCase, file: &SourceFile, prefix: &str, callers: Vec<CallerStep>) -> Self {
        let start = file.position(case.range.start);
        let end = file.position(case.range.end.max(case.range.start + 1));
        let (line, line_offset) = file.excerpt(case.range.start);
        let remedy =
            case.rule.variant(case.variant).map(|variant| variant.remedy).filter(|text| !text.is_empty());
        let callers = callers
            .into_iter()
            .map(|step| CallerStep { path: format!("{prefix}{}", step.path), ..step })
            .collect();
        Self {
            remedy: remedy.unwrap_or(case.rule.remedy),
            place: case.setting.name(),
            path: format!("{prefix}{}", file.path),
            relative_path: file.path.to_string(),
            start,
            end,
            line,
            line_offset,
            callers,
            fingerprint: String::new(),
            suppressed: None,
            is_known: false,
            case,
        }
    }

    /// Marks the finding as suppressed if a comment allows it, and the comment as used.
    pub fn suppress(&mut self, suppressions: &[Suppression], today: &str, used: &mut [bool]) {
        for (suppression, used) in suppressions.iter().zip(used) {
            if suppression.covers(
                self.case.rule.id,
                self.case.rule.name,
                self.start.line,
                self.end.line,
                today,
            ) {
                self.suppressed = Some(suppression.reason.clone());
                *used = true;
            }
        }
    }

    /// Gives each finding its fingerprint. The findings are in the order of their places.
    pub fn number(findings: &mut [Self]) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for finding in findings {
            let mut hash = Sha256::new();
            for part in
                [finding.case.rule.id, finding.case.variant, &finding.relative_path, &finding.case.subject]
            {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
            let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let number = seen.entry(hash.clone()).or_default();
            *number += 1;
            finding.fingerprint = if *number == 1 { hash } else { format!("{hash}:{number}") };
        }
    }

    /// Whether the finding counts: it is neither suppressed nor known.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.suppressed.is_none() && !self.is_known
    }
}
