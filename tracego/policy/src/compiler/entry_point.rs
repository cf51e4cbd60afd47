//! Entry points: the rules where an evaluation begins.

use std::collections::BTreeMap;

use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead};

use super::syntax::{self, NextPart};
use crate::error::PolicyProblem;

/// Packages with entry points. The first may hold the decision; each of them may hold conftest's rules.
const PACKAGES: [&str; 3] = ["data.tracego.process", "data.process", "data.main"];
/// Name of the rule that is the decision.
const DECISION: &str = "decision";

/// The kind of value of an entry point.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum EntryKind {
    /// An object with the members of a decision.
    Decision,
    /// A set of violations.
    Deny,
    /// A set of warnings.
    Warn,
}

/// An entry point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EntryPoint {
    pub(crate) kind: EntryKind,
    /// Path, such as `data.main.deny`.
    pub(crate) path: String,
    /// Name of the rule, which is the id of violations without one.
    pub(crate) rule: String,
    /// Whether the rule has a `default`, so that it is undefined only if rules give it different values.
    pub(crate) default: bool,
}

/// The rules of one name in all modules.
#[derive(Default)]
struct RuleGroup {
    name: String,
    default: bool,
    /// Locations of the rules that assign the complete value.
    whole: Vec<(String, u32)>,
}

/// Finds the entry points of a bundle: its decision, or else the rules that conftest would evaluate.
///
/// # Errors
/// Fails if there is none, or a rule cannot be an entry point.
pub(super) fn find<'a>(
    bundle: &str,
    modules: impl Iterator<Item = (&'a str, &'a Ref<Module>)>,
) -> Result<Vec<EntryPoint>, Vec<PolicyProblem>> {
    let mut found = BTreeMap::<_, RuleGroup>::new();
    let mut problems = Vec::new();
    for (path, module) in modules {
        let package = syntax::package_path(module);
        if !PACKAGES.contains(&package.as_str()) {
            continue;
        }
        for rule in &module.policy {
            let name = syntax::name(rule);
            let Some(kind) = kind(&package, &name) else { continue };
            let what = if kind == EntryKind::Decision {
                is_part(rule).then(|| {
                    "decision has to be one rule that gives the whole object: \
                     `decision := {\"allow\": allow, \"violations\": violations}`"
                        .to_owned()
                })
            } else {
                is_boolean(rule).then(|| {
                    format!(
                        "{name} is true or false here, and has to be a set of messages: \
                         `{name} contains \"why\" if {{ … }}`"
                    )
                })
            };
            if let Some(what) = what {
                let place = Some((path.to_owned(), rule.span().line));
                problems.push(PolicyProblem { bundle: bundle.to_owned(), place, what });
            }
            let rules = found.entry((kind, format!("{package}.{name}"))).or_default();
            rules.name = name;
            match &**rule {
                Rule::Default { .. } => rules.default = true,
                rule if is_whole(rule) => rules.whole.push((path.to_owned(), rule.span().line)),
                Rule::Spec { .. } => {}
            }
        }
    }
    for ((kind, _), RuleGroup { name, default, whole }) in &found {
        // The virtual machine cannot tell contradicting rules from rules of which none holds, and in the
        // second case the program is allowed. A default makes the difference. For a decision both are errors.
        if *kind != EntryKind::Decision
            && !default
            && let [_, second, ..] = whole.as_slice()
        {
            let what = format!(
                "{name} gets its whole value from several rules, which contradict each other where two hold: \
                 write `{name} contains \"why\" if {{ … }}`, or add `default {name} := []`"
            );
            problems.push(PolicyProblem { bundle: bundle.to_owned(), place: Some(second.clone()), what });
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let has_decision = found.keys().any(|(kind, _)| *kind == EntryKind::Decision);
    let entries: Vec<_> = found
        .into_iter()
        .filter(|((kind, _), _)| !has_decision || *kind == EntryKind::Decision)
        .map(|((kind, path), rules)| EntryPoint { kind, path, rule: rules.name, default: rules.default })
        .collect();
    if entries.is_empty() {
        let what = "no entry point: there is no data.tracego.process.decision, and no deny, violation or warn in \
                    the packages tracego.process, process or main";
        return Err(vec![PolicyProblem { bundle: bundle.to_owned(), place: None, what: what.to_owned() }]);
    }
    Ok(entries)
}

/// Returns the kind of a rule by its name. conftest evaluates `deny`, `violation` and `warn`, each also with
/// `_` and a suffix.
fn kind(package: &str, name: &str) -> Option<EntryKind> {
    if name == DECISION {
        return (package == PACKAGES[0]).then_some(EntryKind::Decision);
    }
    match name.split_once('_').map_or(name, |(first, _)| first) {
        "deny" | "violation" => Some(EntryKind::Deny),
        "warn" => Some(EntryKind::Warn),
        _ => None,
    }
}

/// Whether a rule is just true, like `deny if { … }`, and has no message.
fn is_boolean(rule: &Rule) -> bool {
    let Rule::Spec { head: RuleHead::Compr { refr, assign: None, .. }, bodies, .. } = rule else {
        return false;
    };
    let bare = matches!(syntax::chain(refr), Some((_, path, NextPart::End)) if path.is_empty());
    bare && matches!(**refr, Expr::Var { .. }) && bodies.iter().all(|body| body.assign.is_none())
}

/// Whether a rule assigns its complete value, like `deny := [ … ]`, with or without a body.
fn is_whole(rule: &Rule) -> bool {
    let Rule::Spec { head: RuleHead::Compr { refr, assign, .. }, bodies, .. } = rule else {
        return false;
    };
    matches!(**refr, Expr::Var { .. })
        && (assign.is_some() || bodies.iter().any(|body| body.assign.is_some()))
}

/// Whether a rule gives only a part of the value, like `decision.allow := …`.
fn is_part(rule: &Rule) -> bool {
    !matches!(syntax::chain(syntax::head(rule)), Some((_, path, NextPart::End)) if path.is_empty())
}
