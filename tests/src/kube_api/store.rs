//! The pods of the stand-in, and what happened to them, by version.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

/// An event of a watch.
#[derive(Clone)]
pub(super) struct StoredEvent {
    pub(super) version: u64,
    pub(super) kind: &'static str,
    pub(super) object: Value,
}

/// The pods and their history.
#[derive(Default)]
pub(super) struct Store {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pods: BTreeMap<(String, String), Value>,
    version: u64,
    events: Vec<StoredEvent>,
    /// Versions up to this one are forgotten.
    forgotten: u64,
    /// Number of times that all watches were ended.
    ends: u64,
}

/// The next step of a watch.
pub(super) enum Next {
    Events(Vec<StoredEvent>),
    /// The version of the watch is forgotten.
    Forgotten,
    /// The watch is over.
    End,
    /// No event for a moment.
    Nothing,
}

fn name(pod: &Value) -> (String, String) {
    let part = |key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
    (part("namespace"), part("name"))
}

impl Store {
    pub(super) fn put(&self, mut pod: Value) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        let version = state.version;
        pod["metadata"]["resourceVersion"] = version.to_string().into();
        let before = state.pods.insert(name(&pod), pod.clone());
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        state.events.push(StoredEvent { version, kind, object: pod });
        self.changed.notify_all();
    }

    pub(super) fn delete(&self, namespace: &str, name: &str) {
        let mut state = self.state.lock().unwrap();
        let Some(mut pod) = state.pods.remove(&(namespace.to_owned(), name.to_owned())) else { return };
        state.version += 1;
        let version = state.version;
        pod["metadata"]["resourceVersion"] = version.to_string().into();
        state.events.push(StoredEvent { version, kind: "DELETED", object: pod });
        self.changed.notify_all();
    }

    pub(super) fn bookmark(&self) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        let version = state.version;
        let metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        let object =
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"containers": null}});
        state.events.push(StoredEvent { version, kind: "BOOKMARK", object });
        self.changed.notify_all();
    }

    pub(super) fn forget(&self) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        state.forgotten = state.version;
        state.events.clear();
        self.changed.notify_all();
    }

    pub(super) fn end_watches(&self) {
        self.state.lock().unwrap().ends += 1;
        self.changed.notify_all();
    }

    /// Returns the pods that `is_asked` chooses, and the version of the list.
    pub(super) fn list(&self, is_asked: impl Fn(&Value) -> bool) -> (Vec<Value>, u64) {
        let state = self.state.lock().unwrap();
        (state.pods.values().filter(|pod| is_asked(pod)).cloned().collect(), state.version)
    }

    /// Returns how often all watches were ended.
    pub(super) fn ends(&self) -> u64 {
        self.state.lock().unwrap().ends
    }

    /// Waits a moment for events behind a version. `ends`: the number of ends when the watch began.
    pub(super) fn next(&self, version: u64, ends: u64) -> Next {
        let mut state = self.state.lock().unwrap();
        for _ in 0..2 {
            if version < state.forgotten {
                return Next::Forgotten;
            }
            if state.ends > ends {
                return Next::End;
            }
            let events: Vec<_> =
                state.events.iter().filter(|event| event.version > version).cloned().collect();
            if !events.is_empty() {
                return Next::Events(events);
            }
            state = self.changed.wait_timeout(state, Duration::from_millis(100)).unwrap().0;
        }
        Next::Nothing
    }
}
