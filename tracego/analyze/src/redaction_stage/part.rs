//! Parts that many records share, redacted once each.

use std::{collections::BTreeMap, sync::Arc};

use tracego_model::record::{
    K8s, Variables,
    frozen::Frozen,
    image::{GoBuild, Linked},
    job::{Context, Job},
    tree::Tree,
};

use crate::redact::Redactor;

/// Redacts variables, those of `--env` among them. Returns them with the names of those that changed.
pub(super) fn variables(shown: &Arc<Variables>, redactor: &Redactor) -> (Arc<Variables>, Vec<Arc<str>>) {
    let mut names = Vec::new();
    let mut redacted: BTreeMap<Arc<str>, String> = (***shown).clone();
    for (name, value) in &mut redacted {
        if redactor.variable(name, value) {
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

/// Redacts the image behind a program's linkage: a module may be replaced by a folder, and names of libraries are any text.
pub(super) fn linked(linked: &Arc<Frozen<Linked>>, redactor: &Redactor) -> Arc<Frozen<Linked>> {
    let Some(image) = linked.image.as_deref() else { return Arc::clone(linked) };
    let mut image = image.clone();
    let needed = image.elf.iter_mut().flat_map(|elf| &mut elf.needed);
    let mut is_changed = needed.fold(false, |changed, name| redactor.text(name) | changed);
    for module in image.go.iter_mut().flat_map(|go| &mut go.dependencies) {
        let mut next = Some(module);
        while let Some(module) = next {
            is_changed |= redactor.path(&mut module.path);
            is_changed |= redactor.text(&mut module.version);
            next = module.replacement.as_deref_mut();
        }
    }
    if !is_changed {
        return Arc::clone(linked);
    }
    Arc::new(Linked { image: Some(Arc::new(image)), ..(***linked).clone() }.into())
}

/// Redacts the identity of a job.
pub(super) fn context(shown: &Arc<Context>, redactor: &Redactor) -> Arc<Context> {
    let mut changed = false;
    let mut tree = |tree: &Tree| {
        let values = tree.iter().map(|(name, value)| {
            let mut value = value.to_owned();
            changed |= redactor.text(&mut value);
            (name, value)
        });
        Tree::new(values.collect())
    };
    let redacted = Context { cicd: tree(&shown.cicd), vcs: tree(&shown.vcs) };
    if changed { Arc::new(redacted) } else { Arc::clone(shown) }
}

/// Members of a pod without secrets, and the names of the labels and annotations that had some.
pub(super) type RedactedPod = (Arc<Frozen<K8s>>, Vec<String>);

/// Redacts the labels and annotations of a pod.
pub(super) fn pod(shown: &Arc<Frozen<K8s>>, redactor: &Redactor) -> RedactedPod {
    let mut redacted = (***shown).clone();
    let mut names = Vec::new();
    for (kind, texts) in [("label", &mut redacted.pod.label), ("annotation", &mut redacted.pod.annotation)] {
        for (key, value) in texts {
            if redactor.variable(key, value) {
                names.push(format!("k8s.pod.{kind}.{key}"));
            }
        }
    }
    if names.is_empty() { (Arc::clone(shown), names) } else { (Arc::new(redacted.into()), names) }
}

/// Redacts the claims that contradict a job, and the other commits that it names.
pub(super) fn job(shown: &Arc<Frozen<Job>>, redactor: &Redactor) -> Arc<Frozen<Job>> {
    let mut redacted = (***shown).clone();
    let mut changed = false;
    for claim in &mut redacted.changed {
        changed |= redactor.text(&mut claim.claimed);
        changed |= redactor.text(&mut claim.expected);
    }
    for contradiction in &mut redacted.contradictions {
        changed |= redactor.text(&mut contradiction.environment);
        changed |= redactor.text(&mut contradiction.pod);
    }
    for commit in &mut redacted.commits {
        changed |= redactor.text(&mut commit.revision);
    }
    if changed { Arc::new(redacted.into()) } else { Arc::clone(shown) }
}
