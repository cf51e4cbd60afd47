//! Profile security_control: the action that tracego took on an event, its result, and the rule behind it.
//!
//! Ids are those of OCSF 1.8.0 (schema.ocsf.io, `action_id` and `disposition_id`).

use serde::{Serialize, Serializer};
use tracego_common::verdict::Action;
use tracego_model::{
    finding::Finding,
    record::{Record, enforcement, policy},
};

use super::finding;
use crate::format::{decision, object::object, worst_finding};

/// Combination of `action_id` and `disposition_id`.
#[derive(Clone, Copy)]
pub(super) struct ControlOutcome {
    pub(super) action: u8,
    pub(super) disposition: u8,
    /// Whether somebody should look at the event.
    pub(super) alert: bool,
}

/// Allowed, Allowed.
const ALLOWED: ControlOutcome = ControlOutcome { action: 1, disposition: 1, alert: false };
/// Denied, Blocked.
const BLOCKED: ControlOutcome = ControlOutcome { action: 2, disposition: 2, alert: true };
/// Observed, Detected: recorded, without an action.
const DETECTED: ControlOutcome = ControlOutcome { action: 3, disposition: 15, alert: true };
/// Unknown, Error: enforcement failed, or no decision was possible.
const FAILED: ControlOutcome = ControlOutcome { action: 0, disposition: 27, alert: true };

/// Returns the outcome, or `None` if neither a rule nor a policy applies.
pub(super) fn outcome(record: &Record) -> Option<ControlOutcome> {
    if let Some(decision) = decision(record) {
        return Some(match decision.action {
            Action::Allow => ALLOWED,
            Action::Audit => DETECTED,
            Action::Kill | Action::Deny if decision.error.is_some() => FAILED,
            Action::Kill | Action::Deny => BLOCKED,
        });
    }
    if worst_finding(record).is_some() {
        return Some(DETECTED);
    }
    // If the program is also stopped, a record of that follows.
    record.tracego.policy.as_ref().map(|policy| match policy {
        policy if !policy.allow => DETECTED,
        policy if policy.error.is_some() => FAILED,
        _ => ALLOWED,
    })
}

/// `policy`: the rule behind an event.
pub(super) enum ControlPolicy<'a> {
    Enforced(&'a enforcement::EnforcementDecision),
    Found(&'a Finding),
    Violated(&'a policy::Violation),
    Kept(&'a policy::Identity),
}

impl<'a> ControlPolicy<'a> {
    /// Returns the first of several: a decision, the worst finding, the first violation, the first bundle.
    pub(super) fn of(record: &'a Record) -> Option<Self> {
        let policy = record.tracego.policy.as_deref();
        decision(record)
            .map(Self::Enforced)
            .or_else(|| worst_finding(record).map(Self::Found))
            .or_else(|| policy?.violations.first().map(Self::Violated))
            .or_else(|| policy?.bundles.first().map(Self::Kept))
    }
}

impl Serialize for ControlPolicy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Found(found) => finding::FindingPolicy(found).serialize(serializer),
            Self::Enforced(decision) => object! { serializer;
                "name": decision.rule,
                "desc"? decision.message.as_ref(),
                "type": "enforcement",
                "is_applied": decision.error.is_none(),
            },
            Self::Violated(violation) => object! { serializer;
                "uid": violation.id,
                "name": violation.bundle,
                "desc": violation.msg,
                "type": "rego",
                "is_applied": true,
            },
            Self::Kept(bundle) => object! { serializer;
                "uid": bundle.digest,
                "name": bundle.name,
                "version"? bundle.revision.as_ref(),
                "type": "rego",
                "is_applied": true,
            },
        }
    }
}
