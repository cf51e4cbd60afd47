//! The tests of a bundle, as OPA has them: rules named `test_…`, true when they pass.

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

/// Time that a test, or a rule that is explained, may take by its own clock; one that does not come back in twice as
/// much is left behind.
pub const TIME: Duration = Duration::from_secs(5);

/// How a test ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The rule is true.
    Pass,
    /// It is not.
    Fail,
    /// It could not be evaluated.
    Error(String),
    /// Its name begins with `todo_`.
    Skipped,
}

/// One test.
#[derive(Clone, Debug, Serialize)]
pub struct Test {
    /// `data.main.test_x`.
    pub name: String,
    /// Its module.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Time that it took.
    #[serde(skip)]
    pub took: Duration,
}

/// Which lines of a module the tests came by.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The module.
    pub path: String,
    /// Lines with something that was evaluated.
    pub covered: BTreeSet<u32>,
    /// Lines with something that was not.
    pub not_covered: BTreeSet<u32>,
}

/// What tests of a bundle gave.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tested {
    /// By module and place. One that did not come back is the last.
    pub tests: Vec<Test>,
    /// By module, without the files of tests; empty where it was not asked for, or a test did not
    /// come back.
    pub coverage: Vec<Coverage>,
}

impl Tested {
    /// Whether none failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.tests.iter().all(|test| matches!(test.outcome, Outcome::Pass | Outcome::Skipped))
    }
}

/// Runs the tests of a bundle with the engine's interpreter; the virtual machine does not know `with`.
///
/// # Errors
/// When the modules cannot be loaded.
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

/// The clock of an interpreter.
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
