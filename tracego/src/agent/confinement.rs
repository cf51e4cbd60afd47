//! The rights that the agent keeps once its programs are attached.

use rustix::thread::{CapabilitySet, no_new_privs};
use tracego_confine::{
    capability::{self, ATTACHING, READING, WRITING},
    filter::{AgentNeeds, CallFilter},
    threads,
};
use tracego_model::record::privileges::AgentPrivileges;
use tracego_probe::requirements::is_filtered;

use super::Agent;

/// The parts of a run that need rights.
#[derive(Clone, Copy, Debug)]
struct RunningParts {
    /// Whether programs may be stopped.
    enforces: bool,
    /// Whether services are checked.
    checks_services: bool,
    /// Whether this is root, whose outputs may be among files of others.
    is_root: bool,
}

impl RunningParts {
    /// Returns the capabilities that the parts are missed with.
    fn wanted(self) -> CapabilitySet {
        if self.enforces { READING | CapabilitySet::KILL } else { READING }
    }

    /// Returns the capabilities that are kept where they are there.
    fn kept(self) -> CapabilitySet {
        let mut kept = self.wanted();
        if self.enforces {
            kept |= CapabilitySet::SYS_NICE;
        }
        if self.checks_services {
            kept |= CapabilitySet::SYS_ADMIN;
        }
        if self.is_root {
            kept |= WRITING;
        }
        kept
    }
}

impl Agent {
    /// Takes from all threads what is not needed any more, for good: capabilities, and system calls that the agent
    /// never makes. Call it once nothing is to be started any more that needs them. What cannot be taken away is
    /// told, and the run goes on.
    pub(crate) fn confine(&mut self) {
        let parts = RunningParts {
            enforces: self.enforcer.is_some(),
            checks_services: self.services.is_some(),
            is_root: rustix::process::geteuid().is_root(),
        };
        let problem = if self.confined { self.drop_rights(parts) } else { None };
        let has = capability::effective().unwrap_or(CapabilitySet::empty());
        if let Some(problem) = &problem {
            tracing::warn!(problem, "tracego runs with rights that it does not need");
        }
        let privileges = AgentPrivileges {
            capabilities: capability::names(has),
            missing: capability::names(parts.wanted().difference(has)),
            no_new_privs: no_new_privs().unwrap_or(false),
            seccomp: if is_filtered() { "filter" } else { "off" },
            problem,
        };
        tracing::debug!(kept = ?privileges.capabilities, "rights that are not needed any more are dropped");
        self.board.set_privileges(privileges);
    }
    /// Drops what the parts do not need. Returns what could not be dropped.
    fn drop_rights(&mut self, parts: RunningParts) -> Option<String> {
        let mut kept = parts.kept();
        // Kernels before 5.19 ask for it at each look into a map (kernel.unprivileged_bpf_disabled).
        let looked = capability::without(ATTACHING, || self.loaded.counters().is_ok());
        if !looked.unwrap_or(false) {
            kept |= ATTACHING;
        }
        kept = capability::enough_to_look(kept);
        let mut problems = Vec::new();
        if let Err(error) = threads::keep(kept) {
            problems.push(error.to_string());
        }
        let needs = AgentNeeds { programs: parts.enforces, namespaces: parts.checks_services };
        let filtered = CallFilter::agent(needs).and_then(|filter| filter.confine_process());
        problems.extend(filtered.err().map(|error| error.to_string()));
        (!problems.is_empty()).then(|| problems.join("; "))
    }
}
