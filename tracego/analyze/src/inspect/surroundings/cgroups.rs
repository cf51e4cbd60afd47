//! Limits of cgroups: the tightest of a group and of all groups above it. Kernel documentation:
//! Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and scheduler/sched-bwc.rst.

use std::{
    ffi::OsStr,
    fs::File,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
};

use tracego_model::input::facts::CgroupLimits;

use crate::inspect::proc::{
    procfs::{Process, capped},
    read_error::ReadError,
};

/// Maximum number of bytes of a cgroup file.
const SMALL: u64 = 4096;

/// Maximum number of groups on the way up.
const DEPTH_MAX: usize = 64;

/// The smallest v1 value that means unlimited: the counter's maximum, rounded down to pages of 64 KiB.
const UNLIMITED: u64 = 0x7fff_ffff_ffff_0000;

/// A cgroup as the kernel event reports it.
#[derive(Clone, Copy, Debug)]
pub struct RecordedCgroup<'a> {
    /// Path from the root of the hierarchy.
    pub path: &'a [u8],
    /// Version of the hierarchy: 1 or 2.
    pub version: u8,
}

/// The mounted cgroup hierarchies.
#[derive(Clone, Debug)]
pub struct Cgroups {
    cpu: Option<Tree>,
    memory: Option<Tree>,
    online: PathBuf,
}

/// The hierarchy of one controller.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Tree {
    root: PathBuf,
    version: u8,
}

impl Default for Cgroups {
    fn default() -> Self {
        Self::new(Path::new("/sys/fs/cgroup"), Path::new("/sys/devices/system/cpu/online"))
    }
}

impl Cgroups {
    /// Finds the hierarchy of each controller. `root` is the mount point of cgroups: version 2 alone, version
    /// 1 with one folder per controller, or both. `online` is the file that lists the online CPUs.
    #[must_use]
    pub fn new(root: &Path, online: &Path) -> Self {
        let unified = [root.to_owned(), root.join("unified")];
        let unified = unified.into_iter().find(|dir| dir.join("cgroup.controllers").exists());
        let offered = unified.as_ref().and_then(|dir| small(&dir.join("cgroup.controllers")).ok());
        let tree = |name: &str| {
            if let (Some(dir), Some(offered)) = (&unified, &offered)
                && offered.split_ascii_whitespace().any(|offer| offer == name)
            {
                return Some(Tree { root: dir.clone(), version: 2 });
            }
            let folders = [name.to_owned(), format!("{name},cpuacct"), format!("cpuacct,{name}")];
            let mut folders = folders.iter().map(|folder| root.join(folder));
            folders.find(|dir| dir.is_dir()).map(|root| Tree { root, version: 1 })
        };
        Self { cpu: tree("cpu"), memory: tree("memory"), online: online.to_owned() }
    }

    /// Returns the limits of a process. With version 2 the group is the recorded one. With version 1 each
    /// controller has its own group, which is known only while the process runs. `cpus` is left at 0.
    ///
    /// # Errors
    /// Fails if neither controller exists or a group cannot be found.
    pub fn limits(
        &self,
        process: Result<&Process, ReadError>,
        recorded: &RecordedCgroup<'_>,
    ) -> Result<CgroupLimits, ReadError> {
        let version = self.cpu.as_ref().or(self.memory.as_ref()).ok_or(ReadError::NotFound)?.version;
        let own = process.and_then(|process| process.read("cgroup", 64 << 10));
        let group = |tree: &Tree, controller| -> Result<PathBuf, ReadError> {
            if tree.version == 2 && recorded.version == 2 {
                return below(&tree.root, recorded.path);
            }
            let wanted = if tree.version == 2 { "" } else { controller };
            let own = own.as_ref().map_err(|&why| why)?;
            below(&tree.root, path_in(own, wanted).ok_or(ReadError::Malformed)?)
        };
        let (mut cpu_millis, mut memory_bytes) = (None, None);
        if let Some(tree) = &self.cpu {
            cpu_millis = tightest(tree, &group(tree, "cpu")?, |dir| match tree.version {
                2 => small(&dir.join("cpu.max")).map(|text| cpu_max(&text)),
                _ => {
                    let quota = small(&dir.join("cpu.cfs_quota_us"))?;
                    Ok(millis(&quota, &small(&dir.join("cpu.cfs_period_us"))?))
                }
            })?;
        }
        if let Some(tree) = &self.memory {
            let file = if tree.version == 2 { "memory.max" } else { "memory.limit_in_bytes" };
            memory_bytes = tightest(tree, &group(tree, "memory")?, |dir| {
                Ok(small(&dir.join(file))?.trim().parse().ok().filter(|&bytes| bytes < UNLIMITED))
            })?;
        }
        Ok(CgroupLimits { version, cpu_millis, memory_bytes, cpus: 0 })
    }

    /// Returns the number of online CPUs that a process may run on.
    ///
    /// # Errors
    /// Fails if the CPUs cannot be read.
    pub fn cpus(&self, process: &Process) -> Result<u32, ReadError> {
        let online = cpu_list(&small(&self.online)?);
        let allowed = process.status()?.cpus;
        let usable =
            allowed.iter().filter(|&&cpu| online.iter().any(|&(first, last)| first <= cpu && cpu <= last));
        match u32::try_from(usable.count()) {
            Ok(0) | Err(_) => Err(ReadError::Malformed),
            Ok(cpus) => Ok(cpus),
        }
    }
}

fn small(path: &Path) -> Result<String, ReadError> {
    Ok(String::from_utf8_lossy(&capped(File::open(path)?, SMALL)?).into_owned())
}

