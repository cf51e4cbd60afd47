//! TG016: processes that change, drop or outlive the identity of their job.

use std::sync::Arc;

use tracego_common::TaskId;
use tracego_model::{
    finding::{
        Confidence, Finding,
        Severity::{High, Low, Medium},
    },
    matcher::MatchTarget,
    record::job::{
        Contradiction, Job, Source, Trust,
        attribute::{REPOSITORY, REVISION, RUN, TASK_RUN},
    },
};

use super::{commit::same_commit, tracked_job::TrackedJob};
use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    settings::RuleSettings,
    state::RuleState,
    subject::{KeptProcess, Subject},
};

/// The rule TG016.
pub const RULE: Rule = Rule {
    id: "TG016",
    name: "job-identity",
    title: "a process that changes, drops or outlives the identity of its job",
    summary: "A process does not carry the commit and job that it was started for: what it makes is filed under \
              another commit or job, or under none.",
    remedy: "Hand the variables of the job on as they are, and end with the job what it started.",
    reference: "https://opentelemetry.io/docs/specs/semconv/registry/attributes/cicd/",
    variants: &[
        Variant {
            name: "changed",
            grades: Grades::always(High),
            summary: "It claims another commit or job than the one that it descends from.",
            remedy: "Do not set the variables of the job anew; use names of your own.",
        },
        Variant {
            name: "dropped",
            grades: Grades::always(Low),
            summary: "It descends from a job, and commit or job are no longer in its environment.",
            remedy: "Hand the variables on: sudo --preserve-env=…, docker run --env …, no env -i.",
        },
        Variant {
            name: "other-container",
            grades: Grades::always(High),
            summary: "It claims one job and runs in the container that another job, which still runs, was given.",
            remedy: "Give each job a container of its own.",
        },
        Variant {
            name: "contradicts-pod",
            grades: Grades::always(High),
            summary: "It claims another commit, repository or job than labels and annotations of its pod.",
            remedy: "Do not set the variables of the job anew; use names of your own. If the pod is wrong, look at \
                     who may set its annotations: docs/kubernetes.md says which labels a job cannot set.",
        },
        Variant {
            name: "outlives",
            grades: Grades::always(Medium),
            summary: "It still runs after the last process that opened its job has ended.",
            remedy: "End with the job what it started: wait for it, or stop it in a trap.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// A process of a job.
#[derive(Clone, Debug)]
pub struct JobMember {
    /// The job of the process.
    pub(in crate::rules) job: Arc<str>,
    /// Whether the process opened the job.
    pub(in crate::rules) opens: bool,
    /// The container whose first process this is.
    pub(in crate::rules) first_of: Option<Arc<str>>,
    /// The facts for findings after the job has ended.
    pub(in crate::rules) known: Arc<KeptProcess>,
}

impl JobMember {
    /// Creates a member for a process that opened a job or descends from its opener. Returns `None` without a
    /// job.
    pub(in crate::rules) fn of(
        subject: &Subject<'_>,
        settings: &RuleSettings,
        memory: &mut RuleState,
    ) -> Option<Self> {
        let record = subject.record;
        let root = record.tracego.job.as_ref()?.root.as_ref()?;
        let job = memory.job_key(subject)?;
        let container = record.container.as_ref().filter(|_| subject.is_main() && claims_itself(subject));
        Some(Self {
            job,
            opens: root.pid == subject.id.tgid && record.tracego.exec_id.as_ref() == Some(&root.exec_id),
            first_of: container.map(|container| container.id.as_str().into()),
            known: Arc::new(KeptProcess::of(subject, settings)),
        })
    }

    /// Creates a member for a forked child.
    pub(in crate::rules) fn forked(&self) -> Self {
        Self { opens: false, first_of: None, ..self.clone() }
    }
}

/// Whether the process's own environment names the job.
fn claims_itself(subject: &Subject<'_>) -> bool {
    let job = subject.record.tracego.job.as_ref();
    job.is_some_and(|job| {
        let named = |attribute| matches!(attribute, RUN | TASK_RUN);
        job.sources.iter().any(|source| source.source == Source::Environment && named(source.attribute))
    })
}

/// Whether a finding can be about an attribute: commit and job. Names of steps and links change within a job.
fn matters(attribute: &str) -> bool {
    matches!(attribute, REVISION | RUN | TASK_RUN)
}

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(job) = subject.record.tracego.job.as_ref() else {
        return;
    };
    let root = job.root.as_ref().map_or("", |root| root.exec_id.as_str());
    for changed in job.changed.iter().filter(|changed| matters(changed.attribute)) {
        let (claimed, expected) = (changed.claimed.as_str(), changed.expected.as_str());
        // A short hash of the same commit is the same commit.
        let same = changed.attribute == REVISION && same_commit(claimed, expected) == Some(true);
        // Descendants inherit the claim; only the first process that makes it is reported.
        if same || !report.memory.is_new(&(root, changed.attribute, claimed)) {
            continue;
        }
        let whose = if changed.source == Source::Explicit { "--env says" } else { "its job has" };
        let message = format!("a process claims {} {claimed} where {whose} {expected}", changed.attribute);
        let case = FindingCase::new("changed", message)
            .with("attribute", changed.attribute)
            .with("claimed", claimed)
            .with("expected", expected)
            .with_some("job.root", Some(root).filter(|root| !root.is_empty()));
        report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
    }
    contradicts_pod(subject, job, root, report);
    let mut dropped = job.dropped.iter().copied().filter(|attribute| matters(attribute)).peekable();
    if dropped.peek().is_some() && subject.knows_environment() && report.memory.is_new(&(root, "dropped")) {
        let list = dropped.collect::<Vec<_>>().join(", ");
        let case = FindingCase::new(
            "dropped",
            format!("a process of a job no longer has {list} in its environment"),
        )
        .with("attributes", list)
        .with("job.root", root);
        report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
    }
    other_container(subject, report);
}

/// Reports what the environment claims and the pod contradicts, each claim once for a job or a pod.
fn contradicts_pod(subject: &Subject<'_>, job: &Job, root: &str, report: &mut FindingCollector<'_>) {
    let pod = job.pod.as_deref().unwrap_or_default();
    // Where several labels and annotations contradict a claim, the one that no job can set is shown.
    let trusted = |one: &&Contradiction| one.trust == Trust::Protected;
    for attribute in [REVISION, REPOSITORY, RUN, TASK_RUN] {
        let about = || job.contradictions.iter().filter(|one| one.attribute == attribute);
        let Some(one) = about().find(trusted).or_else(|| about().next()) else { continue };
        let claimed = one.environment.as_str();
        if !report.memory.is_new(&(root, pod, attribute, claimed)) {
            continue;
        }
        let message = format!("a process claims {attribute} {claimed} where its pod has {}", one.pod);
        let confidence = if one.trust == Trust::Protected { Confidence::High } else { Confidence::Medium };
        let case = FindingCase::new("contradicts-pod", message)
            .sure(confidence)
            .with("attribute", attribute)
            .with("claimed", claimed)
            .with("expected", one.pod.as_str())
            .with("pod.key", one.variable)
            .with("k8s.pod.uid", pod);
        report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
    }
}

fn other_container(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(container) = &subject.record.container else {
        return;
    };
    if subject.is_main() || !claims_itself(subject) {
        return;
    }
    let Some((first, job)) = report.memory.containers.peek(container.id.as_str()).cloned() else {
        return;
    };
    let Some(own) = subject.job().filter(|own| *own != job.as_ref()) else {
        return;
    };
    if !report.memory.is_new(&(container.id.as_str(), own)) {
        return;
    }
    let message = format!("a process of job {own} runs in the container of job {job}");
    let case = FindingCase::new("other-container", message)
        .with("container.id", &container.id)
        .with("container.job", job.as_ref())
        .with("container.first.pid", first.tgid.to_string())
        .with("job", own);
    report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
}

/// Returns findings about processes whose job ended longer ago than the configuration allows. Each job is
/// reported once.
pub(in crate::rules) fn left_over(
    settings: &RuleSettings,
    memory: &mut RuleState,
    now: u64,
) -> Vec<(TaskId, Finding)> {
    let grace = settings.thresholds.job_grace.saturating_mul(1_000_000_000);
    let due = |job: &TrackedJob| {
        job.openers == 0 && job.ended.is_some_and(|ended| now >= ended.saturating_add(grace))
    };
    let ended: Vec<Arc<str>> =
        memory.jobs.iter().filter(|(_, job)| due(job)).map(|(key, _)| Arc::clone(key)).collect();
    if ended.is_empty() {
        return Vec::new();
    }
    let left: Vec<(TaskId, JobMember)> = memory
        .members
        .iter()
        .filter(|(_, member)| ended.contains(&member.job))
        .map(|(id, member)| (*id, member.clone()))
        .collect();
    let rule = &crate::rules::registry::RULES[15];
    let mut found = Vec::new();
    for (id, member) in left {
        memory.members.pop(&id);
        let mut report = FindingCollector::new(settings, memory, rule);
        let known = &member.known;
        let message = format!(
            "{} (process {}) still runs after its job {} has ended",
            known.path(),
            id.tgid,
            member.job
        );
        let case = FindingCase::new("outlives", message)
            .sure(Confidence::Medium)
            .with("job", member.job.as_ref())
            .with("process.executable.path", known.path());
        report.add(case, known.place, &known.scope_target());
        found.extend(report.into_findings().into_iter().map(|finding| (id, finding)));
    }
    for job in ended {
        memory.jobs.pop(&job);
    }
    found
}
