//! Where an evaluation begins.

use std::collections::BTreeMap;

use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead};

use super::{
    compile,
    error::Refusal,
    walk::{self, Then},
};

/// The package of the decision, and where conftest's rules may stand.
const PACKAGES: [&str; 3] = ["data.tracego.process", "data.process", "data.main"];
/// The rule of the decision.
const DECISION: &str = "decision";

/// What an entry point's value is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// An object with the members of a decision.
    Decision,
    /// A set of violations.
    Deny,
    /// A set of warnings.
    Warn,
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// `data.main.deny`.
    pub(super) path: String,
    /// Name of the rule, the id of violations that have none.
    pub(super) rule: String,
    /// It has a `default`: it is undefined only where rules give it different values.
    pub(super) default: bool,
}

/// Rules of one name that have been looked at.
#[derive(Default)]
struct Rules {
    name: String,
    default: bool,
    /// Places of those that give the whole value.
    whole: Vec<(String, u32)>,
}

/// Finds those of a bundle: its decision, else what conftest would look for.
///
/// # Errors
/// When there is none, or a rule cannot be one.
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
        // The virtual machine has nothing to tell a contradiction from rules of which none holds, and the
        // second allows. A default makes the difference; for a decision both are errors.
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

/// conftest takes `deny`, `violation` and `warn`, and each with `_` and a name behind it.
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

/// `deny if { … }`: true, and no message.
fn is_boolean(rule: &Rule) -> bool {
    let Rule::Spec { head: RuleHead::Compr { refr, assign: None, .. }, bodies, .. } = rule else {
        return false;
    };
    let bare = matches!(walk::chain(refr), Some((_, path, Then::End)) if path.is_empty());
    bare && matches!(**refr, Expr::Var { .. }) && bodies.iter().all(|body| body.assign.is_none())
}

/// `deny := [ … ]`, with or without a body.
fn is_whole(rule: &Rule) -> bool {
    let Rule::Spec { head: RuleHead::Compr { refr, assign, .. }, bodies, .. } = rule else {
        return false;
    };
    matches!(**refr, Expr::Var { .. })
        && (assign.is_some() || bodies.iter().any(|body| body.assign.is_some()))
}

/// `decision.allow := …`, which makes no rule of the name `decision`.
fn is_part(rule: &Rule) -> bool {
    !matches!(walk::chain(walk::head(rule)), Some((_, path, Then::End)) if path.is_empty())
}
