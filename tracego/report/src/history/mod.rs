//! The history of a run, from its records: jobs, processes, program starts, findings and what is missing.
//!
//! ```text
//! reader        takes lines, in any order, and gives the history
//! process_set   processes by id, or by pid and start time
//! intern        texts that many program starts share
//! job           CI jobs with commit and variables
//! program       program starts
//! finding       findings, violations of policies, and stopped starts
//! completeness  losses, numbers of records, lines that could not be read, seals
//! ```
//!
//! A lean record refers to others by ids that are made of their content, and to processes by their identity. So nothing
//! depends on the order of lines: references are resolved when all lines were read.

mod completeness;
mod finding;
mod intern;
mod job;
mod process_set;
mod program;
mod reader;
mod source_place;

pub use completeness::{LineProblem, RecordCompleteness, SealVerdict};
pub use finding::{Ancestor, ReportedFinding, StopEffect, StoppedStart};
pub use job::{JobVariable, ReportedJob};
pub(crate) use job::{attributes as job_attributes, id as job_id};
pub use program::{ExitOutcome, ProgramRun};
pub use reader::{HistoryLimits, HistoryReader};
pub use source_place::SourcePlace;
use tracego_model::finding::Severity;

/// The history of a run.
#[derive(Debug, Default)]
pub struct RunHistory {
    /// The jobs, in the order of their first program start.
    pub jobs: Vec<ReportedJob>,
    /// The program starts, by time.
    pub programs: Vec<ProgramRun>,
    /// The findings, by time.
    pub findings: Vec<ReportedFinding>,
    /// Starts that enforcement decided about, by time.
    pub stops: Vec<StoppedStart>,
    /// The parts that are missing.
    pub completeness: RecordCompleteness,
}

impl RunHistory {
    /// Returns the part of one job: its programs, findings and stops. Returns `None` if no job has the id.
    #[must_use]
    pub fn only_job(mut self, id: &str) -> Option<Self> {
        let at = self.jobs.iter().position(|job| job.id == id)?;
        let mut moved: Vec<Option<usize>> = Vec::with_capacity(self.programs.len());
        let mut kept = 0;
        for program in &self.programs {
            let is_of = program.job == at;
            moved.push(is_of.then_some(kept));
            kept += usize::from(is_of);
        }
        let place = |index: Option<usize>| moved.get(index?).copied().flatten();
        self.programs.retain(|program| program.job == at);
        for program in &mut self.programs {
            program.parent = place(program.parent);
            program.go_command = place(program.go_command);
            program.job = 0;
        }
        self.findings.retain(|finding| finding.job == at);
        for finding in &mut self.findings {
            finding.program = place(finding.program);
            finding.job = 0;
        }
        self.stops.retain(|stop| stop.job == at);
        self.stops.iter_mut().for_each(|stop| stop.job = 0);
        self.jobs = vec![self.jobs.swap_remove(at)];
        Some(self)
    }

    /// Returns the number of findings of each severity, the worst first.
    #[must_use]
    pub fn by_severity(&self) -> Vec<(Severity, usize)> {
        let all = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        all.into_iter().map(|severity| (severity, count(severity))).filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the worst severity of all findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Returns the indices of the program starts directly below each one, and of those that are below none.
    #[must_use]
    pub fn children(&self) -> (Vec<Vec<usize>>, Vec<usize>) {
        let mut below = vec![Vec::new(); self.programs.len()];
        let mut roots = Vec::new();
        for (at, program) in self.programs.iter().enumerate() {
            match program.parent.and_then(|parent| below.get_mut(parent)) {
                Some(list) => list.push(at),
                None => roots.push(at),
            }
        }
        (below, roots)
    }
}
