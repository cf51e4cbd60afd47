//! The tests of a bundle, as in OPA: rules named `test_…`, which are true when they pass.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use regorus::{Value, utils::limits::ExecutionTimerConfig};
use serde::Serialize;

use super::steps::{self, StepSender};
use crate::{
    bundle::Bundle,
    compiler::{self, BundleSource, engine_error, syntax},
    error::{PolicyError, PolicyProblem},
    evaluation::stack,
};

/// Time limit of a test, or of a rule that is explained, by its own clock. One that takes twice as long is
/// abandoned.
pub const TIME: Duration = Duration::from_secs(5);

/// The outcome of a test.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
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
pub struct TestResult {
    /// Path of the rule, such as `data.main.test_x`.
    pub name: String,
    /// Path of the module.
    pub path: String,
    /// Line of the rule, from 1.
    pub line: u32,
    /// Outcome.
    pub outcome: TestOutcome,
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
pub struct TestRun {
    /// Tests by module and position. A test that hangs is the last one.
    pub tests: Vec<TestResult>,
    /// Coverage by module, without test files; empty if not requested, or if a test hung.
    pub coverage: Vec<Coverage>,
}

impl TestRun {
    /// Whether no test failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.tests.iter().all(|test| matches!(test.outcome, TestOutcome::Pass | TestOutcome::Skipped))
    }
}

/// Runs the tests of a bundle with the engine's interpreter, because the virtual machine does not support
/// `with`. `time` is the limit for each test.
///
/// # Errors
/// Fails if the modules cannot be loaded.
pub fn run(bundle: &Bundle, coverage: bool, time: Duration) -> Result<TestRun, PolicyError> {
    let refused = |what| PolicyError {
        problems: vec![PolicyProblem { bundle: bundle.name.clone(), place: None, what }],
    };
    let own = BundleSource::from(bundle);
    let work = move |steps: &StepSender<TestResult>| tested(&own, coverage, time, steps);
    let late = |test: &mut TestResult, why| {
        test.outcome = TestOutcome::Error(why);
        test.took = time * 2;
    };
    let (tests, end) = steps::run_watched(time, late, work).map_err(refused)?;
    let coverage = end.transpose().map_err(|problems| PolicyError { problems })?.unwrap_or_default();
    Ok(TestRun { tests, coverage })
}

/// Returns the time limit of an interpreter.
pub(super) fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: NonZeroU32::MIN.saturating_add(63) }
}

fn tested(
    bundle: &BundleSource,
    coverage: bool,
    time: Duration,
    steps: &StepSender<TestResult>,
) -> Result<Vec<Coverage>, Vec<PolicyProblem>> {
    let (mut engine, modules) = compiler::interpreter(bundle)?;
    engine.set_execution_timer_config(timer(time));
    engine.set_enable_coverage(coverage);
    let mut known = BTreeSet::new();
    for (path, module) in &modules {
        let package = syntax::package_path(module);
        for rule in module.policy.iter().filter(|rule| syntax::is_test(&syntax::name(rule))) {
            let name = format!("{package}.{}", syntax::name(rule));
            if !known.insert(name.clone()) {
                continue;
            }
            let started = Instant::now();
            let (path, line) = ((*path).to_owned(), rule.span().line);
            let mut test = TestResult {
                name: name.clone(),
                path,
                line,
                outcome: TestOutcome::Skipped,
                took: Duration::ZERO,
            };
            steps.begin(test.clone());
            test.outcome = if syntax::name(rule).starts_with("todo_") {
                TestOutcome::Skipped
            } else {
                match stack::caught(|| engine.eval_rule(name)) {
                    Ok(Ok(Value::Bool(true))) => TestOutcome::Pass,
                    Ok(Ok(_)) => TestOutcome::Fail,
                    Ok(Err(error)) => TestOutcome::Error(engine_error::message(&error)),
                    Err(panic) => TestOutcome::Error(format!("the engine panicked: {panic}")),
                }
            };
            test.took = started.elapsed();
            steps.done(test);
        }
    }
    let mut covered = Vec::new();
    if coverage {
        let is_own = |path: &str| modules.iter().any(|(own, _)| *own == path) && !syntax::is_test_file(path);
        let report = engine.get_coverage_report().map_err(|error| {
            vec![PolicyProblem { bundle: bundle.name.clone(), place: None, what: error.to_string() }]
        })?;
        let files = report.files.into_iter().filter(|file| is_own(&file.path));
        covered = files
            .map(|file| Coverage { path: file.path, covered: file.covered, not_covered: file.not_covered })
            .collect();
        covered.sort_by(|a: &Coverage, b| a.path.cmp(&b.path));
    }
    Ok(covered)
}
