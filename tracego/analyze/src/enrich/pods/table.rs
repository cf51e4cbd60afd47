//! The pods of this node that are known, by the uid that cgroup paths have.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use tracego_model::{
    input::pods::{PodChanges, PodFacts},
    record::{K8s, frozen::Frozen, kubernetes::ContainerImage},
};

use super::identity::PodJob;

/// Maximum number of pods. A watch keeps fewer; a capture file may have any number.
const PODS_MAX: usize = 4096;
/// Maximum number of pods that are kept after the API has forgotten them: the last records of their processes are made
/// later.
const GONE_MAX: usize = 256;

/// The members of records about processes of one container.
#[derive(Clone, Debug)]
pub(in crate::enrich) struct ContainerMembers {
    /// `k8s.*`.
    pub(in crate::enrich) k8s: Arc<Frozen<K8s>>,
    /// `container.image.*`.
    pub(in crate::enrich) image: Option<Arc<Frozen<ContainerImage>>>,
}

/// A pod, and what records show of it.
#[derive(Debug)]
pub(crate) struct KnownPod {
    pub(in crate::enrich) facts: Arc<PodFacts>,
    /// Uid of the pod in cgroup paths.
    pub(in crate::enrich) uid: Arc<str>,
    /// The job that the pod belongs to.
    pub(in crate::enrich) job: Option<Arc<PodJob>>,
    /// Members for processes of no known container, and for those of each one, by its id.
    plain: Arc<Frozen<K8s>>,
    containers: Vec<(String, ContainerMembers)>,
}

impl KnownPod {
    fn new(facts: Arc<PodFacts>, before: Option<&Self>) -> Self {
        let found = PodJob::of(&facts);
        let known = before.and_then(|before| before.job.as_ref());
        let job = match (found, known) {
            (found, None) => found.map(Arc::new),
            (None, Some(known)) => Some(Arc::clone(known)),
            (Some(found), Some(known)) => {
                let job = found.continued(known);
                Some(if job == **known { Arc::clone(known) } else { Arc::new(job) })
            }
        };
        let members = |container: &tracego_model::input::pods::ContainerFacts| {
            let members = ContainerMembers {
                k8s: Arc::new(K8s::of(&facts, Some(&container.name)).into()),
                image: ContainerImage::of(container).map(|image| Arc::new(image.into())),
            };
            Some((container.id.clone()?, members))
        };
        Self {
            uid: facts.uid_in_cgroups().into(),
            job,
            plain: Arc::new(K8s::of(&facts, None).into()),
            containers: facts.containers.iter().filter_map(members).collect(),
            facts,
        }
    }

    /// Returns the members for a process of a container.
    pub(in crate::enrich) fn members(&self, container: Option<&str>) -> ContainerMembers {
        let found = container.and_then(|id| self.containers.iter().find(|(known, _)| known == id));
        found.map_or_else(
            || ContainerMembers { k8s: Arc::clone(&self.plain), image: None },
            |(_, members)| members.clone(),
        )
    }

    /// Returns the members of the record of the pod itself.
    pub(in crate::enrich) fn own_members(&self) -> Arc<Frozen<K8s>> {
        Arc::clone(&self.plain)
    }
}

/// Whether records show the same of two states of a pod.
fn is_shown_alike(before: &PodFacts, now: &PodFacts) -> bool {
    before == now || (before.ended != now.ended && PodFacts { ended: now.ended, ..before.clone() } == *now)
}

/// The table of pods.
#[derive(Debug, Default)]
pub(in crate::enrich) struct PodTable {
    pods: HashMap<Arc<str>, Arc<KnownPod>, lru::DefaultHasher>,
    gone: VecDeque<Arc<str>>,
}

impl PodTable {
    /// Takes changes. Returns the pods that are new, or of which records show something else now.
    pub(in crate::enrich) fn change(&mut self, changes: PodChanges) -> Vec<Arc<KnownPod>> {
        let mut news = Vec::new();
        for facts in changes.present {
            let before = self.pods.get(facts.uid_in_cgroups());
            if before.is_none() && self.pods.len() >= PODS_MAX {
                continue;
            }
            // Nobody takes the place of a pod that is there; kubelet removes a false copy of its static pod.
            let is_other = |pod: &&Arc<KnownPod>| {
                (&pod.facts.namespace, &pod.facts.name) != (&facts.namespace, &facts.name)
            };
            if before.filter(is_other).is_some_and(|pod| !self.gone.contains(&pod.uid)) {
                continue;
            }
            let is_same = before.is_some_and(|before| is_shown_alike(&before.facts, &facts));
            let pod = Arc::new(KnownPod::new(facts, before.map(|before| &**before)));
            self.gone.retain(|uid| *uid != pod.uid);
            self.pods.insert(Arc::clone(&pod.uid), Arc::clone(&pod));
            if !is_same {
                news.push(pod);
            }
        }
        for uid in changes.gone {
            let is = |pod: &&Arc<KnownPod>| pod.facts.uid == uid;
            let Some(uid) = self.pods.get(&*uid).or_else(|| self.pods.values().find(is)).map(|pod| &pod.uid)
            else {
                continue;
            };
            if !self.gone.contains(uid) {
                self.gone.push_back(Arc::clone(uid));
            }
        }
        while self.gone.len() > GONE_MAX {
            if let Some(uid) = self.gone.pop_front() {
                self.pods.remove(&uid);
            }
        }
        news
    }

    /// Whether no pod is known.
    pub(in crate::enrich) fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// Returns a pod by the uid in a cgroup path.
    pub(in crate::enrich) fn get(&self, uid: &str) -> Option<&Arc<KnownPod>> {
        self.pods.get(uid)
    }

    /// Returns the uids of the pods that run jobs.
    pub(in crate::enrich) fn running_jobs(&self) -> BTreeSet<String> {
        let runs =
            |pod: &&Arc<KnownPod>| pod.job.is_some() && !pod.facts.ended && !self.gone.contains(&pod.uid);
        self.pods.values().filter(runs).map(|pod| pod.uid.to_string()).collect()
    }
}
