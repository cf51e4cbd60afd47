//! Replacing sinks while tracego runs, without losing records between the old and the new ones.

use std::{io, path::Path, sync::Arc, thread};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tracego_spool::Queue;

use super::{EndingSink, RunningSink, Sinks, WorkerParts, feed, in_memory, open_queue, spawn};
use crate::sink::{
    queue::{
        chunk_backlog::ChunkBacklog,
        open_retry::{AGAIN, OpenRetry},
        sender::{RecordChunk, SinkSender},
        worker::{WorkerControl, WorkerHandover},
    },
    settings::{SinkSettings, registry},
};

/// A change of sinks between its two halves.
#[derive(Default)]
pub struct SinkReload {
    gone: Vec<RunningSink>,
    new: Vec<PendingSink>,
}

/// A sink whose thread does not run yet.
struct PendingSink {
    settings: SinkSettings,
    parts: WorkerParts,
    control: watch::Sender<WorkerControl>,
    sender: mpsc::Sender<RecordChunk>,
    /// The running sink that this one replaces.
    old: Option<RunningSink>,
}

impl Sinks {
    /// Applies new settings. A sink with the same receiver and queue keeps both; a changed sink gets a new
    /// thread that continues the old queue; a removed sink ends after its drain time. Returns the feeds that
    /// replace those of the pipeline. The old feeds must be dropped before [`changed`](Self::changed) is
    /// called.
    ///
    /// # Errors
    /// Never fails with settings that are [checked](crate::sink::settings::check_all).
    pub fn change(&mut self, settings: &[SinkSettings]) -> anyhow::Result<(Vec<SinkSender>, SinkReload)> {
        let mut feeds = Vec::new();
        let mut changing = SinkReload::default();
        let mut before = std::mem::take(&mut self.running);
        for settings in settings {
            let at = before.iter().position(|running| running.settings.name == settings.name);
            let old = at.map(|at| before.remove(at));
            match old {
                Some(running) if running.settings.same_worker(settings) => {
                    feeds.push(
                        feed(settings, &running.status, running.sender.clone())
                            .map_err(anyhow::Error::msg)?,
                    );
                    self.running.push(RunningSink { settings: settings.clone(), ..running });
                }
                old => {
                    // From now on the old worker takes every chunk, with or without room in the queue: the
                    // pipeline may be waiting for room, and has to get to the change.
                    if let Some(old) = &old {
                        old.control.send_modify(|control| control.handover = true);
                    }
                    let (parts, control, sender) = self.parts(settings);
                    feeds.push(feed(settings, &parts.status, sender.clone()).map_err(anyhow::Error::msg)?);
                    let settings = settings.clone();
                    changing.new.push(PendingSink { settings, parts, control, sender, old });
                }
            }
        }
        for gone in &before {
            gone.stop();
        }
        changing.gone = before;
        Ok((feeds, changing))
    }

    /// Performs the second half of [`change`](Self::change), when the pipeline has the new feeds.
    ///
    /// # Errors
    /// Fails if a thread cannot be started.
    pub fn changed(&mut self, changing: SinkReload) -> io::Result<()> {
        // Sinks that lost records stay, since the end of the run reports their losses, too.
        self.leaving.retain(|leaving| !leaving.thread.is_finished() || !leaving.status.is_whole());
        for RunningSink { settings, status, thread, .. } in changing.gone {
            tracing::info!(sink = settings.name, "the sink ends");
            self.leaving.push(EndingSink { status, thread });
        }
        for PendingSink { settings, parts, control, sender, old } in changing.new {
            let spool_dir = self.spool_dir.clone();
            let (opened, meta) = (settings.clone(), self.meta.clone());
            let status = Arc::clone(&parts.status);
            let old = old.map(|old| {
                drop(old.sender);
                old.thread
            });
            let heard = parts.control.clone();
            let open = move || {
                let left = old.and_then(|thread| thread.join().ok().flatten());
                let leftover = match left {
                    Some(mut left) => {
                        left.queue.set_limits(opened.common.limits(left.queue.is_durable()));
                        left
                    }
                    None => WorkerHandover {
                        queue: queue(&opened, spool_dir.as_deref(), &heard),
                        held: ChunkBacklog::default(),
                    },
                };
                (leftover, Err(OpenRetry::new(move || registry::open(&opened, &meta))))
            };
            let thread = spawn(&settings.name, open, parts)?;
            self.running.push(RunningSink { settings, status, control, sender, thread });
        }
        Ok(())
    }
}

/// Opens the queue. Retries until the sink has to end or changes again, and then returns a queue in memory.
fn queue(settings: &SinkSettings, spool_dir: Option<&Path>, heard: &watch::Receiver<WorkerControl>) -> Queue {
    loop {
        let error = match open_queue(settings, spool_dir) {
            Ok(queue) => return queue,
            Err(error) => error,
        };
        tracing::error!(
            sink = settings.name,
            "the changed sink's queue cannot be opened: {error:#}; tracego retries"
        );
        let control = *heard.borrow();
        if control.handover || control.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            // Chunks that arrived are passed on, or counted as lost.
            return in_memory(settings);
        }
        thread::sleep(AGAIN);
    }
}
