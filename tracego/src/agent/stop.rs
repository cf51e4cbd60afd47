//! The end of a run, in the order of the data.

use std::time::Duration;

use anyhow::Context as _;
use tracego_model::{clock::Reading, counters::Counters, input::Input};
use tracego_probe::counters::job_losses;

use super::Agent;
use crate::pipeline::RunReport;

/// Maximum wait for programs that still run after the detach.
const SETTLE: Duration = Duration::from_secs(1);

/// Maximum wait for the last push of the metrics.
const LAST_PUSH: Duration = Duration::from_secs(2);

impl Agent {
    /// Detaches, drains, flushes. What is to stay attached does, and what comes then is left in the ring.
    ///
    /// # Errors
    /// When a part panicked or the kernel side cannot be read any more.
    pub async fn stop(mut self) -> anyhow::Result<RunReport> {
        let mut counters = self.loaded.counters()?;
        self.board.attached(false);
        self.sinks.begin_drain();
        let kept = self.loaded.is_kept();
        if !kept {
            self.loaded.detach()?;
            counters = self.loaded.settled(counters.recursion_misses, SETTLE).await?;
        }
        let reader = self.reader;
        let drained = tokio::task::spawn_blocking(move || reader.finish()).await?;
        let ring = drained.ok().context("the reader thread panicked")?;
        counters = match ring {
            Some(ring) if kept => self.loaded.counters_up_to(&ring, SETTLE).await?,
            // Read again, so that every drained event is counted, whatever was in progress before.
            _ => Counters { recursion_misses: counters.recursion_misses, ..self.loaded.counters()? },
        };
        counters.diagnostics_lost = self.loaded.diagnostics()?;
        self.board.kernel(counters, self.loaded.runs(), 0);
        let (jobs, now) = (job_losses(&self.loaded.ebpf)?, Reading::now());
        // A pipeline that ended early has its own report.
        let mut told = jobs.is_empty() || self.queue.send(Input::LostJobs(jobs, now)).await.is_ok();
        told &= self.queue.send(Input::Counters(counters, now)).await.is_ok();
        if !told {
            tracing::debug!("the output is closed");
        }
        drop(self.queue);
        let (mut report, mut keeper) = self.pipeline.join_next().await.context("the pipeline is gone")??;
        report.ledger.kernel = counters;
        if let Some(pusher) = self.pusher {
            tokio::task::spawn_blocking(move || pusher.close(LAST_PUSH)).await?;
        }
        let sinks = self.sinks;
        report.sinks = tokio::task::spawn_blocking(move || sinks.join()).await??;
        // An output that is gone has not taken all of its records.
        if report.output.is_none() {
            keeper.ended();
        }
        if !kept {
            self.loaded.unpin()?;
        }
        Ok(report)
    }
}
