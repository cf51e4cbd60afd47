//! What the compiler of rules asks this machine.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::compile::Machine;
use crate::{enrich::users::Users, host};

/// This machine.
#[derive(Debug)]
pub struct Host<'a> {
    users: &'a Users,
    /// Device of a mount by its number, as the kernel has it: stat(2) tells another one on overlayfs and btrfs.
    mounts: Vec<(u64, u32)>,
}

impl<'a> Host<'a> {
    /// As it is now.
    #[must_use]
    pub fn now(users: &'a Users) -> Self {
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self { users, mounts: text.lines().filter_map(mount).collect() }
    }
}

/// Number and device of a line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
fn mount(line: &str) -> Option<(u64, u32)> {
    let mut fields = line.split(' ');
    let id = fields.next()?.parse().ok()?;
    let (major, minor) = fields.nth(1)?.split_once(':')?;
    // MKDEV (include/linux/kdev_t.h).
    Some((id, (major.parse::<u32>().ok()? << 20) | minor.parse::<u32>().ok()?))
}

impl Machine for Host<'_> {
    fn inode(&self, path: &Path) -> Option<(u32, u64)> {
        let flags = StatxFlags::INO | StatxFlags::MNT_ID;
        let found = statx(CWD, path, AtFlags::empty(), flags).ok()?;
        let of_mount = self.mounts.iter().find(|(id, _)| *id == found.stx_mnt_id);
        let device =
            of_mount.map_or((found.stx_dev_major << 20) | found.stx_dev_minor, |(_, device)| *device);
        Some((device, found.stx_ino))
    }

    fn real(&self, path: &Path) -> Option<String> {
        fs::canonicalize(path).ok().map(PathBuf::into_os_string)?.into_string().ok()
    }

    fn uid(&self, name: &str) -> Option<u32> {
        self.users.id(name)
    }

    fn cgroup(&self, folder: &Path) -> Option<u64> {
        let folder = fs::canonicalize(folder).ok()?;
        (host::cgroup_root(&folder).is_some() && folder.is_dir())
            .then(|| fs::metadata(&folder).ok().map(|about| about.ino()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo() {
        let line = "36 35 98:1 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(mount(line), Some((36, (98 << 20) | 1)));
        for wrong in ["", "36", "36 35 98 / /", "x 35 98:1 / /"] {
            assert_eq!(mount(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_is_the_same_behind_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let users = Users::default();
        let host = Host::now(&users);
        assert!(host.inode(&file).is_some());
        assert_eq!(host.inode(&file), host.inode(&link));
        assert_eq!(host.inode(&folder.path().join("none")), None);
    }
}
