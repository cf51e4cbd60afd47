//! Whatever takes input.

use std::{
    io,
    sync::{Arc, OnceLock, mpsc::Receiver},
};

use tracego_analyze::{
    inspect::{LateStart, digest::requests::LateDigest, inventory::InventoryStatus},
    summary::FindingSummary,
};
use tracego_kubernetes::status::PodWatchStatus;
use tracego_model::{
    capture::CaptureWriter,
    clock::Reading,
    event::Event,
    input::{
        Input,
        batch::{Batch, DecodedEvent},
    },
    ledger::Ledger,
    record::privileges::AgentPrivileges,
};
use tracego_probe::enforce::killer::Killer;

use super::PipelineChange;
use crate::{metrics::tally::PipelineTally, provenance::ProvenanceStage};

/// A consumer of input: the pipeline, or the writer of a capture file.
pub trait Consumer {
    /// Processes one piece of input.
    ///
    /// # Errors
    /// Fails if the output refuses the result. The caller may continue: refused records are counted.
    fn take(&mut self, input: Input) -> io::Result<()>;

    /// Processes a batch whose events are decoded already, with the notes on them.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn take_batch(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()>;

    /// Processes programs that ran before, with the notes on them.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn take_inventory(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()>;

    /// Processes the starts whose executables were read after they had been judged.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn take_late(&mut self, _starts: Vec<LateStart>) -> io::Result<()> {
        Ok(())
    }

    /// Processes the digests of executed files that came after their starts.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn take_digests(&mut self, _digests: Vec<LateDigest>) -> io::Result<()> {
        Ok(())
    }

    /// Processes the verdicts about executables that have come.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn take_verdicts(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Makes the records of starts whose digest or verdict has not come, because tracego ends.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn give_up(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether records of processed input wait to be written.
    fn is_behind(&self) -> bool {
        false
    }

    /// Lets records that wait for an event be written without it.
    fn release(&mut self) {}

    /// Writes some of the records that wait; for a moment when no input does.
    ///
    /// # Errors
    /// Fails as [`Self::take`] does.
    fn catch_up(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Ends the input.
    ///
    /// # Errors
    /// Fails if the output refuses the remaining records.
    fn end(&mut self) -> io::Result<()>;

    /// Returns the counts so far.
    fn ledger(&self) -> Ledger;

    /// Sets the process id of the agent, as events have it.
    fn set_agent(&mut self, _agent: u32) {}

    /// Sets the name of the BPF object that is loaded.
    fn set_bpf_object(&mut self, _name: &'static str) {}

    /// Returns whether an event belongs to the enforcement check.
    fn is_check(&self, _event: &Event<'_>) -> bool {
        false
    }

    /// Sets the stage that ends processes because of their findings.
    fn set_enforcement(&mut self, _after: Killer) {}

    /// Sets the place of the rights that the agent keeps, which are known later.
    fn set_privileges(&mut self, _privileges: Arc<OnceLock<AgentPrivileges>>) {}

    /// Sets the state of the watch of this node's pods.
    fn set_pods(&mut self, _pods: Arc<PodWatchStatus>) {}

    /// Sets the stage that says where executables come from.
    fn set_provenance(&mut self, _stage: ProvenanceStage) {}

    /// Returns the number of starts that wait for a verdict about their executable.
    fn awaited(&self) -> usize {
        0
    }

    /// Sets the numbers of the inventory, for heartbeats.
    fn set_inventory(&mut self, _status: Arc<InventoryStatus>) {}

    /// Takes the channel on which the settings of each [`Input::Reload`] come.
    fn set_reloads(&mut self, _reloads: Receiver<PipelineChange>) {}

    /// Returns the counts for metrics beside the ledger; `None` where no records are made.
    fn tally(&self) -> Option<PipelineTally> {
        None
    }

    /// Returns why the output refused the latest write, if it did.
    fn refusal(&self) -> Option<String> {
        None
    }

    /// Returns the number of records made so far.
    fn made(&self) -> u64 {
        0
    }

    /// Returns the number of records made so far that do not wait any more.
    fn concluded(&self) -> u64 {
        0
    }

    /// Returns a mark for all output produced so far.
    fn mark(&mut self) -> u64 {
        0
    }

    /// Returns the latest mark whose output survives a kill of this process.
    fn settled(&mut self) -> u64 {
        u64::MAX
    }

    /// Returns the nanoseconds from the boot clock to the wall clock in the records; `None` where none are
    /// made.
    fn offset(&self) -> Option<i64> {
        None
    }

    /// Returns the findings so far; empty where no rules run.
    fn summary(&self) -> FindingSummary {
        FindingSummary::default()
    }
}

impl Consumer for CaptureWriter {
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.write(input)
    }

    fn take_batch(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.write_batch(batch, &events)
    }

    fn take_inventory(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.write_inventory(batch, &events)
    }

    fn take_digests(&mut self, digests: Vec<LateDigest>) -> io::Result<()> {
        self.write(Input::Digests(digests, Reading::now()))
    }

    fn end(&mut self) -> io::Result<()> {
        self.finish()
    }

    fn ledger(&self) -> Ledger {
        Self::ledger(self)
    }

    fn refusal(&self) -> Option<String> {
        Self::refusal(self)
    }
}
