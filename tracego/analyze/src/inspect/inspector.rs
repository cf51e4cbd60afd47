//! Looks up facts about the process starts of a batch and attaches them as notes.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use tokio::sync::mpsc::WeakSender;
use tracego_common::{TaskId, event::field, flags};
use tracego_golang::{Build, Image, command::Invocation, shape};
use tracego_model::{
    clock::Reading,
    event::{Event, Exec, is_cut},
    input::{
        Input,
        batch::DecodedEvent,
        facts::Surroundings,
        note::{OpenFailure, StartNote},
    },
    linux::{cgroup, proc_pids::ProcPids, users::Users},
    matcher::MatchTarget,
    process_key::ProcessKey,
};

use super::{
    accounts::AccountNames,
    digest::{
        answers,
        job::HashLimits,
        requests::{DigestCounters, DigestRequests, LateDigest},
    },
    executable_reader::{ExecutableReader, LateImage, LateStart},
    files::{
        question::{Answer, ImageAnswer, ImageQuestion, ProcessQuestion, Question},
        readers::{FileReaders, Place, ReaderCounters},
    },
    image::{cache, executable::ExecutedProcess},
    proc::{namespaces::MountNamespaces, procfs::Procfs},
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
    /// The pipeline's input, to call it when digests have come; it is not kept open.
    pub queue: Option<WeakSender<Input>>,
    /// Limits of hashing executed files; `None` disables it.
    pub digests: Option<HashLimits>,
}

/// The workers that read files for an inspector.
#[derive(Debug)]
pub struct FileWorkers(FileReaders<Option<LateImage>>);

impl FileWorkers {
    /// Starts the workers. Call this before the programs are attached, or the workers are recorded.
    ///
    /// # Errors
    /// Fails if there are no processes or descriptors left.
    pub fn start() -> std::io::Result<Self> {
        FileReaders::start().map(Self)
    }

    /// Reads files in the inspector's own thread, for inspectors that nothing depends on.
    #[must_use]
    pub fn inline() -> Self {
        Self(FileReaders::inline())
    }
}

/// Figures about this stage.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InspectCounters {
    /// Counters of the image cache.
    pub images: cache::ImageCacheCounters,
    /// Bytes of memory that cached images occupy.
    pub image_bytes: usize,
    /// Counters of the workers that read files.
    pub readers: ReaderCounters,
    /// Counters of the digests of executed files.
    pub digests: DigestCounters,
    /// Number of services being watched.
    pub services: usize,
    /// Number of services not watched because there are too many.
    pub services_refused: u64,
    /// Number of service changes missed because they came too fast.
    pub services_missed: u64,
}

/// Maximum number of processes that the watcher is told about when they end. It finds others gone by itself.
const WATCHED: NonZeroUsize = match NonZeroUsize::new(16 << 10) {
    Some(watched) => watched,
    None => NonZeroUsize::MIN,
};

/// Programs that scripts are written for, as opposed to those that run programs of other machines.
const SCRIPT_INTERPRETERS: [&str; 18] = [
    "ash", "awk", "bash", "busybox", "dash", "env", "gawk", "ksh", "lua", "make", "mawk", "node", "perl",
    "php", "python", "ruby", "sed", "sh",
];

/// Looks up facts about process starts: executables, surroundings, services.
pub struct Inspector {
    executables: ExecutableReader,
    namespaces: MountNamespaces,
    surroundings: surroundings::SurroundingsReader,
    accounts: AccountNames,
    options: InspectOptions,
    watcher: Option<ServiceWatcher>,
    /// Processes that were handed to the watcher.
    watched: LruCache<ProcessKey, TaskId>,
}

impl Inspector {
    /// Creates an inspector. Without a `watcher`, services are not inspected.
    #[must_use]
    pub fn new(options: InspectOptions, files: FileWorkers, watcher: Option<ServiceWatcher>) -> Self {
        let procfs = Procfs::default().with_pids(options.pids.clone());
        let accounts = AccountNames::new(procfs.clone(), options.users.clone());
        let surroundings = surroundings::SurroundingsReader { procfs, ..Default::default() };
        let mut files = files.0;
        let digests = options.digests.and_then(|limits| {
            let answers = files.start_hasher()?;
            let answers = answers::start(answers, options.queue.clone());
            let told =
                |error| tracing::error!(%error, "executed files are not hashed: no thread for the answers");
            Some(DigestRequests::new(answers.map_err(told).ok()?, limits))
        });
        Self {
            executables: ExecutableReader::new(files, digests, options.pids.clone()),
            namespaces: MountNamespaces::new(&surroundings.procfs),
            surroundings,
            accounts,
            options,
            watcher,
            watched: LruCache::new(WATCHED),
        }
    }

