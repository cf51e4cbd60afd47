//! New settings of sinks while tracego runs. No record is lost between the old and the new ones.

use std::{mem, path::Path, thread, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use super::{Control, EndingSink, OpenedQueue, OpenedSink, RunningSink, Sinks, in_memory, open_queue};
use crate::sink::{
    queue::{
        chunk_backlog::ChunkBacklog,
        sender::{RecordChunk, SinkSender},
        worker::REOPEN_PAUSE,
    },
    settings::SinkSettings,
};

/// A reload of the sinks between its two halves.
#[derive(Default)]
pub struct SinkReload {
    /// Sinks that the new settings do not contain.
    removed: Vec<RunningSink>,
    /// Names of the sinks that get another destination.
    changed: Vec<String>,
}

impl Sinks {
    /// Applies new settings. A changed sink keeps its thread and its queue; a removed sink ends after its
    /// drain time. Returns the senders that replace those of the pipeline. The old senders must be dropped
    /// before [`changed`](Self::changed) is called.
    ///
    /// # Errors
    /// Fails if a thread cannot be started; never fails because of settings that are
    /// [checked](crate::sink::settings::check_all).
    pub fn change(&mut self, settings: &[SinkSettings]) -> anyhow::Result<(Vec<SinkSender>, SinkReload)> {
        let mut senders = Vec::new();
        let mut reload = SinkReload { removed: mem::take(&mut self.running), ..SinkReload::default() };
        for settings in settings {
            let at = reload.removed.iter().position(|running| running.settings.name == settings.name);
            let running = match at.map(|at| reload.removed.remove(at)) {
                Some(running) => {
                    if !running.settings.same_worker(settings) {
                        running.control.send_modify(|control| control.reloading = true);
                        reload.changed.push(settings.name.clone());
                    }
                    RunningSink { settings: settings.clone(), ..running }
                }
                None => {
                    self.release_spool(&settings.name);
                    let (spool_dir, own) = (self.spool_dir.clone(), settings.clone());
                    self.spawn(settings, move |control, chunks| {
                        let ((queue, stream), backlog) = queue(&own, spool_dir.as_deref(), control, chunks);
                        OpenedSink { queue, stream, backlog, transport: None }
                    })?
                }
            };
            senders.push(running.pipeline_end()?);
            self.running.push(running);
        }
        let since = Instant::now();
        // Numbers begin with the first record if the queues of new sinks open soon, as they usually do.
        while self.running.iter().any(|running| running.status.stream_begin().is_none())
            && since.elapsed() < OPENING
        {
            thread::sleep(Duration::from_millis(1));
        }
        reload.removed.iter().for_each(RunningSink::stop);
        Ok((senders, reload))
    }

    /// Ends a removed sink of this name at once. Its spool, with the records that it has not delivered, goes
    /// to the new sink of that name.
    fn release_spool(&self, name: &str) {
        if self.spool_dir.is_some() {
            for leaving in self.leaving.iter().filter(|leaving| leaving.status.name == name) {
                leaving.control.send_modify(|control| control.deadline = Some(Instant::now()));
            }
        }
    }

    /// Performs the second half of [`change`](Self::change), when the pipeline has the new senders.
    pub fn changed(&mut self, reload: SinkReload) {
        // Sinks that lost records stay, since the end of the run reports their losses, too.
        self.leaving.retain(|leaving| !leaving.thread.is_finished() || !leaving.status.is_whole());
        for RunningSink { settings, status, control, thread, .. } in reload.removed {
            tracing::info!(sink = settings.name, "the sink ends");
            self.leaving.push(EndingSink { status, control, thread });
        }
        for running in self.running.iter().filter(|running| reload.changed.contains(&running.settings.name)) {
            let destination = self.destination(&running.settings).into();
            running.control.send_modify(|control| {
                (control.destination, control.reloading) = (destination, false);
            });
        }
    }
}

/// Longest time that a reload waits for the queues of new sinks.
const OPENING: Duration = Duration::from_millis(200);
/// Number of bytes of chunks that are held while a queue cannot be opened.
const HELD: u64 = 16 << 20;
/// First pause between two attempts to open a queue.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Opens the queue of a new sink. Retries until the deadline of the sink, and then returns a queue in memory.
/// Meanwhile, chunks that arrive are held.
fn queue(
    settings: &SinkSettings,
    spool_dir: Option<&Path>,
    control: &Control,
    chunks: &mut mpsc::Receiver<RecordChunk>,
) -> (OpenedQueue, ChunkBacklog) {
    let (mut backlog, mut pause) = (ChunkBacklog::default(), FIRST_PAUSE);
    loop {
        let error = match open_queue(settings, spool_dir) {
            Ok(queue) => return (queue, backlog),
            Err(error) => error,
        };
        let (reloading, deadline) = {
            let control = control.borrow();
            (control.reloading, control.deadline)
        };
        // During a reload, the pipeline must not wait for this sink.
        while (reloading || backlog.bytes() < HELD)
            && let Ok(chunk) = chunks.try_recv()
        {
            backlog.push(chunk);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            // Chunks that arrived are counted as lost.
            return (in_memory(settings), backlog);
        }
        // A sink of the same name that was removed before may still be closing its queue.
        if pause >= REOPEN_PAUSE {
            tracing::error!(
                sink = settings.name,
                "the changed sink's queue cannot be opened: {error:#}; tracego retries"
            );
        }
        thread::sleep(pause);
        pause = (pause * 2).min(REOPEN_PAUSE);
    }
}
