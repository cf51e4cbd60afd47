//! The facts derived from the allow-listed variables of a process. The processes of a build mostly have the
//! same environment, so the latest environments are kept with everything that follows from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tracego_common::TaskId;
use tracego_model::{
    event::{Exec, is_cut},
    job_variables,
    meta::Meta,
    record::{Completeness, Trace, Variables, job::Identified},
    text,
};

use super::{
    ci,
    context::{self, OpenJob},
    pods::KnownPod,
    trace,
};

/// The allow-listed variables of an environment, and the facts that follow from them.
#[derive(Debug, Default)]
pub struct Environment {
    /// The variables as the kernel side sent them.
    bytes: Vec<u8>,
    /// The commit and job that the variables claim.
    pub identity: Arc<ci::CiIdentity>,
    /// The variables that records show: the process's own and the injected ones, which win. Those that only
    /// rules look at are left out.
    pub variables: Arc<Variables>,
    /// All of the process's own variables, with those that only rules look at, and without injected ones. A
    /// variable that was cut is not among them: its value is unknown, and nothing may follow from a part.
    pub own: Arc<BTreeMap<Arc<str>, String>>,
    /// Trace context from TRACEPARENT.
    pub trace: Option<Trace>,
    /// Values that are not UTF-8 among the shown variables.
    pub completeness: Completeness,
    /// The latest merged identities, the most recent first. Jobs that run side by side have the same environment more
    /// often than not.
    merged: Vec<MergedIdentity>,
}

/// An identity, and what it was merged from beside the environment.
#[derive(Debug)]
struct MergedIdentity {
    /// The process that opened the job.
    root: TaskId,
    /// Whether that is the process itself.
    is_root: bool,
    pod: Option<Arc<KnownPod>>,
    identity: Option<Identified>,
}

/// Maximum number of environments that are kept, and of jobs with the same one.
const KEPT: usize = 8;

/// The latest environments, the most recent first.
#[derive(Debug, Default)]
pub struct RecentEnvironments(Vec<Environment>);

impl RecentEnvironments {
    /// Returns the environment of a program start.
    pub fn of(&mut self, exec: &Exec<'_>, meta: &Meta) -> &mut Environment {
        latest(&mut self.0, |env| env.bytes == exec.env, || Environment::new(exec, meta))
    }
}

/// Moves the entry that `is` finds to the front of a list, or inserts the one that `make` makes, in place of the oldest.
fn latest<T>(list: &mut Vec<T>, is: impl FnMut(&T) -> bool, make: impl FnOnce() -> T) -> &mut T {
    match list.iter().position(is) {
        Some(at) => list[..=at].rotate_right(1),
        None => {
            list.truncate(KEPT - 1);
            list.insert(0, make());
        }
    }
    &mut list[0]
}

impl Environment {
    fn new(exec: &Exec<'_>, meta: &Meta) -> Self {
        let mut env = Self { bytes: exec.env.to_vec(), ..Self::default() };
        env.identity = Arc::new(identity(exec));
        let (mut variables, mut all) = (BTreeMap::new(), BTreeMap::<Arc<str>, String>::new());
        let mut seen = BTreeSet::new();
        for (name, value) in exec.variables() {
            let cut = is_cut(name, value);
            let name = text::lossy(name);
            if !seen.insert(name.clone()) {
                continue;
            }
            if name == "TRACEPARENT" {
                env.trace = trace::parse(value);
            }
            let attribute = format!("process.environment_variable.{name}");
            let mut own = Completeness::default();
            let value = own.keep(value, &attribute);
            let name: Arc<str> = name.into();
            // Variables that the record does not show do not affect its completeness.
            if !meta.unshown.contains(&*name) {
                env.completeness.bytes.append(&mut own.bytes);
                variables.insert(Arc::clone(&name), value.clone());
            }
            if !cut {
                all.insert(name, value);
            }
        }
        for (name, value) in &meta.injected {
            variables.insert(name.as_str().into(), value.clone());
        }
        env.variables = Arc::new(variables.into());
        env.own = Arc::new(all);
        env
    }

    /// Returns the commit and job of the process. `exec_id` makes the identity of the opener.
    pub(super) fn merge(
        &mut self,
        explicit: &ci::CiIdentity,
        job: Option<&OpenJob>,
        is_root: bool,
        pod: Option<&Arc<KnownPod>>,
        exec_id: impl Fn(TaskId) -> String,
    ) -> Option<Identified> {
        let root = job.map_or(TaskId::default(), |job| job.root);
        // Pods without a job make no difference.
        let pod = pod.filter(|pod| pod.job.is_some());
        let identity = &self.identity;
        let make = || {
            let of_job = job.map(|job| (job, exec_id(job.root)));
            let identity = context::merge(explicit, identity, of_job, is_root, pod.map(|pod| &**pod));
            MergedIdentity { root, is_root, pod: pod.cloned(), identity }
        };
        let is = |known: &MergedIdentity| {
            let is_same_pod = match (&known.pod, pod) {
                (None, None) => true,
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                _ => false,
            };
            is_same_pod && (known.root, known.is_root) == (root, is_root)
        };
        latest(&mut self.merged, is, make).identity.clone()
    }
}

/// Returns the identity that the process's own environment claims.
fn identity(exec: &Exec<'_>) -> ci::CiIdentity {
    if exec.env.is_empty() {
        return ci::CiIdentity::default();
    }
    let mut own = ci::identify(|name| {
        let found = exec.variables().find(|(key, _)| *key == name.as_bytes());
        let found = found.filter(|(name, value)| !is_cut(name, value));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    });
    // Every value of a repeated name, and bytes that are no text: as the kernel side decides.
    own.opens = exec.variables().any(|(name, value)| job_variables::opens(name, value));
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_side_by_side_with_the_same_environment_keep_their_identities() {
        let mut env = Environment::default();
        let mut merged = |tgid: u32| {
            let job = OpenJob {
                root: TaskId { tgid, ..TaskId::default() },
                is_job: true,
                identity: context::explicit(&[("CI_JOB_ID".to_owned(), tgid.to_string())]).into(),
            };
            let merged = env
                .merge(&ci::CiIdentity::default(), Some(&job), false, None, |id| id.tgid.to_string())
                .unwrap();
            assert_eq!(merged.0.cicd.get("pipeline.task.run.id"), Some(&*tgid.to_string()));
            merged
        };
        let (one, other) = (merged(1), merged(2));
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&one.0, &merged(1).0) && Arc::ptr_eq(&other.1, &merged(2).1));
        }
        (3..100).for_each(|tgid| _ = merged(tgid));
        assert!(!Arc::ptr_eq(&one.0, &merged(1).0));
        assert_eq!(env.merged.len(), KEPT);
    }
}
