//! The collector: writes all families from the board.

use std::{fmt, sync::Arc};

use prometheus_client::encoding::DescriptorEncoder;
use tracego_confine::capability::USES;

use super::{
    Families, FamilyOutput, PrometheusText, enforcement, inspection, kernel, kubernetes, label, process,
    records, sinks, traces,
};
use crate::metrics::board::Board;

/// The collector that Prometheus's library calls for the text.
#[derive(Debug)]
pub(in crate::metrics) struct Collector(pub(in crate::metrics) Arc<Board>);

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.families(&mut PrometheusText(encoder))
    }
}

impl Collector {
    /// Writes all families to an output.
    pub(in crate::metrics) fn families(&self, out: &mut dyn FamilyOutput) -> fmt::Result {
        let board = &self.0;
        let (kernel, stages) = board.numbers();
        let out = &mut Families(out);
        kernel::write_events(out, &kernel.counters, &stages.ledger)?;
        kernel::write_ring(out, &kernel, board.setup.ring_size)?;
        inspection::write(out, &stages.figures)?;
        if let Some(inventory) = board.inventory() {
            inspection::write_inventory(out, &inventory.report())?;
        }
        if let Some(tally) = &stages.tally {
            records::write(out, tally)?;
            if let Some(provenance) = &tally.provenance {
                inspection::write_provenance(out, provenance)?;
            }
            if let Some(policy) = &tally.policy {
                enforcement::write_policies(out, policy)?;
            }
            if let Some(traces) = &tally.traces {
                traces::write(out, traces)?;
            }
        }
        sinks::write(out, &board.all_sinks())?;
        if let Some(shared) = board.enforcement() {
            enforcement::write(out, shared)?;
        }
        if let Some(sources) = board.policy_sources() {
            enforcement::write_policy_sources(out, &sources.all())?;
        }
        if let Some(pods) = board.pods() {
            kubernetes::write(out, &pods.counts())?;
        }
        let ready = u32::from(board.readiness().ok);
        out.gauge(
            "tracego_ready",
            "1 while /readyz returns 200: records are complete and are delivered.",
            ready,
        )?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        out.gauges(
            "tracego_build_info",
            "Always 1; the label says which tracego this is.",
            [(version, 1_u32)],
        )?;
        if let Some(privileges) = board.privileges().get() {
            let help =
                "1 for each capability that tracego keeps, 0 for those that it has dropped or never had.";
            let kept = |name: &str| u32::from(privileges.capabilities.contains(&name));
            let rows = USES.map(|one| ([("name", one.name)], kept(one.name)));
            out.gauges("tracego_capability", help, rows)?;
            let help = "Whether rights that are not needed behind the start were dropped.";
            out.gauge("tracego_confined", help, u32::from(privileges.is_confined()))?;
        }
        if let Some(digest) = board.config() {
            let help = "Always 1; the label is the SHA-256 of the configuration file.";
            out.gauges("tracego_config_info", help, [([("sha256", digest.as_str())], 1_u32)])?;
        }
        let help = "Whether the last configuration that was read is in force; 0 if it was refused.";
        out.gauge("tracego_config_current", help, u32::from(board.is_current()))?;
        let [taken, refused] = board.reloads();
        let rows = label("result", [("taken", taken), ("refused", refused)]);
        out.counters("tracego_config_reloads", "Configurations that were read while tracego ran.", rows)?;
        process::write(out)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::metrics::{StageNumbers, tally::PipelineTally};
    use tracego_model::{counters::Counters, ledger::Ledger};
    use tracego_probe::programs::ProgramStats;

    /// A source of numbers that are all different.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 += 1;
            self.0
        }
    }

    /// Parses metrics and labels with their values, as far as this text needs it.
    fn values(text: &str) -> BTreeMap<&str, &str> {
        let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let values: BTreeMap<_, _> = rows.iter().map(|row| row.rsplit_once(' ').unwrap()).collect();
        assert_eq!(values.len(), rows.len(), "a metric is there twice");
        values
    }

    fn board(counters: Counters, ledger: Ledger, tally: PipelineTally) -> Arc<Board> {
        let board = Arc::new(Board::new(8 << 20, Some("00ff".to_owned())));
        let runs = [ProgramStats { program: "process_exec".to_owned(), time_ns: 1_500_000_000, count: 7 }];
        board.set_kernel(counters, &runs, 3);
        board.set_stages(StageNumbers { ledger, tally: Some(tally), ..StageNumbers::default() });
        board
    }

    #[test]
    fn every_counter_of_the_kernel_side_and_of_the_ledger_has_a_metric() {
        let mut numbers = Numbers(700_000);
        // No default: a new counter has to be added here and then found below.
        let kernel = Counters {
            hooked: numbers.next(),
            filtered: numbers.next(),
            ring_full: numbers.next(),
            no_scratch: numbers.next(),
            context_full: numbers.next(),
            sent: numbers.next(),
            chunk_lost: numbers.next(),
            chunk_sent: numbers.next(),
            recursion_misses: numbers.next(),
            diagnostics_lost: numbers.next(),
            discarded: numbers.next(),
        };
        let ledger = Ledger {
            kernel: Counters::default(),
            inherited: numbers.next(),
            decode_errors: numbers.next(),
            processed: numbers.next(),
            written: numbers.next(),
            write_errors: numbers.next(),
            unrequested: numbers.next(),
            pieces: numbers.next(),
        };
        let text = board(kernel, ledger, PipelineTally::default()).text();
        let found: BTreeSet<String> = values(&text).values().map(|&value| value.to_owned()).collect();
        // Counters of the kernel side, by their names in the records.
        let named = serde_json::to_value(Ledger { kernel, ..ledger }).unwrap();
        let flat = named.as_object().unwrap().values().flat_map(|value| match value {
            serde_json::Value::Object(inner) => inner.values().cloned().collect(),
            other => vec![other.clone()],
        });
        let missing: Vec<_> = flat.map(|value| value.to_string()).filter(|n| !found.contains(n)).collect();
        assert_eq!(missing, Vec::<String>::new(), "{text}");
        let lost: u64 = values(&text)
            .iter()
            .filter(|(name, _)| name.starts_with("tracego_events_lost_total"))
            .map(|(_, value)| value.parse::<u64>().unwrap())
            .sum();
        assert_eq!(lost, kernel.lost());
    }

    #[test]
    fn words_of_jobs_do_not_break_the_text() {
        let mut tally = PipelineTally::default();
        tally.jobs.add("a\"b\\c\nd", 4);
        tally.jobs.add("e", 5);
        let text = board(Counters::default(), Ledger::default(), tally).text();
        let all = values(&text);
        assert_eq!(all.get(r#"tracego_job_events_lost_total{job="a\"b\\c\nd"}"#), Some(&"4"), "{text}");
        assert_eq!(all.get(r#"tracego_job_events_lost_total{job="e"}"#), Some(&"5"));
    }

    #[test]
    fn findings_are_there_before_the_first_one_and_empty_families_are_not() {
        let text = board(Counters::default(), Ledger::default(), PipelineTally::default()).text();
        let all = values(&text);
        assert_eq!(all.get(r#"tracego_findings_total{rule="TG001",severity="critical"}"#), Some(&"0"));
        assert_eq!(all.get(r#"tracego_bpf_program_run_seconds_total{program="process_exec"}"#), Some(&"1.5"));
        assert!(!text.contains("tracego_job_events_lost") && !text.contains("tracego_fields_missing"));
        for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            assert!(line.ends_with('.'), "{line}");
        }
    }
}
