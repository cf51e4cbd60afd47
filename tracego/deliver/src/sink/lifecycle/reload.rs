//! New settings of sinks while tracego runs. No record is lost between the old and the new ones.

use std::{mem, path::Path, thread};

use tokio::time::Instant;
use tracego_spool::RecordQueue;

use super::{Control, EndingSink, RunningSink, Sinks, in_memory, open_queue};
use crate::sink::{
    queue::{sender::SinkSender, worker::REOPEN_PAUSE},
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
                    let (spool_dir, own) = (self.spool_dir.clone(), settings.clone());
                    self.spawn(settings, move |control| (queue(&own, spool_dir.as_deref(), control), None))?
                }
            };
            senders.push(running.pipeline_end()?);
            self.running.push(running);
        }
        reload.removed.iter().for_each(RunningSink::stop);
        Ok((senders, reload))
    }

    /// Performs the second half of [`change`](Self::change), when the pipeline has the new senders.
    pub fn changed(&mut self, reload: SinkReload) {
        // Sinks that lost records stay, since the end of the run reports their losses, too.
        self.leaving.retain(|leaving| !leaving.thread.is_finished() || !leaving.status.is_whole());
        for RunningSink { settings, status, thread, .. } in reload.removed {
            tracing::info!(sink = settings.name, "the sink ends");
            self.leaving.push(EndingSink { status, thread });
        }
        for running in self.running.iter().filter(|running| reload.changed.contains(&running.settings.name)) {
            let destination = self.destination(&running.settings).into();
            running.control.send_modify(|control| {
                (control.destination, control.reloading) = (destination, false);
            });
        }
    }
}

/// Opens the queue of a new sink. Retries until the sink has to end or changes again, and then returns a queue
/// in memory.
fn queue(settings: &SinkSettings, spool_dir: Option<&Path>, control: &Control) -> RecordQueue {
    loop {
        let error = match open_queue(settings, spool_dir) {
            Ok(queue) => return queue,
            Err(error) => error,
        };
        tracing::error!(
            sink = settings.name,
            "the changed sink's queue cannot be opened: {error:#}; tracego retries"
        );
        let (reloading, deadline) = {
            let control = control.borrow();
            (control.reloading, control.deadline)
        };
        if reloading || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            // Chunks that arrived are delivered from memory, or counted as lost.
            return in_memory(settings);
        }
        thread::sleep(REOPEN_PAUSE);
    }
}
