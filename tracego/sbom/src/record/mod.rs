//! The reader of records: takes lines, in any order, and gives the programs that ran.
//!
//! ```text
//! line       the members of a record that are read
//! executable what records say about an executable
//! ```

mod executable;
mod line;

use std::collections::{BTreeMap, HashMap, HashSet};

use executable::ExecutableFacts;
use line::SbomRecord;
use tracego_model::{clock::Time, record::event_name, text::printable};
use tracego_report::{
    history::LineProblem,
    wire::{self, LineError},
};

use crate::{
    inventory::{PROGRAMS_MAX, SoftwareInventory},
    program::{ListedProgram, OCCURRENCES_MAX, Occurrence, ProgramPlaces},
};

/// Maximum number of problems that are named; all are counted.
const NAMED_MAX: usize = 20;
/// Maximum number of executables that records refer to, of jobs, and of reasons of losses.
const IMAGES_MAX: usize = 100_000;
const JOBS_MAX: usize = 1000;
const REASONS_MAX: usize = 100;
/// Maximum number of hosts, containers and jobs of all programs.
const PLACES_MAX: usize = 1_000_000;
/// Maximum number of bytes of a path, a name or an id that are kept.
const NAME_MAX: usize = 4096;

/// Runs of one executable: those with the same record of the executable, or with the same facts, and the same path.
#[derive(Debug)]
struct ExecutableRuns {
    image: String,
    facts: ExecutableFacts,
    starts: u64,
    occurrences: Vec<Occurrence>,
    places: ProgramPlaces,
    /// Identities of the first processes.
    exec_ids: Vec<String>,
}

/// A digest that a later record says.
#[derive(Debug)]
struct LateDigest {
    sha256: String,
    is_unproven: bool,
}

/// The reader of the programs in records.
#[derive(Debug, Default)]
pub struct ProgramReader {
    /// The job whose programs are taken; all without one.
    only_job: Option<String>,
    images: HashMap<String, ExecutableFacts>,
    /// Digests by the identity of a process, which a later record says.
    late_digests: HashMap<String, LateDigest>,
    runs: Vec<ExecutableRuns>,
    known: HashMap<String, usize>,
    /// Program starts that were read; a sink that was stopped may write one twice.
    seen: HashSet<(u32, i64)>,
    inventory: SoftwareInventory,
    records: u64,
    places: usize,
}

impl ProgramReader {
    /// Creates a reader. With a job, only the programs of that job are taken.
    #[must_use]
    pub fn new(only_job: Option<String>) -> Self {
        Self { only_job, ..Self::default() }
    }

