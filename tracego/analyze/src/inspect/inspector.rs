//! Looks up facts about the process starts of a batch and attaches them as notes.

use std::{num::NonZeroUsize, os::unix::fs::MetadataExt as _, sync::Arc};

use lru::LruCache;
use tokio::sync::mpsc::WeakSender;
use tracego_common::{ExecFixed, TaskId, event::field, flags};
use tracego_golang::{Build, Image, command::Invocation, shape};
use tracego_model::{
    clock::Reading,
    event::{Event, Exec, is_cut},
    input::{
        Input,
        batch::DecodedEvent,
        digest::{DigestGap, FileDigest},
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
        job::{DigestOrder, Handing, HashLimits},
        requests::{DigestCounters, DigestRequests, HashedStart, LateDigest},
    },
    files::{
        question::{Answer, ImageAnswer, ImageQuestion, ProcessQuestion, Question},
        readers::{FileReaders, LateAnswer, Place, ReaderCounters},
    },
    image::{
        cache::{self, FileKey, ImageCache},
        executable::{ExecutedProcess, ReadImage},
    },
    lifetimes::{self, UnsettledStarts},
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

/// Maximum number of starts whose image is still asked for when their file system answers again.
const REFUSED_MAX: usize = 256;

/// Programs that scripts are written for, as opposed to those that run programs of other machines.
const SCRIPT_INTERPRETERS: [&str; 18] = [
    "ash", "awk", "bash", "busybox", "dash", "env", "gawk", "ksh", "lua", "make", "mawk", "node", "perl",
    "php", "python", "ruby", "sed", "sh",
];

/// A start whose image was not read in time.
#[derive(Clone, Copy, Debug)]
struct LateImage {
    start: HashedStart,
    key: FileKey,
    order: Option<DigestOrder>,
}

/// A start whose image was not asked for, because its place hangs.
#[derive(Debug)]
struct RefusedImage {
    place: Place,
    late: LateImage,
    question: Question,
}

/// An image that was read after its start had been judged.
#[derive(Clone, Debug)]
pub struct LateStart {
    /// The process.
    pub id: TaskId,
    /// Facts about its start by now.
    pub note: StartNote,
}

/// Looks up facts about process starts: executables, surroundings, services.
pub struct Inspector {
    images: ImageCache,
    files: FileReaders<Option<LateImage>>,
    refused: Vec<RefusedImage>,
    unsettled: UnsettledStarts,
    digests: Option<DigestRequests>,
    /// Inode of the agent's executable.
    own_inode: Option<u64>,
    /// Time of the latest event, nanoseconds since 1970.
    seen_ns: u64,
    /// Starts whose image was read since the last call of [`Self::late`].
    settled: Vec<LateStart>,
    namespaces: MountNamespaces,
    surroundings: surroundings::SurroundingsReader,
    accounts: AccountNames,
    options: InspectOptions,
    watcher: Option<ServiceWatcher>,
    /// Processes that were handed to the watcher.
    watched: LruCache<ProcessKey, TaskId>,
    /// Nanoseconds from the boot clock to the wall clock.
    offset: i64,
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
            images: ImageCache::new(cache::BYTES),
            files,
            refused: Vec::new(),
            unsettled: UnsettledStarts::default(),
            digests,
            own_inode: std::fs::metadata("/proc/self/exe").ok().map(|meta| meta.ino()),
            seen_ns: 0,
            settled: Vec::new(),
            namespaces: MountNamespaces::new(&surroundings.procfs),
            surroundings,
            accounts,
            options,
            watcher,
            watched: LruCache::new(WATCHED),
            offset: 0,
        }
    }

    /// Returns the current figures.
    #[must_use]
    pub fn figures(&self) -> InspectCounters {
        let watcher = self.watcher.as_ref();
        InspectCounters {
            images: self.images.counts(),
            image_bytes: self.images.bytes(),
            readers: self.files.counts(),
            digests: self.digests.as_ref().map(DigestRequests::counts).unwrap_or_default(),
            services: watcher.map_or(0, ServiceWatcher::watched),
            services_refused: watcher.map_or(0, ServiceWatcher::refused),
            services_missed: watcher.map_or(0, ServiceWatcher::missed),
        }
    }

    /// Adds a note to each program start among the events of a batch. Executables are opened here, so this comes
    /// before all other work on the events: a process may end at any time. `clock`: the clocks of the batch.
    pub fn annotate(&mut self, events: &mut [DecodedEvent<'_>], clock: Reading) {
        self.offset = clock.unix_ns.wrapping_sub(clock.boot_ns);
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
                    self.end_file(header.id, header.boot_ns);
                    decoded.note = Some(self.note(exec, later));
                }
                Ok(Event::Exit(exit)) => {
                    self.unwatch(exit.header.id);
                    self.end_file(exit.header.id, exit.header.boot_ns);
                    self.settle(exit.header.id, exit.header.boot_ns);
                }
                _ => {}
            }
            if let Some(Ok(event)) = events.get(at).map(|decoded| &decoded.event) {
                self.seen_ns = self.seen_ns.max(self.unix_ns(event.boot_ns()));
            }
        }
    }

    /// Returns the digests that came since the last call, of starts that had none. Call this now and then.
    pub fn late_digests(&mut self) -> Vec<LateDigest> {
        let Some(digests) = &mut self.digests else { return Vec::new() };
        let (late, is_lost) = digests.take(self.seen_ns);
        if is_lost && !self.files.raise_hasher() {
            tracing::error!("the process that hashes executed files is lost, and does not start again");
            self.digests = None;
        }
        late
    }

    /// Takes it that no events come any more: the processes of which no end is known run on.
    pub fn settle_digests(&mut self) {
        self.seen_ns = u64::MAX;
    }

    /// Takes it that no more digests come: starts that wait for one have none.
    pub fn give_up_digests(&mut self) {
        if let Some(digests) = &mut self.digests {
            digests.give_up();
        }
    }

    /// Returns the number of starts that wait for a digest.
    #[must_use]
    pub fn awaited_digests(&self) -> usize {
        self.digests.as_ref().map_or(0, DigestRequests::waiting)
    }

    /// Notes that a process does not run its file any more, from a time in nanoseconds since boot.
    fn end_file(&mut self, id: TaskId, boot_ns: u64) {
        let at = self.unix_ns(boot_ns);
        if let Some(digests) = &mut self.digests {
            digests.ended(id, at);
        }
    }

    /// Returns the images that were read since the last call, after their starts had been judged. Call this now
    /// and then.
    pub fn late(&mut self) -> Vec<LateStart> {
        self.namespaces.release();
        let mut all = std::mem::take(&mut self.settled);
        for LateAnswer { place, asker, answer } in self.files.late() {
            all.extend(asker.zip(answer).and_then(|(late, answer)| self.late_image(&late, answer)));
            let (again, others) = std::mem::take(&mut self.refused)
                .into_iter()
                .partition(|one: &RefusedImage| one.place == place);
            self.refused = others;
            for RefusedImage { place, late, question } in again {
                if let Ok(answer) = self.files.ask(place, &question, || Some(late)) {
                    all.extend(self.late_image(&late, answer));
                }
            }
        }
        all
    }

    /// Reads the file of a process that has ended, at a time in nanoseconds since boot, if it can be trusted by now.
    fn settle(&mut self, id: TaskId, end: u64) {
        let Some((start, question)) = self.unsettled.ended(id, self.unix_ns(end)) else { return };
        let order = self.order();
        let question = question.with_digest(order);
        let process = question.process();
        let (place, key) = (Place::Device(process.device), cache::key(&process));
        let late = LateImage { start, key, order };
        if let Ok(answer) = self.files.ask(place, &Question::Image(question), || Some(late)) {
            let start = self.late_image(&late, answer);
            self.settled.extend(start);
        }
    }

    /// Returns a time of the boot clock in nanoseconds since 1970.
    fn unix_ns(&self, boot_ns: u64) -> u64 {
        i64::try_from(boot_ns).unwrap_or(i64::MAX).wrapping_add(self.offset).cast_unsigned()
    }

    fn late_image(&mut self, late: &LateImage, answer: Answer) -> Option<LateStart> {
        let Answer::Image(Ok(ImageAnswer { image, is_lasting, digest })) = answer else { return None };
        let image = Ok(self.images.put(late.key, ReadImage { image, is_lasting }));
        let digests = self.digests.as_mut();
        let digest = digests
            .zip(digest)
            .map(|(digests, handing)| digests.handed(late.order, handing, late.key, late.start));
        Some(LateStart { id: late.start.id, note: StartNote { image, digest, ..StartNote::default() } })
    }

    /// Whether the agent itself started its own program, as the enforcement check does.
    fn is_own_start(&self, fixed: &ExecFixed) -> bool {
        let parent = self.options.pids.get(fixed.header.parent);
        self.own_inode == Some(fixed.exe_inode) && parent == Some(std::process::id())
    }

    /// Returns an order for a digest, if files are hashed.
    fn order(&mut self) -> Option<DigestOrder> {
        self.digests.as_mut().and_then(DigestRequests::order)
    }

    /// Returns what is known about the digest of a started file. A file that was changed within a tick of its start may
    /// have had other content with the same change time, so its digest is none of the known ones.
    fn known_digest(
        &mut self,
        is_hashed: bool,
        process: &ExecutedProcess<'_>,
        start: HashedStart,
    ) -> Option<FileDigest> {
        let digests = self.digests.as_mut().filter(|_| is_hashed && process.is_settled())?;
        digests.find(cache::key(process), start)
    }

    /// Asks for the digest of a file whose image is known.
    fn ask_digest(
        &mut self,
        process: &ExecutedProcess<'_>,
        order: Option<DigestOrder>,
        start: HashedStart,
    ) -> Option<FileDigest> {
        let question = Question::Digest(ImageQuestion::from(process).with_digest(order));
        let handing = match self.files.ask(Place::Device(process.device), &question, || None) {
            Ok(Answer::Digest(handing)) => handing,
            _ => Handing::Refused(DigestGap::Failed),
        };
        Some(self.digests.as_mut()?.handed(order, handing, cache::key(process), start))
    }

    /// Looks up the facts about a start. `later`: the events of the batch behind it.
    fn note(&mut self, exec: &Exec<'_>, later: &[DecodedEvent<'_>]) -> StartNote {
        let fixed = &exec.fixed;
        let roots = self.namespaces.roots(fixed.mnt_ns);
        let mut process = ExecutedProcess { roots: &roots, ..self.executed(exec) };
        let end = if process.is_settled() { None } else { lifetimes::end(later, fixed.header.id) };
        if let Some(end) = end {
            process.ran_ns = self.unix_ns(end);
        }
        let start = HashedStart { id: fixed.header.id, boot_ns: fixed.header.boot_ns };
        // The enforcement check has no record that a digest could follow.
        let is_hashed = self.digests.is_some() && !self.is_own_start(fixed);
        let is_before = fixed.header.flags & flags::BEFORE != 0;
        let known = match self.digests.as_mut().filter(|digests| is_before && digests.is_half_full()) {
            Some(digests) => Some(digests.absent(DigestGap::Busy)),
            None => self.known_digest(is_hashed, &process, start),
        };
        let order = if is_hashed && known.is_none() { self.order() } else { None };
        let late = LateImage { start, key: cache::key(&process), order };
        let mut handing = None;
        let mut is_known = true;
        let (files, refused) = (&mut self.files, &mut self.refused);
        let image = self.images.get(&process, |process| {
            is_known = false;
            let question = Question::Image(ImageQuestion::from(process).with_digest(order));
            let place = Place::Device(process.device);
            let mut asked = false;
            let answer = files.ask(place.clone(), &question, || {
                asked = true;
                Some(late)
            });
            match answer {
                Ok(Answer::Image(Ok(ImageAnswer { image, is_lasting, digest }))) => {
                    handing = digest;
                    Ok(ReadImage { image, is_lasting })
                }
                Ok(Answer::Image(Err(failure))) => Err(failure),
                Ok(_) => Err(OpenFailure::Io(0)),
                Err(failure) => {
                    if failure == OpenFailure::Timeout && !asked && refused.len() < REFUSED_MAX {
                        refused.push(RefusedImage { place, late, question });
                    }
                    Err(failure)
                }
            }
        });
        let digest = match (&image, handing) {
            _ if !is_hashed || known.is_some() => known,
            (Ok(_), Some(handing)) => {
                self.digests.as_mut().map(|digests| digests.handed(order, handing, late.key, start))
            }
            (Ok(_), None) if is_known => self.ask_digest(&process, order, start),
            (Ok(_), None) => self.digests.as_mut().map(|digests| digests.absent(DigestGap::Busy)),
            // The record says why the file could not be read.
            (Err(_), _) => None,
        };
        self.unsettled.note(start, &process, image.as_ref().err().copied(), end);
        let program = self.interpreted(exec, image.as_ref().ok());
        let users = self.accounts.of(exec, &mut |namespace, question| match self.files.ask(
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
        match self.files.ask(place, &question, || None) {
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
        match self.files.ask(place, &question, || None) {
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
        let why = match self.files.ask(place, &question, || None) {
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
            ran_ns: self.unix_ns(fixed.header.boot_ns),
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
