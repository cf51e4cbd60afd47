//! The stages from the bytes of an event to the outputs.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, OnceLock, mpsc::Receiver},
    time::Duration,
};

use tracego_analyze::{
    enrich::{Enricher, digests::StartedProgram},
    inspect::{
        LateStart,
        digest::requests::{HashedStart, LateDigest},
        inventory::InventoryStatus,
    },
    redact::Redactor,
    redaction_stage::RedactionStage,
    rules_stage::{RecordSelection, RulesStage},
    summary::FindingSummary,
};
use tracego_common::{TaskId, flags, settings::event};
use tracego_deliver::{sink::outputs::Outputs, traces::TracePipeline};
use tracego_kubernetes::status::PodWatchStatus;
use tracego_model::{
    clock::{Reading, Time},
    counters::{Counters, JobLoss},
    event::{Event, Exec, ExecCopy, pieces::Assembler},
    finding::Finding,
    input::{
        Input, SinkLoss, Takeover,
        batch::{Batch, DecodedEvent},
        digest::{FileDigest, Sha256Digest},
        note::StartNote,
    },
    ledger::Ledger,
    meta::Meta,
    record::{
        Record,
        linux::ExecutableDigest,
        privileges::AgentPrivileges,
        provenance::{Provenance, ProvenanceVerdict},
    },
};
use tracego_probe::enforce::killer::Killer;

use super::{
    Consumer, DecisionCallback, Reload,
    backlog::{Backlog, JudgedRecord},
    judgement::Judgement,
    losses::LossReporter,
    writer::RecordWriter,
};
use crate::{
    metrics::tally::PipelineTally,
    policy::PolicyStage,
    provenance::{ProvenStart, ProvenanceStage, unchecked},
};

/// Maximum wait for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// Maximum number of records between the first decision and the kills that it asks for.
const JUDGED_MAX: usize = 64;

/// The stages from the bytes of an event to the outputs: decode → assemble → enrich → judge → redact → write.
///
/// While processes may be stopped, decisions run ahead of their records: a start is judged as soon as it comes, and
/// the records of those before are redacted and written when no input waits.
pub struct Pipeline {
    assembler: Assembler,
    enricher: Enricher,
    judgement: Judgement,
    backlog: Backlog,
    /// Number of records since the last kills.
    unkilled: usize,
    traces: Option<TracePipeline>,
    selection: RecordSelection,
    writer: RecordWriter,
    losses: LossReporter,
    /// Number of this run's load.
    generation: u32,
    /// Name of the BPF object that is loaded.
    bpf_object: Option<&'static str>,
    /// Settings for the next [`Input::Reload`].
    reloads: Option<Receiver<Reload>>,
    privileges: Arc<OnceLock<AgentPrivileges>>,
    /// The watch of this node's pods, where there is one.
    pods: Option<Arc<PodWatchStatus>>,
    /// The stage that says where executables come from, where it is configured.
    provenance: Option<ProvenanceStage>,
    /// The same in a replay, until the capture says that it has verdicts.
    kept_verdicts: Option<ProvenanceStage>,
    /// The inventory of programs that ran before, where there is one.
    inventory: Option<Arc<InventoryStatus>>,
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
            backlog: Backlog::default(),
            unkilled: 0,
            traces: None,
            selection: selection.into(),
            writer: RecordWriter::new(outputs.into(), redaction),
            losses: LossReporter::default(),
            generation: 0,
            bpf_object: None,
            reloads: None,
            privileges: Arc::default(),
            pods: None,
            inventory: None,
            provenance: None,
            kept_verdicts: None,
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

    /// Makes one record of the start and the exit of a process that ends soon.
    #[must_use]
    pub fn with_folded_exits(mut self, is_asked: bool) -> Self {
        self.backlog.fold_exits(is_asked);
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

    /// Adds the stage that puts the verdicts of a capture onto records.
    #[must_use]
    pub(crate) fn with_kept_verdicts(self, kept_verdicts: Option<ProvenanceStage>) -> Self {
        Self { kept_verdicts, ..self }
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
            if self.unkilled >= JUDGED_MAX {
                self.kill();
            }
            if !self.runs_ahead() {
                self.write_backlog();
            } else if self.backlog.is_full() {
                self.write_portion();
            }
        }
        self.kill();
    }

