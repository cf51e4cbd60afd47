//! Entry points: the rules where an evaluation begins.

use std::collections::BTreeMap;

use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead};

use super::{
    compile,
    error::Refusal,
    walk::{self, Then},
};

/// Packages with entry points. The first may hold the decision; each of them may hold conftest's rules.
const PACKAGES: [&str; 3] = ["data.tracego.process", "data.process", "data.main"];
/// Name of the rule that is the decision.
const DECISION: &str = "decision";

/// The kind of value of an entry point.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// An object with the members of a decision.
    Decision,
    /// A set of violations.
    Deny,
    /// A set of warnings.
    Warn,
}

/// An entry point.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Path, such as `data.main.deny`.
    pub(super) path: String,
    /// Name of the rule, which is the id of violations without one.
    pub(super) rule: String,
    /// Whether the rule has a `default`, so that it is undefined only if rules give it different values.
    pub(super) default: bool,
}

/// The rules of one name in all modules.
#[derive(Default)]
struct Rules {
    name: String,
    default: bool,
    /// Locations of the rules that assign the complete value.
    whole: Vec<(String, u32)>,
}

/// Finds the entry points of a bundle: its decision, or else the rules that conftest would evaluate.
///
/// # Errors
/// Fails if there is none, or a rule cannot be an entry point.
pub(super) fn entries<'a>(
    bundle: &str,
    modules: impl Iterator<Item = (&'a str, &'a Ref<Module>)>,
) -> Result<Vec<Entry>, Vec<Refusal>> {
    let mut found = BTreeMap::<_, Rules>::new();
    let mut refusals = Vec::new();
    for (path, module) in modules {
        let package = compile::package(module);
        if !PACKAGES.contains(&package.as_str()) {
            continue;
        }
        for rule in &module.policy {
            let name = walk::name(rule);
            let Some(kind) = kind(&package, &name) else { continue };
            let what = if kind == Kind::Decision {
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
                refusals.push(Refusal { bundle: bundle.to_owned(), place, what });
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
    for ((kind, _), Rules { name, default, whole }) in &found {
        // The virtual machine cannot tell contradicting rules from rules of which none holds, and in the
        // second case the program is allowed. A default makes the difference. For a decision both are errors.
        if *kind != Kind::Decision
            && !default
            && let [_, second, ..] = whole.as_slice()
        {
            let what = format!(
                "{name} gets its whole value from several rules, which contradict each other where two hold: \
                 write `{name} contains \"why\" if {{ … }}`, or add `default {name} := []`"
            );
            refusals.push(Refusal { bundle: bundle.to_owned(), place: Some(second.clone()), what });
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let has_decision = found.keys().any(|(kind, _)| *kind == Kind::Decision);
    let entries: Vec<_> = found
        .into_iter()
        .filter(|((kind, _), _)| !has_decision || *kind == Kind::Decision)
        .map(|((kind, path), rules)| Entry { kind, path, rule: rules.name, default: rules.default })
        .collect();
    if entries.is_empty() {
        let what = "nothing decides: no data.tracego.process.decision, and no deny, violation or warn in the \
                    packages tracego.process, process or main";
        return Err(vec![Refusal { bundle: bundle.to_owned(), place: None, what: what.to_owned() }]);
    }
    Ok(entries)
}

/// Returns the kind of a rule by its name. conftest evaluates `deny`, `violation` and `warn`, each also with
/// `_` and a suffix.
fn kind(package: &str, name: &str) -> Option<Kind> {
    if name == DECISION {
        return (package == PACKAGES[0]).then_some(Kind::Decision);
    }
    match name.split_once('_').map_or(name, |(first, _)| first) {
        "deny" | "violation" => Some(Kind::Deny),
        "warn" => Some(Kind::Warn),
        _ => None,
    }
}

/// Whether a rule is just true, like `deny if { … }`, and has no message.
fn is_boolean(rule: &Rule) -> bool {
    let Rule::Spec { head: RuleHead::Compr { refr, assign: None, .. }, bodies, .. } = rule else {
        return false;
    };
    let bare = matches!(walk::chain(refr), Some((_, path, Then::End)) if path.is_empty());
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
    !matches!(walk::chain(walk::head(rule)), Some((_, path, Then::End)) if path.is_empty())
}
