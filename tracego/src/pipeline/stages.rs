//! The stages from the bytes of an event to the outputs.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, mpsc::Receiver},
    time::Duration,
};

use tracego_analyze::{
    enrich::Enricher,
    inspect::LateStart,
    redact::Redactor,
    redaction_stage::RedactionStage,
    rules_stage::{RecordSelection, RulesStage},
    summary::FindingSummary,
};
use tracego_common::{TaskId, flags, settings::event, verdict::Action};
use tracego_deliver::{sink::outputs::Outputs, traces::TracePipeline};
use tracego_model::{
    clock::{Reading, Time},
    counters::{Counters, JobLoss},
    enforcement::{Ended, Pending},
    event::{Event, pieces::Assembler},
    finding::Finding,
    input::{
        Input, SinkLoss, Takeover,
        batch::{Batch, DecodedEvent},
        note::StartNote,
    },
    ledger::Ledger,
    meta::Meta,
    record::Record,
};
use tracego_probe::enforce::killer::Killer;

use super::{
    Consumer, DecisionCallback, Reload, judgement::Judgement, losses::LossReporter, writer::RecordWriter,
};
use crate::{metrics::tally::PipelineTally, policy::PolicyStage};

/// Maximum wait for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// Maximum number of records between the first decision and the kills that it asks for.
const JUDGED_MAX: usize = 64;

/// A record that all stages have judged on raw values.
struct JudgedRecord {
    record: Record,
    /// Time of the event, in nanoseconds since boot; `None` for a record that no event led to.
    event_ns: Option<u64>,
    is_decision: bool,
    is_counted: bool,
    is_written: bool,
}

/// The stages from the bytes of an event to the outputs: decode → assemble → enrich → judge → redact → write.
pub struct Pipeline {
    assembler: Assembler,
    enricher: Enricher,
    judgement: Judgement,
    /// Records that are judged and not yet redacted.
    judged: Vec<JudgedRecord>,
    traces: Option<TracePipeline>,
    selection: RecordSelection,
    writer: RecordWriter,
    losses: LossReporter,
    /// Number of this run's load.
    generation: u32,
    /// Settings for the next [`Input::Reload`].
    reloads: Option<Receiver<Reload>>,
}

impl Pipeline {
    /// Creates a pipeline. `selection`: records to write, either a [`RecordSelection`] or bits of
    /// [`event`](tracego_common::settings::event). Without a judge there are no findings.
    #[must_use]
    pub fn new(
        meta: Meta,
        selection: impl Into<RecordSelection>,
        judge: Option<RulesStage>,
        outputs: impl Into<Outputs>,
    ) -> Self {
        let redaction = RedactionStage::new(&meta);
        Self {
            assembler: Assembler::default(),
            enricher: Enricher::new(meta),
            judgement: Judgement::new(judge),
            judged: Vec::new(),
            traces: None,
            selection: selection.into(),
            writer: RecordWriter::new(outputs.into(), redaction),
            losses: LossReporter::default(),
            generation: 0,
            reloads: None,
        }
    }

    /// Adds tracing, which makes spans.
    #[must_use]
    pub(crate) fn with_traces(self, traces: Option<TracePipeline>) -> Self {
        Self { traces, ..self }
    }

    /// Uses the operator's forms of secrets.
    #[must_use]
    pub(crate) fn with_redactor(mut self, redactor: Arc<Redactor>) -> Self {
        self.writer.redaction.set_redactor(redactor);
        self
    }

    /// Adds the policy stage, which decides about starts.
    #[must_use]
    pub(crate) fn with_policy(mut self, policies: Option<PolicyStage>) -> Self {
        self.judgement.policies = policies;
        self
    }

    /// Adds a callback for decisions about starts, beside their records.
    #[must_use]
    pub(crate) fn with_decision_callback(mut self, callback: Option<DecisionCallback>) -> Self {
        self.judgement.callback = callback;
        self
    }

    fn take_over(&mut self, takeover: Takeover) {
        self.generation = takeover.generation;
        self.writer.ledger.inherited += takeover.lost;
        self.enricher.take_over(takeover);
    }