    /// Judges programs that ran before. A record is written of those that something is found about.
    fn inventory(&mut self, clock: Reading, events: Vec<DecodedEvent<'_>>) {
        self.enricher.set_clock(clock);
        for DecodedEvent { event, note, .. } in events {
            let Ok(Event::Exec(exec)) = event else { continue };
            let Some(mut enriched) = self.enricher.running(&exec, note.as_ref(), clock) else { continue };
            let unknown = see(&mut self.provenance, &self.judgement, &mut enriched.record);
            self.judgement.running(&mut enriched);
            self.found_before(&exec, enriched.record, unknown, clock);
        }
    }

    /// Queues the record about a program that ran before, if something was found, and takes care of the one about its
    /// executable. `unknown` as in [`Self::follow_executable`].
    fn found_before(
        &mut self,
        exec: &Exec<'_>,
        record: Record,
        unknown: Option<Sha256Digest>,
        reading: Reading,
    ) {
        let (id, provenance) = (exec.fixed.header.id, record.tracego.provenance.clone());
        let is_found = !record.tracego.findings.is_empty() && self.selection.takes(&record);
        let is_asked = self.selection.kinds & event::EXEC != 0;
        let is_judged = provenance.as_ref().is_some_and(|it| it.verdict != ProvenanceVerdict::Pending);
        let is_demanded = provenance.as_ref().is_some_and(|it| it.required);
        if is_judged {
            let program = self.enricher.started_program(&record, is_demanded && is_asked);
            self.found(id, record);
            if let Some(program) = program {
                self.proven(id, program, provenance, reading);
            }
        } else {
            // The executable has a record if the digest is still to come in a record that is written, or is demanded.
            self.follow_executable(exec, &record, is_found || (is_demanded && is_asked), unknown);
            self.found(id, record);
        }
    }

    /// Queues a record about a running process, if something was found about it.
    fn found(&mut self, id: TaskId, mut record: Record) {
        let findings = &record.tracego.findings;
        if findings.is_empty() {
            return;
        }
        record.body = findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
        let is_written = self.selection.takes(&record);
        self.backlog.queue(id, JudgedRecord { is_counted: true, is_written, ..JudgedRecord::own(record) });
    }

    /// Whether decisions run ahead of their records.
    fn runs_ahead(&self) -> bool {
        self.judgement.killer.is_some()
    }

    /// Kills what is marked.
    fn kill(&mut self) {
        self.unkilled = 0;
        for (pending, action, ended) in self.judgement.kill_marked() {
            let record = self.enricher.ended(&pending, action, ended, Reading::now());
            self.backlog.push(JudgedRecord {
                is_decision: true,
                is_counted: true,
                ..JudgedRecord::own(record)
            });
        }
    }

    /// Writes all records that wait.
    fn write_backlog(&mut self) {
        while let Some(judged) = self.backlog.pop() {
            self.conclude(judged);
        }
    }

    /// Redacts and writes some of the records that wait, the oldest first.
    fn write_portion(&mut self) {
        for judged in self.backlog.portion() {
            self.conclude(judged);
        }
    }

    /// Redacts, reports, and writes a record.
    fn conclude(&mut self, judged: JudgedRecord) {
        let JudgedRecord { mut record, event_ns, is_decision, is_counted, is_written, .. } = judged;
        self.writer.redaction.redact(&mut record);
        self.judgement.conclude(&record);
        if is_decision {
            self.judgement.report(&record);
        }
        self.trace(&mut record);
        if is_counted {
            self.writer.tally.count_record(&record);
        }
        self.writer.ledger.processed += u64::from(event_ns.is_some());
        if is_written {
            self.write(&mut record, event_ns);
        } else {
            self.writer.ledger.unrequested += u64::from(event_ns.is_some());
        }
    }

    fn event(&mut self, event: &Event<'_>, note: Option<&StartNote>) {
        // An event says that those of about the same time are here, too, which a clock does not.
        self.backlog.release_before(event.boot_ns());
        self.judgement.follow(event);
        // Decisions about starts are always written, whatever else is selected.
        let decision = matches!(event, Event::Verdict(_));
        let asked = decision || self.selection.kinds & kind(event) != 0;
        // A span begins with the start and ends with the exit, even if their records are not selected.
        let traced = self.traces.is_some() && kind(event) & (event::EXEC | event::EXIT) != 0;
        let judged = self.judgement.is_active() && kind(event) & event::EXEC != 0;
        let needed = (asked || traced || judged) && event.flags() & flags::OUTSIDE == 0;
        if !needed || self.judgement.is_check(event) {
            self.not_recorded();
            self.enricher.note(event, note);
        } else if let Some(mut enriched) = self.enricher.record(event, note) {
            let unknown = see(&mut self.provenance, &self.judgement, &mut enriched.record);
            self.judgement.judge(event, &mut enriched);
            let record = enriched.record;
            // A start with a finding or a violation is written even if starts are not selected.
            let is_counted = asked || is_wrong(&record);
            let is_written = decision || (is_counted && self.selection.takes(&record));
            let bytes = match event {
                Event::Exec(exec) => exec.argv.len(),
                _ => 0,
            };
            let event_ns = Some(event.boot_ns());
            if let Event::Exec(exec) = event {
                self.follow_executable(exec, &record, is_written, unknown);
            }
            self.unkilled += 1;
            let number = 0;
            let judged = JudgedRecord {
                record,
                number,
                event_ns,
                bytes,
                is_decision: decision,
                is_counted,
                is_written,
            };
            self.backlog.queue(event.id(), judged);
        } else if decision {
            // Decisions about tracego's own starts: the enforcement check and exempt programs.
            self.not_recorded();
        } else {
            self.writer.ledger.processed += 1;
        }
    }