    /// Returns the current figures.
    #[must_use]
    pub fn figures(&self) -> InspectCounters {
        let watcher = self.watcher.as_ref();
        let ExecutableReader { images, files, digests, .. } = &self.executables;
        InspectCounters {
            images: images.counts(),
            image_bytes: images.bytes(),
            readers: files.counts(),
            digests: digests.as_ref().map(DigestRequests::counts).unwrap_or_default(),
            services: watcher.map_or(0, ServiceWatcher::watched),
            services_refused: watcher.map_or(0, ServiceWatcher::refused),
            services_missed: watcher.map_or(0, ServiceWatcher::missed),
        }
    }

    /// Adds a note to each program start among the events of a batch. Executables are opened here, so this comes
    /// before all other work on the events: a process may end at any time. `clock`: the clocks of the batch.
    pub fn annotate(&mut self, events: &mut [DecodedEvent<'_>], clock: Reading) {
        self.executables.set_offset(clock.unix_ns.wrapping_sub(clock.boot_ns));
        for decoded in events.iter() {
            if let Ok(Event::Exec(exec)) = &decoded.event {
                let fixed = &exec.fixed;
                self.namespaces.hold(&self.surroundings.procfs, fixed.header.id, fixed.mnt_ns);
            }
        }
        for at in 0..events.len() {
            let Some((decoded, later)) = events.get_mut(at..).and_then(<[_]>::split_first_mut) else { break };
            match &decoded.event {
                Ok(Event::Exec(exec)) => {
                    let header = &exec.fixed.header;
                    self.executables.end_file(header.id, header.boot_ns);
                    decoded.note = Some(self.note(exec, later));
                }
                Ok(Event::Exit(exit)) => {
                    self.unwatch(exit.header.id);
                    self.executables.end_file(exit.header.id, exit.header.boot_ns);
                    self.executables.settle(exit.header.id, exit.header.boot_ns);
                }
                _ => {}
            }
            if let Some(Ok(event)) = events.get(at).map(|decoded| &decoded.event) {
                self.executables.seen(event);
            }
        }
    }

    /// Returns the digests that came since the last call, of starts that had none. Call this now and then.
    pub fn late_digests(&mut self) -> Vec<LateDigest> {
        self.executables.late_digests()
    }

    /// Takes it that all events of before a time are known: processes of which no end is known have run until then.
    pub fn drained(&mut self, clock: Reading) {
        self.executables.drained(clock);
    }

    /// Takes it that no events come any more: the processes of which no end is known run on.
    pub fn settle_digests(&mut self) {
        self.executables.settle_digests();
    }

    /// Takes it that no more digests come, because tracego ends: starts that wait for one have none.
    pub fn give_up_digests(&mut self) {
        self.executables.give_up_digests();
    }

    /// Returns the number of starts that wait for a digest.
    #[must_use]
    pub fn awaited_digests(&self) -> usize {
        self.executables.awaited_digests()
    }

    /// Returns the images that were read since the last call, after their starts had been judged. Call this now
    /// and then.
    pub fn late(&mut self) -> Vec<LateStart> {
        self.namespaces.release();
        self.executables.late()
    }

    /// Looks up the facts about a start. `later`: the events of the batch behind it.
    fn note(&mut self, exec: &Exec<'_>, later: &[DecodedEvent<'_>]) -> StartNote {
        let fixed = &exec.fixed;
        let roots = self.namespaces.roots(fixed.mnt_ns);
        let process = ExecutedProcess { roots: &roots, ..self.executed(exec) };
        let (image, digest) = self.executables.read(fixed, process, later);
        let program = self.interpreted(exec, image.as_ref().ok());
        let users = self.accounts.of(exec, &mut |namespace, question| match self.executables.files.ask(
            Place::Passwd(namespace),
            &Question::Passwd(question),
            || None,
        ) {
            Ok(Answer::Passwd(users)) => users,
            _ => None,
        });
        let surroundings = match program.as_ref().or(image.as_ref().ok()) {
            Some(image) if image.go.is_some() => self.go(image, exec, users.as_ref()),
            _ => {
                self.unwatch(fixed.header.id);
                None
            }
        };
        StartNote { image, surroundings, program, users, digest }
    }