    /// Takes a line without its newline. A line that is no record is counted, and named if it is one of the first.
    ///
    /// # Errors
    /// Returns the reason why the line is no record; the inventory goes on without it.
    pub fn take(&mut self, line: &[u8], file: &str, number: u64) -> Result<(), LineError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match wire::parse::<SbomRecord<'_>>(line) {
            Ok(record) => {
                self.record(&record);
                Ok(())
            }
            Err(error) => {
                self.unreadable(file, number, error.to_string());
                Err(error)
            }
        }
    }

    /// Notes a line or a file that cannot be read. `line` is 0 for the whole file.
    pub fn unreadable(&mut self, file: &str, line: u64, reason: String) {
        let gaps = &mut self.inventory.gaps;
        gaps.unread += 1;
        if gaps.problems.len() < NAMED_MAX {
            gaps.problems.push(LineProblem { file: file.to_owned(), line, reason });
        }
    }

    /// Returns the number of records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the inventory of all lines that were taken.
    #[must_use]
    pub fn finish(mut self) -> SoftwareInventory {
        let mut inventory = std::mem::take(&mut self.inventory);
        for run in self.runs {
            let mut facts = run.facts;
            if let Some(image) = self.images.get(&run.image) {
                facts.add(image.clone());
            }
            let late = run.exec_ids.iter().find_map(|id| self.late_digests.get(id));
            if let (None, Some(late)) = (&facts.sha256, late) {
                (facts.sha256, facts.is_unproven) = (Some(late.sha256.clone()), late.is_unproven);
            }
            let is_unproven = facts.is_unproven;
            let (kind, identity, sha256) = facts.finish();
            inventory.programs.push(ListedProgram {
                sha256,
                is_unproven,
                identity,
                kind,
                starts: run.starts,
                occurrences: run.occurrences,
                places: run.places,
            });
        }
        inventory.merge();
        inventory
    }

    fn record(&mut self, record: &SbomRecord<'_>) {
        self.inventory.has_runs = true;
        self.records += 1;
        let time = Time::parse(&record.timestamp);
        self.inventory.last = self.inventory.last.max(time);
        let image = &*record.tracego.references.image;
        match &*record.event_name {
            event_name::START => self.start(record, time),
            event_name::LOST => self.loss(record),
            _ if !image.is_empty() && (self.images.len() < IMAGES_MAX || self.images.contains_key(image)) => {
                self.images.entry(cut(image)).or_default().add(ExecutableFacts::of(record));
            }
            _ => {}
        }
        let executable = record.tracego.executable.as_ref();
        let digest = executable.and_then(|executable| Some((executable.sha256()?, executable.is_unproven())));
        if let (Some((sha256, is_unproven)), false) = (digest, record.tracego.exec_id.is_empty())
            && self.late_digests.len() < IMAGES_MAX
        {
            let late = LateDigest { sha256: sha256.to_owned(), is_unproven };
            self.late_digests.insert(cut(&record.tracego.exec_id), late);
        }
    }

    fn loss(&mut self, record: &SbomRecord<'_>) {
        let sink = record.tracego.sink.as_ref().map(|sink| sink.name.as_str());
        let lost: &mut BTreeMap<String, u64> = &mut self.inventory.gaps.lost;
        for (reason, count) in &record.tracego.lost {
            let reason = sink.map_or_else(|| reason.clone(), |sink| format!("{reason} in sink {sink}"));
            let reason = printable(&cut(&reason));
            let is_known = lost.contains_key(&reason) || lost.len() < REASONS_MAX;
            let of = lost.entry(if is_known { reason } else { "other".to_owned() }).or_default();
            *of = of.saturating_add(*count);
        }
    }

    fn start(&mut self, record: &SbomRecord<'_>, time: Option<Time>) {
        let job = cut(record.job());
        if self.only_job.as_ref().is_some_and(|only| *only != job) {
            return;
        }
        let Some(process) = record.process.as_ref().filter(|process| !process.executable.path.is_empty())
        else {
            self.inventory.gaps.unnamed += 1;
            return;
        };
        let key = (process.pid, time.unwrap_or_default().0);
        if self.seen.len() < IMAGES_MAX * 10 && !self.seen.insert(key) {
            return;
        }
        if self.inventory.jobs.len() < JOBS_MAX && !job.is_empty() && !self.inventory.jobs.contains(&job) {
            self.inventory.jobs.push(job.clone());
        }
        let path = printable(&cut(&process.executable.path));
        let image = cut(&record.tracego.references.image);
        let facts = ExecutableFacts::of(record);
        let name = format!("{image}\0{}\0{path}", facts.key());
        let at = match self.known.get(&name) {
            Some(at) => *at,
            None if self.runs.len() < PROGRAMS_MAX => {
                let (occurrences, exec_ids) = (Vec::new(), Vec::new());
                let places = ProgramPlaces::default();
                self.runs.push(ExecutableRuns { image, facts, starts: 0, occurrences, places, exec_ids });
                self.known.insert(name, self.runs.len() - 1);
                self.runs.len() - 1
            }
            None => {
                self.inventory.gaps.left_out += 1;
                return;
            }
        };
        let Some(run) = self.runs.get_mut(at) else { return };
        run.starts += 1;
        let occurrence = Occurrence {
            path,
            pid: Some(process.pid),
            job: printable(&job),
            host: printable(&cut(&record.host.name)),
            container: printable(&cut(&record.container())),
        };
        if self.places < PLACES_MAX {
            self.places += run.places.add(&occurrence);
        } else {
            run.places.has_more = true;
        }
        if run.occurrences.len() < OCCURRENCES_MAX {
            run.occurrences.push(occurrence);
            run.exec_ids.push(cut(&record.tracego.exec_id));
        }
    }
}

/// Returns the beginning of a text.
fn cut(text: &str) -> String {
    let mut end = NAME_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
