//! The rights of the agent itself.

use serde::Serialize;

/// The rights that the agent keeps while it runs.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct AgentPrivileges {
    /// Capabilities that its threads have, in the order of `tracego doctor`.
    pub capabilities: Vec<&'static str>,
    /// Capabilities that it lacks for what it was asked to do; `tracego doctor` says what is lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<&'static str>,
    /// Whether `no_new_privs` is set on all threads; see prctl(2), `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// Seccomp mode of its threads: `off` or `filter`.
    pub seccomp: &'static str,
    /// Rights that could not be dropped, with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl AgentPrivileges {
    /// Whether all rights that are not needed were dropped.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.no_new_privs && self.seccomp == "filter" && self.problem.is_none()
    }
}
