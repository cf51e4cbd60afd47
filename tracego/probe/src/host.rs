//! Identity of this machine and of this run, and the processes that are running.

use std::{collections::BTreeMap, fs, io::Read as _, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use tracego_common::AgentIdentity;
use tracego_model::{
    host::{HostFacts, HostIdSource},
    input::Seed,
    linux::{cgroup, users::Users},
    meta::Meta,
    record::{Host, Instance, Origin, Service},
};

use super::{host_name::host_name, host_root::HostRoot};

/// Returns the root of the cgroup v2 tree that contains a folder. `folder` must not contain symbolic links.
#[must_use]
pub fn cgroup_root(folder: &Path) -> Option<&'static str> {
    let is_root = |root: &&str| folder.starts_with(root) && Path::new(root).join("cgroup.procs").exists();
    cgroup::ROOTS.into_iter().find(|root| is_root(root))
}

/// The operator's statements about the machine.
#[derive(Clone, Debug, Default)]
pub struct GivenHost {
    /// Id, instead of the one in /etc/machine-id.
    pub id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Reads metadata that stays constant during a run. Unreadable values stay empty.
#[must_use]
pub fn meta(injected: Vec<(String, String)>, raw: bool, given: GivenHost) -> Meta {
    let root = HostRoot::find();
    if let HostRoot::Hidden(why) = &root {
        tracing::debug!(%why, "the machine's root folder cannot be found");
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let instance = read("/proc/sys/kernel/random/uuid");
    let number = instance.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default();
    let GivenHost { id, name, labels } = given;
    let (id, source) = match id {
        Some(id) => (id, HostIdSource::Option),
        None => (root.text("/etc/machine-id"), HostIdSource::MachineId),
    };
    let id_source = (!id.is_empty()).then_some(source);
    Meta {
        enforcement: None,
        host: Some(Arc::new(HostFacts { id_source, labels })),
        origin: Arc::new(Origin {
            host: Host { id, name: host_name(name.as_deref(), &root) },
            service: Service {
                name: "tracego",
                version: env!("CARGO_PKG_VERSION"),
                instance: Instance { id: instance },
            },
        }),
        boot_id: read("/proc/sys/kernel/random/boot_id").into(),
        injected,
        users: root.read("/etc/passwd").map(|bytes| Users::parse(&bytes)).unwrap_or_default(),
        mount_namespaces: mount_namespaces(&root),
        tick_hz: procfs::ticks_per_second(),
        page_size: procfs::page_size(),
        instance: number,
        raw,
        unshown: Arc::default(),
    }
}

/// Returns the mount namespaces whose paths are the host's: that of init, and that of tracego, in which the
/// paths of the configuration are looked up.
fn mount_namespaces(root: &HostRoot) -> Vec<u32> {
    let of = |process: &Path| u32::try_from(fs::metadata(process.join("ns/mnt")).ok()?.ino()).ok();
    root.process().into_iter().chain([Path::new("/proc/self")]).filter_map(of).collect()
}

/// Maximum number of bytes that are read of the arguments of a running process.
const ARGS_MAX: u64 = 64 << 10;

/// Returns the arguments of a running process, and whether there are more. An argument that was not read to its end is
/// left out: its rest may be what shows that it is a secret.
fn arguments(process: &procfs::process::Process) -> Option<(Vec<String>, bool)> {
    let mut bytes = Vec::new();
    process.open_relative("cmdline").ok()?.take(ARGS_MAX).read_to_end(&mut bytes).ok()?;
    let is_cut = bytes.len() as u64 == ARGS_MAX;
    let end = if is_cut { bytes.iter().rposition(|&byte| byte == 0)? } else { bytes.len() };
    let text = bytes.get(..end)?;
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    let args = text.split(|&byte| byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned());
    Some((if text.is_empty() { Vec::new() } else { args.collect() }, is_cut))
}

/// Returns the running processes. A process that ends meanwhile is left out. In a pid namespace with a /proc of its
/// own, the process ids that events use are unknown, but for that of the agent, which is then the only process.
#[must_use]
pub fn processes(agent: &AgentIdentity) -> Vec<Seed> {
    let seed = |process: procfs::process::Process| {
        let stat = process.stat().ok()?;
        let (args, is_cut) = arguments(&process).unwrap_or_default();
        Some(Seed {
            args,
            is_cut,
            pid: u32::try_from(stat.pid).ok()?,
            ppid: u32::try_from(stat.ppid).ok()?,
            start_ticks: stat.starttime,
            exe: process.exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
            comm: stat.comm,
        })
    };
    if agent.proc_level != 0 {
        let own = procfs::process::Process::myself().ok().and_then(seed);
        return own.map(|own| Seed { pid: agent.tgid, ppid: 0, ..own }).into_iter().collect();
    }
    let all = procfs::process::all_processes();
    all.map(|all| all.flatten().filter_map(seed).collect()).unwrap_or_default()
}