    fn events(&mut self, clock: Reading, events: Vec<DecodedEvent<'_>>) {
        self.enricher.set_clock(clock);
        for DecodedEvent { event, generation, is_piece, note } in events {
            let inherited = generation != self.generation;
            if inherited && !is_piece {
                self.writer.ledger.inherited += 1;
            }
            match event {
                Err(error) => {
                    self.writer.ledger.decode_errors += 1;
                    tracing::warn!(%error, "an event of the kernel side could not be decoded");
                }
                Ok(event) => match self.assembler.take(event) {
                    None => self.writer.ledger.pieces += u64::from(!inherited),
                    Some(event) => self.event(&event, note.as_ref()),
                },
            }
            if self.judged.len() >= JUDGED_MAX {
                self.conclude();
            }
        }
        self.conclude();
    }

    /// Kills what is marked, then redacts and writes what was judged.
    fn conclude(&mut self) {
        let ended = self.judgement.kill_marked();
        for judged in std::mem::take(&mut self.judged) {
            self.conclude_one(judged);
        }
        self.report_ended(ended);
    }

    /// Writes the records of kills.
    fn report_ended(&mut self, ended: Vec<(Pending, Action, Ended)>) {
        for (pending, action, ended) in ended {
            let mut record = self.enricher.ended(&pending, action, ended, Reading::now());
            self.writer.redaction.redact(&mut record);
            self.judgement.report(&record);
            self.write(&record, None);
        }
    }

    fn conclude_one(&mut self, judged: JudgedRecord) {
        let JudgedRecord { mut record, event_ns, is_decision, is_counted, is_written } = judged;
        self.writer.redaction.redact(&mut record);
        self.judgement.conclude(&record);
        if is_decision {
            self.judgement.report(&record);
        }
        self.trace(&mut record);
        if is_counted {
            self.writer.tally.count_record(&record);
        }
        if is_written {
            self.write(&record, event_ns);
        }
    }

    fn event(&mut self, event: &Event<'_>, note: Option<&StartNote>) {
        self.writer.ledger.processed += 1;
        self.judgement.follow(event);
        // Decisions about starts are always written, whatever else is selected.
        let decision = matches!(event, Event::Verdict(_));
        let asked = decision || self.selection.kinds & kind(event) != 0;
        // A span begins with the start and ends with the exit, even if their records are not selected.
        let traced = self.traces.is_some() && kind(event) & (event::EXEC | event::EXIT) != 0;
        let judged = self.judgement.is_active() && kind(event) & event::EXEC != 0;
        let needed = (asked || traced || judged) && event.flags() & flags::OUTSIDE == 0;
        if !needed || self.judgement.is_check(event) {
            self.writer.ledger.unrequested += 1;
            self.enricher.note(event, note);
        } else if let Some(mut enriched) = self.enricher.record(event, note) {
            self.judgement.judge(event, &mut enriched);
            let record = enriched.record;
            // A start with a finding or a violation is written even if starts are not selected.
            let is_counted = asked || is_wrong(&record);
            let is_written = decision || (is_counted && self.selection.takes(&record));
            if !is_written {
                self.writer.ledger.unrequested += 1;
                self.enricher.withdraw(&record);
            }
            let event_ns = Some(event.boot_ns());
            self.judged.push(JudgedRecord {
                record,
                event_ns,
                is_decision: decision,
                is_counted,
                is_written,
            });
        } else if decision {
            // Decisions about tracego's own starts: the enforcement check and exempt programs.
            self.writer.ledger.unrequested += 1;
        }
    }

    /// Adds a record to its trace, and the trace to the record.
    fn trace(&mut self, record: &mut Record) {
        if let Some(traces) = &mut self.traces {
            traces.take(record);
            traces.set_trace_context(record);
        }
    }

