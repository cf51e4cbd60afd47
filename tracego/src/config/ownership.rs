//! Owners and modes of files that steer a privileged process.
//!
//! Only root, the users of this process and the user who called sudo may own such a file or a folder above it,
//! and only the owner may write there. Volumes of a pod are an exception: kubelet lets all write to them, and they are
//! reached by the containers of the pod alone. A process without privileges is not checked: its files can do no more
//! than their writers can do anyway.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    process::{getegid, geteuid, getgroups, getuid},
    thread::{CapabilitySet, capabilities},
};
use tracego_confine::mounts::{is_read_only_root, is_root};

/// Mode bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;
/// Mode bit of a folder such as /tmp, where only the owner of a file may rename it.
const STICKY: u32 = 0o1000;

/// Mode bit of a folder whose files get its group.
const SET_GROUP: u32 = 0o2000;

/// The reason why a file is not trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untrusted {
    /// Path, its owner, and the owner that it should have.
    #[error(
        "{} belongs to user {}, who could change what tracego does: chown {} {}", .0.display(), .1, .2, .0.display()
    )]
    Owner(PathBuf, u32, u32),
    /// Path and its mode.
    #[error(
        "others than the owner can write {} (mode {:04o}), and so change what tracego does: chmod go-w {}",
        .0.display(), .1, .0.display()
    )]
    Mode(PathBuf, u32),
    /// A volume of a pod without a group of this process, and its mode.
    #[error(
        "others than the owner can write {} (mode {:04o}), and so change what tracego does: set fsGroup in the pod's \
         securityContext, so that kubelet gives its volumes to a group of tracego", .0.display(), .1
    )]
    Volume(PathBuf, u32),
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

/// The users who may own a file that steers this process.
struct TrustedOwners {
    users: Vec<u32>,
    /// User that a file should belong to.
    own: u32,
    /// Groups that volumes belong to, of a process in a pod.
    volume_groups: Vec<u32>,
}

impl TrustedOwners {
    /// Returns the trusted owners, or `None` if this process has no privileges.
    fn of_process() -> Option<Self> {
        let own = geteuid();
        let has_capabilities =
            || capabilities(None).is_ok_and(|sets| sets.effective != CapabilitySet::empty());
        if !own.is_root() && !has_capabilities() {
            return None;
        }
        let mut users = vec![0, own.as_raw(), getuid().as_raw()];
        // sudo(8) sets it; whoever can set a variable of a root process is trusted anyway.
        if own.is_root() {
            users.extend(std::env::var("SUDO_UID").ok().and_then(|user| user.parse::<u32>().ok()));
        }
        Some(Self { users, own: own.as_raw(), volume_groups: groups_in_pod() })
    }

    fn check(&self, path: &Path, about: &Metadata) -> Result<(), Untrusted> {
        if !self.users.contains(&about.uid()) {
            let wanted = if about.is_dir() { self.own } else { 0 };
            return Err(Untrusted::Owner(path.to_owned(), about.uid(), wanted));
        }
        let is_shared = about.is_dir()
            && (about.mode() & STICKY != 0 || is_read_only(path) || self.is_volume(path, about));
        if about.mode() & OTHERS_WRITE != 0 && !is_shared {
            let mode = about.mode() & 0o7777;
            // Nobody in the pod can change the mode of a volume.
            let is_volume = about.is_dir() && !self.volume_groups.is_empty() && is_mount(path);
            let error = if is_volume { Untrusted::Volume } else { Untrusted::Mode };
            return Err(error(path.to_owned(), mode));
        }
        Ok(())
    }

    /// Whether a folder is a volume that kubelet made for this pod (`emptyDir` with `fsGroup`): a mount that belongs to
    /// root and to a group of this process, and gives that group to files in it. On the node, nobody but root reaches
    /// the folder.
    fn is_volume(&self, path: &Path, about: &Metadata) -> bool {
        about.uid() == 0
            && about.mode() & SET_GROUP != 0
            && self.volume_groups.contains(&about.gid())
            && is_mount(path)
    }

    /// Checks the folders above, because a user who can rename there can put another file in place.
    fn check_above(&self, path: &Path) -> Result<(), Untrusted> {
        let failed = |error| Untrusted::Io(path.to_owned(), error);
        // The path as given may go through a link that another user can replace.
        let paths = [std::path::absolute(path).map_err(failed)?, fs::canonicalize(path).map_err(failed)?];
        for folder in paths.iter().flat_map(|path| path.ancestors().skip(1)) {
            let about = fs::metadata(folder).map_err(|error| Untrusted::Io(folder.to_owned(), error))?;
            self.check(folder, &about)?;
        }
        Ok(())
    }
}

