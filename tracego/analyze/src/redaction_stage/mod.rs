//! The stage that takes secrets out of a record, behind every decision and in front of every output.
//!
//! Rules, policies and enforcement see arguments, variables and paths as the kernel recorded them; a secret
//! disappears when the record is complete. Parts that many records share are redacted once and remembered.

mod part;
mod value;

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use part::{RedactedPod, context, go_build, variables};
use tracego_model::{
    finding::Finding,
    meta::Meta,
    record::{
        Completeness, K8s, Own, Process, Record, Variables,
        enforcement::EnforcementDecision,
        event_name,
        frozen::Frozen,
        image::{GoBuild, Linked},
        job::{Context, Job},
        lineage::Line,
        parent::ParentProcess,
        policy::Violation,
    },
    text,
};
use value::{FoundSecrets, shown};

use crate::{
    redact::{Redaction, Redactor},
    shared_parts::SharedParts,
};

/// Name of the arguments in `tracego.completeness`.
const ARGS: &str = "process.command_args";
/// Number of environments whose redacted variables are remembered.
const VARIABLES_KEPT: usize = 16;
/// Number of programs whose redacted build information is remembered.
const BUILDS_KEPT: usize = 64;
/// Number of jobs whose redacted identity is remembered.
const CONTEXTS_KEPT: usize = 64;
/// Number of containers whose redacted labels and annotations are remembered.
const PODS_KEPT: usize = 256;
/// Number of lines of ancestors whose redacted form is remembered.
const LINES_KEPT: usize = 256;
/// Number of starts whose secrets are remembered. The least recently used is evicted; records about such a
/// process then lose what the shape of a secret betrays, and nothing more.
const STARTS_KEPT: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(starts) => starts,
    None => NonZeroUsize::MIN,
};

/// The stage that takes secrets out of records.
pub struct RedactionStage {
    redactor: Arc<Redactor>,
    /// Whether arguments and variables are left as they are; findings are still cut to one short line.
    raw: bool,
    variables: SharedParts<Variables, (Arc<Variables>, Vec<Arc<str>>)>,
    builds: SharedParts<Frozen<GoBuild>, Arc<Frozen<GoBuild>>>,
    linked: SharedParts<Frozen<Linked>, Arc<Frozen<Linked>>>,
    contexts: SharedParts<Context, Arc<Context>>,
    jobs: SharedParts<Frozen<Job>, Arc<Frozen<Job>>>,
    pods: SharedParts<Frozen<K8s>, RedactedPod>,
    /// Lines of ancestors, by their nearest process; `None` for one without a secret.
    lines: SharedParts<Line, Option<Arc<Line>>>,
    /// Secrets in the arguments of recent starts, by exec id: later records about the process may quote them.
    recent: LruCache<String, FoundSecrets>,
    /// Whether a record was redacted.
    is_used: bool,
    /// Whether the forms of secrets are others than when some parent was redacted.
    is_reloaded: bool,
}

impl RedactionStage {
    /// Creates the stage for one run.
    #[must_use]
    pub fn new(meta: &Meta) -> Self {
        Self {
            redactor: Redactor::standard(),
            raw: meta.raw,
            variables: SharedParts::new(VARIABLES_KEPT),
            builds: SharedParts::new(BUILDS_KEPT),
            linked: SharedParts::new(BUILDS_KEPT),
            contexts: SharedParts::new(CONTEXTS_KEPT),
            jobs: SharedParts::new(CONTEXTS_KEPT),
            pods: SharedParts::new(PODS_KEPT),
            lines: SharedParts::new(LINES_KEPT),
            recent: LruCache::new(STARTS_KEPT),
            is_used: false,
            is_reloaded: false,
        }
    }

    /// Uses the operator's forms of secrets. What was remembered with others is forgotten.
    pub fn set_redactor(&mut self, redactor: Arc<Redactor>) {
        self.redactor = redactor;
        self.is_reloaded |= self.is_used;
        self.variables.clear();
        self.builds.clear();
        self.linked.clear();
        self.contexts.clear();
        self.jobs.clear();
        self.pods.clear();
        self.lines.clear();
        self.recent.clear();
    }

