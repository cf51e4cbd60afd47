//! The commit and the job of a process: `cicd.*`, `vcs.*` and `tracego.job.*`.

pub mod attribute;

use std::sync::Arc;

use serde::Serialize;

use super::{frozen::Frozen, tree::Tree};

/// The source of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `--env KEY=VALUE`.
    Explicit,
    /// The process's own environment.
    Environment,
    /// The process that opened the job.
    Inherited,
    /// A label of the pod.
    #[serde(rename = "pod.label")]
    PodLabel,
    /// An annotation of the pod.
    #[serde(rename = "pod.annotation")]
    PodAnnotation,
}

/// Whether the author of a job can choose a value of its pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// The CI system documents that a job cannot set the value.
    Protected,
    /// The author of a job, or whoever may change the pod, can set the value.
    Claimed,
}

/// `cicd` and `vcs`, two members of a record.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context {
    /// `cicd.*`.
    #[serde(skip_serializing_if = "Tree::is_empty")]
    pub cicd: Tree,
    /// `vcs.*`.
    #[serde(skip_serializing_if = "Tree::is_empty")]
    pub vcs: Tree,
}

/// The reason why a process counts as part of a CI job.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenedBy {
    /// `--env KEY=VALUE` names a job, for all processes.
    Explicit,
    /// An ancestor was started with the variables of a job.
    Ancestor,
    /// Labels or annotations of the pod name a job, and no ancestor does.
    Pod,
    /// The process itself was started with the variables of a job: its own claim alone.
    #[serde(rename = "self")]
    Itself,
}

/// Attributes by which the configuration names jobs: names and ids of pipeline and job.
pub const JOB_NAMES: [&str; 4] = [attribute::PIPELINE, attribute::RUN, attribute::TASK, attribute::TASK_RUN];

/// `tracego.job.*`: the sources of the identity, and the claims that contradict it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Job {
    /// The reason why the process counts as part of a job; absent outside of jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<OpenedBy>,
    /// Process that opened the job; absent when no process did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Uid of the pod, if its labels or annotations name a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Arc<str>>,
    /// The attributes, each with its source.
    pub sources: Vec<Sourced>,
    /// Values of the environment that labels or annotations of the pod contradict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
    /// Claims of the process that contradict the job it descends from, or explicit values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Attributes of the job that are no longer in the process's environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<&'static str>,
    /// Values that somebody else than the process states: `--env`, the pod, or the process that opened the job. Not
    /// written.
    #[serde(skip)]
    pub vouched: Vec<(&'static str, String)>,
    /// Commits besides `vcs.ref.head.revision` that the checkout may be at: head and merge commit of a pull
    /// request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<CommitClaim>,
    /// Whether the run is for a pull or merge request, or for another event whose commit is not the checkout.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub change: bool,
}

impl Job {
    /// Returns the value of an attribute as somebody else than the process states it.
    #[must_use]
    pub fn vouched(&self, attribute: &str) -> Option<&str> {
        self.vouched.iter().find(|(known, _)| *known == attribute).map(|(_, value)| value.as_str())
    }

    /// Returns what tells the job from others in this run: the id of the process that opened it, or the uid of the pod
    /// that names it.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.root.as_ref().map(|root| root.exec_id.as_str()).or(self.pod.as_deref())
    }
}

/// A commit that a variable names.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CommitClaim {
    /// The commit.
    pub revision: String,
    /// The variable that names it.
    pub variable: &'static str,
}

/// `tracego.job.root.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Root {
    /// Id of the process.
    pub pid: u32,
    /// `tracego.exec_id` of the process.
    pub exec_id: String,
}

/// The source of an attribute.
#[derive(Clone, Debug, Serialize)]
pub struct Sourced {
    /// The attribute.
    pub attribute: &'static str,
    /// The source; see [`Source`].
    pub source: Source,
    /// The variable, or the key of the label or annotation, that the value comes from.
    pub variable: &'static str,
    /// Whether the author of the job can choose the value; only for values of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
}

/// A value of the environment that the pod contradicts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Contradiction {
    /// The attribute.
    pub attribute: &'static str,
    /// The value in the environment of the process, or of the process that opened the job.
    pub environment: String,
    /// The value that the pod has.
    pub pod: String,
    /// The source of the pod's value.
    pub source: Source,
    /// The label or annotation with the pod's value.
    pub variable: &'static str,
    /// Whether the author of the job can choose the pod's value.
    pub trust: Trust,
}

/// A claim that contradicts a stronger or an earlier one.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// The attribute.
    pub attribute: &'static str,
    /// The value that the process claims.
    pub claimed: String,
    /// The value that was expected.
    pub expected: String,
    /// The source of the expected value: explicit, or the job that the process descends from.
    pub source: Source,
}

/// Commit and job of a process, shared by all processes with the same values.
pub type Identified = (Arc<Context>, Arc<Frozen<Job>>);
