//! Mount namespaces that are held open for a moment, so that a program can still be found by its path when its
//! container is gone.

use std::{
    num::NonZeroUsize,
    os::fd::{AsRawFd as _, OwnedFd},
    path::PathBuf,
    time::{Duration, Instant},
};

use lru::LruCache;
use tracego_common::TaskId;

use super::procfs::Procfs;

/// Maximum number of namespaces held at a time.
const HELD: NonZeroUsize = match NonZeroUsize::new(64) {
    Some(held) => held,
    None => NonZeroUsize::MIN,
};
/// Time for which a namespace is held after its last program start. Its file systems stay mounted that long.
const HOLD: Duration = Duration::from_secs(1);

/// A mount namespace and the root folder of one of its processes.
#[derive(Debug)]
struct HeldNamespace {
    /// Keeps the mounts; without it they would be taken apart with the last process.
    _namespace: OwnedFd,
    root: OwnedFd,
    used: Instant,
}

/// The mount namespaces that are held.
#[derive(Debug)]
pub struct MountNamespaces {
    held: LruCache<u32, HeldNamespace>,
    /// Namespace of tracego itself.
    own: Option<u64>,
    /// Namespace of the machine, whose root folder workers find by themselves.
    host: Option<u64>,
    /// Process id of tracego in /proc, by which workers find the descriptors.
    agent: u32,
}

impl MountNamespaces {
    /// Creates an empty set.
    #[must_use]
    pub fn new(procfs: &Procfs) -> Self {
        let own = procfs.own_mount_namespace().ok();
        let host = procfs.host_root().and_then(|_| procfs.host_mount_namespace().ok());
        let agent = procfs.own_pid().unwrap_or_else(|_| std::process::id());
        Self { held: LruCache::new(HELD), own, host, agent }
    }

    /// Holds the namespace of a process that has just started a program.
    pub fn hold(&mut self, procfs: &Procfs, id: TaskId, namespace: u32) {
        let has_root = |known: u64| known == u64::from(namespace);
        if namespace == 0 || self.own.is_none_or(has_root) || self.host.is_some_and(has_root) {
            return;
        }
        if let Some(held) = self.held.get_mut(&namespace) {
            held.used = Instant::now();
            return;
        }
        let Ok(process) = procfs.process(id) else { return };
        let (Ok(descriptor), Ok(root)) = (process.namespace_descriptor("mnt"), process.root()) else {
            return;
        };
        // The link is read behind the opening: the process may have been replaced.
        if process.namespace("mnt") == Ok(u64::from(namespace)) {
            let held =
                HeldNamespace { _namespace: descriptor, root: root.into_descriptor(), used: Instant::now() };
            self.held.push(namespace, held);
        }
    }

    /// Returns the paths of the root folders of a namespace, for a worker.
    #[must_use]
    pub fn roots(&self, namespace: u32) -> Vec<PathBuf> {
        let held = self.held.peek(&namespace);
        held.map(|held| PathBuf::from(format!("/proc/{}/fd/{}", self.agent, held.root.as_raw_fd())))
            .into_iter()
            .collect()
    }

    /// Lets go of namespaces without a recent start.
    pub fn release(&mut self) {
        while self.held.peek_lru().is_some_and(|(_, held)| held.used.elapsed() >= HOLD) {
            self.held.pop_lru();
        }
    }
}
