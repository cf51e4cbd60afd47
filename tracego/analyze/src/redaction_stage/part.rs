//! Parts that many records share, redacted once each.

use std::{collections::BTreeMap, sync::Arc};

use tracego_model::record::{
    Variables,
    frozen::Frozen,
    image::GoBuild,
    job::{Context, Job, Source},
    tree::Tree,
};

use crate::redact::Redactor;

/// Redacts variables. Returns them with the names of those that changed. Variables that the operator injected
/// stay.
pub(super) fn variables(
    shown: &Arc<Variables>,
    injected: &[(String, String)],
    redactor: &Redactor,
) -> (Arc<Variables>, Vec<Arc<str>>) {
    let mut names = Vec::new();
    let mut redacted: BTreeMap<Arc<str>, String> = (***shown).clone();
    for (name, value) in &mut redacted {
        let chosen = injected.iter().any(|(known, given)| **name == **known && value == given);
        if !chosen && redactor.variable(name, value) {
            names.push(Arc::clone(name));
        }
    }
    if names.is_empty() {
        return (Arc::clone(shown), names);
    }
    (Arc::new(redacted.into()), names)
}

/// Redacts build information: secrets get into programs by `-X main.token=…`.
pub(super) fn go_build(build: &Arc<Frozen<GoBuild>>, redactor: &Redactor) -> Arc<Frozen<GoBuild>> {
    let mut redacted = (***build).clone();
    let flags = redacted.ldflags.as_mut().is_some_and(|flags| redactor.text(flags));
    let tags = redacted.tags.iter_mut().fold(false, |changed, tag| redactor.text(tag) | changed);
    if flags || tags { Arc::new(redacted.into()) } else { Arc::clone(build) }
}

/// Redacts the identity of a job. Values of `--env`, which the operator chose to write, stay.
pub(super) fn context(shown: &Arc<Context>, job: Option<&Frozen<Job>>, redactor: &Redactor) -> Arc<Context> {
    let mut changed = false;
    let mut tree = |prefix: &str, tree: &Tree| {
        let values = tree.iter().map(|(name, value)| {
            let mut value = value.to_owned();
            let chosen = job.is_some_and(|job| {
                job.sources.iter().any(|one| {
                    one.source == Source::Explicit && one.attribute.strip_prefix(prefix) == Some(name)
                })
            });
            changed |= !chosen && redactor.text(&mut value);
            (name, value)
        });
        Tree::new(values.collect())
    };
    let redacted = Context { cicd: tree("cicd.", &shown.cicd), vcs: tree("vcs.", &shown.vcs) };
    if changed { Arc::new(redacted) } else { Arc::clone(shown) }
}

/// Redacts the claims that contradict a job, and the other commits that it names.
pub(super) fn job(shown: &Arc<Frozen<Job>>, redactor: &Redactor) -> Arc<Frozen<Job>> {
    let mut redacted = (***shown).clone();
    let mut changed = false;
    for claim in &mut redacted.changed {
        changed |= redactor.text(&mut claim.claimed);
        changed |= claim.source != Source::Explicit && redactor.text(&mut claim.expected);
    }
    for commit in &mut redacted.commits {
        changed |= redactor.text(&mut commit.revision);
    }
    if changed { Arc::new(redacted.into()) } else { Arc::clone(shown) }
}
