//! Process starts that are planted for the rules of `deploy/sigma`, as records of tracego.

use serde_json::{Value, json};

use super::planted::STARTS;
use crate::real::replay;

/// The environment that a program starts in.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Host,
    Job,
    Container,
}

/// A process start for a rule.
pub(crate) struct PlantedStart {
    /// The file name of the rule.
    pub(crate) rule: &'static str,
    pub(crate) is_hit: bool,
    place: Place,
    parent: &'static str,
    exe: &'static str,
    args: &'static [&'static str],
    /// Role and target of a command of Go.
    go: Option<(&'static str, &'static str)>,
}

/// Returns a start that the rule has to find.
pub(crate) const fn hit(
    rule: &'static str,
    place: Place,
    exe: &'static str,
    args: &'static [&'static str],
) -> PlantedStart {
    PlantedStart { rule, is_hit: true, place, parent: "/usr/bin/make", exe, args, go: None }
}

/// Returns a start that is nearly what the rule looks for.
pub(crate) const fn miss(
    rule: &'static str,
    place: Place,
    exe: &'static str,
    args: &'static [&'static str],
) -> PlantedStart {
    PlantedStart { is_hit: false, ..hit(rule, place, exe, args) }
}

impl PlantedStart {
    pub(crate) const fn of(self, parent: &'static str) -> Self {
        Self { parent, ..self }
    }

    pub(crate) const fn go(self, role: &'static str, target: &'static str) -> Self {
        Self { go: Some((role, target)), ..self }
    }

    /// Returns the start as a record. `pid` is its process, and `run` a record of `go run` in a captured job.
    fn record(&self, run: &Value, pid: usize) -> Value {
        let mut record = run.clone();
        let base = self.exe.rsplit('/').next().unwrap();
        record["body"] = json!(self.args.join(" "));
        record["seq"] = json!(pid);
        record["log"]["record"]["uid"] = json!(format!("01M887JBC{pid:017}"));
        record["severity_number"] = json!(9);
        record["severity_text"] = json!("INFO");
        let process = &mut record["process"];
        process["pid"] = json!(pid);
        process["vpid"] = json!(pid);
        process["command"] = json!(base);
        process["command_args"] = json!(self.args);
        process["args_count"] = json!(self.args.len());
        process["executable"] = json!({ "path": self.exe, "name": base });
        process.as_object_mut().unwrap().remove("runtime");
        let own = &mut record["tracego"];
        own["exec_id"] = json!(format!("00000000-0000-4000-8000-000000000000-532079ca937-{pid:x}"));
        own["ancestors"][0]["executable"]["path"] = json!(self.parent);
        own["executable"]["memfd"] = json!(self.exe.starts_with("memfd:"));
        own["executable"].as_object_mut().unwrap().remove("claims");
        if let Some((role, target)) = self.go {
            own["go"] = json!({ "role": role, "confidence": "high" });
            if !target.is_empty() {
                own["go"]["command"] = run["tracego"]["go"]["command"].clone();
                own["go"]["command"]["target"] = json!(target);
            }
        } else {
            own.as_object_mut().unwrap().remove("go");
        }
        own.as_object_mut().unwrap().remove("findings");
        if !matches!(self.place, Place::Job) {
            own.as_object_mut().unwrap().remove("job");
            for member in ["cicd", "vcs"] {
                record.as_object_mut().unwrap().remove(member);
            }
            record["process"].as_object_mut().unwrap().remove("environment_variable");
        }
        if matches!(self.place, Place::Container) {
            record["container"] = json!({ "id": "c0".repeat(32) });
        }
        record
    }
}

/// The process of the first planted start; the others follow.
pub(crate) const FIRST_PID: usize = 20_000;

/// Returns the planted starts as records that tracego may write.
pub(crate) fn records() -> Vec<Value> {
    let job = replay(&["--detail", "full"]);
    let run = job.iter().find(|record| record["body"] == "go run ./cmd/server").unwrap();
    let all = STARTS.iter().enumerate().map(|(at, start)| start.record(run, FIRST_PID + at));
    let text: String = all.map(|record| format!("{record}\n")).collect();
    tracego_tests::records(&text)
}
