//! Which rules of a bundle hold for an input.

use std::collections::BTreeSet;

use regorus::{
    Value,
    unstable::{Rule, RuleHead},
};
use serde::Serialize;

use super::{
    bundle::Bundle,
    compile,
    error::{PolicyError, Refusal},
    said, stack, trial, walk,
};

/// One rule.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// Its path.
    pub rule: String,
    /// Its module.
    pub path: String,
    /// Its line, from 1: the first one where several make it.
    pub line: u32,
    /// What it is; nothing when it is undefined, false or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Why it could not be evaluated, such as two rules that contradict each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Evaluates each rule that is no function and no test, with the engine's interpreter. It sees what the
/// virtual machine passes over: that rules contradict each other.
///
/// # Errors
/// When the modules cannot be loaded.
pub fn explain(bundle: &Bundle, input: &Value) -> Result<Vec<Held>, PolicyError> {
    let refused = |what| vec![Refusal { bundle: bundle.name.clone(), place: None, what }];
    let held = stack::deep(|| held(bundle, input)).unwrap_or_else(|panic| Err(refused(panic)));
    held.map_err(|refusals| PolicyError { refusals })
}

fn held(bundle: &Bundle, input: &Value) -> Result<Vec<Held>, Vec<Refusal>> {
    let (mut engine, modules) = compile::interpreter(bundle)?;
    engine.set_execution_timer_config(trial::timer(trial::TIME));
    engine.set_input(input.clone());
    let mut known = BTreeSet::new();
    let mut all = Vec::new();
    for (path, module) in modules.iter().filter(|(path, _)| !compile::is_test_file(path)) {
        for rule in &module.policy {
            let name = walk::name(rule);
            let is_function = matches!(&**rule, Rule::Spec { head: RuleHead::Func { .. }, .. });
            let rule_path = format!("{}.{name}", compile::package(module));
            if is_function || compile::is_test(&name) || !known.insert(rule_path.clone()) {
                continue;
            }
            let value = stack::caught(|| engine.eval_rule(rule_path.clone()));
            let (value, error) = match value {
                Ok(Ok(value)) => (shown(&value), None),
                Ok(Err(error)) => (None, Some(said::message(&error))),
                Err(panic) => (None, Some(format!("the engine panicked: {panic}"))),
            };
            let line = rule.span().line;
            all.push(Held { rule: rule_path, path: (*path).to_owned(), line, value, error });
        }
    }
    Ok(all)
}

/// What a rule is, where it is something.
fn shown(value: &Value) -> Option<serde_json::Value> {
    let nothing = match value {
        Value::Undefined | Value::Bool(false) => true,
        Value::Set(items) => items.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Null | Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    };
    if nothing { None } else { serde_json::to_value(value).ok() }
}
