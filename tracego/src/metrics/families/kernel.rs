//! Metrics of the kernel side and the ledger: events by the stage that they reached, and the ring.

use std::fmt;

use tracego_model::{counters::Counters, ledger::Ledger};

use super::{Families, label};
use crate::metrics::{board::KernelNumbers, tally::latency::seconds};

/// Writes the counts of events, by the stage that they reached.
pub(super) fn write_events(out: &mut Families<'_>, kernel: &Counters, ledger: &Ledger) -> fmt::Result {
    let &Counters {
        hooked,
        filtered,
        ring_full,
        no_scratch,
        context_full,
        sent,
        chunk_lost,
        chunk_sent,
        recursion_misses,
        diagnostics_lost,
        discarded,
    } = kernel;
    let &Ledger {
        kernel: _,
        inherited,
        decode_errors,
        processed,
        written,
        write_errors,
        unrequested,
        pieces,
    } = ledger;
    let stages = [
        ("hooked", hooked),
        ("inherited", inherited),
        ("filtered", filtered),
        ("sent", sent),
        ("undecodable", decode_errors),
        ("processed", processed),
        ("unrequested", unrequested),
        ("written", written),
        ("refused", write_errors),
    ];
    let help = "Events of the kernel by the stage that they came to: hooked = lost by the programs + \
                filtered + sent; inherited, from an earlier run, were found in the ring or lost there; \
                sent + found = undecodable + processed; processed = written + refused by the \
                output + unrequested, which only the process table needed.";
    out.counters("tracego_events", help, label("stage", stages))?;
    let lost = [
        ("ring_full", ring_full),
        ("no_scratch", no_scratch),
        ("recursion_misses", recursion_misses),
        ("discarded", discarded),
    ];
    let help = "Lost events by reason.";
    out.counters("tracego_events_lost", help, label("reason", lost))?;
    let parts =
        [("context_full", context_full), ("argv_piece", chunk_lost), ("diagnostic", diagnostics_lost)];
    let help = "What was lost beside events: processes that could not be followed, and so are in no job, pieces of long arguments (their records are \
                marked as truncated), diagnostics.";
    out.counters("tracego_parts_lost", help, label("reason", parts))?;
    let help = "Pieces of long arguments, which come beside the events.";
    out.counters("tracego_argv_pieces", help, label("stage", [("sent", chunk_sent), ("processed", pieces)]))
}

/// Writes the state of the ring, and the run times of the BPF programs.
pub(super) fn write_ring(out: &mut Families<'_>, kernel: &KernelNumbers, ring_size: u32) -> fmt::Result {
    out.gauge("tracego_ring_size_bytes", "Room of the ring between kernel and agent.", ring_size)?;
    let help = "Most bytes that one look of the reader took from the ring, of the looks of the last second.";
    out.gauge("tracego_ring_found_bytes", help, kernel.found)?;
    let help = "Batches of records and other input that wait for the pipeline.";
    out.gauge("tracego_queue_entries", help, kernel.queued)?;
    // The kernel counts only while kernel.bpf_stats_enabled is set.
    if kernel.runs.iter().all(|run| run.count == 0) {
        return Ok(());
    }
    let runs = || kernel.runs.iter().map(|run| ([("program", run.program.as_str())], run));
    let help = "Runs of a BPF program while kernel.bpf_stats_enabled was set.";
    out.counters("tracego_bpf_program_runs", help, runs().map(|(program, run)| (program, run.count)))?;
    let help = "Time in a BPF program while kernel.bpf_stats_enabled was set.";
    let times = runs().map(|(program, run)| (program, seconds(run.time_ns)));
    out.counters("tracego_bpf_program_run_seconds", help, times)
}
