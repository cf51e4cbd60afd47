//! The decision log, in the format of OPA's decision logs: one JSON object per line
//! (openpolicyagent.org/docs/management-decision-logs).

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use tracego_model::record::policy::PolicyDecision;

use serde_json::{Value, json};
use tracego_model::record::Record;

/// Path of the rule that decides, in OPA's notation.
const PATH: &str = "tracego/process/decision";

/// The file of the decision log.
#[derive(Debug)]
pub struct DecisionLog {
    file: File,
    masks: Vec<String>,
    /// Number of decisions that could not be written.
    lost: u64,
}

impl DecisionLog {
    /// Opens a file for appending. A new file is accessible only to its owner.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, or a mask is not a JSON pointer into `/input` or `/result`.
    pub fn open(path: &Path, masks: &[String]) -> io::Result<Self> {
        for mask in masks {
            if !mask.starts_with("/input/") && !mask.starts_with("/result/") {
                let text = format!("the mask {mask:?} must begin with /input/ or /result/");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file, masks: masks.to_vec(), lost: 0 })
    }

    /// Writes a decision. Failures are counted, and the first one is logged.
    pub fn write(&mut self, record: &Record, decision: &PolicyDecision) {
        let written = event(record, decision, &self.masks).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        if let Err(error) = written {
            if self.lost == 0 {
                tracing::error!(%error, "cannot write to the decision log; the records still have the decisions");
            }
            self.lost += 1;
        }
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        if self.lost > 0 {
            tracing::error!(lost = self.lost, "some decisions are missing in the decision log");
        }
    }
}

fn event(record: &Record, decision: &PolicyDecision, masks: &[String]) -> io::Result<Vec<u8>> {
    let bundles: serde_json::Map<String, Value> = decision
        .bundles
        .iter()
        .map(|bundle| {
            let about = json!({ "revision": bundle.revision, "digest": bundle.digest });
            (bundle.name.to_string(), about)
        })
        .collect();
    let mut event = json!({
        "decision_id": record.log.record.uid,
        "timestamp": record.timestamp,
        "path": PATH,
        "bundles": bundles,
        "input": record,
        "result": decision,
        "labels": { "id": record.origin.service.instance.id, "version": record.origin.service.version },
        "metrics": { "timer_rego_query_eval_ns": u64::try_from(decision.took.as_nanos()).unwrap_or(u64::MAX) },
    });
    if let Some(trace) = &record.trace {
        event["trace_id"] = json!(trace.trace_id);
        event["span_id"] = json!(trace.span_id);
    }
    let erased: Vec<&String> = masks.iter().filter(|mask| erase(&mut event, mask)).collect();
    if !erased.is_empty() {
        event["erased"] = json!(erased);
    }
    serde_json::to_vec(&event).map_err(io::Error::from)
}

/// Removes the value that a JSON pointer (RFC 6901) points to. Returns whether there was one.
fn erase(event: &mut Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    let last = last.replace("~1", "/").replace("~0", "~");
    match event.pointer_mut(parent) {
        Some(Value::Object(members)) => members.remove(&last).is_some(),
        Some(Value::Array(list)) => {
            let at = last.parse().ok().filter(|&at: &usize| at < list.len());
            at.map(|at| list.remove(at)).is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pointer_points_to_is_gone() {
        let mut event = json!({ "input": { "a/b": [1, 2], "c": 3 } });
        assert!(erase(&mut event, "/input/a~1b/0"));
        assert!(erase(&mut event, "/input/c"));
        for nothing in ["/input/c", "/input/a~1b/7", "/input/x/y", "input"] {
            assert!(!erase(&mut event, nothing), "{nothing}");
        }
        assert_eq!(event, json!({ "input": { "a/b": [2] } }));
    }
}
