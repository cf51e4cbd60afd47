//! Looks up facts about the process starts of a batch and attaches them as notes.

use std::{collections::HashSet, sync::Arc};

use tracego_common::{TaskId, event::field, flags};
use tracego_golang::{Build, Image, command::Invocation};
use tracego_model::{
    event::{Event, Exec, is_cut},
    input::{
        batch::DecodedEvent,
        facts::Surroundings,
        note::{OpenFailure, StartNote},
    },
    linux::{cgroup, proc_pids::ProcPids, users::Users},
    matcher::MatchTarget,
};

use super::{
    accounts::AccountNames,
    image::{
        cache::{self, ImageCache},
        executable::{ExecutedProcess, Opener},
    },
    proc::procfs::Procfs,
    service::{watch_list::WatchSettings, watched::WatchedService, watcher::ServiceWatcher},
    surroundings::{self, cgroups::RecordedCgroup, gofiles::GoCommand, provenance::ProgramOrigin},
};
use crate::named_services::NamedServices;

/// Settings of the inspector.
#[derive(Clone, Debug, Default)]
pub struct InspectOptions {
    /// Settings for watching services; `None` disables it.
    pub services: Option<WatchSettings>,
    /// Services and pidfiles named by the configuration.
    pub named: NamedServices,
    /// Names of the host's users when the run started.
    pub users: Users,
    /// Process ids in /proc.
    pub pids: ProcPids,
}

/// Figures about this stage.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InspectCounters {
    /// Counters of the image cache.
    pub images: cache::ImageCacheCounters,
    /// Bytes of memory that cached images occupy.
    pub image_bytes: usize,
    /// Number of services being watched.
    pub services: usize,
    /// Number of services not watched because there are too many.
    pub services_refused: u64,
    /// Number of service changes missed because they came too fast.
    pub services_missed: u64,
}

/// Looks up facts about process starts: executables, surroundings, services.
pub struct Inspector {
    images: ImageCache,
    surroundings: surroundings::SurroundingsReader,
    accounts: AccountNames,
    options: InspectOptions,
    watcher: Option<ServiceWatcher>,
    /// Processes that were handed to the watcher.
    watched: HashSet<TaskId>,
}

impl Inspector {
    /// Creates an inspector. Without a `watcher`, services are not inspected.
    #[must_use]
    pub fn new(options: InspectOptions, watcher: Option<ServiceWatcher>) -> Self {
        let procfs = Procfs::default().with_pids(options.pids.clone());
        let accounts = AccountNames::new(procfs.clone(), options.users.clone());
        let surroundings = surroundings::SurroundingsReader { procfs, ..Default::default() };
        Self {
            images: ImageCache::new(Opener::default(), cache::BYTES),
            surroundings,
            accounts,
            options,
            watcher,
            watched: HashSet::new(),
        }
    }

    /// Returns the current figures.
    #[must_use]
    pub fn figures(&self) -> InspectCounters {
        let watcher = self.watcher.as_ref();
        InspectCounters {
            images: self.images.counts(),
            image_bytes: self.images.bytes(),
            services: watcher.map_or(0, ServiceWatcher::watched),
            services_refused: watcher.map_or(0, ServiceWatcher::refused),
            services_missed: watcher.map_or(0, ServiceWatcher::missed),
        }
    }

