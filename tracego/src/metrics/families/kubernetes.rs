//! Metrics of the watch of this node's pods.

use std::fmt;

use tracego_kubernetes::status::{LeftOut, PodWatchCounts, RequestResult};

use super::Families;

/// Writes the counts of requests, pods and changes.
pub(super) fn write(out: &mut Families<'_>, counts: &PodWatchCounts) -> fmt::Result {
    let &PodWatchCounts { connected, pods, events, requests, left_out } = counts;
    let help = "Whether the pods of this node are known: the last request to the Kubernetes API succeeded.";
    out.gauge("tracego_kubernetes_up", help, u32::from(connected))?;
    out.gauge("tracego_kubernetes_pods", "Pods of this node that are known.", pods)?;
    out.counter("tracego_kubernetes_events", "Changes of pods that the Kubernetes API reported.", events)?;
    let rows = RequestResult::NAMES.into_iter().zip(requests).map(|(name, n)| ([("result", name)], n));
    let help = "Requests to the Kubernetes API by result; expired: a new list was needed.";
    out.counters("tracego_kubernetes_requests", help, rows)?;
    let rows = LeftOut::NAMES.into_iter().zip(left_out).map(|(name, n)| ([("reason", name)], n));
    out.counters(
        "tracego_kubernetes_pods_left_out",
        "Descriptions of pods that were left out, by reason.",
        rows,
    )
}
