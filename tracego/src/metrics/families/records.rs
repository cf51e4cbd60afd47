//! Metrics of records: findings, missing fields, losses by job, latency.

use std::fmt;

use clap::ValueEnum as _;
use tracego_analyze::rules::registry::RULES;
use tracego_model::finding::Severity;

use super::Families;
use crate::metrics::tally::{MissingCounts, PipelineTally};

/// Writes the counts of the pipeline.
pub(super) fn write(out: &mut Families<'_>, tally: &PipelineTally) -> fmt::Result {
    let rows = RULES.iter().flat_map(|rule| {
        Severity::value_variants().iter().map(|&severity| {
            let count = tally.findings.get(&(rule.id, severity)).copied().unwrap_or_default();
            ([("rule", rule.id), ("severity", severity.name())], count)
        })
    });
    out.counters("tracego_findings", "Findings of the rules.", rows)?;
    let help = "Processes, jobs and commands evicted from the state of the rules.";
    out.counter("tracego_rules_forgotten", help, tally.forgotten)?;
    let help = "Pieces of long arguments that were evicted before their event came.";
    out.counter("tracego_argv_pieces_evicted", help, tally.pieces_evicted)?;
    let missing = tally.missing.iter().flat_map(|&(field, MissingCounts { unavailable, truncated })| {
        [("unavailable", unavailable), ("truncated", truncated)]
            .map(|(reason, count)| ([("field", field), ("reason", reason)], count))
    });
    let missing = missing.filter(|&(_, count)| count > 0);
    out.counters("tracego_fields_missing", "Fields that records lack or hold in part.", missing)?;
    let help = "Values of records in which a secret was replaced.";
    out.counter("tracego_values_redacted", help, tally.redacted)?;
    let jobs = tally.jobs.iter().map(|(job, count)| ([("job", job)], count));
    let help = "Events of a job that found the ring full, and processes that could not be followed; the job is its cicd.pipeline.task.run.id, or the process that opened it.";
    out.counters("tracego_job_events_lost", help, jobs)?;
    out.gauge("tracego_processes_known", "Processes in the table.", tally.processes)?;
    let help = "From an event in the kernel to the end of the write of its record.";
    out.histogram("tracego_record_latency_seconds", help, &tally.latency)
}
