//! The processes that outlive the command.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tracego_common::TaskId;
use tracego_model::text;
use tracego_probe::load::contexts::ProcessContexts;

/// Time between two looks at the tree.
const LOOK: Duration = Duration::from_millis(20);
/// Maximum number of processes that are named.
const NAMED: usize = 5;

/// Waits until no process of the tree runs, at most for `patience`; without one, however long it takes.
pub(super) async fn ends(contexts: Arc<ProcessContexts>, patience: Option<Duration>) {
    let start = Instant::now();
    while !running(&contexts).is_empty() {
        let left = patience.map(|patience| patience.saturating_sub(start.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return;
        }
        sleep(left.map_or(LOOK, |left| left.min(LOOK))).await;
    }
}

/// Returns the processes of the tree, without the agent's own: a process of a policy that is forked again while the
/// command runs is in the tree.
fn running(contexts: &ProcessContexts) -> Vec<TaskId> {
    let own = fs::read_link("/proc/self/exe").ok();
    let is_own = |id: &TaskId| {
        let Some(pid) = contexts.proc_pid(*id) else { return false };
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        comm == "tracego-policy\n" && own.is_some() && fs::read_link(format!("/proc/{pid}/exe")).ok() == own
    };
    let mut running = contexts.job(TaskId::default());
    running.retain(|id| !is_own(id));
    running
}

/// Describes the processes of the tree that still run; `None` if there are none.
pub(super) fn rest(contexts: &ProcessContexts) -> Option<String> {
    let running = running(contexts);
    if running.is_empty() {
        return None;
    }
    let name = |id: &TaskId| {
        let comm =
            contexts.proc_pid(*id).and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
        let name = text::printable(comm.as_deref().unwrap_or("?").trim_end());
        format!("{name} ({})", id.tgid)
    };
    let named: Vec<String> = running.iter().take(NAMED).map(name).collect();
    let (count, more) = (running.len(), if running.len() > NAMED { ", …" } else { "" });
    let (noun, verb) = if count == 1 { ("process", "runs") } else { ("processes", "run") };
    Some(format!(
        "{count} {noun} of the command still {verb}: {}{more}; what happens there from now on is not seen",
        named.join(", ")
    ))
}
