//! TG024: a process that no earlier run had. Reports make the finding, because a single process does not show it.

use std::collections::{BTreeMap, HashSet};

use tracego_model::finding::{Confidence, Severity};

use super::{
    comparison::{BaselineComparison, NewProcess},
    key::{KeyMaker, ProcessKey},
};
use crate::history::{Ancestor, ReportedFinding, RunHistory};

/// The texts of a rule that only reports know.
#[derive(Clone, Copy, Debug)]
pub struct NewProcessRule {
    /// Id of the rule.
    pub id: &'static str,
    /// Name of the rule.
    pub name: &'static str,
    /// Title of the finding, in a few words.
    pub title: &'static str,
    /// Meaning of the finding, and why it matters.
    pub summary: &'static str,
    /// Remediation, in one sentence.
    pub remedy: &'static str,
    /// Reference for further reading.
    pub reference: &'static str,
    /// Severity in a CI job.
    pub in_job: Severity,
    /// Severity elsewhere.
    pub elsewhere: Severity,
}

/// The rule TG024.
pub const NEW_PROCESS: NewProcessRule = NewProcessRule {
    id: "TG024",
    name: "new-process",
    title: "a process that no run of the baseline had",
    summary: "A job that runs a program which none of its earlier runs had does something new: a changed build script, a \
              new dependency, or an attack on one.",
    remedy: "Look at the change that brought the process, and add it with tracego report --baseline FILE --update on a \
             green run.",
    reference: "https://attack.mitre.org/techniques/T1195/002/",
    in_job: Severity::Medium,
    elsewhere: Severity::Low,
};

/// Maximum number of programs above that are named.
const ANCESTORS_MAX: usize = 12;

impl BaselineComparison {
    /// Returns one finding for each new process whose parent is not new itself; none while the baseline has too few
    /// runs.
    #[must_use]
    pub fn findings(&self, history: &RunHistory) -> Vec<ReportedFinding> {
        if !self.is_settled() || self.is_accepted {
            return Vec::new();
        }
        let new_keys: HashSet<&ProcessKey> = self.new.iter().map(|new| &new.key).collect();
        let mut keys = KeyMaker::new(history);
        let mut is_below_new = |new: &NewProcess| {
            let parent = history.programs.get(new.program).and_then(|run| run.parent);
            parent.and_then(|parent| keys.key(parent)).is_some_and(|key| new_keys.contains(&key))
        };
        let topmost = self.new.iter().filter(|new| !is_below_new(new));
        topmost.filter_map(|new| self.finding(new, history)).collect()
    }

    fn finding(&self, new: &NewProcess, history: &RunHistory) -> Option<ReportedFinding> {
        let run = history.programs.get(new.program)?;
        let is_ci = history.jobs.get(run.job).is_some_and(|job| !job.id.is_empty());
        let command = run.command_line();
        let mut ancestors = Vec::new();
        let mut above = run.parent;
        while let Some(parent) = above.and_then(|at| history.programs.get(at))
            && ancestors.len() < ANCESTORS_MAX
        {
            let name = tracego_model::text::printable(&parent.task);
            ancestors.push(Ancestor { pid: parent.pid, command: name });
            above = parent.parent;
        }
        ancestors.reverse();
        let key = new.key.to_string();
        Some(ReportedFinding {
            id: NEW_PROCESS.id.to_owned(),
            name: NEW_PROCESS.name.to_owned(),
            variant: String::new(),
            severity: if is_ci { NEW_PROCESS.in_job } else { NEW_PROCESS.elsewhere },
            confidence: Some(Confidence::High),
            message: format!("{command} ran, which none of the {} runs of the baseline had", self.runs),
            remedy: NEW_PROCESS.remedy.to_owned(),
            evidence: BTreeMap::from([("key".to_owned(), key), ("starts".to_owned(), new.count.to_string())]),
            job: run.job,
            program: Some(new.program),
            pid: run.pid,
            time: run.began,
            command,
            ancestors,
            places: Vec::new(),
        })
    }
}
