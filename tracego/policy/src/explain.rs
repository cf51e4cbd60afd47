//! Which rules of a bundle hold for an input.

use std::{collections::BTreeSet, time::Duration};

use regorus::{
    Value,
    unstable::{Rule, RuleHead},
};
use serde::Serialize;

use super::{
    bundle::Bundle,
    compile,
    error::{PolicyError, Refusal},
    guard, said, stack,
    steps::{self, Steps},
    trial, walk,
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

/// The rules of a bundle.
#[derive(Clone, Debug)]
pub struct Explained {
    /// By module and place. One that did not come back is the last.
    pub rules: Vec<Held>,
    /// All rules came back.
    pub whole: bool,
}

/// Evaluates each rule that is no function and no test, with the engine's interpreter, for so long. It sees what the
/// virtual machine passes over: that rules contradict each other.
///
/// # Errors
/// When the modules cannot be loaded.
pub fn explain(bundle: &Bundle, input: &Value, time: Duration) -> Result<Explained, PolicyError> {
    let refused =
        |what| PolicyError { refusals: vec![Refusal { bundle: bundle.name.clone(), place: None, what }] };
    let (own, input) = (bundle.clone(), input.clone());
    let work = move |steps: &Steps<Held>| held(&own, input, time, steps);
    let late = |held: &mut Held, why| held.error = Some(why);
    let (rules, end) = steps::watched(time, late, work).map_err(refused)?;
    let whole = end.transpose().map_err(|refusals| PolicyError { refusals })?.is_some();
    Ok(Explained { rules, whole })
}

fn held(bundle: &Bundle, input: Value, time: Duration, steps: &Steps<Held>) -> Result<(), Vec<Refusal>> {
    let (mut engine, modules) = compile::interpreter(bundle)?;
    engine.set_execution_timer_config(trial::timer(time));
    engine.set_input(input);
    let mut known = BTreeSet::new();
    for (path, module) in modules.iter().filter(|(path, _)| !compile::is_test_file(path)) {
        for rule in &module.policy {
            let name = walk::name(rule);
            let is_function = matches!(&**rule, Rule::Spec { head: RuleHead::Func { .. }, .. });
            let rule_path = format!("{}.{name}", compile::package(module));
            if is_function || compile::is_test(&name) || !known.insert(rule_path.clone()) {
                continue;
            }
            let (path, line) = ((*path).to_owned(), rule.span().line);
            let mut held = Held { rule: rule_path.clone(), path, line, value: None, error: None };
            steps.begin(held.clone());
            match stack::caught(|| engine.eval_rule(rule_path)) {
                Ok(Ok(value)) if guard::is_large(&value) => {
                    held.error = Some("is too large to be shown".to_owned());
                }
                Ok(Ok(value)) => held.value = shown(&value),
                Ok(Err(error)) => held.error = Some(said::message(&error)),
                Err(panic) => held.error = Some(format!("the engine panicked: {panic}")),
            }
            steps.done(held);
        }
    }
    Ok(())
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
