//! The processes of a trace. The tools that a go command started are counted at it instead of listed.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use tracego_golang::role::Role;
use tracego_report::history::{ProgramRun, RunHistory};

/// The processes that are listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessChoice {
    /// Each program start.
    All,
    /// One of each executable with its arguments and its user, and their number.
    Distinct,
    /// The processes with a finding.
    Findings,
}

/// A process: the members of the example in in-toto's specification, and more.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TracedProcess {
    event_type: &'static str,
    process_binary: String,
    arguments: Vec<String>,
    /// Not known: null, as in the example.
    privileged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_pid: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    working_directory: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    go_role: Option<&'static str>,
    /// Number of tools by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    go_tools: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
    #[serde(skip_serializing_if = "is_false")]
    arguments_cut: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Returns the processes that were chosen.
pub(super) fn all(history: &RunHistory, choice: ProcessChoice) -> Vec<TracedProcess> {
    let mut findings: HashMap<usize, Vec<String>> = HashMap::new();
    for found in &history.findings {
        if let Some(at) = found.program {
            findings.entry(at).or_default().push(found.id.clone());
        }
    }
    let is_tool = |run: &ProgramRun| run.role == Some(Role::CompilerHelper);
    // A tool with a finding of its own is listed, too, and so is one of a command that is itself a tool: the command that it
    // would be counted at must be in the list.
    let is_folded = |at: usize, run: &ProgramRun| {
        let command = run.go_command.and_then(|command| history.programs.get(command));
        is_tool(run) && command.is_some_and(|command| !is_tool(command)) && !findings.contains_key(&at)
    };
    let mut tools: HashMap<usize, BTreeMap<String, u64>> = HashMap::new();
    for (at, run) in history.programs.iter().enumerate() {
        if let Some(command) = run.go_command.filter(|_| is_folded(at, run)) {
            *tools.entry(command).or_default().entry(run.name().to_owned()).or_default() += 1;
        }
    }
    let mut listed = Vec::new();
    let mut known: HashMap<(&str, &[Box<str>], &str), usize> = HashMap::new();
    let mut counted: HashSet<usize> = HashSet::new();
    for (at, run) in history.programs.iter().enumerate() {
        if is_folded(at, run) || choice == ProcessChoice::Findings && !findings.contains_key(&at) {
            continue;
        }
        let mut process = TracedProcess::new(history, run);
        process.go_tools = tools.remove(&at).unwrap_or_default();
        process.findings = findings.get(&at).cloned().unwrap_or_default();
        if choice == ProcessChoice::Distinct {
            let key = (&*run.executable, run.arguments.as_slice(), &*run.user);
            let place = *known.entry(key).or_insert(listed.len());
            if !counted.insert(place) {
                if let Some(first) = listed.get_mut(place) {
                    TracedProcess::merge(first, process);
                }
                continue;
            }
            process.forget_run();
        }
        listed.push(process);
    }
    listed
}

impl TracedProcess {
    fn new(history: &RunHistory, run: &ProgramRun) -> Self {
        let parent = run.parent.and_then(|parent| history.programs.get(parent));
        Self {
            event_type: "process",
            process_binary: run.executable.to_string(),
            arguments: run.arguments.iter().map(|word| word.to_string()).collect(),
            privileged: None,
            pid: Some(run.pid),
            parent_pid: parent.map(|parent| parent.pid),
            user: run.user.to_string(),
            working_directory: run.directory.to_string(),
            started_on: Some(run.began.text()),
            finished_on: run.ended.map(|time| time.text()),
            exit_code: run.exit.map(|exit| exit.code),
            go_role: run.role.map(Role::as_str),
            go_tools: BTreeMap::new(),
            findings: Vec::new(),
            arguments_cut: run.is_cut,
            starts: None,
        }
    }

    /// Leaves out what only one of several starts has.
    fn forget_run(&mut self) {
        (self.pid, self.parent_pid, self.started_on, self.finished_on) = (None, None, None, None);
        self.exit_code = None;
        self.working_directory.clear();
        self.starts = Some(1);
    }

    /// Adds another start of the same program.
    fn merge(&mut self, other: Self) {
        self.starts = self.starts.map(|starts| starts + 1);
        for (name, count) in other.go_tools {
            *self.go_tools.entry(name).or_default() += count;
        }
        for id in other.findings {
            if !self.findings.contains(&id) {
                self.findings.push(id);
            }
        }
    }
}