/// Returns the groups of this process if it is in a pod of Kubernetes, otherwise none.
fn groups_in_pod() -> Vec<u32> {
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
        return Vec::new();
    }
    let more = getgroups().unwrap_or_default();
    more.into_iter().chain([getegid()]).map(|group| group.as_raw()).collect()
}

/// Whether a folder is the root of a mount.
fn is_mount(folder: &Path) -> bool {
    File::open(folder).is_ok_and(is_root)
}

/// Whether a folder is the root of a read-only mount, such as a ConfigMap of Kubernetes, whose mode lets all write.
fn is_read_only(folder: &Path) -> bool {
    File::open(folder).is_ok_and(is_read_only_root)
}

/// Checks an open file and the folders above it. Of a pipe only the owner and the mode are checked.
///
/// # Errors
/// Fails if a user who is not trusted could change the file.
pub(crate) fn check_file(path: &Path, file: &File) -> Result<(), Untrusted> {
    let Some(trusted) = TrustedOwners::of_process() else { return Ok(()) };
    let about = file.metadata().map_err(|error| Untrusted::Io(path.to_owned(), error))?;
    if about.is_file() || about.is_dir() {
        trusted.check(path, &about)?;
        trusted.check_above(path)?;
    } else if !about.file_type().is_char_device() {
        trusted.check(path, &about)?;
    }
    Ok(())
}

/// Checks a file or folder and the folders above it. A missing one is not checked, only what is above.
///
/// # Errors
/// Fails if a user who is not trusted could change the file or folder, or make it.
pub(crate) fn check_path(path: &Path) -> Result<(), Untrusted> {
    let Some(trusted) = TrustedOwners::of_process() else { return Ok(()) };
    let path = std::path::absolute(path).map_err(|error| Untrusted::Io(path.to_owned(), error))?;
    let Some(there) = path.ancestors().find(|path| path.exists()) else { return Ok(()) };
    let about = fs::metadata(there).map_err(|error| Untrusted::Io(there.to_owned(), error))?;
    trusted.check(there, &about)?;
    trusted.check_above(there)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn checked(path: &Path) -> Result<(), String> {
        let trusted = TrustedOwners {
            users: vec![0, geteuid().as_raw()],
            own: geteuid().as_raw(),
            volume_groups: Vec::new(),
        };
        let about = fs::metadata(path).unwrap();
        trusted.check(path, &about).and_then(|()| trusted.check_above(path)).map_err(|why| why.to_string())
    }

    #[test]
    fn a_mode_that_lets_others_write_is_refused_with_the_command() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("d"), dir.path().join("d/f"));
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (path, bits) in [(&file, 0o664), (&file, 0o602), (&folder, 0o775), (&folder, 0o707)] {
            mode(&file, 0o644);
            mode(&folder, 0o755);
            assert_eq!(checked(&file), Ok(()));
            mode(path, bits);
            let error = checked(&file).unwrap_err();
            let command =
                format!("(mode {bits:04o}), and so change what tracego does: chmod go-w {}", path.display());
            assert!(error.ends_with(&command), "{error}");
        }
        mode(&folder, 0o1777);
        assert_eq!(checked(&file), Ok(()));
        let (far, link) = (dir.path().join("far"), dir.path().join("far/link"));
        fs::create_dir(&far).unwrap();
        symlink(&file, &link).unwrap();
        mode(&far, 0o777);
        assert!(checked(&link).unwrap_err().ends_with("far"));
    }

    #[test]
    fn a_folder_like_a_volume_that_is_no_mount_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let about = fs::metadata(dir.path()).unwrap();
        let volume_groups = vec![about.gid()];
        let trusted = TrustedOwners { users: vec![0, about.uid()], own: about.uid(), volume_groups };
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o2777)).unwrap();
        let about = fs::metadata(dir.path()).unwrap();
        assert!(!trusted.is_volume(dir.path(), &about));
        let error = trusted.check(dir.path(), &about).unwrap_err().to_string();
        assert!(error.contains("mode 2777"), "{error}");
    }

    #[test]
    fn another_owner_is_refused_with_the_command() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "").unwrap();
        let trusted = TrustedOwners { users: vec![4_000_000], own: 4_000_000, volume_groups: Vec::new() };
        let error = trusted.check(&file, &fs::metadata(&file).unwrap()).unwrap_err().to_string();
        assert!(error.ends_with(&format!("chown 0 {}", file.display())), "{error}");
        let error = trusted.check(dir.path(), &fs::metadata(dir.path()).unwrap()).unwrap_err().to_string();
        assert!(error.ends_with(&format!("chown 4000000 {}", dir.path().display())), "{error}");
        let trusted = TrustedOwners { users: vec![geteuid().as_raw()], own: 0, volume_groups: Vec::new() };
        assert!(trusted.check(&file, &fs::metadata(&file).unwrap()).is_ok());
    }
}
