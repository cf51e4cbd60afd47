//! The stages that an event passes through: decode → assemble → enrich → rules → policy → output.

use tracego_common::{flags, settings::event, verdict::Action};
use tracego_model::{
    event::{
        Event,
        decode::{self, decode},
    },
    input::{Batch, note::Note},
    record::Record,
};

use super::Pipeline;

impl Pipeline {
    pub(super) fn batch(&mut self, batch: &Batch) {
        self.enricher.set_clock(batch.clock);
        for (bytes, note) in batch.noted() {
            let inherited = decode::generation(bytes) != self.generation;
            if inherited && !decode::is_piece(bytes) {
                self.ledger.inherited += 1;
            }
            match decode(bytes) {
                Err(error) => {
                    self.ledger.decode_errors += 1;
                    tracing::warn!(%error, "a record of the kernel side could not be decoded");
                }
                Ok(event) => match self.assembler.take(event) {
                    None => self.ledger.pieces += u64::from(!inherited),
                    Some(event) => self.event(&event, note),
                },
            }
        }
        self.end_processes();
    }

    fn event(&mut self, event: &Event<'_>, note: Option<&Note>) {
        self.ledger.processed += 1;
        if let Some(judge) = &mut self.judge {
            match event {
                Event::Fork(fork) => judge.fork(fork.header.parent, fork.header.id),
                Event::Exit(exit) => judge.exit(exit.header.id, exit.header.boot_ns),
                _ => {}
            }
        }
        // Decisions about starts are always written, whatever else is selected.
        let decision = matches!(event, Event::Verdict(_));
        let asked = decision || self.selection.kinds & kind(event) != 0;
        // A span begins with the start and ends with the exit, even if their records are not selected.
        let traced = self.traces.is_some() && kind(event) & (event::EXEC | event::EXIT) != 0;
        let judged = self.judges() && kind(event) & event::EXEC != 0;
        if !(asked || traced || judged) || event.flags() & flags::OUTSIDE != 0 || self.is_canary(event) {
            self.ledger.unrequested += 1;
            self.enricher.note(event, note);
        } else if let Some(mut enriched) = self.enricher.record(event, note) {
            if let (Some(judge), Some(started)) = (&mut self.judge, &enriched.start) {
                judge.start(&mut enriched.record, started);
            }
            let refused = self.policy.as_mut().and_then(|policy| policy.decide(&mut enriched.record));
            if let (Some(_), Some(judge)) = (&refused, &mut self.judge) {
                judge.refused(&enriched.record);
            }
            match (event, &mut self.after) {
                (Event::Exec(exec), Some(after)) => {
                    if let Some(refused) = refused {
                        after.stop(exec, &refused.id, &refused.message, refused.job);
                    } else {
                        let findings = enriched.record.tracego.findings.iter();
                        after.found(exec, findings.map(|found| (found.id, found.message.as_str())));
                    }
                }
                (Event::Verdict(verdict), Some(after)) if verdict.action >= Action::Audit as u32 => {
                    after.decided(verdict);
                }
                _ => {}
            }
            if decision {
                self.stopped(&enriched.record);
            }
            if let Some(traces) = &mut self.traces {
                traces.take(&enriched.record);
                traces.set_trace_context(&mut enriched.record);
            }
            // A start with a finding or a violation is written even if starts are not selected.
            let wanted = asked || is_wrong(&enriched.record);
            if wanted {
                self.tally.made(&enriched.record);
            }
            if decision || (wanted && self.selection.takes(&enriched.record)) {
                self.emit(&enriched.record, Some(event.boot_ns()));
            } else {
                self.ledger.unrequested += 1;
                self.enricher.withdraw(&enriched.record);
            }
        } else if decision {
            // Decisions about tracego's own starts: the enforcement check and exempt programs.
            self.ledger.unrequested += 1;
        }
    }

    /// Whether rules, policies or enforcement look at starts, beside their records.
    fn judges(&self) -> bool {
        self.judge.is_some() || self.policy.is_some() || self.after.is_some()
    }

    /// Whether the event belongs to the enforcement check, which is no activity of the machine.
    fn is_canary(&mut self, event: &Event<'_>) -> bool {
        let Some(after) = &self.after else { return false };
        let canary = match event {
            Event::Exec(exec) => after.shared().is_canary(&exec.exe, &exec.argv),
            Event::Failed(failed) => after.shared().is_canary(failed.filename, failed.argv),
            Event::Exit(exit) => self.canary == Some(exit.header.id),
            _ => false,
        };
        if canary {
            self.canary = Some(event.id());
        }
        canary
    }

    /// Reports a decision about a start.
    pub(super) fn stopped(&mut self, record: &Record) {
        if let Some(judge) = &mut self.judge {
            judge.decided(record);
        }
        if let Some(told) = &mut self.told {
            told(record);
        }
    }
}

/// Whether the record has findings or is not allowed by a policy.
fn is_wrong(record: &Record) -> bool {
    let own = &record.tracego;
    !own.findings.is_empty() || own.policy.as_ref().is_some_and(|policy| !policy.allow)
}

/// Returns the bit of [`event`] for an event.
fn kind(of: &Event<'_>) -> u32 {
    match of {
        Event::Exec(_) => event::EXEC,
        Event::Exit(_) => event::EXIT,
        Event::Fork(_) => event::FORK,
        Event::Failed(_) => event::EXEC_FAILED,
        Event::Verdict(_) => event::VERDICT,
        Event::Chunk(_) => 0,
    }
}
