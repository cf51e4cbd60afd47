//! The reader: takes the lines of records, in any order, and gives the history.

mod assembly;
mod findings;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, value::RawValue};
use tracego_golang::role::Role;
use tracego_model::{clock::Time, record::event_name, text};

use super::{
    completeness::{LineProblem, RecordCompleteness},
    finding::{ReportedFinding, StoppedStart},
    intern::SharedTexts,
    job::{self, ReportedJob},
    process_set::ProcessSet,
    program::{ExitOutcome, ProgramRun},
};
use crate::wire::{self, LineError, WireAncestor, WireProcess, WireRecord, cut};

/// Limits of what a history keeps.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Number of program starts.
    pub programs: usize,
    /// Number of processes, with those that executed nothing.
    pub processes: usize,
    /// Bytes of arguments and shared texts.
    pub text: usize,
    /// Number of findings, and of decisions about starts.
    pub findings: usize,
    /// Number of jobs; later ones count as programs of no job.
    pub jobs: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { programs: 200_000, processes: 500_000, text: 256 << 20, findings: 10_000, jobs: 1000 }
    }
}

/// Maximum number of bytes of the arguments of one program that are kept.
const ARGUMENTS_MAX: usize = 2048;
/// Maximum number of arguments of one program that are kept.
const WORDS_MAX: usize = 64;
/// Maximum number of bytes of a path or a name that are kept.
const NAME_MAX: usize = 4096;
/// Maximum number of executables that are known by the id of their record.
const IMAGES_MAX: usize = 100_000;
/// Maximum number of different texts of `cicd` and `vcs` that are remembered.
const CONTEXTS_MAX: usize = 10_000;

/// A program start whose references are not resolved yet.
#[derive(Debug)]
struct ReadProgram {
    run: ProgramRun,
    /// Identity of the go command that started it.
    go_command: Option<Box<str>>,
    /// Id of the record of its executable.
    image: Option<Arc<str>>,
}

/// The reader of a history.
#[derive(Debug, Default)]
pub struct HistoryReader {
    limits: HistoryLimits,
    texts: SharedTexts,
    /// Bytes of all arguments.
    argument_bytes: usize,
    processes: ProcessSet,
    programs: Vec<ReadProgram>,
    jobs: Vec<ReportedJob>,
    /// Jobs by id.
    job_by_id: HashMap<Box<str>, usize>,
    /// Jobs by the text of the members `cicd` and `vcs`, which many records share.
    job_by_text: HashMap<Box<str>, usize>,
    /// Short hashes of executables by the ids of their records.
    images: HashMap<Arc<str>, Arc<str>>,
    findings: Vec<(ReportedFinding, Option<usize>)>,
    stops: Vec<StoppedStart>,
    completeness: RecordCompleteness,
}

