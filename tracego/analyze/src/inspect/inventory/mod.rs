//! The programs that ran before tracego, read from /proc on a thread of their own: a process table may be long, and a
//! disk slow.

mod snapshot;

use std::{
    io,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use snapshot::CgroupMembership;
use tokio::sync::mpsc;
use tracego_common::{KernelSettings, settings::filter};
use tracego_model::{
    clock::Reading,
    input::{Batch, Input},
};

use super::proc::{procfs::Procfs, read_error::ReadError};

/// Time between two looks at the queue of the pipeline.
const PAUSE: Duration = Duration::from_millis(1);

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
    for pid in procfs.pids()?.into_iter().filter(|pid| *pid != own) {
        let now = Reading::now();
        let boot_ns = u64::try_from(now.boot_ns).unwrap_or_default();
        let found = procfs.current(pid).and_then(|process| {
            let of_agent = process.parent == own;
            if of_agent { Ok(None) } else { snapshot::event(&process, procfs, settings, boot_ns) }
        });
        match found {
            Ok(Some(event)) => {
                counts.read += 1;
                let mut batch = Batch::from_bytes(now, Vec::new());
                batch.push(&event);
                if !send(queue, batch) {
                    break;
                }
            }
            Ok(None) | Err(ReadError::Gone) => {}
            Err(ReadError::Denied) => counts.denied += 1,
            Err(why) => {
                tracing::debug!(pid, %why, "a running process cannot be read");
                counts.failed += 1;
            }
        }
    }
    Ok(counts)
}

/// Sends one program when no other input waits: its executable is read in the pipeline, and starts of programs come
/// first. Returns false when the run ends.
fn send(queue: &mpsc::WeakSender<Input>, batch: Batch) -> bool {
    loop {
        // Not held while it waits, or the run would not end.
        let Some(queue) = queue.upgrade() else { return false };
        if queue.capacity() == queue.max_capacity() {
            return queue.blocking_send(Input::Inventory(batch)).is_ok();
        }
        if queue.is_closed() {
            return false;
        }
        drop(queue);
        thread::sleep(PAUSE);
    }
}
