//! Takes [`Input`] through decode → enrich → sink; owns the process table and the ledger.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    time::Duration,
};

use tracego_common::{TaskId, flags, settings::event, verdict::Action};

use crate::{
    assemble::Assembler,
    clock::{Reading, Time},
    decode::{self, decode},
    enforce::after::AfterStart,
    enrich::{Enricher, Meta, Record},
    event::Event,
    input::{Batch, Consumer, Input, Reload, SinkLoss},
    inspect::{facts::ServiceState, note::Note},
    judge::{Judge, Selection},
    kernel::{
        counters::{Counters, JobLoss},
        handover::Takeover,
    },
    ledger::Ledger,
    metrics::tally::Tally,
    policy::stage::Stage,
    rules::finding::Finding,
    seal::window::Moment,
    sink::outputs::Outputs,
    summary::Summary,
    traces::Traces,
};

/// Longest wait for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// Is told of a record.
pub type Told = Box<dyn FnMut(&Record) + Send>;

/// The way of the data from bytes to the output.
pub struct Pipeline {
    assembler: Assembler,
    enricher: Enricher,
    outputs: Outputs,
    ledger: Ledger,
    tally: Tally,
    reported: Counters,
    /// By the process that opened the job.
    reported_jobs: HashMap<(u32, u64), u64>,
    selection: Selection,
    judge: Option<Judge>,
    traces: Option<Traces>,
    policy: Option<Stage>,
    after: Option<AfterStart>,
    /// Who is told of starts that are stopped, beside the records.
    told: Option<Told>,
    now: Reading,
    /// Number of this run's load.
    generation: u32,
    failed: Option<io::Error>,
}

impl Pipeline {
    /// `selection`: what is written; kinds alone as bits of [`event`]. Without a judge nothing is found.
    #[must_use]
    pub fn new(
        meta: Meta,
        selection: impl Into<Selection>,
        judge: Option<Judge>,
        outputs: impl Into<Outputs>,
    ) -> Self {
        Self {
            assembler: Assembler::default(),
            enricher: Enricher::new(meta),
            outputs: outputs.into(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            reported: Counters::default(),
            reported_jobs: HashMap::new(),
            selection: selection.into(),
            judge,
            traces: None,
            policy: None,
            after: None,
            told: None,
            now: Reading::default(),
            generation: 0,
            failed: None,
        }
    }

    /// Makes spans, too.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Self {
        Self { traces, ..self }
    }

    /// Decides about starts by policies.
    #[must_use]
    pub fn with_policy(self, policy: Option<Stage>) -> Self {
        Self { policy, ..self }
    }

    /// Tells somebody of starts that are stopped.
    #[must_use]
    pub fn with_told(self, told: Option<Told>) -> Self {
        Self { told, ..self }
    }

    fn batch(&mut self, batch: &Batch) {
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

    /// Those that the kernel side did not end: it had nothing to know them by.
    fn end_processes(&mut self) {
        let ended = self.after.as_mut().map(AfterStart::end).unwrap_or_default();
        for (pending, action, ended) in ended {
            let record = self.enricher.ended(&pending, action, ended, Reading::now());
            self.stopped(&record);
            self.emit(&record, None);
        }
    }

    /// A decision about a start is told.
    fn stopped(&mut self, record: &Record) {
        if let Some(judge) = &mut self.judge {
            judge.decided(record);
        }
        if let Some(told) = &mut self.told {
            told(record);
        }
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
        // Who has programs stopped wants to know of it, whatever else is written.
        let decision = matches!(event, Event::Verdict(_));
        let wanted = decision || self.selection.kinds & kind(event) != 0;
        // A span begins with the start and ends with the exit, whoever wants records of these.
        let traced = self.traces.is_some() && kind(event) & (event::EXEC | event::EXIT) != 0;
        if !(wanted || traced) || event.flags() & flags::OUTSIDE != 0 {
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
                traces.mark(&mut enriched.record);
            }
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
            // tracego's own, such as the canary.
            self.ledger.unrequested += 1;
        }
    }

    fn take_over(&mut self, takeover: Takeover) {
        self.generation = takeover.generation;
        self.ledger.inherited += takeover.lost;
        self.enricher.take_over(takeover);
    }

