//! The pods of this node, as the Kubernetes API describes them: one list, and then a watch for changes.
//!
//! The thread of [`watcher::PodWatcher`] asks for the pods of one node alone, keeps the facts that records need, and
//! hands what changed to the pipeline as input. Nothing waits for it: without an answer of the API, records have the
//! ids of pods and containers that cgroups name.
//!
//! The crate speaks HTTP over connections that it is given, so that TLS is that of the caller. Answers are not
//! trusted: bodies, lines, and the number of pods are bounded.

pub mod answers;
pub mod settings;
pub mod status;
pub mod watcher;

mod api;
mod backoff;
mod facts;
mod known_pods;
mod lines;
mod request;
