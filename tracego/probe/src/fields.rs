//! Which values of a record the running kernel's fields can give.

use tracego_common::record::field;

/// A value, and the sets of kernel fields that give it: one of them has to be there whole.
type Optional = (u64, &'static [&'static [&'static str]]);

/// What a kernel may lack, by its version or by its configuration; bits as in [`field`], 0 for what no
/// record misses. Behind any other absent field the programs would follow a pointer that is none, which
/// the verifier refuses in worse words.
pub const OPTIONAL: [Optional; 8] = [
    // CONFIG_AUDIT
    (field::AUDIT, &[&["task_struct.loginuid", "task_struct.sessionid"]]),
    // CONFIG_SECCOMP
    (field::SECCOMP, &[&["task_struct.seccomp.mode"]]),
    (field::NO_NEW_PRIVS, &[&["task_struct.atomic_flags"]]),
    // 6.11, 6.6 and before
    (field::CTIME, &[&["inode.i_ctime_sec", "inode.i_ctime_nsec"], &["inode.__i_ctime"], &["inode.i_ctime"]]),
    // 6.15 and before
    (field::CGROUP, &[&["kernfs_node.__parent"], &["kernfs_node.parent"]]),
    // CONFIG_TTY
    (field::TTY, &[&["tty_struct.index", "tty_struct.driver", "tty_driver.major", "tty_driver.minor_start"]]),
    // Other architectures than x86-64; flags of a failed execveat.
    (0, &[&["pt_regs.r8"]]),
    // CONFIG_CGROUP_PIDS; where v2 holds only its root, the path is that root.
    (0, &[&["enum cgroup_subsys_id.pids_cgrp_id"]]),
];

/// The first absent field that no record is possible without.
#[must_use]
pub fn required(missing: &[String]) -> Option<&String> {
    let optional =
        |name: &str| OPTIONAL.iter().flat_map(|(_, ways)| ways.iter()).any(|way| way.contains(&name));
    missing.iter().find(|name| !optional(name))
}

/// Bits of the values that cannot be told where these fields are absent.
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
