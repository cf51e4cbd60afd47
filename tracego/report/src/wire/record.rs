//! The members of a record that reports read.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;
use tracego_model::finding::{Confidence, Severity};

/// A record. Members that few records have are parsed when they are needed.
#[derive(Debug, Deserialize)]
pub(crate) struct WireRecord<'a> {
    #[serde(borrow, default)]
    pub(crate) schema: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) event_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) timestamp: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) body: Cow<'a, str>,
    #[serde(default)]
    pub(crate) seq: u64,
    #[serde(borrow, default)]
    pub(crate) host: WireHost<'a>,
    #[serde(borrow)]
    pub(crate) service: Option<WireService<'a>>,
    #[serde(borrow)]
    pub(crate) process: Option<WireProcess<'a>>,
    #[serde(borrow)]
    pub(crate) cicd: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) vcs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) k8s: Option<WirePlace<'a>>,
    #[serde(borrow, default)]
    pub(crate) tracego: WireOwn<'a>,
}

/// `host.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireHost<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
}

/// `k8s.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WirePlace<'a> {
    #[serde(borrow, default)]
    pub(crate) node: WireNode<'a>,
}

/// `k8s.node.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireNode<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
}

/// `service.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireService<'a> {
    #[serde(borrow, default)]
    pub(crate) instance: WireInstance<'a>,
}

/// `service.instance.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireInstance<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Cow<'a, str>,
}

/// `process.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireProcess<'a> {
    #[serde(default)]
    pub(crate) pid: u32,
    #[serde(borrow, default)]
    pub(crate) creation: WireMoment<'a>,
    #[serde(borrow, default)]
    pub(crate) command: Cow<'a, str>,
    #[serde(default)]
    pub(crate) command_args: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) executable: WireExecutable<'a>,
    #[serde(borrow, default)]
    pub(crate) working_directory: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) user: Option<WireUser<'a>>,
    #[serde(borrow)]
    pub(crate) environment_variable: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) exit: Option<WireExit<'a>>,
}

/// `process.creation.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireMoment<'a> {
    #[serde(borrow, default)]
    pub(crate) time: Cow<'a, str>,
}

/// `process.executable.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireExecutable<'a> {
    #[serde(borrow, default)]
    pub(crate) path: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) build_id: WireBuildId<'a>,
}

/// `process.executable.build_id.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireBuildId<'a> {
    #[serde(borrow, default)]
    pub(crate) htlhash: Cow<'a, str>,
}

/// `process.user.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireUser<'a> {
    #[serde(default)]
    pub(crate) id: u32,
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
}

/// `process.exit.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireExit<'a> {
    #[serde(default)]
    pub(crate) code: i64,
    #[serde(borrow, default)]
    pub(crate) time: Cow<'a, str>,
}

/// `tracego.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireOwn<'a> {
    #[serde(borrow, default)]
    pub(crate) exec_id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) parent_exec_id: Cow<'a, str>,
    #[serde(borrow, default, rename = "ref")]
    pub(crate) references: WireReferences<'a>,
    #[serde(borrow, default)]
    pub(crate) ancestors: Vec<WireAncestor<'a>>,
    #[serde(borrow)]
    pub(crate) image: Option<WireImage<'a>>,
    #[serde(borrow)]
    pub(crate) go: Option<WireGo<'a>>,
    #[serde(borrow)]
    pub(crate) job: Option<WireJob<'a>>,
    #[serde(borrow)]
    pub(crate) environment_variable: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) selected: bool,
    #[serde(borrow)]
    pub(crate) findings: Option<&'a RawValue>,
    pub(crate) enforcement: Option<WireEnforcement>,
    #[serde(borrow)]
    pub(crate) policy: Option<&'a RawValue>,
    pub(crate) exit: Option<WireExitFacts>,
    #[serde(default)]
    pub(crate) lost: BTreeMap<String, u64>,
    pub(crate) sink: Option<WireSink>,
    #[serde(borrow)]
    pub(crate) chain_start: Option<&'a RawValue>,
}

/// `tracego.ref.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireReferences<'a> {
    #[serde(borrow, default)]
    pub(crate) stream: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) job: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) image: Cow<'a, str>,
}

/// An element of `tracego.ancestors`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireAncestor<'a> {
    #[serde(default)]
    pub(crate) pid: u32,
    #[serde(borrow, default)]
    pub(crate) creation: WireMoment<'a>,
    #[serde(borrow, default)]
    pub(crate) command: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) executable: WireExecutable<'a>,
}

/// `tracego.image.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireImage<'a> {
    #[serde(borrow, default)]
    pub(crate) build_id: WireBuildId<'a>,
}

/// `tracego.go.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireGo<'a> {
    #[serde(borrow, default)]
    pub(crate) role: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) command: Option<WireGoCommand<'a>>,
}

/// `tracego.go.command.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireGoCommand<'a> {
    #[serde(borrow, default)]
    pub(crate) exec_id: Cow<'a, str>,
}

/// `tracego.job.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireJob<'a> {
    #[serde(borrow, default)]
    pub(crate) root: WireJobRoot<'a>,
    #[serde(default)]
    pub(crate) change: bool,
}

/// `tracego.job.root.*`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WireJobRoot<'a> {
    #[serde(borrow, default)]
    pub(crate) exec_id: Cow<'a, str>,
}

/// `tracego.enforcement.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireEnforcement {
    #[serde(default)]
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) rule: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) remediation: String,
    #[serde(default)]
    pub(crate) executable: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) error: String,
}

/// `tracego.exit.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireExitFacts {
    pub(crate) signal: Option<u32>,
    #[serde(default)]
    pub(crate) max_rss_bytes: u64,
}

/// `tracego.sink.*`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireSink {
    #[serde(default)]
    pub(crate) name: String,
}

/// An element of `tracego.findings`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireFinding {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) variant: String,
    pub(crate) severity: Severity,
    pub(crate) confidence: Option<Confidence>,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) remedy: String,
    #[serde(default)]
    pub(crate) evidence: BTreeMap<String, String>,
}

/// `tracego.policy`.
#[derive(Debug, Deserialize)]
pub(crate) struct WirePolicy {
    #[serde(default)]
    pub(crate) allow: bool,
    pub(crate) severity: Option<Severity>,
    #[serde(default)]
    pub(crate) violations: Vec<WireViolation>,
    pub(crate) error: Option<String>,
}

/// An element of `tracego.policy.violations`.
#[derive(Debug, Deserialize)]
pub(crate) struct WireViolation {
    #[serde(default)]
    pub(crate) bundle: String,
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) msg: String,
    pub(crate) severity: Option<Severity>,
    #[serde(default)]
    pub(crate) remediation: String,
}
