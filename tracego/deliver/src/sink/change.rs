//! Other sinks while tracego runs: nothing is lost between the old ones and the new ones.

use std::{io, path::Path, sync::Arc, thread};

use anyhow::Context as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    any,
    feed::{Chunk, Feed},
    held::Held,
    opening::{AGAIN, Opening},
    settings::SinkSettings,
    start::{Leaving, Parts, Running, Sinks, check, feed, in_memory, open_queue, spawn},
    worker::{Control, Leftover},
};
use tracego_spool::Queue;

/// A change between its two halves.
#[derive(Default)]
pub struct Changing {
    gone: Vec<Running>,
    new: Vec<Starting>,
}

/// A sink whose thread does not run yet.
struct Starting {
    settings: SinkSettings,
    parts: Parts,
    control: watch::Sender<Control>,
    sender: mpsc::Sender<Chunk>,
    /// What it goes on for.
    old: Option<Running>,
}

/// Whether all of these sinks can be made.
///
/// # Errors
/// Why one cannot; the text names it.
pub fn check_all(settings: &[SinkSettings]) -> anyhow::Result<()> {
    settings.iter().try_for_each(|settings| {
        check(settings).map_err(anyhow::Error::msg).with_context(|| format!("sink {}", settings.name))
    })
}

impl Sinks {
    /// Goes over to other settings: sinks whose receiver and queue are the same keep both, those that
    /// changed get a new thread that goes on with the old queue, those that are gone end in their time. The
    /// feeds replace the pipeline's; the old ones have to be dropped before [`changed`](Self::changed).
    ///
    /// # Errors
    /// Never with settings that are [checked](check_all).
    pub fn change(&mut self, settings: &[SinkSettings]) -> anyhow::Result<(Vec<Feed>, Changing)> {
        let mut feeds = Vec::new();
        let mut changing = Changing::default();
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
                    self.running.push(Running { settings: settings.clone(), ..running });
                }
                old => {
                    // It takes all that comes from now on, whether there is room or not: the pipeline, which may wait for
                    // that, has to come to the change.
                    if let Some(old) = &old {
                        old.control.send_modify(|control| control.handover = true);
                    }
                    let (parts, control, sender) = self.parts(settings);
                    feeds.push(feed(settings, &parts.status, sender.clone()).map_err(anyhow::Error::msg)?);
                    let settings = settings.clone();
                    changing.new.push(Starting { settings, parts, control, sender, old });
                }
            }
        }
        for gone in &before {
            gone.stop();
        }
        changing.gone = before;
        Ok((feeds, changing))
    }

    /// The second half of [`change`](Self::change), when the pipeline has the new feeds.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn changed(&mut self, changing: Changing) -> io::Result<()> {
        // Of those that lost something the end tells, too.
        self.leaving.retain(|leaving| !leaving.thread.is_finished() || !leaving.status.is_whole());
        for Running { settings, status, thread, .. } in changing.gone {
            tracing::info!(sink = settings.name, "the sink ends");
            self.leaving.push(Leaving { status, thread });
        }
        for Starting { settings, parts, control, sender, old } in changing.new {
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
                    None => Leftover {
                        queue: queue(&opened, spool_dir.as_deref(), &heard),
                        held: Held::default(),
                    },
                };
                (leftover, Err(Opening::new(move || any::open(&opened, &meta))))
            };
            let thread = spawn(&settings.name, open, parts)?;
            self.running.push(Running { settings, status, control, sender, thread });
        }
        Ok(())
    }
}

/// The queue, which is tried to be opened until the sink has to end or to change again.
fn queue(settings: &SinkSettings, spool_dir: Option<&Path>, heard: &watch::Receiver<Control>) -> Queue {
    loop {
        let error = match open_queue(settings, spool_dir) {
            Ok(queue) => return queue,
            Err(error) => error,
        };
        tracing::error!(
            sink = settings.name,
            "the changed sink's queue cannot be opened: {error:#}; it is tried again"
        );
        let control = *heard.borrow();
        if control.handover || control.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            // What has come is passed on, or counted as lost.
            return in_memory(settings);
        }
        thread::sleep(AGAIN);
    }
}
