//! Process ids in the agent's /proc, which differ from those of events if the agent is in a pid namespace.

use std::{fmt, sync::Arc};

use tracego_common::TaskId;

/// The lookup of a process id for /proc; `None` for a process that /proc does not show.
type Lookup = dyn Fn(TaskId) -> Option<u32> + Send + Sync;

/// The translation of process ids of events to those of /proc. By default both are the same.
#[derive(Clone, Default)]
pub struct ProcPids(Option<Arc<Lookup>>);

impl ProcPids {
    /// Creates a translation by a lookup.
    #[must_use]
    pub fn new(lookup: impl Fn(TaskId) -> Option<u32> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(lookup)))
    }

    /// Returns the process id in /proc; `None` if /proc does not show the process, or does so no more.
    #[must_use]
    pub fn get(&self, id: TaskId) -> Option<u32> {
        match &self.0 {
            None => Some(id.tgid),
            Some(lookup) => lookup(id),
        }
    }
}

impl fmt::Debug for ProcPids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "ProcPids(translated)" } else { "ProcPids(same)" })
    }
}
