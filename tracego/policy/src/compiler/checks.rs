//! Checks of the calls and references in modules.

use std::collections::BTreeSet;

use super::{
    BundleSource,
    data_env::{self, DataEnv},
    forbidden_calls,
    input_use::InputUse,
    literals,
    parser::{ParsedModule, has_env},
    syntax::{self, NextPart, SyntaxElement},
};
use crate::error::PolicyProblem;

/// Walks over the modules. Adds the members that they read to `input_use`, and probable mistakes to
/// `warnings`.
///
/// Returns the calls and references that are refused.
pub(super) fn check(
    bundle: &BundleSource,
    parsed: &[ParsedModule<'_>],
    input_use: &mut InputUse,
    warnings: &mut Vec<PolicyProblem>,
) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    let own_env = has_env(bundle, parsed);
    let all = parsed;
    for parsed in parsed {
        // A package may be spread over several files.
        let package = syntax::package_path(&parsed.module);
        let same = all.iter().filter(|other| syntax::package_path(&other.module) == package);
        let rules = same.flat_map(|other| other.module.policy.iter());
        let functions: BTreeSet<String> = rules.map(|rule| syntax::name(rule)).collect();
        let problem = |line, what: String| PolicyProblem {
            bundle: bundle.name.clone(),
            place: Some((parsed.path.to_owned(), line)),
            what,
        };
        // A module that asks for the type knows both forms of the input.
        let (mut asks_type, mut doubts) = (false, Vec::new());
        syntax::walk(&parsed.module, &syntax::is_test, &mut |seen| match seen {
            SyntaxElement::Call { name, params, span } => {
                input_use.call(&name);
                asks_type |= matches!(name.as_str(), "is_object" | "is_string");
                let first = name.split('.').next().unwrap_or_default();
                let own = first == "data" || functions.contains(first);
                if let Some(why) = forbidden_calls::refusal_reason(&name).filter(|_| !own) {
                    problems.push(problem(span.line, format!("{name}: {why}")));
                }
                if !own && let Some((pattern, why)) = literals::wrong_pattern(&name, params) {
                    problems.push(problem(span.line, format!("{name}: {pattern:?}: {why}")));
                }
            }
            SyntaxElement::ObjectPattern { span } => {
                let what = "a pattern with an object also matches objects with more members here; compare the \
                            members one by one";
                problems.push(problem(span.line, what.to_owned()));
            }
            SyntaxElement::Number { span } => {
                if let Some(why) = literals::wrong_number(span.text()) {
                    problems.push(problem(span.line, format!("{}: {why}", span.text())));
                }
            }
            SyntaxElement::With { span } => {
                let what = "`with` is for tests: rules that are named test_… or stand in a file …_test.rego";
                problems.push(problem(span.line, what.to_owned()));
            }
            SyntaxElement::Local(_) | SyntaxElement::TooDeep { .. } => {}
            SyntaxElement::Reference(reference) => {
                input_use.reference(&reference);
                let line = reference.span.line;
                match data_env::classify(&reference).filter(|_| !own_env) {
                    Some(DataEnv::Refused(why)) => problems.push(problem(line, why.to_owned())),
                    Some(DataEnv::Name(name)) if !data_env::is_name(&name) => {
                        problems
                            .push(problem(line, format!("data.env has no {name:?}; use input.process.env")));
                    }
                    Some(DataEnv::Name(name)) => input_use.variable(&name),
                    None => {}
                }
                if reference.root == "input"
                    && reference.path == ["process", "executable"]
                    && reference.then == NextPart::End
                {
                    let what = "input.process.executable is an object; its path is \
                                input.process.executable.path";
                    doubts.push(problem(line, what.to_owned()));
                }
            }
        });
        if !asks_type {
            warnings.append(&mut doubts);
        }
    }
    problems
}
