//! Reload of settings during a run.

use std::io;

use anyhow::Context as _;
use tokio::sync::oneshot;
use tracego_analyze::{judge::Selection, rules::settings::Settings};
use tracego_deliver::sink::settings::{self, SinkSettings};
use tracego_model::{clock::Reading, input::Input};
use tracego_policy::Engine;
use tracego_probe::enforce::settings::Enforce;

use super::Agent;
use crate::pipeline::Reload;

/// The settings that can change during a run.
pub struct Changes {
    /// Selection of the records to write.
    pub selection: Selection,
    /// Settings of the rules.
    pub rules: Settings,
    /// All sinks with queues.
    pub sinks: Vec<SinkSettings>,
    /// Settings of enforcement.
    pub enforce: Enforce,
    /// Freshly loaded policies.
    pub policy: Option<Engine>,
    /// Reopened direct output.
    pub output: Option<Box<dyn io::Write + Send>>,
}

impl Agent {
    /// Returns a function that starts the deadline of all sinks for delivering the rest, even during a
    /// reload.
    pub fn stopper(&self) -> impl Fn() + use<> {
        self.sinks.drain_handle()
    }

    /// Applies new settings between two records, and reopens output files that were moved away.
    ///
    /// # Errors
    /// Fails without any change if the settings cannot be applied; also fails if a part of the agent has
    /// ended.
    pub async fn reload(&mut self, changes: Changes) -> anyhow::Result<()> {
        let Changes { selection, rules, sinks, output, enforce, policy } = changes;
        let findings = enforce.findings();
        let prepared = self.enforcer.as_ref().map(|enforcer| enforcer.prepare(enforce)).transpose()?;
        settings::check_all(&sinks)?;
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
        self.sinks.changed(changing);
        self.sinks.reopen();
        self.board.sinks(self.sinks.statuses());
        Ok(())
    }
}
