//! The state of the machine as far as the rules refer to it: files, users, cgroups and the date.

use std::{
    collections::BTreeMap,
    fs,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, OFlags, Statx, StatxFlags, statx};
use tracego_model::{
    clock::{Reading, Time},
    linux::{cgroup, users::Users},
};

use super::{
    lockout,
    settings::{Enforce, User},
};
use crate::{host, host_root::HostRoot};

const DAY_NS: i64 = 86_400_000_000_000;

/// A snapshot of the machine. Equal snapshots and settings compile to equal rules.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MachineState {
    /// Existing files, by the path in the configuration.
    pub files: BTreeMap<PathBuf, File>,
    /// User ids by name.
    pub users: BTreeMap<String, u32>,
    /// Cgroup ids by path in the hierarchy of version 2.
    pub cgroups: BTreeMap<String, u64>,
    /// Start of the current day in UTC, since exceptions expire with a day.
    pub today: Time,
}

/// A file, after resolving symbolic links.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Device (kernel encoding) and inode.
    pub inode: (u32, u64),
    /// Resolved path.
    pub real: String,
}

impl MachineState {
    /// Takes a snapshot.
    #[must_use]
    pub fn now(enforce: &Enforce, exempt: &[PathBuf], users: &Users) -> Self {
        let mut machine = Self::default();
        let now = Reading::now().unix_ns;
        machine.today = Time(now - now.rem_euclid(DAY_NS));
        let root = HostRoot::find();
        let mounts = mounts(&root);
        let mut add = |path: &Path| {
            if !machine.files.contains_key(path)
                && let Some(file) = file_of_host(&root, path, &mounts).or_else(|| file(path, &mounts))
            {
                machine.files.insert(path.to_owned(), file);
            }
        };
        exempt.iter().for_each(|path| add(path));
        lockout::files().for_each(&mut add);
        let exceptions = enforce.exceptions.iter().map(|one| &one.matches);
        // The built-in rules name no paths, users or cgroups.
        for matches in exceptions.chain(enforce.rules.iter().flatten().map(|rule| &rule.matches)) {
            matches
                .executables
                .iter()
                .filter(|name| name.contains('/'))
                .for_each(|name| add(Path::new(name)));
            for user in &matches.users {
                if let User::Name(name) = user
                    && let Some(uid) = users.id(name)
                {
                    machine.users.insert(name.clone(), uid);
                }
            }
            for path in &matches.cgroups {
                if let Some(id) = cgroup(path) {
                    machine.cgroups.insert(path.clone(), id);
                }
            }
        }
        machine
    }
}

/// Reads the device of each mount, as the kernel has it: stat(2) reports another one on overlayfs and btrfs.
fn mounts(root: &HostRoot) -> Vec<(u64, u32)> {
    let processes = root.process().into_iter().chain([Path::new("/proc/self")]);
    let lists: Vec<_> =
        processes.filter_map(|process| fs::read_to_string(process.join("mountinfo")).ok()).collect();
    lists.iter().flat_map(|list| list.lines()).filter_map(mount).collect()
}

/// Parses mount id and device from a line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
fn mount(line: &str) -> Option<(u64, u32)> {
    let mut fields = line.split(' ');
    let id = fields.next()?.parse().ok()?;
    let (major, minor) = fields.nth(1)?.split_once(':')?;
    // MKDEV (include/linux/kdev_t.h).
    Some((id, (major.parse::<u32>().ok()? << 20) | minor.parse::<u32>().ok()?))
}

/// Looks up a path as the machine has it, where tracego itself is in a container.
fn file_of_host(root: &HostRoot, path: &Path, mounts: &[(u64, u32)]) -> Option<File> {
    let HostRoot::Init(_) = root else { return None };
    let file = root.open(path, OFlags::PATH).ok()?;
    let found = statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::INO | StatxFlags::MNT_ID).ok()?;
    let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
    let real = real.and_then(|real| real.into_os_string().into_string().ok());
    let real = real.unwrap_or_else(|| path.to_string_lossy().into_owned());
    Some(File { inode: inode(&found, mounts), real })
}

/// Returns device and inode of a file.
fn inode(found: &Statx, mounts: &[(u64, u32)]) -> (u32, u64) {
    let of_mount = mounts.iter().find(|(id, _)| *id == found.stx_mnt_id);
    let device = of_mount.map_or((found.stx_dev_major << 20) | found.stx_dev_minor, |(_, device)| *device);
    (device, found.stx_ino)
}

fn file(path: &Path, mounts: &[(u64, u32)]) -> Option<File> {
    let flags = StatxFlags::INO | StatxFlags::MNT_ID;
    let found = statx(CWD, path, AtFlags::empty(), flags).ok()?;
    let real = fs::canonicalize(path).ok().and_then(|real| real.into_os_string().into_string().ok());
    let real = real.unwrap_or_else(|| path.to_string_lossy().into_owned());
    Some(File { inode: inode(&found, mounts), real })
}

/// Returns the id of a cgroup, by its path in the hierarchy of version 2.
fn cgroup(path: &str) -> Option<u64> {
    let folder = |root: &str| {
        let folder = fs::canonicalize(format!("{root}{path}")).ok()?;
        (host::cgroup_root(&folder) == Some(root) && folder.is_dir()).then_some(folder)
    };
    let folder = cgroup::ROOTS.into_iter().find_map(folder)?;
    fs::metadata(folder).ok().map(|about| about.ino())
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
    fn what_is_replaced_is_another_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, new) = (folder.path().join("file"), folder.path().join("new"));
        fs::write(&path, "").expect("a file");
        fs::write(&new, "").expect("a file");
        let rule = format!("rules = [{{ name = 'r', path = ['{}', 'a-name'] }}]", path.display());
        let table: toml::Table = rule.parse().expect("TOML");
        let enforce = Enforce::read(table).expect("rules");
        // Files only: the date could change between two snapshots.
        let files = || MachineState::now(&enforce, &[], &Users::default()).files;
        let before = files();
        assert!(before.contains_key(&path) && !before.contains_key(Path::new("a-name")));
        assert_eq!(before, files());
        fs::rename(&new, &path).expect("put in its place");
        assert_ne!(before, files());
    }

    #[test]
    fn a_file_is_the_same_behind_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let mounts = mounts(&HostRoot::Own);
        let found = super::file(&file, &mounts);
        assert!(found.is_some());
        assert_eq!(found, super::file(&link, &mounts));
        assert_eq!(super::file(&folder.path().join("none"), &mounts), None);
    }
}