    /// What was found about processes that run already becomes records of its own.
    fn found(&mut self, found: Vec<(TaskId, Vec<Finding>)>, reading: Reading) {
        for (id, findings) in found.into_iter().filter(|(_, findings)| !findings.is_empty()) {
            let body = findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
            let mut record = self.enricher.finding(id, body, reading);
            if let Some(judge) = &mut self.judge {
                judge.put(&mut record, findings);
            }
            if let Some(traces) = &mut self.traces {
                traces.take(&record);
                traces.mark(&mut record);
            }
            self.tally.made(&record);
            if self.selection.takes(&record) {
                self.emit(&record, None);
            } else {
                self.enricher.withdraw(&record);
            }
        }
    }

    fn services(&mut self, states: &[ServiceState], reading: Reading) {
        let Some(judge) = &mut self.judge else { return };
        let found = states.iter().map(|state| (state.id(), judge.service(state))).collect();
        self.found(found, reading);
    }

    fn tick(&mut self, reading: Reading) {
        if let Some(traces) = &mut self.traces {
            traces.tick(Time(reading.unix_ns));
            self.tally.traces = Some(traces.counts());
        }
        let Some(judge) = &mut self.judge else { return };
        let found = judge.tick(reading.boot_ns.unsigned_abs());
        self.found(found.into_iter().map(|(id, finding)| (id, vec![finding])).collect(), reading);
    }

    /// A growing loss of a job becomes a record with the job's identity; the counters that follow hold
    /// the same losses, so what is told here is taken off there.
    fn lost_jobs(&mut self, jobs: Vec<JobLoss>, reading: Reading) {
        let mut now = HashMap::with_capacity(jobs.len());
        for JobLoss { root, ring_full } in jobs {
            // A count that fell belongs to an entry that made room and came again.
            let before = self.reported_jobs.get(&root).copied().filter(|&before| before <= ring_full);
            let more = ring_full - before.unwrap_or(0);
            now.insert(root, ring_full);
            if more > 0 {
                let id = TaskId { tgid: root.0, start_boottime: root.1, ..TaskId::default() };
                let record = self.enricher.lost(BTreeMap::from([("ring_full", more)]), Some(id), reading);
                self.reported.ring_full += more;
                self.tally.jobs.add(&job(&record, root), more);
                self.emit(&record, None);
            }
        }
        self.reported_jobs = now;
    }

    /// A growing loss becomes a record.
    fn counters(&mut self, counters: Counters, reading: Reading) {
        let mut lost: BTreeMap<&'static str, u64> = BTreeMap::new();
        for ((reason, now), (_, before)) in counters.losses().into_iter().zip(self.reported.losses()) {
            if now > before {
                lost.insert(reason, now - before);
            }
        }
        self.reported = counters;
        self.ledger.kernel = counters;
        if !lost.is_empty() {
            let record = self.enricher.lost(lost, None, reading);
            self.emit(&record, None);
        }
        self.seal(false);
    }

    /// The first record of a sealed output; again where the output did not take it.
    fn open(&mut self) {
        let Some(start) = self.outputs.sealer().and_then(|sealer| sealer.opening(self.now)) else { return };
        let record = self.enricher.opening(start, self.now);
        if let Err(error) = self.outputs.push(&record, false) {
            self.refused(error);
        }
    }

    /// A loss of a sink becomes a record in all of them.
    fn sink_loss(&mut self, loss: SinkLoss, reading: Reading) {
        let record = self.enricher.sink_lost(loss, reading);
        self.emit(&record, None);
    }

    /// What sinks lost before their queues.
    fn sinks(&mut self, reading: Reading) {
        for (status, reason, count) in self.outputs.losses() {
            let sink = status.name.clone();
            let lost = BTreeMap::from([(reason, count)]);
            self.sink_loss(SinkLoss { sink, lost, first: None, last: None, why: None }, reading);
        }
    }

    /// Goes over to other settings, between two pieces of input.
    fn reload(&mut self, reload: Reload) {
        let Reload { selection, rules, feeds, output, findings, policy, done } = reload;
        self.flush();
        self.selection = selection;
        if let Some(judge) = &mut self.judge {
            judge.change(rules);
        }
        if let Some(after) = &mut self.after {
            after.change(findings);
        }
        if let (Some(stage), Some(engine)) = (&mut self.policy, policy) {
            stage.change(engine);
        }
        self.outputs.replace(feeds, output);
        if done.send(()).is_err() {
            tracing::debug!("nobody waits for the other settings");
        }
    }

