//! The stage that takes secrets out of a record, behind every decision and in front of every output.
//!
//! Rules, policies and enforcement see arguments, variables and paths as the kernel recorded them; a secret
//! disappears when the record is complete. Parts that many records share are redacted once and remembered.

mod shared_part;
mod value;

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use shared_part::{SharedParts, context, go_build, variables};
use tracego_model::{
    finding::Finding,
    meta::Meta,
    record::{
        Own, Process, Record, Variables,
        enforcement::EnforcementDecision,
        event_name,
        frozen::Frozen,
        image::GoBuild,
        job::{Context, Job},
        lineage::Lineage,
    },
    text,
};
use value::{FoundSecrets, shown};

use crate::redact;

/// Number of environments whose redacted variables are remembered.
const VARIABLES_KEPT: usize = 16;
/// Number of programs whose redacted build information is remembered.
const BUILDS_KEPT: usize = 64;
/// Number of jobs whose redacted identity is remembered.
const CONTEXTS_KEPT: usize = 64;
/// Number of starts whose secrets are remembered. The least recently used is evicted; records about such a
/// process then lose what the shape of a secret betrays, and nothing more.
const STARTS_KEPT: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(starts) => starts,
    None => NonZeroUsize::MIN,
};

/// The stage that takes secrets out of records.
pub struct RedactionStage {
    /// Whether arguments and variables are left as they are; findings are still cut to one short line.
    raw: bool,
    /// Variables of `--env`, which the operator chose to write.
    injected: Vec<(String, String)>,
    variables: SharedParts<Variables, (Arc<Variables>, Vec<Arc<str>>)>,
    builds: SharedParts<Frozen<GoBuild>, Arc<Frozen<GoBuild>>>,
    contexts: SharedParts<Context, Arc<Context>>,
    jobs: SharedParts<Frozen<Job>, Arc<Frozen<Job>>>,
    /// Secrets in the arguments of recent starts, by exec id: later records about the process may quote them.
    recent: LruCache<String, FoundSecrets>,
}

impl RedactionStage {
    /// Creates the stage for one run.
    #[must_use]
    pub fn new(meta: &Meta) -> Self {
        Self {
            raw: meta.raw,
            injected: meta.injected.clone(),
            variables: SharedParts::new(VARIABLES_KEPT),
            builds: SharedParts::new(BUILDS_KEPT),
            contexts: SharedParts::new(CONTEXTS_KEPT),
            jobs: SharedParts::new(CONTEXTS_KEPT),
            recent: LruCache::new(STARTS_KEPT),
        }
    }

    /// Replaces the secrets of a record by a mark and counts the changed values.
    pub fn redact(&mut self, record: &mut Record) {
        if self.raw {
            record.tracego.findings.iter_mut().for_each(shorten);
            return;
        }
        let own = &mut record.tracego;
        let known = own.exec_id.as_ref().filter(|_| record.event_name != event_name::START);
        let mut found = known.and_then(|id| self.recent.get(id).cloned()).unwrap_or_default();
        if let Some(process) = &mut record.process {
            arguments(process, own, &mut found);
            paths(process, own);
            self.environment(process, own);
        }
        self.identity(&mut record.context, own);
        if let Some(build) = own.go.as_mut().and_then(|go| go.build.as_mut()) {
            *build = self.builds.of(build, go_build);
        }
        if let Some(decision) = own.enforcement.as_mut().and_then(|about| about.decision.as_mut()) {
            enforcement(decision, &mut record.body, &mut own.completeness.redacted, &mut found);
        }
        for finding in &mut own.findings {
            evidence(finding, record.process.as_deref(), &found);
        }
        if let Some(policy) = &mut own.policy {
            for list in [&mut policy.violations, &mut policy.warnings] {
                if list.iter().any(|one| found.is_in(&one.msg)) {
                    Arc::make_mut(list).iter_mut().for_each(|one| found.take_out(&mut one.msg));
                }
            }
            if let Some(error) = &mut policy.error {
                found.take_out(error);
            }
        }
        body(record, &found);
        if record.event_name == event_name::START
            && let Some(id) = &record.tracego.exec_id
        {
            if found.is_empty() {
                self.recent.pop(id);
            } else {
                self.recent.put(id.clone(), found);
            }
        }
    }

    fn environment(&mut self, process: &mut Process, own: &mut Own) {
        let Some(shown) = &mut process.environment_variable else { return };
        let injected = &self.injected;
        let (redacted, names) = self.variables.of(shown, |all| variables(all, injected));
        *shown = redacted;
        own.completeness.redacted += u32::try_from(names.len()).unwrap_or(u32::MAX);
        for name in names {
            own.completeness.bytes.remove(&format!("process.environment_variable.{name}"));
        }
    }

    /// Takes secrets out of the values that the job claims.
    fn identity(&mut self, shown: &mut Option<Arc<Context>>, own: &mut Own) {
        if let Some(known) = shown {
            let job = own.job.as_deref();
            *known = self.contexts.of(known, |all| context(all, job));
        }
        if let Some(job) = &mut own.job {
            *job = self.jobs.of(job, shared_part::job);
        }
    }
}

/// Redacts the arguments. The bytes of a redacted argument are not kept.
fn arguments(process: &mut Process, own: &mut Own, found: &mut FoundSecrets) {
    let Some(args) = &mut process.command_args else { return };
    let changed = found.args(args);
    own.completeness.redacted += u32::try_from(changed.len()).unwrap_or(u32::MAX);
    for at in changed {
        own.completeness.bytes.remove(&format!("process.command_args[{at}]"));
    }
}

/// Redacts the paths of a record.
fn paths(process: &mut Process, own: &mut Own) {
    let whole = &mut own.completeness;
    let mut path = |value: &mut String, attribute: &str| {
        let changed = redact::text(value);
        if changed {
            whole.redacted += 1;
            whole.bytes.remove(attribute);
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
    if let Some(lineage) = &mut own.ancestors
        && lineage.iter().any(|line| line.secret)
    {
        *lineage = Lineage(lineage.0.as_ref().map(|line| {
            line.redacted(&|path| {
                redact::text(path);
            })
        }));
    }
}

/// Redacts the texts of a decision of enforcement, and its start in the body.
fn enforcement(
    decision: &mut EnforcementDecision,
    body: &mut String,
    redacted: &mut u32,
    found: &mut FoundSecrets,
) {
    let before = decision.start();
    let changed = found.args(&mut decision.args);
    *redacted += u32::try_from(changed.len()).unwrap_or(u32::MAX);
    if !changed.is_empty() {
        *body = body.replace(&before, &decision.start());
    }
    redact::text(&mut decision.executable);
    if let Some(message) = &mut decision.message {
        found.take_out(message);
    }
}

/// Redacts a finding, and cuts its texts to one short line each.
fn evidence(finding: &mut Finding, process: Option<&Process>, found: &FoundSecrets) {
    found.take_out(&mut finding.message);
    for (name, value) in &mut finding.evidence {
        match process.and_then(|process| process.command_args.as_deref()) {
            Some(args) if *name == "process.command_args" && !found.is_empty() => *value = args.join(" "),
            _ => found.take_out(value),
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
fn body(record: &mut Record, found: &FoundSecrets) {
    let args = record.process.as_ref().and_then(|process| process.command_args.as_deref());
    match args {
        Some([]) | None => found.take_out(&mut record.body),
        Some(args) if record.event_name == event_name::START => {
            if !found.is_empty() {
                record.body = text::one_line(args);
            }
        }
        Some(_) => found.take_out(&mut record.body),
    }
}

#[cfg(test)]
mod tests;
