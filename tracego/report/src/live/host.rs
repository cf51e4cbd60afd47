//! The machines that records are of, and the runs of tracego on them.

use std::collections::HashMap;

use tracego_model::clock::Time;

use crate::wire::{WireRecord, cut};

/// Maximum number of machines, and of streams of lean records, that are told apart.
const HOSTS_MAX: usize = 200;
const STREAMS_MAX: usize = 1000;
/// Maximum length of a name or an id in bytes.
const NAME_MAX: usize = 300;

/// A machine with the run of tracego that recorded last.
#[derive(Clone, Debug, Default)]
pub struct LiveHost {
    /// Name of the machine.
    pub name: String,
    /// Name of the node of Kubernetes; empty if it is none.
    pub node: String,
    /// Time of the first record of the run.
    pub since: Time,
    /// Instance of tracego.
    instance: Box<str>,
    /// Number of the run, over all machines.
    run: usize,
}

/// The machines by their ids.
#[derive(Clone, Debug, Default)]
pub struct HostTable {
    hosts: HashMap<Box<str>, LiveHost>,
    /// Machine and instance by the stream of lean records.
    streams: HashMap<Box<str>, (Box<str>, Box<str>)>,
    runs: usize,
}

impl HostTable {
    /// Returns all machines.
    pub fn iter(&self) -> impl Iterator<Item = &LiveHost> {
        self.hosts.values()
    }

    /// Notes the run of a record. Returns its number, and the number of the run before on the same machine if the record
    /// is the first of its run.
    pub(super) fn run(&mut self, record: &WireRecord<'_>, time: Time) -> (usize, Option<usize>) {
        let instance = record.service.as_ref().map_or("", |service| &*service.instance.id);
        let stream = &*record.tracego.references.stream;
        let own = (cut(&record.host.id, NAME_MAX), cut(instance, NAME_MAX));
        let is_own = !own.0.is_empty() || !own.1.is_empty();
        if is_own && !stream.is_empty() && self.streams.len() < STREAMS_MAX {
            let run = || (own.0.into(), own.1.into());
            self.streams.entry(cut(stream, NAME_MAX).into()).or_insert_with(run);
        }
        let known = self.streams.get(stream).filter(|_| !is_own);
        let (id, instance) = known.map_or(own, |(id, instance)| (id, instance));
        if !self.hosts.contains_key(id) && self.hosts.len() >= HOSTS_MAX {
            return (0, None);
        }
        let host = self.hosts.entry(id.into()).or_default();
        let mut before = None;
        if host.run == 0 || (*host.instance != *instance && !instance.is_empty()) {
            before = Some(host.run).filter(|run| *run > 0);
            self.runs += 1;
            (host.run, host.instance, host.since) = (self.runs, instance.into(), time);
        }
        if host.name.is_empty() {
            cut(&record.host.name, NAME_MAX).clone_into(&mut host.name);
        }
        if let Some(place) = record.k8s.as_ref().filter(|place| !place.node.name.is_empty())
            && host.node.is_empty()
        {
            cut(&place.node.name, NAME_MAX).clone_into(&mut host.node);
        }
        (host.run, before)
    }
}
