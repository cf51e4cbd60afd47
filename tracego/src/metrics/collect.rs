//! Conversion of the board to metric families. Names never change, because alerts depend on them. Prometheus
//! and OTLP get the same families.
//!
//! Structures are destructured field by field, so that a new counter does not compile until it has a metric
//! here.

use std::{fmt, sync::Arc};

use clap::ValueEnum as _;
use prometheus_client::encoding::DescriptorEncoder;
use tracego_analyze::{
    inspect::{image::cache, inspector::InspectCounters},
    rules::registry::RULES,
};
use tracego_model::finding::Severity;

use super::{
    board::Board,
    families::{Families, Output, Text, label},
    process::Usage,
    tally::{Missing, Tally},
};

/// The collector that Prometheus's library calls for the text.
#[derive(Debug)]
pub(super) struct Collector(pub(super) Arc<Board>);

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.families(&mut Text(encoder))
    }
}

impl Collector {
    /// Writes all families to an output.
    pub(super) fn families(&self, out: &mut dyn Output) -> fmt::Result {
        let board = &self.0;
        let (kernel, stages) = board.numbers();
        let mut out = Families(out);
        out.events(&kernel.counters, &stages.ledger)?;
        out.kernel(&kernel, board.setup.ring_size)?;
        out.inspect(&stages.figures)?;
        if let Some(tally) = &stages.tally {
            out.tally(tally)?;
            if let Some(policy) = &tally.policy {
                out.policy(policy)?;
            }
            if let Some(traces) = &tally.traces {
                out.traces(traces)?;
            }
        }
        out.sinks(&board.all_sinks())?;
        if let Some(shared) = board.enforcement() {
            out.enforcement(shared)?;
        }
        let ready = u32::from(board.ready().ok);
        out.gauge("tracego_ready", "Whether /readyz says so: records are complete and arrive.", ready)?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        out.gauges(
            "tracego_build_info",
            "Always 1; the label says which tracego this is.",
            [(version, 1_u32)],
        )?;
        if let Some(digest) = &board.setup.config {
            let help = "Always 1; the label is the SHA-256 of the configuration file.";
            out.gauges("tracego_config_info", help, [([("sha256", digest.as_str())], 1_u32)])?;
        }
        let help = "Whether the configuration that was read last is in force; 0 where it was refused.";
        out.gauge("tracego_config_current", help, u32::from(board.is_current()))?;
        let [taken, refused] = board.reloads();
        let rows = label("result", [("taken", taken), ("refused", refused)]);
        out.counters("tracego_config_reloads", "Configurations that were read while tracego ran.", rows)?;
        out.process(&Usage::now())
    }
}

impl Families<'_> {
    fn inspect(&mut self, figures: &InspectCounters) -> fmt::Result {
        let InspectCounters { images, image_bytes, services, services_refused, services_missed } = *figures;
        let cache::ImageCacheCounters {
            hits,
            misses,
            evicted,
            gone,
            changed,
            unverified,
            not_regular,
            denied,
            io,
        } = images;
        let help = "Executables of program starts: known already, or opened.";
        self.counters("tracego_images_lookups", help, label("result", [("hit", hits), ("miss", misses)]))?;
        let failures = [
            ("gone", gone),
            ("changed", changed),
            ("unverified", unverified),
            ("not_regular", not_regular),
            ("denied", denied),
            ("io", io),
        ];
        let help = "Executables that could not be read, by the reason.";
        self.counters("tracego_images_failures", help, label("reason", failures))?;
        self.counter("tracego_images_evicted", "Executables that had to be forgotten.", evicted)?;
        let help = "Memory of what is known about executables.";
        self.gauge("tracego_images_cache_bytes", help, image_bytes)?;
        self.gauge("tracego_services_watched", "Services that are looked at from time to time.", services)?;
        let refused = [("too_many", services_refused), ("too_fast", services_missed)];
        let help =
            "Changes of services that are not looked at: too many services, or they come and go too fast.";
        self.counters("tracego_services_refused", help, label("reason", refused))
    }

    fn tally(&mut self, tally: &Tally) -> fmt::Result {
        let rows = RULES.iter().flat_map(|rule| {
            Severity::value_variants().iter().map(|&severity| {
                let count = tally.findings.get(&(rule.id, severity)).copied().unwrap_or_default();
                ([("rule", rule.id), ("severity", severity.name())], count)
            })
        });
        self.counters("tracego_findings", "What the rules found.", rows)?;
        let help = "Processes, jobs and commands that rules had to forget, because there were too many.";
        self.counter("tracego_rules_forgotten", help, tally.forgotten)?;
        let missing = tally.missing.iter().flat_map(|&(field, Missing { unavailable, truncated })| {
            [("unavailable", unavailable), ("truncated", truncated)]
                .map(|(reason, count)| ([("field", field), ("reason", reason)], count))
        });
        let missing = missing.filter(|&(_, count)| count > 0);
        self.counters("tracego_fields_missing", "Fields that records lack or hold in part.", missing)?;
        let help = "Values of records in which a secret was replaced.";
        self.counter("tracego_values_redacted", help, tally.redacted)?;
        let jobs = tally.jobs.iter().map(|(job, count)| ([("job", job)], count));
        let help = "Events of a job that found the ring full; the job is its cicd.pipeline.task.run.id, or the process that opened it.";
        self.counters("tracego_job_events_lost", help, jobs)?;
        self.gauge("tracego_processes_known", "Processes in the table.", tally.processes)?;
        let help = "From an event in the kernel to the end of the write of its record.";
        self.histogram("tracego_record_latency_seconds", help, &tally.latency)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::metrics::Stages;
    use tracego_model::{counters::Counters, ledger::Ledger};
    use tracego_probe::load::Run;

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

    fn board(counters: Counters, ledger: Ledger, tally: Tally) -> Arc<Board> {
        let board = Arc::new(Board::new(8 << 20, Some("00ff".to_owned())));
        let runs = [Run { program: "process_exec".to_owned(), time_ns: 1_500_000_000, count: 7 }];
        board.kernel(counters, &runs, 3);
        board.stages(Stages { ledger, tally: Some(tally), ..Stages::default() });
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
        let text = board(kernel, ledger, Tally::default()).text();
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
        let mut tally = Tally::default();
        tally.jobs.add("a\"b\\c\nd", 4);
        tally.jobs.add("e", 5);
        let text = board(Counters::default(), Ledger::default(), tally).text();
        let all = values(&text);
        assert_eq!(all.get(r#"tracego_job_events_lost_total{job="a\"b\\c\nd"}"#), Some(&"4"), "{text}");
        assert_eq!(all.get(r#"tracego_job_events_lost_total{job="e"}"#), Some(&"5"));
    }

    #[test]
    fn findings_are_there_before_the_first_one_and_empty_families_are_not() {
        let text = board(Counters::default(), Ledger::default(), Tally::default()).text();
        let all = values(&text);
        assert_eq!(all.get(r#"tracego_findings_total{rule="TG001",severity="critical"}"#), Some(&"0"));
        assert_eq!(all.get(r#"tracego_bpf_program_run_seconds_total{program="process_exec"}"#), Some(&"1.5"));
        assert!(!text.contains("tracego_job_events_lost") && !text.contains("tracego_fields_missing"));
        for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            assert!(line.ends_with('.'), "{line}");
        }
    }
}
