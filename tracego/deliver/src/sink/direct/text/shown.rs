//! The processes that were shown, so that a line says only what its parent's line does not.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_model::record::event_name;

use super::text_record::{TextProcess, TextRecord};

/// Maximum number of processes that are remembered. The least recently used is evicted; its children are shown
/// as if their parent was not.
const KEPT: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(kept) => kept,
    None => NonZeroUsize::MIN,
};

/// User, job and commit of a process, as far as they are known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Attribution {
    pub(super) user: Option<String>,
    pub(super) job: Option<String>,
    pub(super) commit: Option<String>,
}

/// A process that was shown.
#[derive(Clone, Debug)]
struct ShownProcess {
    depth: usize,
    attribution: Attribution,
}

/// The processes that were shown, by pid and start time.
#[derive(Debug)]
pub(super) struct ShownProcesses(LruCache<(u32, i64), ShownProcess>);

impl Default for ShownProcesses {
    fn default() -> Self {
        Self(LruCache::new(KEPT))
    }
}

impl ShownProcesses {
    /// Returns the depth of a process below the first shown ancestor of its line, and what differs from the
    /// nearest shown process above it. `ancestors`: pid and start of the processes above, the nearest first. A start makes the process a shown one, and an exit ends that.
    pub(super) fn place(
        &mut self,
        record: &TextRecord<'_>,
        process: &TextProcess<'_>,
        mut ancestors: impl Iterator<Item = (u32, i64)>,
    ) -> (usize, Vec<(&'static str, String)>) {
        let own = &process.attribution;
        let id = (process.pid, process.created.0);
        let (above, depth) = match self.0.get(&id) {
            Some(shown) => (Some(shown.attribution.clone()), shown.depth),
            None => {
                let near = ancestors.find_map(|above| self.0.peek(&above));
                near.map_or((None, 0), |shown| (Some(shown.attribution.clone()), shown.depth + 1))
            }
        };
        match record.event_name {
            event_name::START => {
                self.0.put(id, ShownProcess { depth, attribution: own.clone() });
            }
            event_name::EXIT => {
                self.0.pop(&id);
                return (depth, Vec::new());
            }
            _ => return (depth, Vec::new()),
        }
        let above = above.unwrap_or_default();
        let parts = [
            ("user", &own.user, &above.user),
            ("job", &own.job, &above.job),
            ("commit", &own.commit, &above.commit),
        ];
        let news = parts.into_iter().filter(|(_, own, above)| own != above);
        (depth, news.map(|(name, own, _)| (name, own.clone().unwrap_or_else(|| "-".to_owned()))).collect())
    }
}
