//! Metrics of the spans of jobs.

use std::fmt;

use tracego_deliver::traces::{TraceCounts, builder, export};

use super::{Families, label};

/// Writes the counts of spans and of open jobs.
pub(super) fn write(out: &mut Families<'_>, counts: &TraceCounts) -> fmt::Result {
    let &TraceCounts { built, sent, open, jobs, bytes } = counts;
    let builder::BuilderCounts {
        spans: made,
        not_seen,
        folded,
        span_limit: no_room,
        job_limit: no_room_for_job,
        unsampled,
    } = built;
    let export::ExportCounts { exported, queue_full, refused, expired, closed, waiting } = sent;
    let processes = [
        ("span", made),
        ("folded", folded),
        ("no_room", no_room),
        ("no_room_for_job", no_room_for_job),
        ("unsampled", unsampled),
    ];
    let help = "Processes of jobs by result: a span, counted on the span of their go command, \
                or none.";
    out.counters("tracego_trace_processes", help, label("result", processes))?;
    let help = "Spans whose process ended without being seen.";
    out.counter("tracego_trace_ends_not_seen", help, not_seen)?;
    let spans = [
        ("exported", exported),
        ("queue_full", queue_full),
        ("refused", refused),
        ("expired", expired),
        ("closed", closed),
    ];
    let help = "Spans by result: accepted by the collector, or dropped by reason.";
    out.counters("tracego_trace_spans", help, label("result", spans))?;
    out.gauge("tracego_trace_spans_waiting", "Spans that wait for the collector.", waiting)?;
    out.gauge("tracego_trace_spans_open", "Processes of jobs that run.", open)?;
    out.gauge("tracego_trace_jobs_open", "Jobs that run.", jobs)?;
    out.gauge("tracego_trace_memory_bytes", "Approximate memory of open jobs and spans.", bytes)
}
