//! A baseline: findings that are known, so that only new ones count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::ScanFinding;

/// The first line of a baseline.
const SCHEMA: &str = "tracego.scan.baseline/1";

/// Findings that are known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Baseline {
    entries: BTreeMap<String, BaselineEntry>,
}

/// One known finding: a line of the file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineEntry {
    /// Path relative to the folder that is scanned.
    pub path: String,
    /// Id of the rule.
    pub rule: String,
    /// Name of the rule's variant.
    pub variant: String,
    /// Command line or value.
    pub subject: String,
    /// Identity of the finding.
    pub fingerprint: String,
}

/// The first line.
#[derive(Deserialize, Serialize)]
struct Header {
    schema: String,
}

/// Why a baseline cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The first line is not that of a baseline.
    #[error("it is no baseline of tracego scan: the first line is not {{\"schema\":\"{SCHEMA}\"}}")]
    Schema,
    /// A line is not an entry.
    #[error("line {line}: {error}")]
    Line {
        /// Number of the line.
        line: usize,
        /// Mistake.
        error: serde_json::Error,
    },
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// Fails on the first line that is not as expected.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let header = lines.next().and_then(|(_, line)| serde_json::from_str::<Header>(line).ok());
        if header.is_none_or(|header| header.schema != SCHEMA) {
            return Err(BaselineError::Schema);
        }
        let mut entries = BTreeMap::new();
        for (index, line) in lines {
            let entry: BaselineEntry =
                serde_json::from_str(line).map_err(|error| BaselineError::Line { line: index + 1, error })?;
            entries.insert(entry.fingerprint.clone(), entry);
        }
        Ok(Self { entries })
    }

    /// Creates a baseline of findings. Those that are suppressed need none.
    #[must_use]
    pub fn of(findings: &[ScanFinding]) -> Self {
        let counted = findings.iter().filter(|finding| finding.suppressed.is_none());
        let entry = |finding: &ScanFinding| BaselineEntry {
            path: finding.relative_path.clone(),
            rule: finding.case.rule.id.to_owned(),
            variant: finding.case.variant.to_owned(),
            subject: finding.case.subject.clone(),
            fingerprint: finding.fingerprint.clone(),
        };
        Self { entries: counted.map(|f| (f.fingerprint.clone(), entry(f))).collect() }
    }

    /// Marks the findings that are known. Returns the entries that match nothing any more.
    pub fn apply<'a>(&'a self, findings: &mut [ScanFinding]) -> Vec<&'a BaselineEntry> {
        let mut stale = self.entries.clone();
        for finding in findings {
            finding.is_known = self.entries.contains_key(&finding.fingerprint);
            stale.remove(&finding.fingerprint);
        }
        self.entries.values().filter(|entry| stale.contains_key(&entry.fingerprint)).collect()
    }

    /// Returns the number of known findings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no finding is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the text of the file, sorted by path, so that changes are easy to read.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut entries: Vec<&BaselineEntry> = self.entries.values().collect();
        entries.sort_by(|a, b| (&a.path, &a.rule, &a.fingerprint).cmp(&(&b.path, &b.rule, &b.fingerprint)));
        let header = serde_json::to_string(&Header { schema: SCHEMA.to_owned() });
        let lines = entries.into_iter().map(serde_json::to_string);
        let mut text = String::new();
        for line in std::iter::once(header).chain(lines).flatten() {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_read_as_it_is_written() {
        let entry = BaselineEntry {
            path: "Makefile".into(),
            rule: "TG001".into(),
            variant: "local".into(),
            subject: "go run .".into(),
            fingerprint: "00".into(),
        };
        let baseline = Baseline { entries: [(entry.fingerprint.clone(), entry)].into() };
        assert_eq!(Baseline::parse(&baseline.to_text()).unwrap(), baseline);
        assert!(matches!(Baseline::parse("{}\n"), Err(BaselineError::Schema)));
        let bad = format!("{}x\n", Baseline::default().to_text());
        assert!(matches!(Baseline::parse(&bad), Err(BaselineError::Line { line: 2, .. })));
    }
}
