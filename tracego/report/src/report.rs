//! A history with all that a report says about it.

use tracego_model::finding::Severity;

use crate::{baseline::BaselineComparison, history::RunHistory};

/// The content of a report, whatever its format.
#[derive(Debug, Default)]
pub struct RunReport {
    /// The history, with findings about new processes.
    pub history: RunHistory,
    /// The run held against a baseline, if there is one.
    pub comparison: Option<BaselineComparison>,
    /// Version of tracego that writes the report.
    pub version: String,
}

impl RunReport {
    /// Creates the report of a history. New processes become findings.
    #[must_use]
    pub fn new(mut history: RunHistory, comparison: Option<BaselineComparison>, version: &str) -> Self {
        if let Some(comparison) = &comparison {
            let found = comparison.findings(&history);
            history.findings.extend(found);
            history.findings.sort_by_key(|finding| finding.time);
        }
        Self { history, comparison, version: version.to_owned() }
    }

    /// Whether a finding is at least as severe as a limit.
    #[must_use]
    pub fn has_from(&self, limit: Severity) -> bool {
        self.history.worst().is_some_and(|worst| worst >= limit)
    }
}

/// Returns a run time for people: `340 ms`, `1.2 s`, `2 min 3 s`.
#[must_use]
pub fn shown_time(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    let seconds = milliseconds / 1000;
    match seconds {
        0 if nanoseconds < 10_000_000 => {
            format!("{}.{} ms", milliseconds, nanoseconds / 100_000 % 10)
        }
        0 => format!("{milliseconds} ms"),
        1..=59 => format!("{seconds}.{} s", milliseconds / 100 % 10),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_digits_or_units() {
        let shown =
            [0, 1_250_000, 340_000_000, 1_250_000_000, 123_000_000_000, 7_260_000_000_000].map(shown_time);
        assert_eq!(shown, ["0.0 ms", "1.2 ms", "340 ms", "1.2 s", "2 min 3 s", "2 h 1 min"]);
    }
}
