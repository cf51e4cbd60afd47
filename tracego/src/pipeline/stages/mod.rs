//! The stages from the bytes of an event to the outputs.

mod inputs;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
};

use tracego_analyze::{
    enrich::Enricher,
    inspect::{
        LateStart,
        digest::requests::{HashedStart, LateDigest},
    },
    redact::Redactor,
    redaction_stage::RedactionStage,
    rules_stage::{RecordSelection, RulesStage},
};
use tracego_common::{TaskId, flags, settings::event};
use tracego_deliver::{sink::outputs::Outputs, traces::TracePipeline};
use tracego_model::{
    clock::{Reading, Time},
    counters::Counters,
    event::{Event, Exec, ExecCopy, pieces::Assembler},
    finding::Finding,
    input::{Takeover, batch::DecodedEvent, digest::Sha256Digest, note::StartNote},
    meta::Meta,
    policy::PolicySourceStatus,
    provenance::ProvenanceVerdict,
    record::{Record, configuration::ConfigurationReport},
};

use super::{
    DecisionCallback, PipelineChange, PolicyChange, Reload,
    agent_status::AgentStatus,
    backlog::{Backlog, JudgedRecord},
    judgement::Judgement,
    losses::LossReporter,
    pending_executables::{PendingExecutables, RecordedStart},
    writer::RecordWriter,
};
use crate::{
    policy::PolicyStage,
    provenance::{ProvenanceStage, SettledExecutable},
};

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
    /// Settings for the next [`Input::Reload`].
    reloads: Option<Receiver<PipelineChange>>,
    executables: PendingExecutables,
    status: AgentStatus,
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
        let (mut enricher, outputs) = (Enricher::new(meta), outputs.into());
        enricher.keep_images(outputs.has_modules());
        Self {
            assembler: Assembler::default(),
            enricher,
            judgement: Judgement::new(judge),
            backlog: Backlog::default(),
            unkilled: 0,
            traces: None,
            selection: selection.into(),
            writer: RecordWriter::new(outputs, redaction),
            losses: LossReporter::default(),
            generation: 0,
            reloads: None,
            executables: PendingExecutables::default(),
            status: AgentStatus::default(),
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
        self.enricher.set_redactor(&redactor);
        self.writer.redaction.set_redactor(redactor);
        self
    }

    /// Sets the configuration that records name.
    #[must_use]
    pub(crate) fn with_configuration(mut self, configuration: ConfigurationReport) -> Self {
        self.set_configuration(configuration);
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

    /// Sets the servers that policies come from, for heartbeats.
    #[must_use]
    pub(crate) fn with_policy_sources(mut self, sources: Option<Arc<PolicySourceStatus>>) -> Self {
        self.status.policy_sources = sources;
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
    pub(crate) fn with_kept_verdicts(mut self, kept: Option<ProvenanceStage>) -> Self {
        self.executables.kept = kept;
        self
    }

    /// Sets the configuration that records name. Returns whether it differs from the one before, policies included.
    fn set_configuration(&mut self, configuration: ConfigurationReport) -> bool {
        let policies = self.judgement.bundles();
        let new = Some(Arc::new(ConfigurationReport { policies, ..configuration }));
        let has_changed = self.writer.configuration != new;
        self.writer.configuration = new;
        has_changed
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
            let unknown = self.executables.see(&mut enriched.record, &self.judgement);
            self.judgement.running(&mut enriched);
            self.found_before(&exec, enriched.record, unknown, clock);
        }
    }

    /// Queues the record about a program that ran before, if something was found, and takes care of the one about its
    /// executable. `unknown`: the digest whose verdict is not known.
    fn found_before(
        &mut self,
        exec: &Exec<'_>,
        record: Record,
        unknown: Option<Sha256Digest>,
        reading: Reading,
    ) {
        let header = &exec.fixed.header;
        let provenance = record.tracego.provenance.clone();
        let is_taken = self.selection.takes(&record);
        let is_found = is_taken && !record.tracego.findings.is_empty();
        let is_demanded = provenance.as_ref().is_some_and(|it| it.required);
        let is_listed = is_taken && is_demanded && self.selection.kinds & event::EXEC != 0;
        if provenance.as_ref().is_some_and(|it| it.verdict != ProvenanceVerdict::Pending) {
            let start = HashedStart::of(header);
            let program = self.enricher.started_program(&record, start, is_listed);
            self.found(header.id, record);
            if let Some(program) = program {
                self.record_executable(
                    SettledExecutable { program, provenance, is_too_late: false },
                    reading,
                );
            }
        } else {
            // The executable has a record if the digest is still to come in a record that is written, or is demanded.
            let is_written = is_found || is_listed;
            // Nothing is stopped for what ran before.
            let (is_stoppable, is_undecided) = (false, false);
            let start =
                RecordedStart { exec, record: &record, is_written, is_stoppable, unknown, is_undecided };
            self.follow_executable(&start, reading);
            self.found(header.id, record);
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
            let unknown = self.executables.see(&mut enriched.record, &self.judgement);
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
                let is_stoppable = self.runs_ahead();
                let unjudged = self.executables.is_unjudged(&record, unknown);
                let is_undecided = self.judgement.is_undecided(&record, unjudged);
                let start =
                    RecordedStart { exec, record: &record, is_written, is_stoppable, unknown, is_undecided };
                self.follow_executable(&start, Reading::now());
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
        let executables = &mut self.executables;
        let record = self.enricher.late(start.id, start.note, reading, |event, enriched| {
            if let Event::Exec(of) = event {
                exec = Some(ExecCopy::from(&**of));
                unknown = executables.see(&mut enriched.record, judgement);
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
            let (exec, is_stoppable) = (&exec.exec(), self.runs_ahead());
            let unjudged = self.executables.is_unjudged(&record, unknown);
            let is_undecided = self.judgement.is_undecided(&record, unjudged);
            let start =
                RecordedStart { exec, record: &record, is_written, is_stoppable, unknown, is_undecided };
            self.follow_executable(&start, Reading::now());
        }
        // Not held: the exit belongs to the first record of the start.
        self.backlog.release_start(start.id);
        self.backlog.push(JudgedRecord { is_counted: true, is_written, ..JudgedRecord::own(record) });
        self.kill();
    }

    /// Takes digests of starts that wait for them.
    fn digests(&mut self, digests: &[LateDigest], reading: Reading) {
        for digest in digests {
            if let Some(settled) = self.executables.digest(digest) {
                self.record_executable(settled, reading);
            }
        }
    }

    /// Takes care of the record that follows a start whose executable is not known well enough.
    fn follow_executable(&mut self, start: &RecordedStart<'_>, reading: Reading) {
        if let Some(settled) = self.executables.follow(start, &self.enricher) {
            self.record_executable(settled, reading);
        }
    }

    /// Makes the record about an executable of which everything is known, unless the record of its start says that or, as
    /// it waits for the exit, can still say it.
    fn record_executable(&mut self, settled: SettledExecutable, reading: Reading) {
        let SettledExecutable { mut program, provenance, is_too_late } = settled;
        let HashedStart { id, boot_ns } = program.start;
        if provenance.is_none() {
            if !program.is_digest_pending {
                return;
            }
            if program.undecided.is_none()
                && let Some(held) = self.backlog.held(id, boot_ns)
            {
                held.tracego.executable = program.executable().cloned();
                return;
            }
        }
        let (is_asked, exec, undecided) = (program.is_written, program.exec.take(), program.undecided.take());
        let mut record = self.enricher.executable(program, reading);
        record.tracego.provenance = provenance;
        self.judgement.proven(id, exec.as_ref(), is_too_late, undecided, &mut record);
        let is_counted = is_asked || is_wrong(&record);
        // A written start that leaves something open promises the record behind it.
        let is_written = is_asked || (is_counted && self.selection.takes(&record));
        self.backlog.release_start(id);
        self.backlog.push(JudgedRecord { is_counted, is_written, ..JudgedRecord::own(record) });
        self.kill();
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
        let losses = LossReporter::sinks(&mut self.enricher, &mut self.writer, reading);
        self.own(losses);
    }

    /// Writes a record if losses of the kernel side grew.
    fn kernel_losses(&mut self, counters: Counters, reading: Reading) {
        let evicted = self.assembler.evicted();
        let record = self.losses.kernel(counters, evicted, &mut self.enricher, reading);
        self.writer.ledger.kernel = counters;
        self.own(record);
    }

    /// Writes records that no event led to.
    fn own(&mut self, records: impl IntoIterator<Item = Record>) {
        records.into_iter().for_each(|record| self.backlog.push(JudgedRecord::own(record)));
    }

    fn heartbeat(&mut self, reading: Reading) {
        let mut record = self.enricher.heartbeat(self.writer.ledger, reading);
        record.tracego.configuration = self.status.configuration(self.writer.configuration.as_ref());
        record.tracego.sinks = self.writer.outputs.counts();
        self.status.report(&mut record);
        self.own([record]);
    }

    /// Puts policies in force between two inputs, and reports them and the servers that they come from.
    fn change_policies(&mut self, change: PolicyChange) {
        if let Some(engine) = change.engine {
            // What was decided before stands in front of the report.
            self.backlog.release();
            self.write_backlog();
            self.judgement.change_policies(*engine);
            let configuration = self.writer.configuration.as_deref().cloned().unwrap_or_default();
            self.set_configuration(configuration);
        }
        self.heartbeat(Reading::now());
        if change.done.send(()).is_err() {
            tracing::debug!("the change of policies has no waiting caller");
        }
    }

    /// Applies new settings between two inputs.
    fn reload(&mut self, reload: Reload) {
        let Reload {
            selection,
            rules,
            redactor,
            feeds,
            output,
            enforce,
            policy,
            configuration,
            provenance,
            done,
        } = reload;
        self.backlog.release();
        self.write_backlog();
        self.flush();
        self.enricher.set_redactor(&redactor);
        self.writer.redaction.set_redactor(redactor);
        self.selection = selection;
        self.judgement.reload(rules, &enforce, policy);
        match (&mut self.executables.provenance, provenance) {
            (Some(stage), Some((settings, provenance))) => stage.change(settings, provenance),
            (None, None) => {}
            _ => tracing::warn!("[provenance] was added or removed; restart tracego to apply that"),
        }
        self.writer.outputs.replace(feeds, output);
        self.enricher.keep_images(self.writer.outputs.has_modules());
        // At once, so that no record stands between a change and its report, whatever --heartbeat says.
        if self.set_configuration(configuration) {
            self.heartbeat(Reading::now());
        }
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
