//! The roles of processes, derived from the records of a session.

use std::collections::HashMap;

use serde_json::Value;
use tracego_common::TaskId;
use tracego_golang::{
    evidence::{ImageFacts, ProcessStart},
    role::{Role, RoleConfidence},
    shape::{self, PathKind},
    subcommand::Subcommand,
    task::{GoPosition, GoTask},
};
use tracego_tests::args;

/// Returns one line for each start with a role, in order. Each go command starts dozens of helpers: those of
/// the toolchain and its telemetry are omitted, and others are listed once.
///
/// Format: `[again] [medium] ROLE NAME [@work|@cache] [in ROLE…] [< TARGET]`, where `<` names what the go
/// command above it was asked to run.
pub(crate) fn lines(records: &[Value]) -> Vec<String> {
    let mut tasks: HashMap<u64, GoTask> = HashMap::new();
    let mut lines = Vec::new();
    for record in records {
        let process = &record["process"];
        let pid = process["pid"].as_u64().unwrap();
        match record["event_name"].as_str().unwrap() {
            "tracego.process.fork" => {
                let parent = tasks.get(&process["parent_pid"].as_u64().unwrap()).cloned().unwrap_or_default();
                tasks.insert(pid, parent.forked());
            }
            "tracego.process.exit" => {
                tasks.remove(&pid);
            }
            "tracego.process.start" => {
                let path = process["executable"]["path"].as_str().unwrap();
                let args = args(record);
                let goflags = process["environment_variable"]["GOFLAGS"].as_str().unwrap_or_default();
                let id = id(record["tracego"]["exec_id"].as_str().unwrap());
                let start =
                    ProcessStart { id, path, args: &args, goflags, image: image(record), is_cut: false };
                let task = tasks.get(&pid).cloned().unwrap_or_default().started(&start);
                // The agent's role at the time equals the result of its parts here.
                assert_eq!(
                    record["tracego"]["go"]["role"].as_str(),
                    task.role.map(Role::as_str),
                    "{record:#}"
                );
                let helper = task.role == Some(Role::CompilerHelper);
                lines.extend(line(&task, path).filter(|line| !helper || !lines.contains(line)));
                tasks.insert(pid, task);
            }
            _ => {}
        }
    }
    lines
}

/// Parses `boot id-start-pid`.
fn id(text: &str) -> TaskId {
    let mut parts = text.rsplit('-').map(|part| u64::from_str_radix(part, 16).unwrap());
    let tgid = u32::try_from(parts.next().unwrap()).unwrap();
    TaskId { tgid, start_boottime: parts.next().unwrap(), ..TaskId::default() }
}

fn line(task: &GoTask, path: &str) -> Option<String> {
    let role = task.role?;
    if role == Role::CompilerHelper
        && (PathKind::of(path) == PathKind::Distribution || path.ends_with("/bin/gofmt"))
    {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = |word: &str| words.push(word.to_owned());
    if task.repeated {
        word("again");
    }
    if task.confidence == RoleConfidence::Medium {
        word("medium");
    }
    word(role.as_str());
    if task.place == GoPosition::Itself {
        let invocation = &task.command.as_ref().unwrap().invocation;
        if invocation.subcommand == Subcommand::Sidecar {
            return None;
        }
        word(invocation.subcommand.as_str());
        invocation.operands.iter().for_each(|operand| word(operand));
        if let Some(target) = &invocation.target {
            word(&target.to_string());
        }
        if let Some(folder) = &invocation.chdir {
            word(&format!("-C {folder}"));
        }
    } else {
        word(shape::name(path));
        match PathKind::of(path) {
            PathKind::Work => word("@work"),
            PathKind::Cache => word("@cache"),
            _ => {}
        }
    }
    for role in [Role::GoGenerate, Role::GoTest] {
        if task.within.contains(role) && role.as_str() != words[0] {
            words.push(format!("in {}", role.as_str()));
        }
    }
    if let Some(command) = task.started_by() {
        let invocation = &command.invocation;
        let target = invocation.target.as_ref().map(ToString::to_string);
        let asked = target.or_else(|| Some(invocation.operands.first()?.to_string())).unwrap_or_default();
        words.push(format!("< {} {asked}", invocation.subcommand.as_str()).trim_end().to_owned());
    }
    Some(words.join(" "))
}

/// Returns what the record says about the executable.
fn image(record: &Value) -> ImageFacts<'_> {
    fn text(value: &Value) -> &str {
        value.as_str().unwrap_or_default()
    }
    let build = &record["tracego"]["go"]["build"];
    match record["process"]["runtime"]["version"].as_str() {
        Some(version) => {
            ImageFacts::Go { path: text(&build["path"]), module: text(&build["module"]["path"]), version }
        }
        None if record["tracego"]["executable"]["unread"].is_null() => ImageFacts::Foreign,
        None => ImageFacts::Unread,
    }
}
