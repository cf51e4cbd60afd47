//! Answers of the API as bytes, for those who try any: the same parsers that the watch uses.

use tracego_model::input::pods::PodFacts;

use crate::{
    api::{ApiPod, PodList, watch_event::WatchEvent},
    facts::facts,
    lines::{Line, Lines},
    settings::PodWatchSettings,
};

/// Returns the facts about the pods in the lines of a watch, which come in pieces of `piece` bytes.
#[must_use]
pub fn watched(bytes: &[u8], piece: usize, settings: &PodWatchSettings) -> Vec<PodFacts> {
    let mut lines = Lines::default();
    let whole =
        bytes.chunks(piece.max(1)).flat_map(|piece| lines.take(piece)).filter_map(|line| match line {
            Line::Whole(line) => WatchEvent::parse(&line).ok(),
            Line::TooLong => None,
        });
    let pods: Vec<_> = whole
        .filter_map(|event| match event {
            WatchEvent::Present(pod) | WatchEvent::Gone(pod) => facts(*pod, settings),
            WatchEvent::Bookmark(_) | WatchEvent::Error(_) => None,
        })
        .collect();
    pods
}

/// Returns the facts about the pods of a list.
#[must_use]
pub fn listed(bytes: &[u8], settings: &PodWatchSettings) -> Vec<PodFacts> {
    let Ok(list) = serde_json::from_slice::<PodList<'_>>(bytes) else { return Vec::new() };
    let pods = list.items.iter().filter_map(|pod| serde_json::from_str::<ApiPod>(pod.get()).ok());
    pods.filter_map(|pod| facts(pod, settings)).collect()
}
