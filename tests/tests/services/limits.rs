//! Limits of real cgroups, in the hierarchy that this machine uses.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tracego_analyze::inspect::surroundings::{SurroundingsReader, cgroups::RecordedCgroup};
use tracego_model::input::facts::CgroupLimits;

use crate::{ConditionalTest, daemon::Daemon};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("quotas of cgroup v1 and of those above", version_1, needs_version_1),
    ("quotas of cgroup v2 and of those above", version_2, needs_version_2),
    ("the CPUs that a process may run on are counted", cpus, needs_affinity),
];

const ROOT: &str = "/sys/fs/cgroup";

/// Folders of cgroups, removed on drop.
struct CgroupFolders(Vec<PathBuf>);

impl CgroupFolders {
    /// Creates a group and one below it.
    fn make(at: &Path, name: &str) -> io::Result<(Self, PathBuf, PathBuf)> {
        let above = at.join(format!("tracego-{name}-{}", std::process::id()));
        let below = above.join("below");
        let mut groups = Self(Vec::new());
        for path in [&above, &below] {
            fs::create_dir(path)?;
            groups.0.push(path.clone());
        }
        Ok((groups, above, below))
    }
}

impl Drop for CgroupFolders {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            if let Err(error) = fs::remove_dir(path) {
                eprintln!("{}: {error}", path.display());
            }
        }
    }
}

/// Returns the folders of version 1's controllers.
fn controllers() -> Option<[PathBuf; 2]> {
    let find = |names: &[&str]| {
        names.iter().map(|name| Path::new(ROOT).join(name)).find(|path| path.join("cgroup.procs").exists())
    };
    Some([find(&["cpu", "cpu,cpuacct"])?, find(&["memory"])?])
}

fn needs_version_1() -> Option<String> {
    let Some(all) = controllers() else { return Some("no cgroup v1 controllers are mounted".into()) };
    let made = all.iter().try_for_each(|at| CgroupFolders::make(at, "probe").map(drop));
    made.err().map(|error| format!("no cgroup can be made: {error}"))
}

fn version_1() {
    let [cpu, memory] = controllers().unwrap();
    // The daemon is created last, so that it ends before its groups are removed.
    let (_groups, cpu_above, cpu_below) = CgroupFolders::make(&cpu, "v1").unwrap();
    let (_more, memory_above, memory_below) = CgroupFolders::make(&memory, "v1").unwrap();
    let daemon = Daemon::start();
    let pid = daemon.id.tgid.to_string();
    for group in [&cpu_below, &memory_below] {
        fs::write(group.join("cgroup.procs"), &pid).unwrap();
    }
    let inspector = SurroundingsReader::default();
    // The kernel side reports the path in another controller's hierarchy; that path is not used.
    let limits = || {
        let found = inspector.program(daemon.id, &RecordedCgroup { path: b"/", version: 1 });
        assert_eq!(found.unavailable, Default::default());
        found.limits.unwrap()
    };
    let cpus = limits().cpus;
    let none = CgroupLimits { version: 1, cpus, ..CgroupLimits::default() };
    assert!(cpus > 0);
    assert_eq!(limits(), none);
    fs::write(cpu_above.join("cpu.cfs_quota_us"), "150000").unwrap();
    fs::write(memory_above.join("memory.limit_in_bytes"), "67108864").unwrap();
    let wanted = CgroupLimits { cpu_millis: Some(1500), memory_bytes: Some(64 << 20), ..none };
    assert_eq!(limits(), wanted, "of the group above");
    fs::write(cpu_below.join("cpu.cfs_quota_us"), "50000").unwrap();
    assert_eq!(limits(), CgroupLimits { cpu_millis: Some(500), ..wanted }, "the tightest");
    drop(daemon);
}

/// Returns the root of version 2, if its controllers are available to groups.
fn unified() -> Option<PathBuf> {
    let offers = |root: &PathBuf| {
        let offered = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
        ["cpu", "memory"].iter().all(|name| offered.split_whitespace().any(|offer| offer == *name))
    };
    [Path::new(ROOT).to_owned(), Path::new(ROOT).join("unified")].into_iter().find(offers)
}

fn needs_version_2() -> Option<String> {
    let Some(root) = unified() else { return Some("no cgroup v2 with cpu and memory is mounted".into()) };
    let delegated = fs::read_to_string(root.join("cgroup.subtree_control")).unwrap_or_default();
    if !["cpu", "memory"].iter().all(|name| delegated.split_whitespace().any(|given| given == *name)) {
        return Some("cgroup v2 gives cpu and memory to no group".into());
    }
    CgroupFolders::make(&root, "probe").map(drop).err().map(|error| format!("no cgroup can be made: {error}"))
}

fn version_2() {
    let root = unified().unwrap();
    let (_groups, above, below) = CgroupFolders::make(&root, "v2").unwrap();
    fs::write(above.join("cgroup.subtree_control"), "+cpu +memory").unwrap();
    let daemon = Daemon::start();
    fs::write(below.join("cgroup.procs"), daemon.id.tgid.to_string()).unwrap();
    let path = Path::new("/").join(below.strip_prefix(&root).unwrap());
    let inspector = SurroundingsReader::default();
    let limits = || {
        let recorded = RecordedCgroup { path: path.to_str().unwrap().as_bytes(), version: 2 };
        inspector.program(daemon.id, &recorded).limits.unwrap()
    };
    fs::write(above.join("cpu.max"), "150000 100000").unwrap();
    fs::write(above.join("memory.max"), "67108864").unwrap();
    let first = limits();
    let wanted =
        CgroupLimits { version: 2, cpu_millis: Some(1500), memory_bytes: Some(64 << 20), cpus: first.cpus };
    assert_eq!(first, wanted, "of the group above");
    fs::write(below.join("cpu.max"), "50000 100000").unwrap();
    assert_eq!(limits(), CgroupLimits { cpu_millis: Some(500), ..wanted }, "the tightest");
    drop(daemon);
}

fn needs_affinity() -> Option<String> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    (cpus < 2).then(|| "has one CPU".to_owned())
}

fn cpus() {
    let count = |daemon: &Daemon| {
        let cgroups = SurroundingsReader::default().cgroups;
        cgroups
            .cpus(&tracego_analyze::inspect::proc::procfs::Procfs::default().process(daemon.id).unwrap())
            .unwrap()
    };
    let one = Daemon::through(&["taskset", "--cpu-list", "1"]);
    assert_eq!(count(&one), 1);
    let all = Daemon::start();
    assert!(count(&all) >= 2);
}
