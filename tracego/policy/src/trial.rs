//! The tests of a bundle, as in OPA: rules named `test_…`, which are true when they pass.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use regorus::{Value, utils::limits::ExecutionTimerConfig};
use serde::Serialize;

use super::{
    bundle::Bundle,
    compile,
    error::{PolicyError, Refusal},
    said, stack,
    steps::{self, Steps},
    walk,
};

/// Time limit of a test, or of a rule that is explained, by its own clock. One that takes twice as long is
/// abandoned.
pub const TIME: Duration = Duration::from_secs(5);

/// The outcome of a test.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The rule is true.
    Pass,
    /// The rule is not true.
    Fail,
    /// The rule could not be evaluated.
    Error(String),
    /// The name of the rule begins with `todo_`.
    Skipped,
}

/// A test with its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Test {
    /// Path of the rule, such as `data.main.test_x`.
    pub name: String,
    /// Path of the module.
    pub path: String,
    /// Line of the rule, from 1.
    pub line: u32,
    /// Outcome.
    pub outcome: Outcome,
    /// Time that the test took.
    #[serde(skip)]
    pub took: Duration,
}

/// The lines of a module that tests evaluated.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// Path of the module.
    pub path: String,
    /// Lines with code that was evaluated.
    pub covered: BTreeSet<u32>,
    /// Lines with code that was not evaluated.
    pub not_covered: BTreeSet<u32>,
}

/// The test results of a bundle.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tested {
    /// Tests by module and position. A test that hangs is the last one.
    pub tests: Vec<Test>,
    /// Coverage by module, without test files; empty if not requested, or if a test hung.
    pub coverage: Vec<Coverage>,
}

impl Tested {
    /// Whether no test failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.tests.iter().all(|test| matches!(test.outcome, Outcome::Pass | Outcome::Skipped))
    }
}

/// Runs the tests of a bundle with the engine's interpreter, because the virtual machine does not support
/// `with`. `time` is the limit for each test.
///
/// # Errors
/// Fails if the modules cannot be loaded.
pub fn run(bundle: &Bundle, coverage: bool, time: Duration) -> Result<Tested, PolicyError> {
    let refused =
        |what| PolicyError { refusals: vec![Refusal { bundle: bundle.name.clone(), place: None, what }] };
    let own = bundle.clone();
    let work = move |steps: &Steps<Test>| tested(&own, coverage, time, steps);
    let late = |test: &mut Test, why| {
        test.outcome = Outcome::Error(why);
        test.took = time * 2;
    };
    let (tests, end) = steps::watched(time, late, work).map_err(refused)?;
    let coverage = end.transpose().map_err(|refusals| PolicyError { refusals })?.unwrap_or_default();
    Ok(Tested { tests, coverage })
}

/// Returns the time limit of an interpreter.
pub(super) fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: NonZeroU32::MIN.saturating_add(63) }
}

fn tested(
    bundle: &Bundle,
    coverage: bool,
    time: Duration,
    steps: &Steps<Test>,
) -> Result<Vec<Coverage>, Vec<Refusal>> {
    let (mut engine, modules) = compile::interpreter(bundle)?;
    engine.set_execution_timer_config(timer(time));
    engine.set_enable_coverage(coverage);
    let mut known = BTreeSet::new();
    for (path, module) in &modules {
        let package = compile::package(module);
        for rule in module.policy.iter().filter(|rule| compile::is_test(&walk::name(rule))) {
            let name = format!("{package}.{}", walk::name(rule));
            if !known.insert(name.clone()) {
                continue;
            }
            let started = Instant::now();
            let (path, line) = ((*path).to_owned(), rule.span().line);
            let mut test =
                Test { name: name.clone(), path, line, outcome: Outcome::Skipped, took: Duration::ZERO };
            steps.begin(test.clone());
            test.outcome = if walk::name(rule).starts_with("todo_") {
                Outcome::Skipped
            } else {
                match stack::caught(|| engine.eval_rule(name)) {
                    Ok(Ok(Value::Bool(true))) => Outcome::Pass,
                    Ok(Ok(_)) => Outcome::Fail,
                    Ok(Err(error)) => Outcome::Error(said::message(&error)),
                    Err(panic) => Outcome::Error(format!("the engine panicked: {panic}")),
                }
            };
            test.took = started.elapsed();
            steps.done(test);
        }
    }
    let mut covered = Vec::new();
    if coverage {
        let is_own = |path: &str| modules.iter().any(|(own, _)| *own == path) && !compile::is_test_file(path);
        let report = engine.get_coverage_report().map_err(|error| {
            vec![Refusal { bundle: bundle.name.clone(), place: None, what: error.to_string() }]
        })?;
        let files = report.files.into_iter().filter(|file| is_own(&file.path));
        covered = files
            .map(|file| Coverage { path: file.path, covered: file.covered, not_covered: file.not_covered })
            .collect();
        covered.sort_by(|a: &Coverage, b| a.path.cmp(&b.path));
    }
    Ok(covered)
}
