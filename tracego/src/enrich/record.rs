//! The record as it is written: names of the OpenTelemetry semantic conventions, nested.

use std::collections::BTreeMap;

use serde::Serialize;
use tracego_common::{ExecFixed, flags, limits::ENV_NAME_MAX};

use super::text::{comm, lossy};
use crate::event::Exec;

/// Version of this shape.
pub const SCHEMA: &str = "tracego/1";
/// Semantic conventions that the names come from.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// One line of output.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    /// See [`SCHEMA`].
    pub schema: &'static str,
    /// See [`SCHEMA_URL`].
    pub schema_url: &'static str,
    /// `tracego.process.start`, `.exit` or `.fork`.
    pub event_name: &'static str,
    /// When the kernel saw it, RFC 3339.
    pub timestamp: String,
    /// Position in this agent's stream, from 1.
    pub seq: u64,
    /// The subject.
    pub process: Process,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcs: Option<Vcs>,
    /// The job.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cicd: BTreeMap<&'static str, serde_json::Value>,
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// What has no conventional name.
    pub tracego: Own,
}

/// `process.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Start, RFC 3339; with the pid the identity.
    pub creation_time: String,
    /// Parent at the time of the event.
    pub parent_pid: u32,
    /// Pid in the innermost namespace.
    #[serde(skip_serializing_if = "is_zero")]
    pub vpid: u32,
    /// Task name.
    pub command: String,
    /// Arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_args: Option<Vec<String>>,
    /// Arguments as the kernel counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_count: Option<u32>,
    /// True bytes of the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_bytes: Option<u32>,
    /// The executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<Executable>,
    /// What the caller passed to exec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The interpreter of a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Effective user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// Real user.
    pub real_user: Id,
    /// Saved user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_user: Option<Id>,
    /// Process group.
    #[serde(skip_serializing_if = "is_zero")]
    pub group_leader_pid: u32,
    /// Session.
    #[serde(skip_serializing_if = "is_zero")]
    pub session_leader_pid: u32,
    /// Allowed and injected variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_variable: BTreeMap<String, String>,
    /// Linux only.
    pub linux: Linux,
    /// Namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Ns>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
}

/// `process.executable.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Executable {
    /// Path from the root of the mount namespace.
    pub path: String,
    /// Last part of it.
    pub name: String,
    /// Inode number.
    pub inode: u64,
    /// `major:minor`.
    pub device: String,
    /// Change time, ns since 1970.
    pub ctime_ns: u64,
    /// Mode in octal.
    pub mode: String,
    /// Owner.
    pub owner_id: u32,
    /// It has no name in any directory.
    pub deleted: bool,
    /// It never had one.
    pub memfd: bool,
}

/// A user.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Id {
    /// Number in the initial user namespace.
    pub id: u32,
}

/// What only Linux has.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Linux {
    /// cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
    /// Thread that called exec.
    #[serde(skip_serializing_if = "is_zero")]
    pub exec_tid: u32,
    /// Audit login user; absent when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// Audit session; absent when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_session: Option<u32>,
    /// `major:minor` of the controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// Seccomp mode: 0 off, 1 strict, 2 filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp_mode: Option<u32>,
    /// `prctl(PR_SET_NO_NEW_PRIVS)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_new_privs: Option<bool>,
    /// Capability sets in hexadecimal, as in /proc/PID/status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: BTreeMap<&'static str, String>,
    /// Soft and hard limits by name; `null` is unlimited.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rlimits: BTreeMap<&'static str, Limit>,
}

/// One resource limit.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limit {
    /// In force; `None` is unlimited.
    pub soft: Option<u64>,
    /// Most that it can be raised to; `None` is unlimited.
    pub hard: Option<u64>,
}

/// `process.linux.cgroup.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Cgroup {
    /// Path in its hierarchy.
    pub path: String,
    /// Number of the v2 node.
    pub id: u64,
    /// The path is of the v1 pids hierarchy.
    pub v1: bool,
    /// systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
}

/// Namespace numbers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ns {
    /// Pid namespace.
    pub pid: u32,
    /// Mount namespace.
    pub mnt: u32,
    /// User namespace.
    pub user: u32,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exit {
    /// Its code, unless a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// Whether a core was dumped.
    pub core_dumped: bool,
    /// From its start.
    pub run_time_ns: u64,
    /// Peak resident set.
    pub max_rss_bytes: u64,
}

/// `vcs.ref.head.revision`.
#[derive(Clone, Debug, Serialize)]
pub struct Vcs {
    /// `ref.*`, nested as the attribute is.
    #[serde(rename = "ref")]
    pub reference: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// `container.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its runtime, where the name says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<&'static str>,
}

/// An ancestor.
#[derive(Clone, Debug, Serialize)]
pub struct Parent {
    /// Process id.
    pub pid: u32,
    /// Executable.
    pub executable: String,
}

/// `tracego.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Own {
    /// Identity of the process: boot id, start, pid.
    pub exec_id: String,
    /// From the parent up to the root.
    pub ancestors: Vec<Parent>,
    /// Who opened the job that this process inherited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_root: Option<String>,
    /// Variables that the process does not have itself and that come from the job's root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherited: Vec<String>,
    /// In the followed tree.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_tree: bool,
    /// Values that are not whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<&'static str>,
    /// Values that this kernel does not offer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// `RLIMIT_*` in the kernel's order (include/uapi/asm-generic/resource.h).
