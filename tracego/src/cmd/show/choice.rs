//! Which records are printed.

use serde_json::Value;
use tracego_deliver::sink::settings::RecordExpression;
use tracego_model::{clock::Time, finding::Severity};

use crate::cli::{ShowRecords, wrong_usage};

/// The choice of records. A record must pass every filter that is set.
pub(super) struct RecordChoice {
    since: Option<Time>,
    until: Option<Time>,
    job: Option<String>,
    min_severity: Option<Severity>,
    expression: Option<RecordExpression>,
}

impl RecordChoice {
    /// Creates a choice.
    ///
    /// # Errors
    /// Fails if the expression is none.
    pub(super) fn new(asked: &ShowRecords) -> anyhow::Result<Self> {
        let expression = match asked.expression.as_deref().map(RecordExpression::new).transpose() {
            Ok(expression) => expression,
            Err(error) => wrong_usage!("--where: {error}"),
        };
        Ok(Self {
            since: asked.since,
            until: asked.until,
            job: asked.job.clone(),
            min_severity: asked.min_severity,
            expression,
        })
    }

    /// Whether a full record is printed.
    pub(super) fn takes(&self, record: &Value) -> bool {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        if self.since.is_some() || self.until.is_some() {
            let time = text("/timestamp").and_then(Time::parse);
            let is_early = self.since.is_some_and(|since| time.is_none_or(|time| time < since));
            let is_late = self.until.is_some_and(|until| time.is_none_or(|time| time >= until));
            if is_early || is_late {
                return false;
            }
        }
        if let Some(job) = &self.job {
            let own = text("/cicd/pipeline/task/run/id").or_else(|| text("/cicd/pipeline/run/id"));
            if own != Some(job) {
                return false;
            }
        }
        if self.min_severity.is_some_and(|least| worst(record).is_none_or(|worst| worst < least)) {
            return false;
        }
        self.expression.as_ref().is_none_or(|expression| expression.holds_for(record))
    }
}

/// Returns the worst severity of the findings and of a policy decision that does not allow.
fn worst(record: &Value) -> Option<Severity> {
    let severity = |of: &Value| of.get("severity")?.as_str()?.parse::<Severity>().ok();
    let found = record.pointer("/tracego/findings").and_then(Value::as_array).into_iter().flatten();
    let found = found.filter_map(severity).max();
    let policy = record.pointer("/tracego/policy").filter(|policy| policy["allow"] == false);
    found.max(policy.map(|policy| severity(policy).unwrap_or(Severity::High)))
}
