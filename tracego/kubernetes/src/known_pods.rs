//! The pods that are known, and what changed since the pipeline was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tracego_model::input::pods::{PodChanges, PodFacts};

/// Maximum number of pods. Kubernetes recommends 110 for a node.
pub(crate) const PODS_MAX: usize = 1024;

/// The pods that are known, by their uids in the API.
#[derive(Debug, Default)]
pub(crate) struct KnownPods {
    pods: BTreeMap<String, Arc<PodFacts>>,
    waiting: PodChanges,
}

impl KnownPods {
    /// Returns the number of pods.
    pub(crate) fn len(&self) -> usize {
        self.pods.len()
    }

    /// Takes a pod as it is now. Returns whether there was room for it.
    pub(crate) fn put(&mut self, facts: PodFacts) -> bool {
        let known = self.pods.get(&facts.uid);
        if known.is_some_and(|known| **known == facts) {
            return true;
        }
        if known.is_none() && self.pods.len() >= PODS_MAX {
            return false;
        }
        let facts = Arc::new(facts);
        self.pods.insert(facts.uid.clone(), Arc::clone(&facts));
        self.waiting.present.push(facts);
        true
    }

    /// Takes the end of a pod.
    pub(crate) fn remove(&mut self, uid: &str) {
        if let Some((uid, _)) = self.pods.remove_entry(uid) {
            self.waiting.gone.push(uid);
        }
    }

    /// Takes the uids of all pods that there are: others are gone.
    pub(crate) fn retain(&mut self, there: &BTreeSet<String>) {
        let gone: Vec<String> = self.pods.keys().filter(|uid| !there.contains(*uid)).cloned().collect();
        gone.iter().for_each(|uid| self.remove(uid));
    }

    /// Returns what changed since the last call.
    pub(crate) fn changes(&mut self) -> PodChanges {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, name: &str) -> PodFacts {
        PodFacts { uid: uid.to_owned(), name: name.to_owned(), ..PodFacts::default() }
    }

    #[test]
    fn a_pod_is_told_when_it_changes_and_when_it_is_gone() {
        let mut known = KnownPods::default();
        assert!(known.put(pod("a", "x")) && known.put(pod("b", "y")) && known.put(pod("a", "x")));
        let changes = known.changes();
        assert_eq!((changes.present.len(), changes.gone.len()), (2, 0));
        assert!(known.put(pod("a", "x")) && known.changes().is_empty());
        assert!(known.put(pod("a", "z")));
        known.retain(&BTreeSet::from(["a".to_owned()]));
        known.remove("unknown");
        let changes = known.changes();
        assert_eq!((changes.present[0].name.as_str(), &*changes.gone), ("z", &["b".to_owned()][..]));
    }

    #[test]
    fn pods_beyond_the_bound_are_refused_and_known_ones_still_change() {
        let mut known = KnownPods::default();
        (0..PODS_MAX).for_each(|n| assert!(known.put(pod(&n.to_string(), "x"))));
        assert!(!known.put(pod("more", "x")) && known.put(pod("7", "y")));
        known.remove("7");
        assert!(known.put(pod("more", "x")) && known.len() == PODS_MAX);
    }
}
