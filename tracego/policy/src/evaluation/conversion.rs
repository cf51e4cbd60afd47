//! Conversion of the value of an entry point to its part of a decision. A policy may return anything; a value
//! of the wrong shape is an error that names the member.

use std::sync::Arc;

use regorus::{Value, value::Object};
use tracego_model::{
    finding::Severity,
    record::policy::{Action, PolicyDecision, Violation},
};

use crate::{compiler::EntryKind, limits::DecisionLimits};

/// Maximum size of an id in bytes.
const ID: usize = 256;

/// The origin of a value.
pub(super) struct ValueOrigin<'a> {
    pub(super) bundle: &'a Arc<str>,
    pub(super) path: &'a str,
    pub(super) rule: &'a str,
    pub(super) kind: EntryKind,
    /// Whether the rule always has a value, unless rules contradict each other.
    pub(super) default: bool,
}

/// Adds a value to a decision.
///
/// # Errors
/// Fails with a description of the wrong member.
pub(super) fn add(
    to: &mut PolicyDecision,
    value: &Value,
    from: &ValueOrigin<'_>,
    limits: &DecisionLimits,
) -> Result<(), String> {
    match (value, from.kind) {
        (Value::Undefined, _) if from.default => Err(format!(
            "{} is undefined although it has a default: rules give it different values",
            from.path
        )),
        // The virtual machine also yields this for rules that contradict each other, so it cannot be taken
        // for a policy without objections.
        (Value::Undefined, EntryKind::Decision) => Err(format!(
            "{} is undefined: no rule gives it, or several give different values; with \
             `default decision := {{\"allow\": true}}` the decision is always defined",
            from.path
        )),
        (Value::Undefined, _) => Ok(()),
        (value, EntryKind::Decision) => decision(to, value, from, limits),
        (value, EntryKind::Deny) => {
            let default = Some(PolicyDecision::DEFAULT_SEVERITY);
            let denies = list(to, value, from, from.path, default, limits)?;
            to.allow &= !denies;
            Ok(())
        }
        (value, EntryKind::Warn) => list(to, value, from, from.path, None, limits).map(drop),
    }
}

fn decision(
    to: &mut PolicyDecision,
    value: &Value,
    from: &ValueOrigin<'_>,
    limits: &DecisionLimits,
) -> Result<(), String> {
    let path = from.path;
    let members = value.as_object().map_err(|_| wrong(path, "an object", value))?;
    let before = to.action;
    let said = named::<Severity>(members, "severity", path)?;
    let allows = match members.get(&Value::from("allow")) {
        None | Some(Value::Undefined) => None,
        Some(Value::Bool(allow)) => Some(*allow),
        Some(other) => return Err(wrong(&format!("{path}.allow"), "true or false", other)),
    };
    let default = said.unwrap_or(PolicyDecision::DEFAULT_SEVERITY);
    let default = (allows != Some(true)).then_some(default);
    let some = match members.get(&Value::from("violations")) {
        Some(violations) => list(to, violations, from, &format!("{path}.violations"), default, limits)?,
        None => false,
    };
    if let Some(warnings) = members.get(&Value::from("warnings")) {
        let from = ValueOrigin { kind: EntryKind::Warn, ..*from };
        list(to, warnings, &from, &format!("{path}.warnings"), None, limits)?;
    }
    to.allow &= allows.unwrap_or(!some);
    to.severity = to.severity.max(said);
    if allows == Some(false) && !some {
        to.severity = to.severity.max(default);
    }
    // The action of the decision as a whole replaces those of its violations, which may ask for more.
    if let Some(action) = named::<Action>(members, "action", path)? {
        to.action = before.max(action);
    }
    Ok(())
}

/// Adds a set or array of violations or warnings. Returns whether there are any. `default`: severity of those
/// without one.
fn list(
    to: &mut PolicyDecision,
    value: &Value,
    from: &ValueOrigin<'_>,
    path: &str,
    default: Option<Severity>,
    limits: &DecisionLimits,
) -> Result<bool, String> {
    let mut add = |index: usize, item: &Value| -> Result<(), String> {
        let mut violation = violation(item, from, || format!("{path}[{index}]"), limits)?;
        violation.severity = violation.severity.or(default);
        let kept = if from.kind == EntryKind::Warn {
            &mut to.warnings
        } else {
            to.severity = to.severity.max(violation.severity);
            to.action = to.action.max(violation.action.unwrap_or_default());
            &mut to.violations
        };
        if kept.len() < limits.violations {
            Arc::make_mut(kept).push(violation);
        } else {
            to.cut += 1;
        }
        Ok(())
    };
    match value {
        Value::Set(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| add(index, item))?;
            Ok(!items.is_empty())
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| add(index, item))?;
            Ok(!items.is_empty())
        }
        other => Err(wrong(path, "a set", other)),
    }
}

fn violation(
    value: &Value,
    from: &ValueOrigin<'_>,
    path: impl Fn() -> String,
    limits: &DecisionLimits,
) -> Result<Violation, String> {
    let members = match value {
        Value::String(msg) => {
            return Ok(Violation {
                bundle: from.bundle.clone(),
                id: cut(from.rule, ID),
                msg: cut(msg, limits.message),
                severity: None,
                remediation: None,
                action: None,
            });
        }
        Value::Object(members) => members,
        other => return Err(wrong(&path(), "a text or an object", other)),
    };
    let text = |name: &str, limit| match members.get(&Value::from(name)) {
        None | Some(Value::Undefined | Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(cut(text, limit))),
        Some(other) => Err(wrong(&format!("{}.{name}", path()), "a text", other)),
    };
    Ok(Violation {
        bundle: from.bundle.clone(),
        id: text("id", ID)?.unwrap_or_else(|| cut(from.rule, ID)),
        msg: text("msg", limits.message)?.ok_or_else(|| format!("{}.msg is missing", path()))?,
        remediation: text("remediation", limits.message)?,
        severity: named(members, "severity", path())?,
        action: named(members, "action", path())?,
    })
}

/// Returns a member whose value is one of a few words.
fn named<T: std::str::FromStr<Err = String>>(
    members: &Object,
    name: &str,
    path: impl std::fmt::Display,
) -> Result<Option<T>, String> {
    match members.get(&Value::from(name)) {
        None | Some(Value::Undefined | Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= ID => {
            text.parse().map(Some).map_err(|error| format!("{path}.{name}: {error}"))
        }
        Some(other) => Err(wrong(&format!("{path}.{name}"), "a word", other)),
    }
}

fn wrong(path: &str, wanted: &str, value: &Value) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Set(_) => "a set",
        Value::Object(_) => "an object",
        Value::Undefined => "nothing",
    };
    format!("{path} is {found}, and has to be {wanted}")
}

fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}
