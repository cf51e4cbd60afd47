//! The cgroup of a process, as /proc shows it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use tracego_model::linux::cgroup;

use super::snapshot::SMALL;
use crate::inspect::proc::{procfs::Process, read_error::ReadError};

/// The cgroup of a process, as the kernel side would choose it.
pub(super) struct CgroupMembership {
    /// Path from the root of the hierarchy.
    pub(super) path: Vec<u8>,
    /// Whether it is one of the v1 hierarchy of pids, because the process is in the root of v2.
    pub(super) is_v1: bool,
}

impl CgroupMembership {
    pub(super) fn of(process: &Process) -> Result<Self, ReadError> {
        Ok(Self::parse(&process.read("cgroup", SMALL)?))
    }

    /// Parses /proc/PID/cgroup: `0::/path` is v2, `N:controllers:/path` is v1 (cgroups(7)).
    fn parse(text: &[u8]) -> Self {
        let (mut unified, mut pids) = (None, None);
        for line in text.split(|&b| b == b'\n') {
            let mut parts = line.splitn(3, |&b| b == b':');
            let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            if controllers.is_empty() {
                unified = Some(path);
            } else if controllers.split(|&b| b == b',').any(|name| name == b"pids") {
                pids = Some(path);
            }
        }
        let of_pids = pids.filter(|_| unified.is_none_or(|path| path == b"/"));
        let path = of_pids.or(unified).unwrap_or_default().to_vec();
        Self { path, is_v1: of_pids.is_some() }
    }

    /// Returns the number of a group above, or of the group itself with `None`; 0 if its folder is not to be seen.
    pub(super) fn number(&self, level: Option<u32>) -> u64 {
        let names = self.path.split(|&b| b == b'/').filter(|name| !name.is_empty());
        let names: Vec<&[u8]> = names.take(level.map_or(usize::MAX, |level| level as usize)).collect();
        if level.is_some_and(|level| names.len() < level as usize) || names.contains(&b"..".as_slice()) {
            return 0;
        }
        let below = names.join(b"/".as_slice());
        let below = Path::new(OsStr::from_bytes(&below));
        let v1 = ["/sys/fs/cgroup/pids"];
        let roots: &[&str] = if self.is_v1 { &v1 } else { &cgroup::ROOTS };
        let mut found = roots.iter().filter_map(|root| fs::metadata(Path::new(root).join(below)).ok());
        found.next().map_or(0, |folder| folder.ino())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_chosen_as_the_kernel_side_does() {
        let parse = |text: &[u8]| {
            let group = CgroupMembership::parse(text);
            (String::from_utf8(group.path).unwrap(), group.is_v1)
        };
        assert_eq!(parse(b"0::/system.slice/a.service\n"), ("/system.slice/a.service".into(), false));
        let hybrid = b"9:cpu,cpuacct:/x\n8:pids:/docker/y:z\n0::/\n";
        assert_eq!(parse(hybrid), ("/docker/y:z".into(), true));
        assert_eq!(parse(b"8:pids:/docker/y\n0::/init.scope\n"), ("/init.scope".into(), false));
        assert_eq!(parse(b"8:pids:/docker/y\n"), ("/docker/y".into(), true));
        assert_eq!(parse(b"0::/\n"), ("/".into(), false));
        assert_eq!(parse(b"nothing\n\n"), (String::new(), false));
    }
}
