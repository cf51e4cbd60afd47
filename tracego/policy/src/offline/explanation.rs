//! Explanations: the rules of a bundle that hold for an input.

use std::{collections::BTreeSet, time::Duration};

use regorus::{
    Value,
    unstable::{Rule, RuleHead},
};
use serde::Serialize;

use super::{
    bundle_tests,
    steps::{self, StepSender},
};
use crate::{
    bundle::Bundle,
    compiler::{self, BundleSource, builtin_limits, engine_error, syntax},
    error::{PolicyError, PolicyProblem},
    evaluation::stack,
};

/// A rule and its value for an input.
#[derive(Clone, Debug, Serialize)]
pub struct RuleValue {
    /// Path of the rule.
    pub rule: String,
    /// Path of the module.
    pub path: String,
    /// Line of the rule, from 1; the first one if several definitions make up the rule.
    pub line: u32,
    /// Value; `None` if undefined, false or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Reason why the rule could not be evaluated, such as two rules that contradict each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The explanation of a bundle.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Rules by module and position. A rule that hangs is the last one.
    pub rules: Vec<RuleValue>,
    /// Whether all rules were evaluated.
    pub whole: bool,
}

/// Evaluates each rule that is neither a function nor a test, with the engine's interpreter. `time` is the
/// limit for each rule. Unlike the virtual machine, the interpreter reports rules that contradict each other.
///
/// # Errors
/// Fails if the modules cannot be loaded.
pub fn explain(bundle: &Bundle, input: &Value, time: Duration) -> Result<Explanation, PolicyError> {
    let refused = |what| PolicyError {
        problems: vec![PolicyProblem { bundle: bundle.name.clone(), place: None, what }],
    };
    let (own, input) = (BundleSource::from(bundle), input.clone());
    let work = move |steps: &StepSender<RuleValue>| held(&own, input, time, steps);
    let late = |held: &mut RuleValue, why| held.error = Some(why);
    let (rules, end) = steps::run_watched(time, late, work).map_err(refused)?;
    let whole = end.transpose().map_err(|problems| PolicyError { problems })?.is_some();
    Ok(Explanation { rules, whole })
}

fn held(
    bundle: &BundleSource,
    input: Value,
    time: Duration,
    steps: &StepSender<RuleValue>,
) -> Result<(), Vec<PolicyProblem>> {
    let (mut engine, modules) = compiler::interpreter(bundle)?;
    engine.set_execution_timer_config(bundle_tests::timer(time));
    engine.set_input(input);
    let mut known = BTreeSet::new();
    for (path, module) in modules.iter().filter(|(path, _)| !syntax::is_test_file(path)) {
        for rule in &module.policy {
            let name = syntax::name(rule);
            let is_function = matches!(&**rule, Rule::Spec { head: RuleHead::Func { .. }, .. });
            let rule_path = format!("{}.{name}", syntax::package_path(module));
            if is_function || syntax::is_test(&name) || !known.insert(rule_path.clone()) {
                continue;
            }
            let (path, line) = ((*path).to_owned(), rule.span().line);
            let mut held = RuleValue { rule: rule_path.clone(), path, line, value: None, error: None };
            steps.begin(held.clone());
            match stack::caught(|| engine.eval_rule(rule_path)) {
                Ok(Ok(value)) if builtin_limits::is_large(&value) => {
                    held.error = Some("is too large to be shown".to_owned());
                }
                Ok(Ok(value)) => held.value = shown(&value),
                Ok(Err(error)) => held.error = Some(engine_error::message(&error)),
                Err(panic) => held.error = Some(format!("the engine panicked: {panic}")),
            }
            steps.done(held);
        }
    }
    Ok(())
}

/// Returns the value of a rule as JSON; `None` if undefined, false or empty.
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