    /// Counts an event that no record is made of.
    fn not_recorded(&mut self) {
        self.writer.ledger.processed += 1;
        self.writer.ledger.unrequested += 1;
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
            let mut record = self.enricher.finding(id, reading);
            self.judgement.put(&mut record, findings);
            self.found(id, record);
        }
    }

    /// Judges a start again whose executable has been read by now. The record is written if that shows anything.
    fn late(&mut self, start: LateStart, reading: Reading) {
        let judgement = &mut self.judgement;
        let (mut exec, mut unknown) = (None, None);
        let provenance = &mut self.provenance;
        let record = self.enricher.late(start.id, start.note, reading, |event, enriched| {
            if let Event::Exec(of) = event {
                exec = Some(ExecCopy::from(&**of));
                unknown = see(provenance, judgement, &mut enriched.record);
            }
            if event.flags() & flags::BEFORE == 0 {
                judgement.judge(event, enriched);
            } else {
                judgement.running(enriched);
            }
        });
        let Some(record) = record else { return };
        if record.tracego.inventory {
            if let Some(exec) = &exec {
                self.found_before(&exec.exec(), record, unknown, reading);
            }
            return;
        }
        let shows = is_wrong(&record) || record.tracego.go.is_some();
        let is_written = shows && self.selection.takes(&record);
        if let Some(exec) = &exec {
            self.follow_executable(&exec.exec(), &record, is_written, unknown);
        }
        // Not held: the exit belongs to the first record of the start.
        self.backlog.release_start(start.id);
        self.backlog.push(JudgedRecord { is_counted: true, is_written, ..JudgedRecord::own(record) });
        self.kill();
    }

    /// Takes care of the record that follows a start whose executable is not known well enough. `unknown`: the digest whose
    /// verdict is not known.
    fn follow_executable(
        &mut self,
        exec: &Exec<'_>,
        record: &Record,
        is_written: bool,
        unknown: Option<Sha256Digest>,
    ) {
        let is_pending = record.executable_digest() == Some(FileDigest::Pending.into());
        let is_judged = self.provenance.is_some();
        if unknown.is_none() && !(is_pending && (is_written || is_judged)) {
            return;
        }
        let Some(mut program) = self.enricher.started_program(record, is_written) else { return };
        // Nothing is stopped for what ran before.
        if is_judged && self.judgement.killer.is_some() && exec.fixed.header.flags & flags::BEFORE == 0 {
            program.exec = Some(exec.into());
        }
        program.is_proof_required = record.tracego.provenance.is_some();
        let (id, boot_ns) = (exec.fixed.header.id, exec.fixed.header.boot_ns);
        match unknown {
            Some(sha256) => self.ask(HashedStart { id, boot_ns }, sha256, program),
            None => self.enricher.await_digest(id, boot_ns, program),
        }
    }

    /// Asks for the provenance of an executable.
    fn ask(&mut self, start: HashedStart, sha256: Sha256Digest, program: StartedProgram) {
        let Some(stage) = &mut self.provenance else { return };
        if let Some(program) = stage.ask(start, sha256, program) {
            self.unproven(start.id, program, "too many executables wait to be judged", Reading::now());
        }
    }

    /// Puts a digest onto the record of its start, if that waits for its exit, or else makes a record of it, once its
    /// provenance is known.
    fn digest(&mut self, late: &LateDigest, reading: Reading) {
        let LateDigest { start, digest } = *late;
        let Some(mut program) = self.enricher.awaited(start.id, start.boot_ns) else { return };
        program.set_digest(digest);
        if self.provenance.is_some() {
            return match digest.proven() {
                Some(sha256) => self.ask(start, sha256, program),
                None => self.unproven(
                    start.id,
                    program,
                    ExecutableDigest::from(digest).state.unwrap_or_default(),
                    reading,
                ),
            };
        }
        match self.backlog.held(start.id, start.boot_ns) {
            Some(held) => held.tracego.executable = program.executable().cloned(),
            None => self.proven(start.id, program, None, reading),
        }
    }

    /// Makes the record about an executable that could not be judged.
    fn unproven(&mut self, id: TaskId, program: StartedProgram, why: &str, reading: Reading) {
        let provenance = program.is_proof_required.then(|| Arc::new(unchecked(why)));
        self.proven(id, program, provenance, reading);
    }

    /// Makes the record about an executable, with the verdict about its provenance.
    fn proven(
        &mut self,
        id: TaskId,
        mut program: StartedProgram,
        provenance: Option<Arc<Provenance>>,
        reading: Reading,
    ) {
        let (is_asked, exec) = (program.is_written, program.exec.take());
        let mut record = self.enricher.executable(program, reading);
        record.tracego.provenance = provenance;
        self.judgement.proven(id, exec.as_ref(), &mut record);
        let is_counted = is_asked || is_wrong(&record);
        let is_written = is_counted && self.selection.takes(&record);
        self.backlog.release_start(id);
        self.backlog.push(JudgedRecord { is_counted, is_written, ..JudgedRecord::own(record) });
        self.kill();
    }

    /// Takes the verdicts that have come.
    fn verdicts(&mut self, reading: Reading) {
        while let Some(ProvenStart { id, program, provenance }) =
            self.provenance.as_mut().and_then(ProvenanceStage::next)
        {
            self.proven(id, program, Some(provenance), reading);
        }
    }

    /// Handles the counters of the kernel side, which come about once a second.
    fn tick(&mut self, counters: Counters, reading: Reading) {
        self.backlog.release_due(reading);
        self.kernel_losses(counters, reading);
        self.seal(false);
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
            self.backlog.push(JudgedRecord::own(self.enricher.lost(lost, None, reading)));
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
            self.backlog.push(JudgedRecord::own(record));
        }
    }

    /// Writes a record of a sink's loss to all sinks.
    fn sink_loss(&mut self, loss: SinkLoss, reading: Reading) {
        self.backlog.push(JudgedRecord::own(self.enricher.sink_lost(loss, reading)));
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
        record.tracego.privileges = self.privileges.get().cloned().map(Box::new);
        record.tracego.kubernetes = self.pods.as_ref().map(|pods| Box::new(pods.report()));
        let inventory = self.inventory.as_ref();
        record.tracego.inventory_counts = inventory.map(|status| Box::new(status.report()));
        record.tracego.bpf_object = self.bpf_object;
        self.backlog.push(JudgedRecord::own(record));
    }

    /// Applies new settings between two inputs.
    fn reload(&mut self, reload: Reload) {
        let Reload { selection, rules, redactor, feeds, output, enforce, policy, provenance, done } = reload;
        self.backlog.release();
        self.write_backlog();
        self.flush();
        self.writer.redaction.set_redactor(redactor);
        self.selection = selection;
        self.judgement.reload(rules, &enforce, policy);
        match (&mut self.provenance, provenance) {
            (Some(stage), Some((settings, provenance))) => stage.change(settings, provenance),
            (None, None) => {}
            _ => tracing::warn!("[provenance] was added or removed; restart tracego to apply that"),
        }
        self.writer.outputs.replace(feeds, output);
        if done.send(()).is_err() {
            tracing::debug!("the reload has no waiting caller");
        }
    }

    /// Writes the seals that are due. A seal stands behind the records that it is about.
    fn seal(&mut self, last: bool) {
        if self.writer.outputs.sealer().is_some() {
            self.write_backlog();
            self.writer.seal(last, &mut self.enricher);
        }
    }

    /// Ends an input: hands what was written to the operating system, and seals evidence.
    fn finish(&mut self) -> io::Result<()> {
        if !self.runs_ahead() {
            self.write_backlog();
        }
        self.flush();
        if self.writer.is_seal_urgent() {
            self.seal(false);
        }
        self.writer.result()
    }

    fn write(&mut self, record: &mut Record, event_ns: Option<u64>) {
        self.writer.write(record, event_ns, &mut self.enricher);
    }

    fn flush(&mut self) {
        self.writer.flush(&mut self.enricher);
    }
}

