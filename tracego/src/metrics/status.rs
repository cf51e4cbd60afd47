//! The state of the agent in one line, for `systemctl status`.

use std::fmt::Write as _;

use super::Board;

/// Maximum length of the reason of a refused reload in the line, in characters.
const REASON_MAX: usize = 400;

impl Board {
    /// Returns the state in one line: a refused reload, threads that hang, counts, and sinks.
    #[must_use]
    pub(crate) fn status(&self) -> String {
        let mut line = String::new();
        if let Some(reason) = self.refused_reload() {
            let reason: String =
                reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_MAX).collect();
            line += &format!("reload refused: {reason}; the previous configuration is in force; ");
        }
        let hanging = self.liveness().checks.into_iter().filter(|check| !check.ok);
        for check in hanging {
            line += &format!("{} hangs: {}; ", check.name, check.reason.unwrap_or_default());
        }
        let (kernel, stages) = self.numbers();
        let findings: u64 = stages.tally.as_ref().map_or(0, |tally| tally.findings.values().sum());
        // Writing to memory cannot fail.
        let _written = write!(
            line,
            "{} events recorded, {} lost, {findings} findings",
            stages.ledger.written,
            kernel.counters.lost()
        );
        if let Some(error) = self.pods().and_then(|pods| pods.report().error) {
            line += &format!("; pods are not known: {error}");
        }
        for source in self.policy_sources().map(|sources| sources.sources()).unwrap_or_default() {
            if let Some(error) = source.error {
                line += &format!("; the policy of {} stays: {error}", source.url);
            }
        }
        if let Some(refusal) = &stages.refusal {
            line += &format!("; the output refused the last records: {refusal}");
        }
        for sink in self.all_sinks() {
            let numbers = sink.numbers();
            let lost: u64 = numbers.losses().values().sum();
            line += &format!("; sink {}: {} delivered", sink.name, numbers.delivered);
            if numbers.queue.depth.records > 0 {
                line += &format!(", {} waiting", numbers.queue.depth.records);
            }
            if lost > 0 {
                line += &format!(", {lost} lost");
            }
            for problem in numbers.problems() {
                line += &format!(", {problem}");
            }
        }
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread::sleep, time::Duration};

    use tracego_deliver::sink::status::{SinkStatus, lost};
    use tracego_model::{counters::Counters, ledger::Ledger};

    use super::*;
    use crate::metrics::StageNumbers;

    #[test]
    fn counts_sinks_and_a_refused_reload_are_in_the_line() {
        let board = Board::new(4096, None);
        assert_eq!(board.status(), "0 events recorded, 0 lost, 0 findings");
        let counters = Counters { hooked: 9, ring_full: 2, ..Counters::default() };
        board.set_kernel(counters, &[], 0);
        let ledger = Ledger { written: 7, ..Ledger::default() };
        board.set_stages(StageNumbers {
            ledger,
            refusal: Some("no\nspace".into()),
            ..StageNumbers::default()
        });
        let sink = Arc::new(SinkStatus::new("siem".into(), true, 1));
        sink.count_lost(lost::REFUSED, 3);
        board.set_sinks(vec![sink]);
        let counts = "7 events recorded, 2 lost, 0 findings; the output refused the last records: no space; sink \
                      siem: 0 delivered, 3 lost";
        assert_eq!(board.status(), counts);
        board.end_reload(Some("a.toml:1: unknown\nkey 'x'".to_owned()));
        let refused = "reload refused: a.toml:1: unknown key 'x'; the previous configuration is in force; ";
        assert_eq!(board.status(), format!("{refused}{counts}"));
        board.end_reload(None);
        assert_eq!(board.status(), counts);
    }

    #[test]
    fn a_thread_that_hangs_is_named() {
        let board = Board::with_stuck(Duration::from_millis(20));
        sleep(Duration::from_millis(40));
        board.pipeline.beat();
        assert!(
            board.status().starts_with("reader hangs: no sign of life for 0 s; 0 events"),
            "{}",
            board.status()
        );
    }
}