    /// Writes the seals that are due; what the output refuses is tried again when the next are.
    fn seal(&mut self, last: bool) {
        if self.outputs.sealer().is_none() {
            return;
        }
        self.flush();
        let moment =
            Moment { ledger: self.ledger, now: self.now, running: self.enricher.running_jobs(), last };
        while let Some(seal) = self.outputs.sealer().and_then(|sealer| sealer.due(&moment)) {
            let record = self.enricher.seal(seal, self.now);
            self.emit(&record, None);
            self.flush();
            if !self.outputs.sealer().is_some_and(|sealer| sealer.took()) {
                break;
            }
        }
    }

    /// `event_ns`: when the event happened that the record stands for and that the ledger counts.
    fn emit(&mut self, record: &Record, event_ns: Option<u64>) {
        let counted = event_ns.is_some();
        if let Err(error) = self.outputs.push(record, counted) {
            self.ledger.write_errors += u64::from(counted);
            self.refused(error);
            return;
        }
        self.tally.given(event_ns);
        if self.outputs.is_full() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let flushed = self.outputs.flush();
        self.tally.answered(flushed.written, flushed.error.as_ref());
        self.ledger.written += flushed.written;
        self.ledger.write_errors += flushed.refused;
        if let Some(error) = flushed.error {
            self.refused(error);
            self.open();
        }
    }

    fn refused(&mut self, error: io::Error) {
        self.failed.get_or_insert(error);
    }
}

impl Consumer for Pipeline {
    /// What a piece yields is with the operating system when this returns.
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.now = input.clock();
        self.open();
        match input {
            Input::Takeover(takeover, _) => self.take_over(takeover),
            Input::Seed(seeds, reading) => {
                self.enricher.set_clock(reading);
                self.enricher.seed(&seeds);
            }
            Input::Batch(batch) => self.batch(&batch),
            Input::LostJobs(jobs, reading) => self.lost_jobs(jobs, reading),
            Input::Counters(counters, reading) => {
                self.counters(counters, reading);
                self.tick(reading);
                self.sinks(reading);
            }
            Input::Services(states, reading) => self.services(&states, reading),
            Input::SinkLoss(loss, reading) => self.sink_loss(loss, reading),
            Input::Reload(reload, _) => self.reload(*reload),
            Input::Heartbeat(counters, reading) => {
                self.counters(counters, reading);
                self.tick(reading);
                self.sinks(reading);
                let mut record = self.enricher.heartbeat(self.ledger, reading);
                record.tracego.sinks = self.outputs.counts();
                self.emit(&record, None);
            }
        }
        self.flush();
        self.failed.take().map_or(Ok(()), Err)
    }

    fn end(&mut self) -> io::Result<()> {
        self.seal(true);
        self.flush();
        if let Some(traces) = self.traces.take() {
            self.tally.traces = Some(traces.close(LAST_SPANS));
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    fn ledger(&self) -> Ledger {
        self.ledger
    }

    fn tally(&self) -> Option<Tally> {
        let forgotten = self.judge.as_ref().map_or(0, Judge::forgotten);
        let mut tally = self.tally.copy(forgotten, self.enricher.processes());
        tally.policy = self.policy.as_ref().map(Stage::counts);
        Some(tally)
    }

    fn refusal(&self) -> Option<String> {
        self.tally.refusal().map(str::to_owned)
    }

    fn enforce(&mut self, after: AfterStart) {
        self.after = Some(after);
    }

    fn mark(&mut self) -> u64 {
        self.outputs.mark()
    }

    fn settled(&mut self) -> u64 {
        self.outputs.settled()
    }

    fn offset(&self) -> Option<i64> {
        Some(self.enricher.offset())
    }

    fn summary(&self) -> Summary {
        self.judge.as_ref().map_or_else(Summary::default, |judge| judge.summary().clone())
    }
}

/// The name of the job that a record is about, or of the process that opened it where it is not known.
fn job(record: &Record, root: (u32, u64)) -> String {
    let named = record.context.as_ref().and_then(|context| context.cicd.get("pipeline.task.run.id"));
    named.map_or_else(|| format!("process-{}-{:x}", root.0, root.1), str::to_owned)
}

/// The bit of [`event`] for a kind.
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
