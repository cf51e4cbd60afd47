//! Metrics of sinks with queues.

use std::{fmt, sync::Arc};

use tracego_deliver::sink::status::{FileCounts, SinkNumbers, SinkStatus};

use super::Families;

/// Writes the counts of all sinks.
pub(super) fn write(out: &mut Families<'_>, sinks: &[Arc<SinkStatus>]) -> fmt::Result {
    let all: Vec<(&str, SinkNumbers)> =
        sinks.iter().map(|sink| (sink.name.as_str(), sink.numbers())).collect();
    let each = |of: fn(&SinkNumbers) -> u64| all.iter().map(move |(sink, n)| ([("sink", *sink)], of(n)));
    let stages = all.iter().flat_map(|(sink, numbers)| {
        let stages = [
            ("filtered", numbers.filtered),
            ("given", numbers.given),
            ("shortened", numbers.shortened),
            ("delivered", numbers.delivered),
        ];
        stages.map(|(stage, count)| ([("sink", *sink), ("stage", stage)], count))
    });
    let help = "Records by sink and by the stage that they came to: left out by the sink's filter, given \
                to its queue, shortened for the receiver, taken by the receiver.";
    out.counters("tracego_sink_records", help, stages)?;
    let losses = all.iter().flat_map(|(sink, numbers)| {
        let losses = numbers.losses().into_iter();
        losses.map(|(reason, count)| ([("sink", *sink), ("reason", reason)], count))
    });
    out.counters("tracego_sink_records_lost", "Records that a sink will never deliver.", losses)?;
    let help = "Failed attempts to deliver; their records are retried.";
    out.counters("tracego_sink_failures", help, each(|numbers| numbers.failures))?;
    let up = all.iter().map(|(sink, n)| ([("sink", *sink)], u32::from(n.trouble.is_none())));
    out.gauges("tracego_sink_up", "Whether the last attempt of a sink to deliver did not fail.", up)?;
    let help = "Records that wait for a sink's receiver.";
    out.gauges("tracego_sink_queue_records", help, each(|numbers| numbers.queue.depth.records))?;
    let help = "Room that a sink's queue takes, on the disk or in memory.";
    out.gauges("tracego_sink_queue_bytes", help, each(|numbers| numbers.queue.used))?;
    let help = "Room that a sink's queue may take.";
    out.gauges("tracego_sink_queue_max_bytes", help, each(|numbers| numbers.queue_max))?;
    let oldest = all
        .iter()
        .map(|(sink, numbers)| ([("sink", *sink)], numbers.queue.oldest.unwrap_or_default().as_secs_f64()));
    out.gauges("tracego_sink_queue_oldest_seconds", "Age of the oldest record that waits.", oldest)?;
    let files = all.iter().filter_map(|(sink, numbers)| Some((*sink, numbers.files?)));
    let files =
        files.flat_map(|(sink, files)| {
            let FileCounts {
                rotated,
                compressed,
                removed,
                removed_bytes: _,
                reopened,
                cleanup_failures: untidy,
            } = files;
            let actions = [
                ("rotated", rotated),
                ("compressed", compressed),
                ("removed", removed),
                ("reopened", reopened),
                ("failed", untidy),
            ];
            actions.map(|(action, count)| ([("sink", sink), ("action", action)], count))
        });
    let help = "Actions on the files of a sink; failed: steps after a rotation, which are retried.";
    out.counters("tracego_sink_files", help, files)?;
    let durable = || sinks.iter().zip(&all).filter(|(sink, _)| sink.durable).map(|(_, row)| row);
    let of = |of: fn(&SinkNumbers) -> u64| durable().map(move |(sink, n)| ([("sink", *sink)], of(n)));
    out.counters("tracego_spool_syncs", "Times that a spool was synced.", of(|n| n.queue.syncs))?;
    let help = "Calls of a spool that the disk failed; records are kept in memory while it does.";
    out.counters("tracego_spool_errors", help, of(|numbers| numbers.queue.errors))
}