    /// Replaces the secrets of a record by a mark and counts the changed values.
    pub fn redact(&mut self, record: &mut Record) {
        if self.raw {
            let args = record.process.as_ref().and_then(|process| process.command_args.as_deref());
            show_args(args, &record.tracego);
            show_parent(record, None);
            record.tracego.findings.iter_mut().for_each(shorten);
            return;
        }
        self.is_used = true;
        let redactor = &Arc::clone(&self.redactor);
        let own = &mut record.tracego;
        let mut found = FoundSecrets::default();
        if let Some(process) = &mut record.process {
            arguments(process, own, &mut found, redactor);
            show_args(process.command_args.as_deref(), own);
            paths(process, own, &mut found, redactor);
            self.environment(process, own);
        }
        let known = own.exec_id.as_ref().and_then(|id| self.recent.get(id));
        if let Some(known) = known {
            found.merge(known.clone());
        }
        if let Some(line) = own.ancestors.as_mut().and_then(|line| line.0.as_mut())
            && let Some(redacted) = self.lines.of(line, |line| line.redacted(&|path| redactor.path(path)))
        {
            *line = Arc::clone(redacted);
        }
        self.identity(&mut record.context, own);
        if let Some(k8s) = &mut record.k8s {
            let (redacted, names) = self.pods.of(k8s, |k8s| part::pod(k8s, redactor));
            *k8s = Arc::clone(redacted);
            names.iter().for_each(|name| own.completeness.redact(name.clone()));
        }
        if let Some(build) = own.go.as_mut().and_then(|go| go.build.as_mut()) {
            *build = Arc::clone(self.builds.of(build, |build| go_build(build, redactor)));
        }
        if let Some(elf) = own.elf.as_mut().filter(|elf| elf.image.is_some()) {
            *elf = Arc::clone(self.linked.of(elf, |elf| part::linked(elf, redactor)));
        }
        if let Some(decision) = own.enforcement.as_mut().and_then(|about| about.decision.as_mut()) {
            enforcement(decision, &mut record.body, &mut own.completeness, &mut found, redactor);
        }
        for finding in &mut own.findings {
            evidence(finding, record.process.as_deref(), &found, redactor);
        }
        if let Some(policy) = &mut own.policy {
            for list in [&mut policy.violations, &mut policy.warnings] {
                if list.iter().any(|one| texts(one).any(|text| found.is_in(text, redactor))) {
                    for one in Arc::make_mut(list) {
                        found.take_out_of_sentence(&mut one.id, redactor);
                        found.take_out_of_sentence(&mut one.msg, redactor);
                        one.remediation
                            .iter_mut()
                            .for_each(|text| found.take_out_of_sentence(text, redactor));
                    }
                }
            }
            if let Some(error) = &mut policy.error {
                found.take_out_of_sentence(error, redactor);
            }
        }
        body(record, &found, redactor);
        show_parent(record, self.is_reloaded.then_some(redactor.as_ref()));
        if record.event_name == event_name::START
            && let Some(id) = &record.tracego.exec_id
            && !found.is_empty()
        {
            self.recent.put(id.clone(), found);
        }
    }

    fn environment(&mut self, process: &mut Process, own: &mut Own) {
        let Some(shown) = &mut process.environment_variable else { return };
        let redactor = &self.redactor;
        let (redacted, names) = self.variables.of(shown, |all| variables(all, redactor));
        *shown = Arc::clone(redacted);
        for name in names {
            own.completeness.redact(format!("process.environment_variable.{name}"));
        }
    }

    /// Takes secrets out of the values that the job claims.
    fn identity(&mut self, shown: &mut Option<Arc<Context>>, own: &mut Own) {
        let redactor = &self.redactor;
        if let Some(known) = shown {
            *known = Arc::clone(self.contexts.of(known, |all| context(all, redactor)));
        }
        if let Some(job) = &mut own.job {
            *job = Arc::clone(self.jobs.of(job, |job| part::job(job, redactor)));
        }
    }
}

/// Redacts the arguments. The bytes of a redacted argument are not kept.
fn arguments(process: &mut Process, own: &mut Own, found: &mut FoundSecrets, redactor: &Redactor) {
    let Some(args) = &mut process.command_args else { return };
    for at in found.args(args, redactor) {
        own.completeness.redact(format!("process.command_args[{at}]"));
    }
}

