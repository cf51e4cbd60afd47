//! All programs, and what is missing.

use std::collections::{BTreeMap, HashMap};

use tracego_model::clock::Time;
use tracego_report::history::LineProblem;

use crate::program::{ListedProgram, ModuleList, Occurrence, ProgramKind, ProgramPlaces};

/// Maximum number of programs.
pub const PROGRAMS_MAX: usize = 100_000;

/// The parts that an inventory lacks, as far as records say so.
#[derive(Clone, Debug, Default)]
pub struct InventoryGaps {
    /// Number of lines or files that could not be read.
    pub unread: u64,
    /// The first of them.
    pub problems: Vec<LineProblem>,
    /// Lost events and records by reason.
    pub lost: BTreeMap<String, u64>,
    /// Number of program starts whose record does not say the executable: only some members were written.
    pub unnamed: u64,
    /// Number of program starts whose program has no room here.
    pub left_out: u64,
}

/// The programs that ran, or that were given as files.
#[derive(Clone, Debug, Default)]
pub struct SoftwareInventory {
    /// The programs, in the order in which they were added.
    pub programs: Vec<ListedProgram>,
    /// Ids of the jobs that ran them.
    pub jobs: Vec<String>,
    /// Whether programs are from records.
    pub has_runs: bool,
    /// Whether programs are from files that were given.
    pub has_files: bool,
    /// Time of the last record.
    pub last: Option<Time>,
    /// The missing parts.
    pub gaps: InventoryGaps,
}

impl InventoryGaps {
    /// Returns a sentence about each missing part.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut add = |count: u64, text: &str| {
            if count > 0 {
                all.push(format!("{text}: {count}"));
            }
        };
        add(self.unread, "lines or files that could not be read");
        add(self.unnamed, "records of program starts that do not name the executable");
        add(self.left_out, "program starts that have no room");
        all.extend(
            self.lost.iter().map(|(reason, count)| format!("lost events or records, {reason}: {count}")),
        );
        all
    }
}

impl SoftwareInventory {
    /// Adds a file that was given, with its digest.
    pub fn add_file(&mut self, path: String, sha256: String, kind: ProgramKind) {
        self.has_files = true;
        let program = ListedProgram {
            sha256: Some(sha256),
            is_unproven: false,
            identity: None,
            kind,
            starts: 0,
            occurrences: vec![Occurrence { path, ..Occurrence::default() }],
            places: ProgramPlaces::default(),
        };
        self.programs.push(program);
    }

    /// Makes one program of those with the same content: the same digest, or else the same path and short hash.
    pub fn merge(&mut self) {
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<ListedProgram> = Vec::with_capacity(self.programs.len());
        for program in std::mem::take(&mut self.programs) {
            let key = match (&program.sha256, &program.identity) {
                (Some(digest), _) => digest.clone(),
                (None, Some(identity)) if !identity.htlhash.is_empty() => {
                    format!("{} {}", identity.htlhash, program.path())
                }
                _ => program.path().to_owned(),
            };
            match known.get(&key).and_then(|at| merged.get_mut(*at)) {
                None => {
                    known.insert(key, merged.len());
                    merged.push(program);
                }
                Some(first) => {
                    // A file says more than a record.
                    if first.lacks_modules() && !program.lacks_modules() {
                        first.kind = program.kind;
                    }
                    first.is_unproven &= program.is_unproven;
                    first.starts += program.starts;
                    first.places.join(program.places);
                    program.occurrences.into_iter().for_each(|run| first.add_occurrence(run));
                }
            }
        }
        self.programs = merged;
    }

    /// Returns the number of programs that are none of Go.
    #[must_use]
    pub fn others(&self) -> usize {
        self.programs.iter().filter(|program| program.kind == ProgramKind::Other).count()
    }

    /// Returns a sentence about each thing that a reader could think complete and that is not.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let count = |test: fn(&ListedProgram) -> bool| {
            self.programs.iter().filter(|program| test(program)).count() as u64
        };
        let of_go = |program: &ListedProgram, test: fn(&ModuleList) -> bool| {
            program.go().is_some_and(|go| test(&go.modules))
        };
        let counted = |modules: &ModuleList| matches!(modules, ModuleList::Counted(_));
        let unavailable = |modules: &ModuleList| *modules == ModuleList::Unavailable;
        let without = |test: fn(&ModuleList) -> bool| {
            self.programs.iter().filter(|program| of_go(program, test)).count() as u64
        };
        let parts = [
            (count(|program| program.sha256.is_none()), "programs without a digest"),
            (without(counted), "Go programs without a list of modules, which records do not hold"),
            (without(unavailable), "Go programs that do not say their modules"),
            (count(|program| program.kind == ProgramKind::Unread), "executables that could not be read"),
            (
                count(|program| program.go().is_some_and(|go| go.is_contradicted)),
                "Go programs that contradict their build information",
            ),
        ];
        let mut all: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, text)| format!("{text}: {count}"))
            .collect();
        all.extend(self.gaps.sentences());
        all
    }
}
