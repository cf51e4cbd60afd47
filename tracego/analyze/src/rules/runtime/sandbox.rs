//! TG015: restrictions that a container lacks.

use tracego_model::{
    finding::Severity::{High, Low, Medium},
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG015.
pub const RULE: Rule = Rule {
    id: "TG015",
    name: "container-sandbox",
    title: "a container without seccomp or no_new_privs, or with too many capabilities",
    summary: "A Go program in a container has more of the kernel than it needs: no seccomp filter, a way to \
              gain rights through set-user-id files, or capabilities with which a container can be left.",
    remedy: "Run the container with the runtime's default seccomp profile, no_new_privs, and all capabilities \
             dropped that the program does not use.",
    reference: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    variants: &[
        Variant {
            name: "capabilities",
            grades: Grades { ci: Medium, production: High, guessed: High, terminal: Medium, other: Medium },
            summary: "Capabilities of the initial user namespace are in force that the configuration calls \
                      dangerous.",
            remedy: "Drop all capabilities of the container and add back the ones the program uses.",
        },
        Variant {
            name: "seccomp",
            grades: Grades::production(Medium, Low),
            summary: "No seccomp filter: every system call of the kernel can be reached.",
            remedy: "Set the container's seccomp profile to RuntimeDefault.",
        },
        Variant {
            name: "new-privileges",
            grades: Grades::always(Low),
            summary: "A set-user-id file can give the program other rights: no_new_privs is not set.",
            remedy: "Set allowPrivilegeEscalation: false, or --security-opt no-new-privileges.",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// Names of the capabilities, by bit (include/uapi/linux/capability.h of Linux 6.18).
#[rustfmt::skip]
pub const CAPABILITIES: [&str; 41] = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
];

/// The inode number of the initial user namespace (include/uapi/linux/nsfs.h, `USER_NS_INIT_INO`;
/// `PROC_USER_INIT_INO` in include/linux/proc_ns.h before Linux 6.18).
const INITIAL_USER_NAMESPACE: u32 = 0xEFFF_FFFD;

/// Returns the bit of a capability.
#[must_use]
pub fn bit(name: &str) -> Option<u32> {
    CAPABILITIES.iter().position(|known| *known == name).and_then(|at| u32::try_from(at).ok())
}

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let record = subject.record;
    if record.container.is_none() || !subject.is_own_program() {
        return;
    }
    let (place, scope_target, own) =
        (subject.place(report.settings), MatchTarget::of(record), &record.tracego);
    let dangerous = dangerous(subject, &report.thresholds().capabilities);
    if !dangerous.is_empty() {
        let list = dangerous.join(", ");
        let case = FindingCase::new("capabilities", format!("a Go program in a container holds {list}"))
            .with_some(
                "tracego.capability.effective",
                own.capability.as_ref().map(|sets| sets.effective.as_str()),
            )
            .with("dangerous", list);
        report.add(case, place, &scope_target);
    }
    if own.seccomp == Some("off") {
        let case = FindingCase::new("seccomp", "a Go program in a container runs without a seccomp filter")
            .with("tracego.seccomp", "off");
        report.add(case, place, &scope_target);
    }
    if own.no_new_privs == Some(false) {
        let message = "a Go program in a container can gain rights: no_new_privs is not set";
        let case = FindingCase::new("new-privileges", message).with("tracego.no_new_privs", "false");
        report.add(case, place, &scope_target);
    }
}

/// Returns the listed capabilities that are in force. In a user namespace of its own, a process has all of
/// them, but they reach nothing outside of it and do not count.
fn dangerous<'a>(subject: &Subject<'_>, listed: &'a [String]) -> Vec<&'a str> {
    let own = &subject.record.tracego;
    let initial = own.namespace.is_some_and(|namespace| namespace.user == INITIAL_USER_NAMESPACE);
    let sets = own.capability.as_ref().filter(|_| initial);
    let effective = sets.and_then(|sets| u64::from_str_radix(&sets.effective, 16).ok()).unwrap_or_default();
    let held = |name: &&String| bit(name).is_some_and(|bit| effective & (1 << bit) != 0);
    listed.iter().filter(held).map(String::as_str).collect()
}
