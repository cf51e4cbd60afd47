//! The facts derived from the allow-listed variables of a process. The processes of a build mostly have the
//! same environment, so the latest environments are kept with everything that follows from them.

use std::{collections::BTreeMap, sync::Arc};

use tracego_common::TaskId;
use tracego_model::{
    event::Exec,
    job_variables,
    meta::Meta,
    record::{Completeness, Trace, Variables, job::Identified},
    text,
};

use super::{
    ci,
    context::{self, OpenJob},
    trace,
};
use crate::redact as sanitize;

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
    /// All of the process's own variables, with those that only rules look at, and without injected ones.
    pub own: Arc<BTreeMap<Arc<str>, String>>,
    /// Trace context from TRACEPARENT.
    pub trace: Option<Trace>,
    /// Redacted values, and values that are not UTF-8, among the shown variables.
    pub completeness: Completeness,
    /// The latest merged identity, for the opener of a job and whether the opener is the process itself.
    merged: Option<(TaskId, bool, Option<Identified>)>,
}

/// Maximum number of environments that are kept.
const KEPT: usize = 8;

/// The latest environments, the most recent first.
#[derive(Debug, Default)]
pub struct RecentEnvironments(Vec<Environment>);

impl RecentEnvironments {
    /// Returns the environment of a program start.
    pub fn of(&mut self, exec: &Exec<'_>, meta: &Meta) -> &mut Environment {
        match self.0.iter().position(|env| env.bytes == exec.env) {
            Some(0) => {}
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                self.0.truncate(KEPT - 1);
                self.0.insert(0, Environment::new(exec, meta));
            }
        }
        &mut self.0[0]
    }
}

impl Environment {
    fn new(exec: &Exec<'_>, meta: &Meta) -> Self {
        let mut env = Self { bytes: exec.env.to_vec(), ..Self::default() };
        env.identity = Arc::new(identity(exec, meta));
        let (mut variables, mut all) = (BTreeMap::new(), BTreeMap::<Arc<str>, String>::new());
        for (name, value) in exec.variables() {
            let name = text::lossy(name);
            if all.contains_key(name.as_str()) {
                continue;
            }
            if name == "TRACEPARENT" {
                env.trace = trace::parse(value);
            }
            let attribute = format!("process.environment_variable.{name}");
            let mut own = Completeness::default();
            let mut value = own.keep(value, &attribute);
            if !meta.raw && sanitize::text(&mut value) {
                own.redacted += 1;
                own.bytes.remove(&attribute);
            }
            let name: Arc<str> = name.into();
            // Variables that the record does not show do not affect its completeness.
            if !meta.unshown.contains(&*name) {
                env.completeness.redacted += own.redacted;
                env.completeness.bytes.append(&mut own.bytes);
                variables.insert(Arc::clone(&name), value.clone());
            }
            all.insert(name, value);
        }
        for (name, value) in &meta.injected {
            variables.insert(name.as_str().into(), value.clone());
        }
        env.variables = Arc::new(variables.into());
        env.own = Arc::new(all);
        env
    }

    /// Returns the commit and job of the process. `exec_id` makes the identity of the opener.
    pub fn merge(
        &mut self,
        explicit: &ci::CiIdentity,
        job: Option<&OpenJob>,
        is_root: bool,
        exec_id: impl Fn(TaskId) -> String,
    ) -> Option<Identified> {
        let root = job.map_or(TaskId::default(), |job| job.root);
        if let Some((known, known_is_root, merged)) = &self.merged
            && (*known, *known_is_root) == (root, is_root)
        {
            return merged.clone();
        }
        let of_job = job.map(|job| (job, exec_id(job.root)));
        let merged = context::merge(explicit, &self.identity, of_job, is_root);
        self.merged = Some((root, is_root, merged.clone()));
        merged
    }
}

/// Returns the identity that the process's own environment claims.
fn identity(exec: &Exec<'_>, meta: &Meta) -> ci::CiIdentity {
    if exec.env.is_empty() {
        return ci::CiIdentity::default();
    }
    let mut own = ci::identify(|name| {
        let found = exec.variables().find(|(key, _)| *key == name.as_bytes());
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    });
    // Every value of a repeated name, and bytes that are no text: as the kernel side decides.
    own.opens = exec.variables().any(|(name, value)| job_variables::opens(name, value));
    if !meta.raw {
        for claim in &mut own.claims {
            sanitize::text(&mut claim.value);
        }
    }
    own
}