    /// Writes findings about running processes as records of their own.
    fn findings(&mut self, found: Vec<(TaskId, Vec<Finding>)>, reading: Reading) {
        for (id, findings) in found.into_iter().filter(|(_, findings)| !findings.is_empty()) {
            let body = findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
            let mut record = self.enricher.finding(id, body, reading);
            self.judgement.put(&mut record, findings);
            let is_written = self.selection.takes(&record);
            if !is_written {
                self.enricher.withdraw(&record);
            }
            let (event_ns, is_decision, is_counted) = (None, false, true);
            self.conclude_one(JudgedRecord { record, event_ns, is_decision, is_counted, is_written });
        }
    }

    /// Judges a start again whose executable has been read by now. The record is written if that shows anything.
    fn late(&mut self, start: LateStart, reading: Reading) {
        let judgement = &mut self.judgement;
        let record = self.enricher.late(start.id, start.note, reading, |event, enriched| {
            judgement.judge(event, enriched);
        });
        let Some(mut record) = record else { return };
        // A kill comes before the record of its reason, as for any start.
        let ended = self.judgement.kill_marked();
        let shows = is_wrong(&record) || record.tracego.go.is_some();
        let is_written = shows && self.selection.takes(&record);
        if !is_written {
            self.enricher.withdraw(&record);
        }
        self.writer.redaction.redact(&mut record);
        self.judgement.conclude(&record);
        self.writer.tally.count_record(&record);
        if is_written {
            self.write(&record, None);
        }
        self.report_ended(ended);
    }

    /// Handles the counters of the kernel side, which come about once a second.
    fn tick(&mut self, counters: Counters, reading: Reading) {
        self.kernel_losses(counters, reading);
        self.writer.seal(false, &mut self.enricher);
        if let Some(traces) = &mut self.traces {
            traces.tick(Time(reading.unix_ns));
            self.writer.tally.traces = Some(traces.counts());
        }
        let found = self.judgement.tick(reading.boot_ns.unsigned_abs());
        self.findings(found, reading);
        self.sink_losses(reading);
    }

    /// Writes a record if losses of the kernel side grew.
    fn kernel_losses(&mut self, counters: Counters, reading: Reading) {
        let lost = self.losses.of_counters(counters, self.assembler.evicted());
        self.writer.ledger.kernel = counters;
        if !lost.is_empty() {
            let record = self.enricher.lost(lost, None, reading);
            self.write(&record, None);
        }
    }

    /// Writes a record with the job's identity for each job whose losses grew.
    fn job_losses(&mut self, jobs: Vec<JobLoss>, reading: Reading) {
        for JobLoss { root, ring_full, context_full } in self.losses.of_jobs(jobs) {
            let id = TaskId { tgid: root.0, start_boottime: root.1, ..TaskId::default() };
            let lost = [("ring_full", ring_full), ("context_full", context_full)];
            let lost = lost.into_iter().filter(|&(_, count)| count > 0).collect();
            let mut record = self.enricher.lost(lost, Some(id), reading);
            self.writer.redaction.redact(&mut record);
            self.writer.tally.jobs.add(&job(&record, root), ring_full + context_full);
            self.write(&record, None);
        }
    }

    /// Writes a record of a sink's loss to all sinks.
    fn sink_loss(&mut self, loss: SinkLoss, reading: Reading) {
        let record = self.enricher.sink_lost(loss, reading);
        self.write(&record, None);
    }

    /// Writes records of losses that sinks had before their queues.
    fn sink_losses(&mut self, reading: Reading) {
        for (status, reason, count) in self.writer.outputs.losses() {
            let sink = status.name.clone();
            let lost = BTreeMap::from([(reason, count)]);
            self.sink_loss(SinkLoss { sink, lost, first: None, last: None, why: None }, reading);
        }
    }

    fn heartbeat(&mut self, reading: Reading) {
        let mut record = self.enricher.heartbeat(self.writer.ledger, reading);
        record.tracego.sinks = self.writer.outputs.counts();
        self.write(&record, None);
    }

