//! Answers of the Kubernetes API: any bytes, in any pieces, give facts about pods that are bounded, or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracego_kubernetes::{
    answers,
    settings::{KeyList, PodWatchSettings},
};
use tracego_model::input::pods::PodFacts;

/// Limits of the facts about one pod, in parts and in bytes of a text with the mark of a cut.
const PARTS: usize = 64;
const TEXT: usize = 2048 + 3;

fn check(pods: &[PodFacts]) {
    for pod in pods {
        assert!(pod.containers.len() <= PARTS);
        for texts in [&pod.shown.labels, &pod.shown.annotations] {
            assert!(texts.len() <= PARTS && texts.values().all(|text| text.len() <= TEXT));
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, bytes)) = input.split_first() else { return };
    let all = KeyList(vec!["*".to_owned()]);
    let settings = PodWatchSettings { labels: all.clone(), annotations: all, ..PodWatchSettings::default() };
    let pods = answers::watched(bytes, usize::from(*piece), &settings);
    assert_eq!(pods, answers::watched(bytes, usize::MAX, &settings), "pieces do not matter");
    check(&pods);
    check(&answers::listed(bytes, &settings));
});
