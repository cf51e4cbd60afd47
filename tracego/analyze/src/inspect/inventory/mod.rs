//! The programs that ran before tracego, read from /proc on a thread of their own: a process table may be long, and a
//! disk slow.

mod snapshot;

use std::{
    io,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
};

use snapshot::CgroupMembership;
use tokio::sync::mpsc;
use tracego_common::{KernelSettings, settings::filter};
use tracego_model::{
    clock::Reading,
    input::{Batch, Input},
};

use super::proc::{procfs::Procfs, read_error::ReadError};

/// Number of processes that go through the pipeline at a time: their executables are read there, and starts of
/// programs are not to wait for long.
const PORTION: usize = 8;

/// Settings of the inventory.
#[derive(Clone, Debug)]
pub struct InventorySettings {
    /// Settings of the kernel side, whose filters hold here, too.
    pub kernel: KernelSettings,
    /// Variables that may leave a process's memory.
    pub variables: Vec<String>,
}

impl InventorySettings {
    fn has(&self, filter: u32) -> bool {
        self.kernel.filters & filter != 0
    }

    fn excludes_user(&self, uid: u32) -> bool {
        self.has(filter::UID) && uid != self.kernel.uid
    }

    fn excludes_name(&self, name: &[u8]) -> bool {
        let wanted = self.kernel.comm.split(|&b| b == 0).next().unwrap_or_default();
        self.has(filter::COMM) && name != wanted
    }

    fn excludes_cgroup(&self, group: &CgroupMembership) -> bool {
        self.has(filter::CGROUP)
            && (group.is_v1 || group.number(Some(self.kernel.cgroup_level)) != self.kernel.cgroup_id)
    }
}

/// The result of an inventory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InventoryCounts {
    /// Number of processes that were read.
    pub read: u64,
    /// Number of processes that may not be looked at, so that they are not judged.
    pub denied: u64,
    /// Number of processes that could not be read for another reason, so that they are not judged.
    pub failed: u64,
}

/// Starts the thread, which sends the running programs into `queue` without keeping the queue open, sets the result,
/// and ends.
///
/// # Errors
/// Fails if the thread cannot be started.
pub fn start(
    settings: InventorySettings,
    procfs: Procfs,
    queue: mpsc::WeakSender<Input>,
    result: Arc<OnceLock<InventoryCounts>>,
) -> io::Result<JoinHandle<()>> {
    let run = move || match look(&settings, &procfs, &queue) {
        Ok(counts) => {
            let InventoryCounts { read, denied, failed } = *result.get_or_init(|| counts);
            tracing::info!(read, denied, failed, "programs that ran before were looked up");
        }
        Err(why) => {
            tracing::warn!(%why, "programs that ran before are not judged: /proc cannot be listed");
        }
    };
    thread::Builder::new().name("tracego-running".to_owned()).spawn(run)
}

fn look(
    settings: &InventorySettings,
    procfs: &Procfs,
    queue: &mpsc::WeakSender<Input>,
) -> Result<InventoryCounts, ReadError> {
    let own = procfs.own_pid()?;
    let mut counts = InventoryCounts::default();
    for pids in procfs.pids()?.chunks(PORTION) {
        let now = Reading::now();
        let boot_ns = u64::try_from(now.boot_ns).unwrap_or_default();
        let mut batch = Batch::from_bytes(now, Vec::new());
        for &pid in pids.iter().filter(|pid| **pid != own) {
            let found = procfs.current(pid).and_then(|process| {
                let of_agent = process.parent == own;
                if of_agent { Ok(None) } else { snapshot::event(&process, procfs, settings, boot_ns) }
            });
            match found {
                Ok(Some(event)) => {
                    batch.push(&event);
                    counts.read += 1;
                }
                Ok(None) | Err(ReadError::Gone) => {}
                Err(ReadError::Denied) => counts.denied += 1,
                Err(why) => {
                    tracing::debug!(pid, %why, "a running process cannot be read");
                    counts.failed += 1;
                }
            }
        }
        // The run ends.
        let Some(queue) = queue.upgrade() else { break };
        if !batch.is_empty() && queue.blocking_send(Input::Inventory(batch)).is_err() {
            break;
        }
    }
    Ok(counts)
}