/// Sets the arguments that records of the children of a process show. They are redacted as those of the process are.
fn show_args(args: Option<&[String]>, own: &Own) {
    if let (Some(place), Some(args)) = (&own.shown_args, args) {
        let whole = &own.completeness;
        let is_cut = whole.truncated.contains(&ARGS) || whole.unavailable.contains(&ARGS);
        place.set(args, is_cut);
    }
}

/// Adds the command line of the parent to a start. With a redactor, the arguments are redacted again: a form that the
/// operator added holds for processes that ran before, too.
fn show_parent(record: &mut Record, redactor: Option<&Redactor>) {
    let own = &mut record.tracego;
    if record.event_name != event_name::START {
        return;
    }
    let Some(args) = own.ancestors.as_ref().and_then(|above| above.0.as_ref()?.args.get()) else { return };
    let mut command_args = Arc::clone(args);
    if let Some(redactor) = redactor {
        let mut again = command_args.to_vec();
        if redactor.args(&mut again) != Redaction::default() {
            command_args = again.into();
        }
    }
    own.parent = Some(ParentProcess { command_args });
}

/// Returns the texts of a violation, which may quote the process.
fn texts(one: &Violation) -> impl Iterator<Item = &str> {
    [one.id.as_str(), one.msg.as_str()].into_iter().chain(one.remediation.as_deref())
}

/// Redacts the paths of a record.
fn paths(process: &mut Process, own: &mut Own, found: &mut FoundSecrets, redactor: &Redactor) {
    let whole = &mut own.completeness;
    let mut path = |value: &mut String, attribute: &str| {
        let changed = found.path(value, redactor);
        if changed {
            whole.redact(attribute.to_owned());
        }
        changed
    };
    if let Some(file) = &mut process.executable
        && path(&mut file.path, "process.executable.path")
    {
        file.name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(folder) = &mut process.working_directory {
        path(folder, "process.working_directory");
    }
    if let Some(exec) = &mut own.exec {
        path(&mut exec.filename, "tracego.exec.filename");
        if let Some(interpreter) = &mut exec.interpreter {
            path(interpreter, "tracego.exec.interpreter");
        }
    }
    if let Some(package) =
        own.go.as_mut().and_then(|go| go.command.as_mut()).and_then(|command| command.package.as_mut())
    {
        path(package, "tracego.go.command.package");
    }
}

/// Redacts the texts of a decision of enforcement, and its start in the body.
fn enforcement(
    decision: &mut EnforcementDecision,
    body: &mut String,
    whole: &mut Completeness,
    found: &mut FoundSecrets,
    redactor: &Redactor,
) {
    let before = decision.start();
    let changed = found.args(&mut decision.args, redactor);
    for at in &changed {
        whole.redact(format!("process.command_args[{at}]"));
    }
    found.path(&mut decision.executable, redactor);
    let after = decision.start();
    if before != after {
        *body = body.replace(&before, &after);
    }
    let texts = [&mut decision.message, &mut decision.remediation].into_iter().flatten();
    texts.chain([&mut decision.rule]).for_each(|text| found.take_out_of_sentence(text, redactor));
}

/// Redacts a finding, and cuts its texts to one short line each.
fn evidence(finding: &mut Finding, process: Option<&Process>, found: &FoundSecrets, redactor: &Redactor) {
    found.take_out_of_sentence(&mut finding.message, redactor);
    for (name, value) in &mut finding.evidence {
        match process.and_then(|process| process.command_args.as_deref()) {
            Some(args) if *name == "process.command_args" && found.has_argument() => *value = args.join(" "),
            _ => found.take_out(value, redactor),
        }
    }
    shorten(finding);
}

/// Cuts the texts of a finding to one short line each.
fn shorten(finding: &mut Finding) {
    finding.message = shown(&finding.message);
    for value in finding.evidence.values_mut() {
        *value = shown(value);
    }
}

/// Redacts the body: that of a start is made anew from the arguments.
fn body(record: &mut Record, found: &FoundSecrets, redactor: &Redactor) {
    let args = record.process.as_ref().and_then(|process| process.command_args.as_deref());
    match args {
        Some(args @ [_, ..]) if record.event_name == event_name::START => {
            if found.has_argument() {
                record.body = text::one_line(args);
            }
        }
        _ => found.take_out_of_sentence(&mut record.body, redactor),
    }
}

#[cfg(test)]
mod tests;
