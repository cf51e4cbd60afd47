//! Folders as the roots of mounts.

use std::os::fd::AsFd;

use rustix::{
    fs::{AtFlags, StatVfsMountFlags, StatxFlags, fstatvfs, statx},
    io,
};

/// Whether an open folder is the root of a mount that is read-only, such as a ConfigMap of Kubernetes: nobody writes
/// there, whatever its mode says. A folder somewhere in a read-only mount is not, because other namespaces may have the
/// same folder in a mount that can be written, as the rest of the machine does around a service with `ProtectSystem=`.
///
/// A kernel that has no ids of mounts (before 5.8) makes it false.
#[must_use]
pub fn is_read_only_root(folder: impl AsFd) -> bool {
    let is_read_only = fstatvfs(&folder).is_ok_and(|about| about.f_flag.contains(StatVfsMountFlags::RDONLY));
    is_read_only && is_root(folder)
}

/// Whether an open folder is the root of a mount. A kernel that has no ids of mounts (before 5.8) makes it false.
#[must_use]
pub fn is_root(folder: impl AsFd) -> bool {
    let mount = |path: &str| -> io::Result<Option<u64>> {
        let about = statx(&folder, path, AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
        let is_known = about.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        Ok(is_known.then_some(about.stx_mnt_id))
    };
    matches!((mount(""), mount("..")), (Ok(Some(own)), Ok(Some(above))) if own != above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_written_is_no_read_only_root() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_read_only_root(std::fs::File::open(folder.path()).unwrap()));
        // The root of a mount, and not read-only.
        assert!(!is_read_only_root(std::fs::File::open("/proc").unwrap()));
    }
    #[test]
    fn the_root_of_a_mount_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_root(std::fs::File::open(folder.path()).unwrap()));
        assert!(is_root(std::fs::File::open("/proc").unwrap()));
    }
}
