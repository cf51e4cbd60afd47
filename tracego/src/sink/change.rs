//! Other sinks while tracego runs: nothing is lost between the old ones and the new ones.

use std::{io, sync::Arc, thread, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    any,
    feed::{Chunk, Feed},
    settings::SinkSettings,
    start::{Parts, Running, Sinks, check, feed, open_queue, spawn},
    worker::{Control, Leftover},
};

/// Between two tries to open a sink that was changed while tracego runs.
const AGAIN: Duration = Duration::from_secs(1);

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
impl Sinks {
    /// Goes over to other settings: sinks whose receiver and queue are the same keep both, those that
    /// changed get a new thread that goes on with the old queue, those that are gone end in their time. The
    /// feeds replace the pipeline's; the old ones have to be dropped before [`changed`](Self::changed).
    ///
    /// # Errors
    /// When a filter or a receiver cannot be; then nothing is changed.
    pub fn change(&mut self, settings: &[SinkSettings]) -> anyhow::Result<(Vec<Feed>, Changing)> {
        for settings in settings {
            check(settings).map_err(anyhow::Error::msg).with_context(|| format!("sink {}", settings.name))?;
        }
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
                    let (parts, control, sender) = self.parts(settings);
                    feeds.push(feed(settings, &parts.status, sender.clone()).map_err(anyhow::Error::msg)?);
                    let settings = settings.clone();
                    changing.new.push(Starting { settings, parts, control, sender, old });
                }
            }
        }
        changing.gone = before;
        Ok((feeds, changing))
    }

    /// The second half of [`change`](Self::change), when the pipeline has the new feeds.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn changed(&mut self, changing: Changing) -> io::Result<()> {
        for running in changing.gone {
            let deadline = Instant::now() + running.settings.common.drain();
            running.control.send_modify(|control| control.deadline = Some(deadline));
            drop(running.sender);
            let name = running.settings.name;
            tracing::info!(sink = name, "the sink ends");
        }
        for Starting { settings, parts, control, sender, old } in changing.new {
            let spool_dir = self.spool_dir.clone();
            let (opened, meta) = (settings.clone(), self.meta.clone());
            let status = Arc::clone(&parts.status);
            let old = old.map(|old| {
                old.control.send_modify(|control| control.handover = true);
                drop(old.sender);
                old.thread
            });
            let open = move || {
                let mut leftover = old.and_then(|thread| thread.join().ok().flatten());
                loop {
                    let taken = match leftover.take() {
                        Some(mut taken) => {
                            taken.queue.set_limits(opened.common.limits(taken.queue.is_durable()));
                            Ok(taken)
                        }
                        None => open_queue(&opened, spool_dir.as_deref())
                            .map(|queue| Leftover { queue, held: None }),
                    };
                    let why = match taken {
                        Ok(taken) => match any::open(&opened, &meta) {
                            Ok(transport) => return Some((taken, transport)),
                            Err(error) => {
                                leftover = Some(taken);
                                error
                            }
                        },
                        Err(error) => format!("{error:#}"),
                    };
                    tracing::error!(
                        sink = opened.name,
                        "the changed sink cannot be opened: {why}; it is tried again"
                    );
                    thread::sleep(AGAIN);
                }
            };
            let thread = spawn(&settings.name, open, parts)?;
            self.running.push(Running { settings, status, control, sender, thread });
        }
        Ok(())
    }
}
