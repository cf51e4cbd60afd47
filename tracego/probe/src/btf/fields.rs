//! Record values that the running kernel can provide, depending on its fields.

use tracego_common::event::field;

/// A value, and the sets of kernel fields that provide it; one set must be complete.
type Optional = (u64, &'static [&'static [&'static str]]);

/// Fields that a kernel may lack, by version or configuration. Bits as in [`field`]; 0 if no record value
/// depends on the fields. If any other field were missing, the programs would follow an invalid pointer,
/// which the verifier refuses with a less clear message.
pub const OPTIONAL: [Optional; 11] = [
    // CONFIG_AUDIT
    (field::AUDIT, &[&["task_struct.loginuid", "task_struct.sessionid"]]),
    // CONFIG_SECCOMP
    (field::SECCOMP, &[&["task_struct.seccomp.mode"]]),
    (field::NO_NEW_PRIVS, &[&["task_struct.atomic_flags"]]),
    // Kernels from 6.11; from 6.6 to 6.10; before 6.6.
    (field::CTIME, &[&["inode.i_ctime_sec", "inode.i_ctime_nsec"], &["inode.__i_ctime"], &["inode.i_ctime"]]),
    // Kernels from 6.15; before 6.15.
    (field::CGROUP, &[&["kernfs_node.__parent"], &["kernfs_node.parent"]]),
    // Kernels from 6.14; before 6.14. Without both, every name is read by its address.
    (0, &[&["dentry.d_shortname"], &["dentry.d_iname"]]),
    // CONFIG_TTY
    (field::TTY, &[&["tty_struct.index", "tty_struct.driver", "tty_driver.major", "tty_driver.minor_start"]]),
    (0, &[FLAGS]),
    (0, &[CALLERS_32]),
    // Kernels from 6.16; before that, threads that end together claim the end of their process.
    (0, &[&["typedef btf_trace_sched_process_exit.2"]]),
    // CONFIG_CGROUP_PIDS; without it, where v2 holds only its root, the path is that root.
    (0, &[&["enum cgroup_subsys_id.pids_cgrp_id"]]),
];

/// The register with the flags of a failed execveat.
const FLAGS: &[&str] = if cfg!(target_arch = "aarch64") { &["pt_regs.regs[4]"] } else { &["pt_regs.r8"] };

/// Fields that tell 32-bit callers apart.
const CALLERS_32: &[&str] = if cfg!(target_arch = "aarch64") {
    &["task_struct.thread_info.flags"]
} else {
    &["task_struct.thread_info.status", "pt_regs.bx", "pt_regs.cx"]
};

/// Returns the first missing field that every record needs.
#[must_use]
pub fn required(missing: &[String]) -> Option<&String> {
    let optional =
        |name: &str| OPTIONAL.iter().flat_map(|(_, ways)| ways.iter()).any(|way| way.contains(&name));
    missing.iter().find(|name| !optional(name))
}

/// Returns the bits of the values that are unavailable because of missing fields.
#[must_use]
pub fn unavailable(missing: &[String]) -> u64 {
    let absent = |name: &&str| missing.iter().any(|missing| missing == name);
    let lost = OPTIONAL.iter().filter(|(_, ways)| ways.iter().all(|way| way.iter().any(absent)));
    lost.fold(0, |bits, (bit, _)| bits | bit)
}

#[cfg(test)]
mod tests {
    use tracego_common::Offsets;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn every_optional_field_is_one_that_is_looked_up() {
        let known: Vec<String> =
            Offsets::FIELDS.iter().map(|(structure, path)| format!("{structure}.{path}")).collect();
        for name in OPTIONAL.iter().flat_map(|(_, ways)| ways.iter()).copied().flatten() {
            assert!(known.contains(&(*name).to_owned()), "{name}");
        }
    }

    #[test]
    fn a_value_is_lost_with_the_last_way_to_it() {
        assert_eq!(unavailable(&[]), 0);
        let new = names(&["inode.__i_ctime", "inode.i_ctime", "kernfs_node.parent"]);
        assert_eq!((unavailable(&new), required(&new)), (0, None));
        let none =
            names(&["inode.__i_ctime", "inode.i_ctime", "inode.i_ctime_nsec", "task_struct.sessionid"]);
        assert_eq!((unavailable(&none), required(&none)), (field::CTIME | field::AUDIT, None));
        let vital = names(&["inode.i_ctime", "task_struct.tgid"]);
        assert_eq!(required(&vital), Some(&vital[1]));
    }
}
