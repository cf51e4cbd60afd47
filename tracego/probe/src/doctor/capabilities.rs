//! The capabilities that tracego has a use for.

use rustix::thread::CapabilitySet;
use tracego_confine::capability::{self, ATTACHING, CapabilityUse};

use super::{CheckState, DoctorCheck, check};

/// Checks each capability that tracego has a use for.
pub(super) fn capabilities() -> Vec<DoctorCheck> {
    let has = capability::effective().unwrap_or(CapabilitySet::empty());
    let replaced = has.contains(CapabilitySet::SYS_ADMIN);
    let one = |about: &CapabilityUse| {
        let CapabilityUse { capability, name, purpose, without, only_for } = *about;
        let state = match (ATTACHING.contains(capability), only_for) {
            _ if has.contains(capability) => CheckState::Ok,
            (true, _) if replaced => CheckState::Ok,
            (true, _) => CheckState::Missing,
            (false, "") => CheckState::Degraded,
            (false, _) => CheckState::Optional,
        };
        let detail = match (state, only_for) {
            (CheckState::Ok, _) => purpose.to_owned(),
            (_, "") => format!("{purpose}; without it, {without}"),
            (_, only_for) => format!("{purpose}; without it, {without}; only for {only_for}"),
        };
        let remedy = if state == CheckState::Ok { "" } else { "docs/privileges.md" };
        check(name, state, detail, remedy)
    };
    capability::USES.iter().map(one).collect()
}