impl HistoryReader {
    /// Creates a reader.
    #[must_use]
    pub fn new(limits: HistoryLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a line without its newline. A line that is no record is counted, and named if it is one of the first.
    /// Empty lines are passed over.
    ///
    /// # Errors
    /// Returns the reason why the line is no record; the history goes on without it.
    pub fn take(&mut self, line: &[u8], file: &str, number: u64) -> Result<(), LineError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let record: WireRecord<'_> = match wire::parse(line) {
            Ok(record) => record,
            Err(error) => {
                let problem = LineProblem { file: file.to_owned(), line: number, reason: error.to_string() };
                self.completeness.add_problem(problem);
                return Err(error);
            }
        };
        self.record(&record);
        Ok(())
    }

    /// Notes that the rest of a file cannot be read.
    pub fn unreadable(&mut self, file: &str, line: u64, reason: String) {
        self.completeness.add_problem(LineProblem { file: file.to_owned(), line, reason });
    }

    /// Returns the number of records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.completeness.records
    }

    /// Returns the number of lines so far that could not be read.
    #[must_use]
    pub fn unread_lines(&self) -> u64 {
        self.completeness.unread_lines
    }

    fn record(&mut self, record: &WireRecord<'_>) {
        let own = &record.tracego;
        let instance = record.service.as_ref().map_or("", |service| &*service.instance.id);
        if &*record.event_name == event_name::STREAM {
            self.completeness.name_stream(&own.references.stream, instance);
        }
        self.completeness.number(instance, &own.references.stream, record.seq);
        match &*record.event_name {
            event_name::IMAGE => return self.image(record),
            event_name::JOB => return self.job_record(record),
            event_name::PROCESS => {
                self.process(record);
                return;
            }
            event_name::STREAM | event_name::CONFINEMENT => return,
            _ => {}
        }
        self.completeness.records += 1;
        self.completeness.selected += u64::from(own.selected);
        match &*record.event_name {
            event_name::START => self.start(record),
            event_name::EXIT => self.exit(record),
            event_name::FORK => {
                self.process(record);
            }
            event_name::EXEC_FAILED => self.completeness.failed_starts += 1,
            event_name::ENFORCEMENT => self.decision(record),
            event_name::FINDING | event_name::EXECUTABLE => self.late_finding(record),
            event_name::LOST => {
                let sink = own.sink.as_ref().map(|sink| sink.name.as_str());
                self.completeness.add_loss(sink, own.lost.clone());
            }
            _ => self.completeness.has_seals |= own.chain_start.is_some(),
        }
    }

    fn start(&mut self, record: &WireRecord<'_>) {
        let Some(process) = &record.process else { return };
        let Some(began) = Time::parse(&record.timestamp) else { return };
        let job = self.job_of(record);
        self.jobs[job].started(began);
        let at = self.process(record);
        let is_full = self.programs.len() >= self.limits.programs
            || self.argument_bytes + self.texts.bytes() >= self.limits.text;
        let program = match at.filter(|_| !is_full) {
            Some(at) => {
                let known = &self.processes.all[at].programs;
                // A sink that was stopped may write a record twice.
                let again = known.iter().copied().find(|&known| self.programs[known].run.began == began);
                again.or_else(|| Some(self.add_program(at, job, began, record, process)))
            }
            None => {
                self.completeness.programs_left_out += 1;
                None
            }
        };
        if let (Some(at), Some(exit)) = (at, &process.exit) {
            let ended = Time::parse(&exit.time).unwrap_or(began);
            self.end(at, ended, record);
        }
        self.findings_of(record, process, job, program);
    }

    fn add_program(
        &mut self,
        at: usize,
        job: usize,
        began: Time,
        record: &WireRecord<'_>,
        process: &WireProcess<'_>,
    ) -> usize {
        let own = &record.tracego;
        let path = &*process.executable.path;
        let path = if path.is_empty() { &*process.command } else { path };
        // A lean record leaves out the name of the task where it is that of the file, cut as the kernel cuts it.
        let name = text::task_name(path.rsplit('/').next().unwrap_or_default());
        let (arguments, is_cut) = kept_arguments(process);
        self.argument_bytes += arguments.iter().map(|word| word.len() + 24).sum::<usize>();
        let go = own.go.as_ref();
        let role = go.and_then(|go| Role::ALL.into_iter().find(|role| role.as_str() == go.role));
        let command = go.and_then(|go| go.command.as_ref()).map(|command| &*command.exec_id);
        let user = process.user.as_ref().map_or_else(String::new, |user| match &*user.name {
            "" => user.id.to_string(),
            name => name.to_owned(),
        });
        let mut shared = |text: &str| self.texts.get(cut(text, NAME_MAX));
        let image = &*own.references.image;
        let run = ProgramRun {
            pid: process.pid,
            process: at,
            parent: None,
            job,
            began,
            ended: None,
            exit: None,
            arguments,
            is_cut,
            executable: shared(path),
            task: shared(if process.command.is_empty() { name } else { &process.command }),
            directory: shared(&process.working_directory),
            user: shared(&user),
            role,
            go_command: None,
            digest: shared(&process.executable.build_id.htlhash),
        };
        let image = (!image.is_empty()).then(|| shared(image));
        let go_command = command.filter(|id| !id.is_empty() && *id != own.exec_id).map(Into::into);
        self.programs.push(ReadProgram { run, go_command, image });
        self.processes.all[at].programs.push(self.programs.len() - 1);
        self.programs.len() - 1
    }

    fn exit(&mut self, record: &WireRecord<'_>) {
        self.completeness.has_exits = true;
        let Some(process) = &record.process else { return };
        let own = &record.tracego;
        let created = Time::parse(&process.creation.time);
        let at = self.processes.find(&own.exec_id);
        // An exit may stand before the start, where files are read in another order.
        let limit = self.limits.processes;
        let at = at.or_else(|| self.processes.get(&own.exec_id, process.pid, created, limit));
        if let (Some(at), Some(ended)) = (at, Time::parse(&record.timestamp)) {
            self.end(at, ended, record);
        }
    }

    fn end(&mut self, at: usize, ended: Time, record: &WireRecord<'_>) {
        self.completeness.has_exits = true;
        let facts = record.tracego.exit.as_ref();
        let exit = record.process.as_ref().and_then(|process| process.exit.as_ref());
        let process = &mut self.processes.all[at];
        process.ended = Some(ended);
        process.exit = exit.map(|exit| ExitOutcome {
            code: exit.code,
            signal: facts.and_then(|facts| facts.signal),
            max_rss_bytes: facts.map_or(0, |facts| facts.max_rss_bytes),
        });
    }

    /// Adds the process of a record, and the processes above it. Returns `None` if there are too many.
    fn process(&mut self, record: &WireRecord<'_>) -> Option<usize> {
        let process = record.process.as_ref()?;
        let own = &record.tracego;
        let limit = self.limits.processes;
        let created = Time::parse(&process.creation.time);
        let at = self.processes.get(&own.exec_id, process.pid, created, limit)?;
        if &*record.event_name != event_name::START && self.processes.all[at].name.is_none() {
            self.processes.all[at].name = Some(self.names(&process.command, &process.executable.path));
        }
        if self.processes.all[at].parent.is_none() {
            let parent = match &*own.parent_exec_id {
                "" => self.ancestors(&own.ancestors),
                id => self.processes.get(id, 0, None, limit),
            };
            self.processes.all[at].parent = parent.filter(|parent| *parent != at);
        }
        Some(at)
    }

    /// Adds the processes of a list, the nearest first. Returns the nearest one.
    fn ancestors(&mut self, list: &[WireAncestor<'_>]) -> Option<usize> {
        let mut below: Option<usize> = None;
        let mut nearest = None;
        for ancestor in list.iter().take(160) {
            let created = Time::parse(&ancestor.creation.time)?;
            let at = self.processes.get("", ancestor.pid, Some(created), self.limits.processes)?;
            nearest = nearest.or(Some(at));
            if let Some(below) = below.filter(|below| *below != at) {
                let is_known = self.processes.all[below].parent.is_some();
                self.processes.all[below].parent.get_or_insert(at);
                if is_known {
                    break;
                }
            }
            if self.processes.all[at].name.is_none() {
                let names = self.names(&ancestor.command, &ancestor.executable.path);
                self.processes.all[at].name = Some(names);
            }
            below = Some(at);
        }
        nearest
    }

    fn names(&mut self, command: &str, path: &str) -> (Arc<str>, Arc<str>) {
        let name = if command.is_empty() { path.rsplit('/').next().unwrap_or_default() } else { command };
        (self.texts.get(cut(name, NAME_MAX)), self.texts.get(cut(path, NAME_MAX)))
    }

    fn image(&mut self, record: &WireRecord<'_>) {
        let id = &*record.tracego.references.image;
        let Some(image) = record.tracego.image.as_ref().filter(|_| !id.is_empty()) else { return };
        if self.images.len() < IMAGES_MAX {
            let digest = self.texts.get(cut(&image.build_id.htlhash, NAME_MAX));
            self.images.insert(self.texts.get(cut(id, NAME_MAX)), digest);
        }
    }

    fn job_record(&mut self, record: &WireRecord<'_>) {
        let at = self.job_of(record);
        if let Some(variables) = record.tracego.environment_variable {
            self.jobs[at].learn_folders(&parsed(Some(variables)));
        }
    }

    /// Returns the index of the job of a record, and adds the job if it is new.
    fn job_of(&mut self, record: &WireRecord<'_>) -> usize {
        let raw = |value: Option<&RawValue>| value.map_or("", RawValue::get).to_owned();
        let text = raw(record.cicd) + "\n" + &raw(record.vcs);
        if let Some(at) = self.job_by_text.get(&*text) {
            return *at;
        }
        let attributes = job::attributes(&parsed(record.cicd), &parsed(record.vcs));
        let id: Box<str> = job::id(&attributes).into();
        let at = match self.job_by_id.get(&id) {
            Some(at) => *at,
            None if self.jobs.len() < self.limits.jobs => {
                self.jobs.push(ReportedJob { id: id.to_string(), ..ReportedJob::default() });
                self.job_by_id.insert(id, self.jobs.len() - 1);
                self.jobs.len() - 1
            }
            None => self.job_by_id.get("").copied().unwrap_or(0),
        };
        let job = &mut self.jobs[at];
        job.learn(attributes);
        job.is_change |= record.tracego.job.as_ref().is_some_and(|job| job.change);
        if let Some(process) = &record.process {
            job.learn_folders(&parsed(process.environment_variable));
            let own = &record.tracego;
            let opens = own.job.as_ref().is_some_and(|job| job.root.exec_id == own.exec_id);
            if opens || own.job.is_none() {
                // The checkout is where the job began, as far as no variable says more.
                job.add_folder("WORKSPACE", &process.working_directory);
            }
        }
        if self.job_by_text.len() < CONTEXTS_MAX && text.len() <= NAME_MAX {
            self.job_by_text.insert(text.into(), at);
        }
        at
    }
}

/// Returns the arguments of a process that are kept, and whether others were left out.
fn kept_arguments(process: &WireProcess<'_>) -> (Vec<Box<str>>, bool) {
    let mut left = ARGUMENTS_MAX;
    let mut kept = Vec::with_capacity(process.command_args.len().min(WORDS_MAX));
    for word in process.command_args.iter().take(WORDS_MAX) {
        let part = cut(word, left);
        kept.push(part.into());
        if part.len() < word.len() {
            return (kept, true);
        }
        left -= part.len();
    }
    (kept, process.command_args.len() > WORDS_MAX)
}

/// Returns a member as a value; null if it is absent.
fn parsed(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}