const RLIMITS: [&str; 16] = [
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks",
    "sigpending", "msgqueue", "nice", "rtprio", "rttime",
];

/// Variables that name a job, most specific first.
pub const JOB_NAMES: [&str; 6] =
    ["CI_JOB_ID", "GITHUB_RUN_ID", "BUILDKITE_JOB_ID", "CIRCLE_WORKFLOW_JOB_ID", "SYSTEM_JOBID", "BUILD_ID"];
/// Variables that name a commit.
pub const COMMIT_NAMES: [&str; 6] =
    ["GIT_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT", "CIRCLE_SHA1", "BUILD_SOURCEVERSION"];

const _: () = assert!(ENV_NAME_MAX == 64);

impl Record {
    /// An empty record of a kind.
    #[must_use]
    pub fn new(event_name: &'static str, seq: u64) -> Self {
        Self { schema: SCHEMA, schema_url: SCHEMA_URL, event_name, seq, ..Self::default() }
    }

    /// Adds variables; later ones win.
    pub fn environment(&mut self, variables: &BTreeMap<String, String>) {
        let all = &mut self.process.environment_variable;
        all.extend(variables.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.vcs = Vcs::from_environment(all);
        if let Some(job) = JOB_NAMES.iter().find_map(|name| all.get(*name)) {
            let id = serde_json::json!({ "task": { "run": { "id": job } } });
            self.cicd.insert("pipeline", id);
        }
    }

    /// Takes what the job's root had and the process `own` does not.
    pub fn inherit(&mut self, root: &BTreeMap<String, String>, job_root: String, own: &BTreeMap<String, String>) {
        self.tracego.inherited = root.keys().filter(|name| !own.contains_key(*name)).cloned().collect();
        self.tracego.job_root = Some(job_root);
        self.environment(root);
    }
}

impl Vcs {
    /// The commit that the variables name.
    #[must_use]
    pub fn from_environment(variables: &BTreeMap<String, String>) -> Option<Self> {
        let revision = COMMIT_NAMES.iter().find_map(|name| variables.get(*name))?;
        let head = BTreeMap::from([("revision", revision.clone())]);
        Some(Self { reference: BTreeMap::from([("head", head)]) })
    }
}

impl Process {
    /// Takes names and texts of an exec.
    pub fn command_from(&mut self, exec: &Exec) {
        let fixed = &exec.fixed;
        let path = lossy(&exec.exe);
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        self.executable = Some(Executable {
            name,
            path,
            inode: fixed.exe_inode,
            device: device(fixed.exe_dev),
            ctime_ns: fixed.exe_ctime_ns,
            mode: format!("{:o}", fixed.exe_mode),
            owner_id: fixed.exe_uid,
            deleted: fixed.header.flags & flags::EXE_DELETED != 0,
            memfd: fixed.header.flags & flags::EXE_MEMFD != 0,
        });
        self.command = lossy(comm(&fixed.comm));
        self.command_args = Some(exec.argv.iter().map(|a| lossy(a)).collect());
        self.args_count = Some(fixed.argc);
        self.args_bytes = Some(fixed.argv_total);
        self.filename = Some(lossy(&exec.filename));
        self.interpreter = (exec.interp != exec.filename).then(|| lossy(&exec.interp));
        self.working_directory = Some(lossy(&exec.cwd));
    }

    /// Takes what only Linux has.
    pub fn linux_from(&mut self, fixed: &ExecFixed) {
        self.vpid = fixed.vpid;
        self.user = Some(Id { id: fixed.euid });
        self.real_user = Id { id: fixed.uid };
        self.saved_user = Some(Id { id: fixed.suid });
        self.group_leader_pid = fixed.pgid;
        self.session_leader_pid = fixed.sid;
        let set = |value: u32| (value != u32::MAX).then_some(value);
        let hex = |bits: u64| format!("{bits:016x}");
        let unlimited = |value: u64| (value != u64::MAX).then_some(value);
        self.linux = Linux {
            cgroup: None,
            exec_tid: fixed.old_tid,
            login_uid: set(fixed.loginuid),
            audit_session: set(fixed.sessionid),
            tty: (fixed.tty_dev != 0).then(|| device(fixed.tty_dev)),
            seccomp_mode: Some(fixed.seccomp_mode),
            no_new_privs: Some(fixed.header.flags & flags::NO_NEW_PRIVS != 0),
            capabilities: BTreeMap::from([
                ("effective", hex(fixed.cap_effective)),
                ("permitted", hex(fixed.cap_permitted)),
                ("inheritable", hex(fixed.cap_inheritable)),
                ("bounding", hex(fixed.cap_bounding)),
                ("ambient", hex(fixed.cap_ambient)),
            ]),
            rlimits: RLIMITS
                .iter()
                .zip(fixed.rlimits)
                .map(|(name, l)| (*name, Limit { soft: unlimited(l.soft), hard: unlimited(l.hard) }))
                .collect(),
        };
    }
}

/// `major:minor` of the kernel's own encoding (20 bits minor).
fn device(dev: u32) -> String {
    format!("{}:{}", dev >> 20, dev & 0xf_ffff)
}
