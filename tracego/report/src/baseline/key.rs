//! The identity of a process across runs: its program, the shape of its arguments, and the programs above it.

use std::{collections::HashMap, fmt, rc::Rc};

use serde::{Deserialize, Serialize};
use tracego_golang::role::Role;

use super::shape::shape;
use crate::history::{ProgramRun, ReportedJob, RunHistory};

/// Maximum number of arguments in a key.
const WORDS_MAX: usize = 24;
/// Maximum length of the arguments in a key, in characters.
const ARGUMENTS_MAX: usize = 600;
/// Maximum number of programs above.
const VIA_MAX: usize = 24;

/// Compilers and linkers, and parts of them: what they are asked for differs with each change of a source file.
const COMPILERS: [&str; 22] = [
    "ar", "as", "c++", "cc", "cc1", "cc1plus", "clang", "clang++", "collect2", "cpp", "g++", "gcc", "gold",
    "ld", "lld", "lto1", "mold", "ranlib", "rustc", "rustdoc", "strip", "swiftc",
];

/// The key of a process. Two runs of a job have the same keys, whatever the workspace, temporary names, versions,
/// commit and job ids are.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ProcessKey {
    /// The executable, or the role in an execution of the go command.
    pub program: String,
    /// Shape of the arguments; empty for compilers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arguments: String,
    /// The programs above, the oldest first, up to the beginning of the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
}

/// The maker of keys of one history, which remembers the names of programs: many keys have the same above them.
pub struct KeyMaker<'a> {
    history: &'a RunHistory,
    names: HashMap<(usize, Option<Role>, &'a str), Rc<str>>,
}

impl<'a> KeyMaker<'a> {
    /// Creates a maker.
    #[must_use]
    pub fn new(history: &'a RunHistory) -> Self {
        Self { history, names: HashMap::new() }
    }

    /// Returns the key of a program start.
    #[must_use]
    pub fn key(&mut self, at: usize) -> Option<ProcessKey> {
        let history = self.history;
        let run = history.programs.get(at)?;
        let mut key = ProcessKey { program: self.name(run).to_string(), ..ProcessKey::default() };
        // Go starts as many of these as there are changed packages, with every build another number.
        if run.role == Some(Role::CompilerHelper) {
            return Some(key);
        }
        if !is_compiler(run.name()) && !is_made(run.role) {
            key.arguments = arguments(run, history.jobs.get(run.job));
        }
        let mut above = run.parent;
        let mut via: Vec<Rc<str>> = Vec::new();
        while let Some(parent) = above.and_then(|at| history.programs.get(at))
            && parent.job == run.job
            && via.len() < VIA_MAX
        {
            let name = self.name(parent);
            if via.last() != Some(&name) {
                via.push(name);
            }
            above = parent.parent;
        }
        key.via = via.iter().rev().map(|name| name.to_string()).collect();
        Some(key)
    }

    fn name(&mut self, run: &'a ProgramRun) -> Rc<str> {
        let job = self.history.jobs.get(run.job);
        let known = self.names.entry((run.job, run.role, &*run.executable));
        Rc::clone(known.or_insert_with(|| program(run, job).into()))
    }
}

impl fmt::Display for ProcessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        if !self.arguments.is_empty() {
            write!(f, " {}", self.arguments)?;
        }
        Ok(())
    }
}

/// Whether a program was made by the run of the go command that starts it: its path is new each time.
fn is_made(role: Option<Role>) -> bool {
    matches!(role, Some(Role::GoRunChild | Role::GoTestBinary))
}

/// Whether a name is that of a compiler: `gcc`, `x86_64-linux-gnu-gcc-14`, `ld.lld`, `ld64.lld`.
fn is_compiler(name: &str) -> bool {
    // A script is no compiler, whatever it is called after.
    let is_script = [".sh", ".py", ".pl", ".rb", ".js"].iter().any(|end| name.ends_with(end));
    !is_script && name.split(['-', '.']).any(|part| COMPILERS.contains(&part))
}

/// Returns the name of a program in a key.
fn program(run: &ProgramRun, job: Option<&ReportedJob>) -> String {
    let name = || shape(run.name(), None);
    match run.role {
        Some(Role::CompilerHelper) => format!("go tool {}", name()),
        Some(Role::GoRunChild) => format!("go run: {}", name()),
        Some(Role::GoTestBinary) => format!("go test: {}", name()),
        // The path of a toolchain has its version.
        Some(role) if run.name() == "go" && role != Role::GoService => "go".to_owned(),
        _ => shape(&run.executable, job),
    }
}

fn arguments(run: &ProgramRun, job: Option<&ReportedJob>) -> String {
    let words = run.arguments.iter().skip(1).take(WORDS_MAX).map(|word| shape(word, job));
    let mut line = words.collect::<Vec<_>>().join(" ");
    if run.arguments.len() > WORDS_MAX + 1 || run.is_cut {
        line.push_str(" …");
    }
    crate::escape::shortened(&line, ARGUMENTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_is_known_by_a_part_of_its_name() {
        assert!(is_compiler("gcc") && is_compiler("x86_64-linux-gnu-gcc-14") && is_compiler("clang-19"));
        assert!(
            is_compiler("ld.lld")
                && is_compiler("ld.bfd")
                && is_compiler("rust-lld")
                && is_compiler("ld64.lld")
        );
        assert!(!is_compiler("cargo") && !is_compiler("make") && !is_compiler("gcc2"));
        assert!(!is_compiler("ld.sh") && !is_compiler("run-as.py") && !is_compiler("lda"));
    }
}