    /// Reads the program that the executable interprets for a machine of another kind (binfmt_misc): the kernel
    /// reports the interpreter as the executable.
    fn interpreted(&mut self, exec: &Exec<'_>, image: Option<&Arc<Image>>) -> Option<Arc<Image>> {
        if exec.interp.is_empty()
            || exec.interp == exec.filename
            || image.is_some_and(|image| image.go.is_some())
        {
            return None;
        }
        let name = String::from_utf8_lossy(&exec.exe);
        let name =
            shape::name(&name).trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        if SCRIPT_INTERPRETERS.contains(&name) {
            return None;
        }
        let process = ExecutedProcess { path: exec.filename, ..self.executed(exec) };
        let place = Place::Folder(exec.fixed.mnt_ns, exec.filename.to_vec());
        let question = Question::Interpreted(ImageQuestion::from(&process));
        match self.executables.files.ask(place, &question, || None) {
            Ok(Answer::Image(Ok(ImageAnswer { image, .. }))) => Some(Arc::new(image)),
            _ => None,
        }
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
    fn origin(&mut self, build: &Build, exec: &Exec<'_>, found: &mut Surroundings) {
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
        let question = Question::Origin(ProcessQuestion::origin(&program, |id| self.options.pids.get(id)));
        let place = Place::Folder(exec.fixed.mnt_ns, exec.cwd.clone());
        match self.executables.files.ask(place, &question, || None) {
            Ok(Answer::Surroundings(answer)) => {
                found.module_file = answer.module_file;
                found.checkout = answer.checkout;
                found.event_commits = answer.event_commits;
                found.unavailable.extend(answer.unavailable);
            }
            Ok(_) => {}
            Err(failure) => {
                found.unavailable.insert("module_file".to_owned(), failure.as_str().to_owned());
            }
        }
    }

    fn command(&mut self, exec: &Exec<'_>) -> Surroundings {
        let variables = variables(exec);
        let get = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|&(_, value)| value);
        let args: Vec<_> = exec.args().map(String::from_utf8_lossy).collect();
        let invocation = Invocation::parse(&args, get("GOFLAGS").unwrap_or_default());
        let command = GoCommand {
            id: exec.fixed.header.id,
            parent: exec.fixed.header.parent,
            mount_namespace: exec.fixed.mnt_ns,
            cwd: &exec.cwd,
            chdir: invocation.chdir.as_deref(),
            modfile: invocation.flags.modfile.as_deref(),
            env: &get,
        };
        let question = Question::Command(ProcessQuestion::command(&command, |id| self.options.pids.get(id)));
        let place = Place::Folder(exec.fixed.mnt_ns, exec.cwd.clone());
        let why = match self.executables.files.ask(place, &question, || None) {
            Ok(Answer::Surroundings(found)) => return found,
            Ok(_) => OpenFailure::Io(0),
            Err(failure) => failure,
        };
        let unavailable = ["go_mod", "go_env"].map(|field| (field.to_owned(), why.as_str().to_owned()));
        Surroundings { unavailable: unavailable.into(), ..Surroundings::default() }
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
        let id = fixed.header.id;
        if let Some((evicted, other)) = self.watched.push(id.into(), id)
            && evicted != id.into()
        {
            watcher.remove(other);
        }
        watcher.add(WatchedService {
            id,
            file: Some((fixed.exe_dev, fixed.exe_inode)),
            pidfiles,
            unit: info.unit,
            container,
            executable: path,
        });
    }

    fn unwatch(&mut self, id: TaskId) {
        if let Some(watcher) = &mut self.watcher
            && self.watched.pop(&id.into()).is_some()
        {
            watcher.remove(id);
        }
    }

    /// Returns the description of the executed file.
    fn executed<'a>(&self, exec: &'a Exec<'_>) -> ExecutedProcess<'a> {
        let fixed = &exec.fixed;
        let is_dated = fixed.unavailable & field::CTIME == 0;
        ExecutedProcess {
            pid: self.options.pids.get(fixed.header.id),
            start_ns: fixed.header.id.start_boottime,
            parent: self.options.pids.get(fixed.header.parent),
            path: &exec.exe,
            device: fixed.exe_dev,
            inode: fixed.exe_inode,
            ctime_ns: if is_dated { fixed.exe_ctime_ns } else { 0 },
            ran_ns: self.executables.unix_ns(fixed.header.boot_ns),
            user: (fixed.uid, fixed.gid),
            roots: &[],
        }
    }
}

/// Returns the variables of a program start that are whole texts.
fn variables<'a>(exec: &'a Exec<'_>) -> Vec<(&'a str, &'a str)> {
    let text = |(name, value)| Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?));
    exec.variables().filter(|(name, value)| !is_cut(name, value)).filter_map(text).collect()
}