    /// Adds a note to each program start among the events of a batch. Executables are opened here, so this comes
    /// before all other work on the events: a process may end at any time.
    pub fn annotate(&mut self, events: &mut [DecodedEvent<'_>]) {
        for decoded in events {
            match &decoded.event {
                Ok(Event::Exec(exec)) => decoded.note = Some(self.note(exec)),
                Ok(Event::Exit(exit)) => self.unwatch(exit.header.id),
                _ => {}
            }
        }
    }

    fn note(&mut self, exec: &Exec<'_>) -> StartNote {
        let fixed = &exec.fixed;
        let cached = self.images.cached((fixed.exe_dev, fixed.exe_inode, fixed.exe_ctime_ns));
        let image = match cached {
            Some(image) => Ok(image),
            None if fixed.unavailable & field::CTIME != 0 => {
                Err(self.images.count_failure(OpenFailure::Unverified))
            }
            None => self.images.get(&self.executed(exec)),
        };
        let users = self.accounts.of(exec);
        let surroundings = match &image {
            Ok(image) if image.go.is_some() => self.go(image, exec, users.as_ref()),
            _ => {
                self.unwatch(fixed.header.id);
                None
            }
        };
        StartNote { image, surroundings, users }
    }

    /// Reads the surroundings of a Go program, and starts watching it if it is a service.
    fn go(&mut self, image: &Image, exec: &Exec<'_>, users: Option<&Users>) -> Option<Arc<Surroundings>> {
        let build = image.go.as_ref()?;
        let id = exec.fixed.header.id;
        if build.is_go_command() {
            self.unwatch(id);
            return Some(Arc::new(self.command(exec)));
        }
        // Compilers and other tools start by the hundred, and no rule needs their surroundings.
        if build.path.starts_with("cmd/") && build.main.is_none() {
            self.unwatch(id);
            return None;
        }
        self.watch(exec, users);
        let version = if exec.fixed.header.flags & flags::CGROUP_V1 == 0 { 2 } else { 1 };
        let mut found = self.surroundings.program(id, &RecordedCgroup { path: &exec.cgroup, version });
        self.origin(build, exec, &mut found);
        Some(Arc::new(found))
    }

    /// Reads what says whose program this is, for one that was built in a checkout. A program that was installed
    /// as a version of a module has a checksum, and is of no checkout.
    fn origin(&self, build: &Build, exec: &Exec<'_>, found: &mut Surroundings) {
        let Some(main) = build.main.as_ref().filter(|main| main.sum.is_empty() && !main.path.is_empty())
        else {
            return;
        };
        if build.revision().is_none() {
            return;
        }
        let variables = variables(exec);
        let get = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|&(_, value)| value);
        let program = ProgramOrigin {
            id: exec.fixed.header.id,
            parent: exec.fixed.header.parent,
            mount_namespace: exec.fixed.mnt_ns,
            executable: &exec.exe,
            cwd: &exec.cwd,
            module: &main.path,
            env: &get,
        };
        self.surroundings.origin(&program, found);
    }

    fn command(&self, exec: &Exec<'_>) -> Surroundings {
        let variables = variables(exec);
        let get = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|&(_, value)| value);
        let args: Vec<_> = exec.args().map(String::from_utf8_lossy).collect();
        let invocation = Invocation::parse(&args, get("GOFLAGS").unwrap_or_default());
        self.surroundings.go_command(&GoCommand {
            id: exec.fixed.header.id,
            parent: exec.fixed.header.parent,
            mount_namespace: exec.fixed.mnt_ns,
            cwd: &exec.cwd,
            chdir: invocation.chdir.as_deref(),
            modfile: invocation.flags.modfile.as_deref(),
            env: &get,
        })
    }

    /// Watches a process that runs in a service unit or a container, or that is configured as a service.
    fn watch(&mut self, exec: &Exec<'_>, users: Option<&Users>) {
        let Some(watcher) = &mut self.watcher else { return };
        let fixed = &exec.fixed;
        let path = String::from_utf8_lossy(&exec.exe).into_owned();
        let info = cgroup::parse(&exec.cgroup);
        let user = users.unwrap_or(&self.options.users).get(fixed.euid);
        let container = info.container.map(|container| container.id);
        let target = MatchTarget {
            path: Some(&path),
            user: Some(&user),
            unit: info.unit.as_deref(),
            container: container.as_deref(),
            ..MatchTarget::default()
        };
        let of_unit = target.unit.is_some_and(|unit| unit.ends_with(".service"));
        if !of_unit && container.is_none() && !self.options.named.includes(&target) {
            return;
        }
        let pidfiles = self.options.named.pidfiles_of(&target);
        self.watched.insert(fixed.header.id);
        watcher.add(WatchedService {
            id: fixed.header.id,
            file: Some((fixed.exe_dev, fixed.exe_inode)),
            pidfiles,
            unit: info.unit,
            container,
            executable: path,
        });
    }

    fn unwatch(&mut self, id: TaskId) {
        if let Some(watcher) = &mut self.watcher
            && self.watched.remove(&id)
        {
            watcher.remove(id);
        }
    }

    /// Returns the description of the executed file.
    fn executed<'a>(&self, exec: &'a Exec<'_>) -> ExecutedProcess<'a> {
        let fixed = &exec.fixed;
        ExecutedProcess {
            pid: self.options.pids.get(fixed.header.id),
            start_ns: fixed.header.id.start_boottime,
            parent: self.options.pids.get(fixed.header.parent),
            path: &exec.exe,
            device: fixed.exe_dev,
            inode: fixed.exe_inode,
            ctime_ns: fixed.exe_ctime_ns,
        }
    }
}

/// Returns the variables of a program start that are whole texts.
fn variables<'a>(exec: &'a Exec<'_>) -> Vec<(&'a str, &'a str)> {
    let text = |(name, value)| Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?));
    exec.variables().filter(|(name, value)| !is_cut(name, value)).filter_map(text).collect()
}