/// Returns the folder of a group. In another cgroup namespace the path of a group begins with `/..`.
fn below(root: &Path, path: &[u8]) -> Result<PathBuf, ReadError> {
    let path = Path::new(OsStr::from_bytes(path));
    let inside = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !inside || !path.is_absolute() {
        return Err(ReadError::Outside);
    }
    let folder = root.join(path.strip_prefix("/").unwrap_or(path));
    if folder.is_dir() { Ok(folder) } else { Err(ReadError::NotFound) }
}

/// Returns the lowest limit from a group up to the root. A group without the file has no limit of its own: it
/// is the root, or the controller is disabled there.
fn tightest(
    tree: &Tree,
    group: &Path,
    limit: impl Fn(&Path) -> Result<Option<u64>, ReadError>,
) -> Result<Option<u64>, ReadError> {
    let mut lowest: Option<u64> = None;
    for (depth, dir) in group.ancestors().take_while(|dir| dir.starts_with(&tree.root)).enumerate() {
        if depth == DEPTH_MAX {
            return Err(ReadError::TooMany);
        }
        match limit(dir) {
            Ok(Some(found)) => lowest = Some(lowest.map_or(found, |lowest| lowest.min(found))),
            Ok(None) | Err(ReadError::NotFound) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(lowest)
}

/// Parses `cpu.max`: quota and period in microseconds, or `max` and a period. Returns thousandths of a CPU.
#[must_use]
pub fn cpu_max(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    millis(quota, period)
}

/// Converts a quota to thousandths of a CPU. No positive number means unlimited: v1 writes -1, v2 `max`.
fn millis(quota: &str, period: &str) -> Option<u64> {
    let quota: u64 = quota.trim().parse().ok()?;
    let period: u64 = period.trim().parse().ok().filter(|&period| period > 0)?;
    u64::try_from(u128::from(quota) * 1000 / u128::from(period)).ok()
}

/// Finds the path of a controller in the text of /proc/PID/cgroup (cgroups(7)); an empty name means version
/// 2.
#[must_use]
pub fn path_in<'a>(text: &'a [u8], controller: &str) -> Option<&'a [u8]> {
    text.split(|&b| b == b'\n').find_map(|line| {
        let mut fields = line.splitn(3, |&b| b == b':');
        let (_hierarchy, names, path) = (fields.next()?, fields.next()?, fields.next()?);
        names.split(|&b| b == b',').any(|name| name == controller.as_bytes()).then_some(path)
    })
}

/// Parses the ranges of a CPU list such as `0-3,5`.
#[must_use]
pub fn cpu_list(text: &str) -> Vec<(usize, usize)> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.trim().split(',').filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_in_thousandths_of_a_cpu() {
        assert_eq!(cpu_max("150000 100000\n"), Some(1500));
        assert_eq!(cpu_max("max 100000\n"), None);
        assert_eq!(cpu_max("1000 0"), None);
        assert_eq!(cpu_max(""), None);
        assert_eq!(millis("-1\n", "100000\n"), None);
    }

    #[test]
    fn the_path_of_a_controller() {
        let text = b"5:cpu,cpuacct:/docker/x\n4:memory:/a:b\n1:name=systemd:/s\n0::/unified\n";
        assert_eq!(path_in(text, "cpu"), Some(&b"/docker/x"[..]));
        assert_eq!(path_in(text, "memory"), Some(&b"/a:b"[..]));
        assert_eq!(path_in(text, ""), Some(&b"/unified"[..]));
        assert_eq!(path_in(text, "pids"), None);
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpu_list("0-3,5\n"), [(0, 3), (5, 5)]);
        assert_eq!(cpu_list("\n"), []);
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    const ONLINE: &str = "/sys/devices/system/cpu/online";

    #[test]
    fn the_tightest_limit_on_the_way_up_counts() {
        let dir = tree(&[
            ("cgroup.controllers", "cpuset cpu io memory pids\n"),
            ("a.slice/cpu.max", "50000 100000\n"),
            ("a.slice/memory.max", "max\n"),
            ("a.slice/b.service/cpu.max", "max 100000\n"),
            ("a.slice/b.service/memory.max", "1073741824\n"),
            // The controllers are disabled in this group.
            ("a.slice/b.service/c/cgroup.procs", ""),
        ]);
        let cgroups = Cgroups::new(dir.path(), Path::new(ONLINE));
        let limits = |path: &str| {
            cgroups.limits(Err(ReadError::Gone), &RecordedCgroup { path: path.as_bytes(), version: 2 })
        };
        let wanted = CgroupLimits { version: 2, cpu_millis: Some(500), memory_bytes: Some(1 << 30), cpus: 0 };
        assert_eq!(limits("/a.slice/b.service/c"), Ok(wanted));
        assert_eq!(limits("/"), Ok(CgroupLimits { version: 2, ..CgroupLimits::default() }));
        assert_eq!(limits("/gone.slice"), Err(ReadError::NotFound));
        assert_eq!(limits("/../a.slice"), Err(ReadError::Outside));
        assert_eq!(limits("a.slice"), Err(ReadError::Outside));
    }

    #[test]
    fn without_controllers_nothing_is_said() {
        let dir = tree(&[("cgroup.controllers", "pids\n")]);
        let cgroups = Cgroups::new(dir.path(), Path::new(ONLINE));
        let recorded = RecordedCgroup { path: b"/", version: 2 };
        assert_eq!(cgroups.limits(Err(ReadError::Gone), &recorded), Err(ReadError::NotFound));
    }
}