    /// Applies new settings between two inputs.
    fn reload(&mut self, reload: Reload) {
        let Reload { selection, rules, redactor, feeds, output, enforce, policy, done } = reload;
        self.flush();
        self.writer.redaction.set_redactor(redactor);
        self.selection = selection;
        self.judgement.reload(rules, &enforce, policy);
        self.writer.outputs.replace(feeds, output);
        if done.send(()).is_err() {
            tracing::debug!("the reload has no waiting caller");
        }
    }

    fn write(&mut self, record: &Record, event_ns: Option<u64>) {
        self.writer.write(record, event_ns, &mut self.enricher);
    }

    fn flush(&mut self) {
        self.writer.flush(&mut self.enricher);
    }
}

impl Consumer for Pipeline {
    /// Processes an input. On return, its records have been handed to the operating system.
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.writer.begin(input.clock(), &mut self.enricher);
        match input {
            Input::Takeover(takeover, _) => self.take_over(takeover),
            Input::Seed(seeds, reading) => {
                self.enricher.set_clock(reading);
                self.enricher.seed(&seeds);
            }
            Input::Batch(batch) => self.events(batch.clock, batch.decode()),
            Input::LostJobs(jobs, reading) => self.job_losses(jobs, reading),
            Input::Counters(counters, reading) => self.tick(counters, reading),
            Input::Services(states, reading) => {
                let found = self.judgement.services(&states);
                self.findings(found, reading);
            }
            Input::SinkLoss(loss, reading) => self.sink_loss(loss, reading),
            Input::Reload(_) => {
                if let Some(reload) = self.reloads.as_ref().and_then(|reloads| reloads.try_recv().ok()) {
                    self.reload(reload);
                }
            }
            Input::Heartbeat(counters, reading) => {
                self.tick(counters, reading);
                self.heartbeat(reading);
            }
        }
        self.writer.finish(&mut self.enricher);
        self.writer.result()
    }

    fn take_batch(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.writer.begin(batch.clock, &mut self.enricher);
        self.events(batch.clock, events);
        self.writer.finish(&mut self.enricher);
        self.writer.result()
    }

    fn take_late(&mut self, starts: Vec<LateStart>) -> io::Result<()> {
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        starts.into_iter().for_each(|start| self.late(start, now));
        self.flush();
        self.writer.result()
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.seal(true, &mut self.enricher);
        self.flush();
        // Before the wait: the sinks have their own deadline.
        self.writer.outputs.close_sinks();
        if let Some(traces) = self.traces.take() {
            self.writer.tally.traces = Some(traces.close(LAST_SPANS));
        }
        self.writer.result()
    }

    fn ledger(&self) -> Ledger {
        self.writer.ledger
    }

    fn tally(&self) -> Option<PipelineTally> {
        let mut tally = self.writer.tally.copy(self.judgement.evicted(), self.enricher.processes());
        tally.pieces_evicted = self.assembler.evicted();
        tally.policy = self.judgement.policy_counts();
        Some(tally)
    }

    fn refusal(&self) -> Option<String> {
        self.writer.tally.refusal().map(str::to_owned)
    }

    fn set_agent(&mut self, agent: u32) {
        self.judgement.set_agent(agent);
    }

    fn is_check(&self, event: &Event<'_>) -> bool {
        self.judgement.is_check(event)
    }

    fn set_enforcement(&mut self, after: Killer) {
        self.judgement.killer = Some(after);
    }

    fn set_reloads(&mut self, reloads: Receiver<Reload>) {
        self.reloads = Some(reloads);
    }

    fn mark(&mut self) -> u64 {
        self.writer.outputs.mark()
    }

    fn settled(&mut self) -> u64 {
        self.writer.outputs.persisted_mark()
    }

    fn offset(&self) -> Option<i64> {
        Some(self.enricher.offset())
    }

    fn summary(&self) -> FindingSummary {
        self.judgement.summary()
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

/// Returns the name of the job of a record, or a name from the process that opened it if the job is unknown.
fn job(record: &Record, root: (u32, u64)) -> String {
    let named = record.context.as_ref().and_then(|context| context.cicd.get("pipeline.task.run.id"));
    named.map_or_else(|| format!("process-{}-{:x}", root.0, root.1), str::to_owned)
}
