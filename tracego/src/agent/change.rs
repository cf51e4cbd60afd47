//! Other settings for a run that goes on.

use std::io;

use anyhow::Context as _;
use tokio::sync::oneshot;

use super::Agent;
use crate::pipeline::Reload;
use tracego_analyze::{judge::Selection, rules::settings::Settings};
use tracego_deliver::sink::{self, settings::SinkSettings};
use tracego_model::{clock::Reading, input::Input};
use tracego_policy::Engine;
use tracego_probe::enforce::settings::Enforce;

/// What may change while tracego runs.
pub struct Changes {
    /// Which records are written.
    pub selection: Selection,
    /// Of the rules.
    pub rules: Settings,
    /// All sinks with queues.
    pub sinks: Vec<SinkSettings>,
    /// What is stopped.
    pub enforce: Enforce,
    /// Policies, loaded anew.
    pub policy: Option<Engine>,
    /// The direct output, opened anew.
    pub output: Option<Box<dyn io::Write + Send>>,
}

impl Agent {
    /// Tells all sinks that they have their time to deliver what is left, and no more; while a change goes on, too.
    pub fn stopper(&self) -> impl Fn() + use<> {
        self.sinks.stopper()
    }

    /// Goes over to other settings between two records; output files that were moved away are opened anew.
    ///
    /// # Errors
    /// When the settings cannot be, and then nothing changes; or when a part has ended.
    pub async fn reload(&mut self, changes: Changes) -> anyhow::Result<()> {
        let Changes { selection, rules, sinks, output, enforce, policy } = changes;
        let findings = enforce.findings();
        let prepared = self.enforcer.as_ref().map(|enforcer| enforcer.prepare(enforce)).transpose()?;
        sink::change::check_all(&sinks)?;
        if let (Some(enforcer), Some(prepared)) = (&mut self.enforcer, prepared) {
            enforcer.change(prepared)?;
        }
        let (feeds, changing) = self.sinks.change(&sinks)?;
        let (done, told) = oneshot::channel();
        let reload = Reload { selection, rules, feeds, output, findings, policy, done };
        let gone = "the pipeline has ended";
        self.reloads.send(reload).ok().context(gone)?;
        self.queue.send(Input::Reload(Reading::now())).await.ok().context(gone)?;
        told.await.context(gone)?;
        self.sinks.changed(changing).context("a sink did not start")?;
        self.sinks.reopen();
        self.board.sinks(self.sinks.statuses());
        Ok(())
    }
}
