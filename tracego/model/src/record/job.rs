//! The commit and the job of a process: `cicd.*`, `vcs.*` and `tracego.job.*`.

use std::sync::Arc;

use serde::Serialize;

use super::{frozen::Frozen, tree::Tree};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `--env KEY=VALUE`.
    Explicit,
    /// The process's own environment.
    Environment,
    /// The process that opened the job.
    Inherited,
}

/// `cicd` and `vcs`, beside each other at the top of a record.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context {
    /// `cicd.*`.
    #[serde(skip_serializing_if = "Tree::is_empty")]
    pub cicd: Tree,
    /// `vcs.*`.
    #[serde(skip_serializing_if = "Tree::is_empty")]
    pub vcs: Tree,
}

/// `tracego.job.*`: where the identity comes from and what contradicts it.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    /// Process that opened the job, absent when all values are explicit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Each attribute with its source.
    pub sources: Vec<Sourced>,
    /// Attributes that the process claims otherwise than the job that it descends from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Attributes of the job that are no longer in the process's environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<&'static str>,
}

/// `tracego.job.root.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Root {
    /// Its process id.
    pub pid: u32,
    /// Its identity.
    pub exec_id: String,
}

/// An attribute's source.
#[derive(Clone, Debug, Serialize)]
pub struct Sourced {
    /// The attribute.
    pub attribute: &'static str,
    /// See [`Source`].
    pub source: Source,
    /// The variable.
    pub variable: &'static str,
}

/// A claim that contradicts a stronger or an earlier one.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// The attribute.
    pub attribute: &'static str,
    /// What the process says.
    pub claimed: String,
    /// What it should say.
    pub expected: String,
    /// Who says that: explicit, or the job that the process descends from.
    pub source: Source,
}

/// Commit and job of a process, shared by all that say the same.
pub type Identified = (Arc<Context>, Arc<Frozen<Job>>);
