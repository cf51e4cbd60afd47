//! Metrics of the inspection of executables and services.

use std::fmt;

use tracego_analyze::inspect::{
    digest::requests::DigestCounters, files::readers::ReaderCounters, image::cache,
    inspector::InspectCounters,
};
use tracego_model::{
    input::digest::DigestGap,
    record::inventory::{InventoryReport, SkippedProcesses, UnreadProcesses},
};

use super::{Families, label};
use crate::provenance::ProvenanceCounters;

/// Writes the counts of the inspector.
pub(super) fn write(out: &mut Families<'_>, figures: &InspectCounters) -> fmt::Result {
    let InspectCounters {
        images,
        image_bytes,
        readers,
        digests,
        services,
        services_refused,
        services_missed,
    } = *figures;
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
    write_digests(out, &digests)?;
    out.gauge("tracego_services_watched", "Services that are checked periodically.", services)?;
    let refused = [("too_many", services_refused), ("too_fast", services_missed)];
    let help = "Changes of services that were not checked: too many services, or too short-lived.";
    out.counters("tracego_services_refused", help, label("reason", refused))
}

/// Writes the counts of verdicts about executables.
pub(super) fn write_provenance(out: &mut Families<'_>, counts: &ProvenanceCounters) -> fmt::Result {
    let ProvenanceCounters { judged, busy, ended, lost, waiting } = *counts;
    out.counter(
        "tracego_provenance_judged",
        "Verdicts about the origin of executables that were made anew.",
        judged,
    )?;
    let help = "Program starts whose executable was not judged because too many waited.";
    out.counter("tracego_provenance_busy", help, busy)?;
    let help = "Program starts whose executable was not judged because tracego ended, or its thread for that was lost.";
    let reasons = [("ended", ended), ("lost", lost)];
    out.counters("tracego_provenance_unanswered", help, label("reason", reasons))?;
    let help = "Program starts that wait for a verdict about the origin of their executable.";
    out.gauge("tracego_provenance_waiting", help, waiting)
}

/// Writes the counts of digests.
fn write_digests(out: &mut Families<'_>, digests: &DigestCounters) -> fmt::Result {
    let DigestCounters { known, hashed, unproven, absent, waiting, lost } = *digests;
    let help = "Program starts whose executable had a known digest.";
    out.counter("tracego_digests_known", help, known)?;
    out.counter("tracego_digests_hashed", "Executables that were hashed.", hashed)?;
    let help = "Program starts whose executable may have changed before it was hashed.";
    out.counter("tracego_digests_unproven", help, unproven)?;
    let mut reasons = DigestGap::ALL.map(|gap| (gap.as_str(), 0));
    reasons.iter_mut().zip(absent).for_each(|(reason, count)| reason.1 = count);
    let help = "Program starts without a digest of their executable, by the reason.";
    out.counters("tracego_digests_absent", help, label("reason", reasons))?;
    out.gauge("tracego_digests_waiting", "Program starts that wait for a digest.", waiting)?;
    out.counter(
        "tracego_hasher_lost",
        "Times that the process that hashes did not answer and was replaced.",
        lost,
    )
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
