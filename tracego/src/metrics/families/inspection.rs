//! Metrics of the inspection of executables and services.

use std::fmt;

use tracego_analyze::inspect::{files::readers::ReaderCounters, image::cache, inspector::InspectCounters};

use tracego_model::record::inventory::{InventoryReport, SkippedProcesses, UnreadProcesses};

use super::{Families, label};

/// Writes the counts of the inspector.
pub(super) fn write(out: &mut Families<'_>, figures: &InspectCounters) -> fmt::Result {
    let InspectCounters { images, image_bytes, readers, services, services_refused, services_missed } =
        *figures;
    let cache::ImageCacheCounters {
        hits,
        misses,
        evicted,
        gone,
        changed,
        unstable,
        timeout,
        unverified,
        not_regular,
        denied,
        io,
    } = images;
    let help = "Executables of program starts: known already, or opened.";
    out.counters("tracego_images_lookups", help, label("result", [("hit", hits), ("miss", misses)]))?;
    let failures = [
        ("gone", gone),
        ("changed", changed),
        ("unstable", unstable),
        ("timeout", timeout),
        ("unverified", unverified),
        ("not_regular", not_regular),
        ("denied", denied),
        ("io", io),
    ];
    let help = "Executables that could not be read, by the reason.";
    out.counters("tracego_images_failures", help, label("reason", failures))?;
    out.counter("tracego_images_evicted", "Executables evicted from the cache.", evicted)?;
    let help = "Memory of the cache of executables.";
    out.gauge("tracego_images_cache_bytes", help, image_bytes)?;
    let ReaderCounters { hanging, hanging_max: _, late, given_up, answered_late, died } = readers;
    let help = "Processes that read files and wait for a file system that does not answer.";
    out.gauge("tracego_file_readers_hanging", help, hanging)?;
    let help = "Files that were not read in time: the file system did not answer, was given up before, or answered \
                after all; or the process that reads files died.";
    let results = [("late", late), ("given_up", given_up), ("answered_late", answered_late), ("died", died)];
    out.counters("tracego_file_reads_failed", help, label("result", results))?;
    out.gauge("tracego_services_watched", "Services that are checked periodically.", services)?;
    let refused = [("too_many", services_refused), ("too_fast", services_missed)];
    let help = "Changes of services that were not checked: too many services, or too short-lived.";
    out.counters("tracego_services_refused", help, label("reason", refused))
}

/// Writes the numbers of the inventory.
pub(super) fn write_inventory(out: &mut Families<'_>, report: &InventoryReport) -> fmt::Result {
    let InventoryReport { complete, judged, unread, skipped, error: _ } = report;
    let UnreadProcesses { denied, failed } = *unread;
    let SkippedProcesses { kernel, filtered, own, gone, too_many } = *skipped;
    let results = [
        ("read", *judged),
        ("denied", denied),
        ("failed", failed),
        ("kernel", kernel),
        ("filtered", filtered),
        ("own", own),
        ("gone", gone),
        ("too_many", too_many),
    ];
    let help = "Processes that ran before tracego: judged, not to be read, or skipped.";
    out.gauges("tracego_inventory_processes", help, label("result", results))?;
    let help = "1 when all processes that ran before tracego were looked at.";
    out.gauge("tracego_inventory_complete", help, u32::from(*complete))
}
