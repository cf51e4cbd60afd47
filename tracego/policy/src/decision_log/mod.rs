//! The decision log, in the format of OPA's decision logs: one JSON object per line
//! (openpolicyagent.org/docs/management-decision-logs).

mod mask;

use serde_json::{Value, json};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use tracego_model::record::{Record, policy::PolicyDecision};

use self::mask::Mask;

/// Path of the rule that decides, in OPA's notation.
const PATH: &str = "tracego/process/decision";

/// The file of the decision log.
#[derive(Debug)]
pub struct DecisionLog {
    file: File,
    masks: Vec<Mask>,
    /// Number of decisions that could not be written.
    lost: u64,
}

impl DecisionLog {
    /// Opens a file for appending. A new file is accessible only to its owner.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, or a mask is not a JSON pointer to a member that a decision can have.
    pub fn open(path: &Path, masks: &[String]) -> io::Result<Self> {
        let masks = read_masks(masks)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file, masks, lost: 0 })
    }

    /// Checks the masks of a log that is not opened.
    ///
    /// # Errors
    /// Fails if a mask is not a JSON pointer to a member that a decision can have.
    pub fn check(masks: &[String]) -> io::Result<()> {
        read_masks(masks).map(drop)
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

fn read_masks(masks: &[String]) -> io::Result<Vec<Mask>> {
    let masks = masks.iter().map(|pointer| Mask::new(pointer)).collect::<Result<_, _>>();
    masks.map_err(|what| io::Error::new(io::ErrorKind::InvalidInput, what))
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        if self.lost > 0 {
            tracing::error!(lost = self.lost, "some decisions are missing in the decision log");
        }
    }
}

fn event(record: &Record, decision: &PolicyDecision, masks: &[Mask]) -> io::Result<Vec<u8>> {
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
    let erased: Vec<String> = masks.iter().flat_map(|mask| mask.apply(&mut event)).collect();
    if !erased.is_empty() {
        event["erased"] = json!(erased);
    }
    serde_json::to_vec(&event).map_err(io::Error::from)
}