impl Consumer for Pipeline {
    /// Processes an input. On return, its records have been handed to the operating system, or wait.
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.writer.begin(input.clock(), &mut self.enricher);
        match input {
            Input::Takeover(takeover, _) => self.take_over(takeover),
            Input::Seed(seeds, reading) => {
                self.enricher.set_clock(reading);
                self.enricher.seed(&seeds);
            }
            Input::Batch(batch) => self.events(batch.clock, batch.decode()),
            Input::Inventory(batch) => self.inventory(batch.clock, batch.decode()),
            Input::LostJobs(jobs, reading) => self.job_losses(jobs, reading),
            Input::Counters(counters, reading) => self.tick(counters, reading),
            Input::Services(states, reading) => {
                let found = self.judgement.services(&states);
                self.findings(found, reading);
            }
            Input::Digests(digests, reading) => {
                digests.iter().for_each(|digest| self.digest(digest, reading))
            }
            Input::Verdicts(verdicts, reading) => {
                self.provenance = self.kept_verdicts.take().or(self.provenance.take());
                if let Some(stage) = &mut self.provenance {
                    verdicts.into_iter().for_each(|verdict| stage.take_kept(verdict));
                }
                self.verdicts(reading);
            }
            // The thread takes them behind each input.
            Input::Answered(_) => {}
            Input::Pods(changes, reading) => {
                for record in self.enricher.pods(changes, reading) {
                    self.backlog.push(JudgedRecord::own(record));
                }
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
        self.finish()
    }

    fn take_batch(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.writer.begin(batch.clock, &mut self.enricher);
        self.events(batch.clock, events);
        self.finish()
    }

    fn take_inventory(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.writer.begin(batch.clock, &mut self.enricher);
        self.inventory(batch.clock, events);
        self.finish()
    }

    fn take_late(&mut self, starts: Vec<LateStart>) -> io::Result<()> {
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        starts.into_iter().for_each(|start| self.late(start, now));
        self.finish()
    }

    fn take_digests(&mut self, digests: Vec<LateDigest>) -> io::Result<()> {
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        digests.into_iter().for_each(|digest| self.digest(&digest, now));
        self.finish()
    }

    fn take_verdicts(&mut self) -> io::Result<()> {
        let next = |pipeline: &mut Self| pipeline.provenance.as_mut().and_then(ProvenanceStage::next);
        let Some(first) = next(self) else { return Ok(()) };
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        self.proven(first.id, first.program, Some(first.provenance), now);
        self.verdicts(now);
        self.finish()
    }

    fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    fn release(&mut self) {
        self.backlog.release();
    }

    fn catch_up(&mut self) -> io::Result<()> {
        self.write_portion();
        self.finish()
    }

    fn end(&mut self) -> io::Result<()> {
        self.backlog.release();
        self.write_backlog();
        self.seal(true);
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
        tally.provenance = self.provenance.as_ref().map(ProvenanceStage::counts);
        Some(tally)
    }

    fn refusal(&self) -> Option<String> {
        self.writer.tally.refusal().map(str::to_owned)
    }

    fn set_agent(&mut self, agent: u32) {
        self.judgement.set_agent(agent);
    }

    fn set_bpf_object(&mut self, name: &'static str) {
        self.bpf_object = Some(name);
    }

    fn is_check(&self, event: &Event<'_>) -> bool {
        self.judgement.is_check(event)
    }

    fn set_enforcement(&mut self, after: Killer) {
        self.judgement.killer = Some(after);
    }

    fn set_privileges(&mut self, privileges: Arc<OnceLock<AgentPrivileges>>) {
        self.privileges = privileges;
    }

    fn set_pods(&mut self, pods: Arc<PodWatchStatus>) {
        self.pods = Some(pods);
    }

    fn set_provenance(&mut self, stage: ProvenanceStage) {
        self.provenance = Some(stage);
    }

    fn awaited(&self) -> usize {
        self.provenance.as_ref().map_or(0, ProvenanceStage::waiting)
    }

    fn set_inventory(&mut self, status: Arc<InventoryStatus>) {
        self.inventory = Some(status);
    }

    fn set_reloads(&mut self, reloads: Receiver<Reload>) {
        self.reloads = Some(reloads);
    }

    fn made(&self) -> u64 {
        self.backlog.came()
    }

    fn concluded(&self) -> u64 {
        self.backlog.concluded()
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

/// Puts what is known about the provenance of its executable onto a record. Returns the digest to ask about, if the verdict
/// is not known.
fn see(
    provenance: &mut Option<ProvenanceStage>,
    judgement: &Judgement,
    record: &mut Record,
) -> Option<Sha256Digest> {
    let stage = provenance.as_mut().filter(|_| record.tracego.executable.is_some())?;
    stage.see(record, judgement.place(record))
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
