//! The programs that ran before tracego, read from /proc on a thread of their own: a process table may be long, and a
//! disk slow.

mod cgroup_membership;
mod encoding;
mod event_builder;
mod snapshot;
mod status;

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use cgroup_membership::CgroupMembership;
use snapshot::Snapshot;
pub use status::InventoryStatus;
use tokio::sync::mpsc;
use tracego_common::{KernelSettings, settings::filter};
use tracego_model::{
    clock::Reading,
    input::{Batch, Input},
    record::inventory::{InventoryReport, UnreadProcesses},
};

use super::proc::{procfs::Procfs, read_error::ReadError};

/// Time between two looks at the queue of the pipeline.
const PAUSE: Duration = Duration::from_millis(1);
/// Maximum number of processes that are looked at.
const PROCESSES_MAX: usize = 16 << 10;

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

/// Starts the thread, which sends the running programs into `queue` without keeping the queue open, counts them in
/// `status`, and ends.
///
/// # Errors
/// Fails if the thread cannot be started.
pub fn start(
    settings: InventorySettings,
    procfs: Procfs,
    queue: mpsc::WeakSender<Input>,
    status: Arc<InventoryStatus>,
) -> io::Result<JoinHandle<()>> {
    let run = move || {
        let ended = look(&settings, &procfs, PROCESSES_MAX, &status, |batch| send(&queue, batch));
        match ended {
            Err(why) => {
                tracing::warn!(%why, "programs that ran before are not judged: /proc cannot be listed");
                status.end(Err(why));
            }
            // The run ended before.
            Ok(false) => {}
            Ok(true) => {
                status.end(Ok(()));
                let InventoryReport { judged, unread, skipped, .. } = status.report();
                let UnreadProcesses { denied, failed } = unread;
                tracing::info!(judged, denied, failed, "programs that ran before were looked up");
                if skipped.too_many > 0 {
                    tracing::warn!(
                        skipped.too_many,
                        "too many processes ran before: those with the highest process ids are not judged"
                    );
                }
            }
        }
    };
    thread::Builder::new().name("tracego-running".to_owned()).spawn(run)
}

/// Looks at the running processes, at most `max`, and hands on their events. Returns false if `send` does, which ends it.
fn look(
    settings: &InventorySettings,
    procfs: &Procfs,
    max: usize,
    status: &InventoryStatus,
    send: impl Fn(Batch) -> bool,
) -> Result<bool, ReadError> {
    let own = procfs.own_pid()?;
    let (pids, others) = procfs.first_pids(max)?;
    status.leave_out(others);
    for pid in pids {
        let now = Reading::now();
        let boot_ns = u64::try_from(now.boot_ns).unwrap_or_default();
        let looked = match pid == own {
            true => Ok(Snapshot::Own),
            false => procfs.current(pid).and_then(|process| match process.parent == own {
                true => Ok(Snapshot::Own),
                false => snapshot::read(&process, procfs, settings, boot_ns),
            }),
        };
        status.count(&looked);
        match looked {
            Ok(Snapshot::Event(event)) => {
                let mut batch = Batch::from_bytes(now, Vec::new());
                batch.push(&event);
                if !send(batch) {
                    return Ok(false);
                }
            }
            Ok(_) | Err(ReadError::Gone | ReadError::Denied) => {}
            Err(why) => tracing::debug!(pid, %why, "a running process cannot be read"),
        }
    }
    Ok(true)
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

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs, os::unix::fs::symlink};

    use tracego_model::record::inventory::SkippedProcesses;
    use zerocopy::FromZeros as _;

    use super::*;

    fn settings() -> InventorySettings {
        InventorySettings {
            kernel: KernelSettings { argv_max: 4096, ..KernelSettings::new_zeroed() },
            variables: Vec::new(),
        }
    }

    #[test]
    fn of_too_many_processes_the_first_are_looked_at_and_the_others_counted() {
        let folder = tempfile::tempdir().unwrap();
        for pid in 1..=9 {
            fs::create_dir(folder.path().join(pid.to_string())).unwrap();
        }
        fs::create_dir(folder.path().join("sys")).unwrap();
        symlink("1", folder.path().join("self")).unwrap();
        let (procfs, status) = (Procfs::new(folder.path()), InventoryStatus::default());
        assert!(look(&settings(), &procfs, 9, &status, |_| true).unwrap());
        let skipped = SkippedProcesses { own: 1, gone: 8, ..SkippedProcesses::default() };
        assert_eq!(status.report(), InventoryReport { skipped, ..InventoryReport::default() });
        let status = InventoryStatus::default();
        assert!(look(&settings(), &procfs, 4, &status, |_| true).unwrap());
        let SkippedProcesses { own, gone, too_many, .. } = status.report().skipped;
        assert_eq!((own + gone, too_many), (4, 5));
        // The log, and the report, say why nothing is judged.
        let status = InventoryStatus::default();
        let missing = Procfs::new(folder.path().join("none"));
        status.end(look(&settings(), &missing, 9, &status, |_| true).map(|_| ()));
        assert_eq!((status.report().error.as_deref(), status.report().complete), (Some("not found"), false));
    }

    #[test]
    fn numbers_grow_while_processes_are_looked_at() {
        let (status, sent) = (InventoryStatus::default(), Cell::new(0));
        let is_whole = look(&settings(), &Procfs::default(), PROCESSES_MAX, &status, |_| {
            sent.set(sent.get() + 1);
            assert_eq!((status.report().judged, status.report().complete), (sent.get(), false));
            sent.get() < 2
        });
        assert!(!is_whole.unwrap(), "the run ended");
        assert_eq!(status.report().judged, 2);
    }
}
