//! The records of pods, and the pods of processes.

use std::sync::Arc;

use tracego_model::{
    clock::Reading,
    input::pods::PodChanges,
    record::{OtelSeverity, Own, Record, event_name, job::Identified, kubernetes::PodReport},
};

use super::{Enricher, ci::CiIdentity, context, pods::KnownPod};

impl Enricher {
    /// Takes changes of this node's pods. Returns a record for each pod that is new, or of which records show something
    /// else now.
    pub fn pods(&mut self, changes: PodChanges, reading: Reading) -> Vec<Record> {
        self.set_clock(reading);
        self.pods.change(changes).into_iter().map(|pod| self.pod_record(&pod, reading)).collect()
    }

    fn pod_record(&mut self, pod: &KnownPod, reading: Reading) -> Record {
        let (context, job) = self.pod_identity(pod).unzip();
        let facts = &pod.facts;
        let body = format!("pod {}/{} runs on this node", facts.namespace, facts.name);
        let own = Own { job, pod: Some(Box::new(PodReport::of(facts))), ..self.own() };
        let stamp = self.builder.stamp(reading);
        let record = self.envelope(event_name::POD, OtelSeverity::Info, stamp, body, own);
        Record { context, k8s: Some(pod.own_members()), ..record }
    }

    /// Returns the commit and the job that a pod names.
    pub(super) fn pod_identity(&self, pod: &KnownPod) -> Option<Identified> {
        pod.job.as_ref()?;
        context::merge(&self.explicit, &CiIdentity::default(), None, false, Some(pod))
    }

    /// Returns the pod with this uid in a cgroup path, if it is known.
    pub(super) fn pod(&self, uid: Option<&str>) -> Option<Arc<KnownPod>> {
        uid.and_then(|uid| self.pods.get(uid)).cloned()
    }
}
