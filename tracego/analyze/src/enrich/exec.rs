//! The record of a program start.

use std::sync::{Arc, Weak};

use tracego_common::{ExecFixed, TaskId, event::field, flags};
use tracego_golang::{
    evidence::{ImageFacts, ProcessStart},
    linker::LinkCommand,
    task::GoTask,
};
use tracego_model::{
    clock::Time,
    event::Exec,
    input::note::StartNote,
    linux::cgroup,
    record::{
        Completeness, Container, Executable, K8s, Leader, LinuxCgroup, OtelSeverity, Own, Process, Record,
        event_name,
        exact_number::ExactNumber,
        frozen::Frozen,
        go::{Go, GoLinker},
        lineage::{Line, Lineage},
        linux,
    },
    text,
};
use zerocopy::IntoBytes as _;

use super::{
    EnrichedRecord, Enricher, StartInput, ci, context::OpenJob, image::ImageParts, link_runs::LinkedStart,
    pods::KnownPod, process_table::ProcessEntry, show,
};

/// Maximum number of arguments that room is made for ahead.
const ARGS_EXPECTED: u32 = 1024;

/// Creates an [`Executable`] from a path; the name is its last part. `elsewhere`: the path is no path of the
/// host.
pub(super) fn executable(path: String, elsewhere: bool) -> Executable {
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    Executable { name, path, build_id: None, elsewhere }
}

/// Limits and capabilities of the previous program start; most of the time, the next one has the same.
#[derive(Debug, Default)]
pub(super) struct SharedRights {
    limits: Option<Arc<Frozen<linux::Rlimits>>>,
    capabilities: Option<([u64; 5], Arc<Frozen<linux::Capabilities>>)>,
}

impl SharedRights {
    fn limits(&mut self, fixed: &ExecFixed) -> Arc<Frozen<linux::Rlimits>> {
        let found = self.limits.take().filter(|last| last.0.as_bytes() == fixed.rlimits.as_bytes());
        let found = found.unwrap_or_else(|| Arc::new(linux::Rlimits(fixed.rlimits).into()));
        Arc::clone(self.limits.insert(found))
    }

    fn capabilities(&mut self, fixed: &ExecFixed) -> Arc<Frozen<linux::Capabilities>> {
        let key = [
            fixed.cap_effective,
            fixed.cap_permitted,
            fixed.cap_inheritable,
            fixed.cap_bounding,
            fixed.cap_ambient,
        ];
        let found = self.capabilities.take().filter(|(last, _)| *last == key);
        let found = found.unwrap_or_else(|| (key, Arc::new(linux::Capabilities::of(fixed).into())));
        Arc::clone(&self.capabilities.insert(found).1)
    }
}

/// Returns the facts of an image that roles depend on.
fn evidence(note: Option<&StartNote>) -> ImageFacts<'_> {
    match note.map(StartNote::running) {
        None | Some(Err(_)) => ImageFacts::Unread,
        Some(Ok(image)) => image.go.as_ref().map_or(ImageFacts::Foreign, |go| ImageFacts::Go {
            path: &go.path,
            module: go.main.as_ref().map_or("", |module| &module.path),
            version: &go.version,
        }),
    }
}

/// Returns the arguments of a program that an interpreter runs: they stand behind the interpreter, and behind the
/// program's path where the interpreter asked for the original name, too (flag P of binfmt_misc).
fn interpreted_args(args: &[String]) -> &[String] {
    let name = |arg: &String| arg.rsplit('/').next().unwrap_or_default().to_owned();
    match args {
        [_, path, original, ..] if name(path) == name(original) => args.get(2..).unwrap_or_default(),
        _ => args.get(1..).unwrap_or_default(),
    }
}

/// Returns the container and the pod of a process, as its cgroup and the Kubernetes API name them.
fn orchestration(
    container: Option<cgroup::Container>,
    pod_uid: Option<String>,
    pod: Option<&KnownPod>,
) -> (Option<Container>, Option<Arc<Frozen<K8s>>>) {
    let mut container: Option<Container> = container.map(Into::into);
    let Some(pod) = pod else {
        return (container, pod_uid.map(|uid| Arc::new(K8s::of_uid(uid).into())));
    };
    let members = pod.members(container.as_ref().map(|container| container.id.as_str()));
    if let Some(container) = &mut container {
        container.image = members.image;
    }
    (container, Some(members.k8s))
}

impl Enricher {
    /// Updates the table from a program start that is not written.
    pub(super) fn note_start(&mut self, exec: &Exec<'_>, note: Option<&StartNote>) {
        let mut args: Vec<String> = exec.args().map(text::lossy).collect();
        let pod = if self.pods.is_empty() {
            None
        } else {
            self.pod(cgroup::parse(&exec.cgroup).pod_uid.as_deref())
        };
        let entry = self.remember(exec, String::from_utf8_lossy(&exec.exe).into(), &args, note, pod.as_ref());
        self.show_args(&entry, exec, &mut args);
    }

    /// Sets the arguments that records of the children of a process show, where no record of its start does.
    fn show_args(&self, entry: &ProcessEntry, exec: &Exec<'_>, args: &mut [String]) {
        let is_cut = exec.fixed.header.flags & (flags::ARGV_TRUNCATED | flags::ARGV_UNREADABLE) != 0;
        show(&entry.line.args, args, is_cut, self.redactor.as_deref());
    }

    /// Updates the table from a program start. Returns the new entry.
    fn remember(
        &mut self,
        exec: &Exec<'_>,
        executable: Arc<str>,
        args: &[String],
        note: Option<&StartNote>,
        pod: Option<&Arc<KnownPod>>,
    ) -> ProcessEntry {
        let header = &exec.fixed.header;
        let inventory = header.flags & flags::BEFORE != 0;
        let (mut id, mut seeded) = (header.id, inventory);
        let (up, job, before) = match self.entry(header.id) {
            Some(entry) => {
                if inventory {
                    // Here, the start is known to the tick alone.
                    (id, seeded) = (entry.line.id, entry.line.seeded);
                }
                (entry.line.up.clone(), entry.job, entry.task)
            }
            // The fork was not seen (lost or filtered): the current parent is the best that is known.
            None => match self.entry(header.parent) {
                Some(parent) => (Some(parent.line), None, parent.task.forked()),
                None => (None, None, GoTask::default()),
            },
        };
        let env = self.environments.of(exec, &self.builder.meta);
        let own = Arc::clone(&env.identity);
        let job = self.job(header.job_root, header.id, job, own);
        let boot_id = Arc::clone(&self.builder.meta.boot_id);
        // The latest: it is the one from above.
        let env = self.environments.of(exec, &self.builder.meta);
        let is_root = header.job_root == header.id;
        // `go env -w` sets variables that the environment does not set, or sets to nothing.
        let written = note.and_then(|note| note.surroundings.as_ref()?.go_env.get("GOFLAGS"));
        // Without the whole environment GOFLAGS may be set to anything. What it is known to add is then
        // nothing: a `go run` stays one, since `-n` could only be in the part that is missing.
        let whole = header.flags & (flags::ENV_TRUNCATED | flags::ENV_UNREADABLE) == 0;
        let given = env.own.get("GOFLAGS").filter(|flags| !flags.is_empty());
        let goflags = given.or(written.filter(|_| whole)).map_or("", String::as_str);
        let is_interpreted = note.is_some_and(|note| note.program.is_some());
        let filename = text::lossy(exec.filename);
        let started = ProcessStart {
            id: header.id,
            path: if is_interpreted { &filename } else { &executable },
            args: if is_interpreted { interpreted_args(args) } else { args },
            goflags,
            is_cut: header.flags & (flags::ARGV_TRUNCATED | flags::ARGV_UNREADABLE) != 0,
            image: evidence(note),
        };
        let task = before.started(&started);
        let link = LinkCommand::of(&started);
        let identity = env.merge(&self.explicit, job.as_deref(), is_root, pod, |id| {
            tracego_model::record::exec_id(&boot_id, id)
        });
        let line = Line {
            id,
            created: self.created(header.id),
            command: text::lossy(text::comm(&exec.fixed.comm)),
            executable,
            elsewhere: linux::Pathless::of(&exec.fixed, &self.builder.meta.mount_namespaces).is_some(),
            seeded,
            ..Line::default()
        };
        let users = note.and_then(|note| note.users.clone());
        let entry = ProcessEntry {
            line: Line::below(up, line),
            job,
            identity,
            task,
            users,
            inventory,
            is_seed: false,
        };
        if let Some(command) = link {
            let start = self.linked_start(&exec.fixed, &entry.line);
            self.links.add(command, &text::lossy(&exec.cwd), &entry.task, start);
        }
        self.table.put(entry.clone());
        entry
    }

    /// Returns the job that the kernel side assigns to the process.
    fn job(
        &mut self,
        root: TaskId,
        id: TaskId,
        known: Option<Arc<OpenJob>>,
        own: Arc<ci::CiIdentity>,
    ) -> Option<Arc<OpenJob>> {
        if root.tgid == 0 {
            return None;
        }
        if let Some(job) = known.filter(|job| job.root == root) {
            return Some(job);
        }
        if root != id {
            // The start of the opener may have been lost: a job without an identity.
            let unseen = || Arc::new(OpenJob { root, is_job: true, identity: Arc::default() });
            return Some(self.jobs.get(&root).and_then(Weak::upgrade).unwrap_or_else(unseen));
        }
        let job = Arc::new(OpenJob { root, is_job: own.opens, identity: own });
        if self.jobs.len() >= 1024 {
            self.jobs.retain(|_, job| job.strong_count() > 0);
        }
        self.jobs.insert(root, Arc::downgrade(&job));
        self.recent_jobs.put(root, Arc::clone(&job));
        Some(job)
    }

    pub(super) fn start(&mut self, exec: &Exec<'_>, note: Option<&StartNote>) -> EnrichedRecord {
        let fixed = &exec.fixed;
        let header = &fixed.header;
        let mut own = self.own();
        let mut process = self.process(header, &fixed.comm);
        self.program(exec, &mut process, &mut own);
        self.credentials(exec, note, &mut process, &mut own);
        let env = self.environments.of(exec, &self.builder.meta);
        let trace = env.trace.clone();
        let variables = Arc::clone(&env.own);
        process.environment_variable =
            Some(Arc::clone(&env.variables)).filter(|variables| !variables.is_empty());
        own.completeness.bytes.extend(env.completeness.bytes.clone());
        let info = cgroup::parse(&exec.cgroup);
        own.unit = info.unit;
        let path = process.executable.as_ref().map_or("", |file| &file.path).into();
        let args = process.command_args.take().unwrap_or_default();
        let pod = self.pod(info.pod_uid.as_deref());
        let entry = self.remember(exec, path, &args, note, pod.as_ref());
        process.command_args = Some(args);
        let linker = self.linker(exec, note, &entry);
        self.image(note, &entry, linker, &mut process, &mut own);
        if entry.inventory {
            // The call is not known, and the exact start of the process may not be.
            (own.inventory, own.exec) = (true, None);
            // It has a record of its own only if something is found.
            self.show_args(&entry, exec, &mut process.command_args.clone().unwrap_or_default());
            own.exec_id = (!entry.line.seeded).then(|| self.exec_id(entry.line.id));
        } else {
            own.exec_id = Some(self.exec_id(header.id));
        }
        own.in_tree = header.flags & flags::IN_TREE != 0;
        own.reparented = entry.line.up.as_ref().is_some_and(|up| up.id.tgid != header.parent.tgid);
        if entry.line.up.is_none() && header.parent.tgid != 0 {
            own.completeness.unavailable.push("tracego.ancestors");
        }
        own.ancestors = entry.line.up.clone().map(|up| Lineage(Some(up)));
        own.shown_args = Some(entry.line.args.clone());
        let ProcessEntry { identity, task, .. } = entry;
        let (context, job) = identity.unzip();
        own.job = job;
        let body = match process.command_args.as_deref() {
            Some(args) if !args.is_empty() => text::one_line(args),
            _ => process.command.clone(),
        };
        let stamp = tracego_model::record::uid::Stamp::event(header, fixed.old_tid);
        let (container, k8s) = orchestration(info.container, info.pod_uid, pod.as_deref());
        let record = self.envelope(event_name::START, OtelSeverity::Info, stamp, body, own);
        let record = Record { trace, process: Some(process), context, container, k8s, ..record };
        let image = note.and_then(|note| note.running().ok()).map(Arc::clone);
        let surroundings = note.and_then(|note| note.surroundings.clone());
        EnrichedRecord {
            record,
            start: Some(StartInput { id: header.id, task, image, surroundings, variables }),
        }
    }

    /// Returns the run of Go's linker that wrote the program.
    fn linker(&self, exec: &Exec<'_>, note: Option<&StartNote>, entry: &ProcessEntry) -> Option<GoLinker> {
        let fixed = &exec.fixed;
        let start = self.linked_start(fixed, &entry.line);
        let changed =
            i64::try_from(fixed.exe_ctime_ns).ok().filter(|_| fixed.unavailable & field::CTIME == 0);
        let image = note.and_then(|note| note.running().ok()).map(Arc::as_ref);
        let (run, confidence) = self.links.of(start, &entry.line.executable, changed.map(Time), image)?;
        Some(GoLinker { exec_id: self.exec_id(run.id), pid: run.id.tgid, origin: run.origin, confidence })
    }

    fn linked_start<'a>(&self, fixed: &ExecFixed, line: &'a Arc<Line>) -> LinkedStart<'a> {
        LinkedStart {
            time: self.builder.clock.wall(fixed.header.boot_ns),
            mount_namespace: fixed.mnt_ns,
            job_root: fixed.header.job_root,
            line,
        }
    }

    /// Adds the facts of the executable, and the Go role that follows from them.
    fn image(
        &mut self,
        note: Option<&StartNote>,
        entry: &ProcessEntry,
        linker: Option<GoLinker>,
        process: &mut Process,
        own: &mut Own,
    ) {
        let (mut build, is_kept) = (None, self.keeps_images);
        match note.map(|note| &note.image) {
            None => {}
            Some(Err(failure)) => {
                if let Some(file) = &mut own.executable {
                    file.unread = Some(failure.as_str());
                }
            }
            Some(Ok(image)) => {
                let described = self.images.of(image, |image| ImageParts::of(image, is_kept));
                if let Some(file) = &mut process.executable {
                    file.build_id.clone_from(&described.build_id);
                }
                process.runtime.clone_from(&described.runtime);
                own.elf.clone_from(&described.elf);
                build = described.go.clone();
            }
        }
        if let Some(program) = note.and_then(|note| note.program.as_ref()) {
            let described = self.images.of(program, |image| ImageParts::of(image, is_kept));
            process.runtime.clone_from(&described.runtime);
            build = described.go.clone();
        }
        if let Some(file) = &mut own.executable {
            if let Some(digest) = note.and_then(|note| note.digest) {
                file.set_digest(digest);
            }
            let ids = process.executable.as_ref().and_then(|file| file.build_id.as_ref());
            let claims = [
                ("process.executable.build_id.gnu", ids.is_some_and(|ids| ids.gnu.is_some())),
                ("process.executable.build_id.go", ids.is_some_and(|ids| ids.go.is_some())),
                ("process.runtime", process.runtime.is_some()),
                ("tracego.go.build", build.is_some()),
            ];
            file.claims.extend(claims.iter().filter(|(_, there)| *there).map(|(name, _)| *name));
        }
        own.go = Go::of(&entry.task, build, linker, |command| self.exec_id(command.id));
    }

    /// Adds executable, arguments and folders.
    fn program(&mut self, exec: &Exec<'_>, process: &mut Process, own: &mut Own) {
        let fixed = &exec.fixed;
        let whole = &mut own.completeness;
        let (bits, missing) = (fixed.header.flags, fixed.unavailable);
        whole.truncated.extend(linux::names(bits, &linux::TRUNCATED));
        whole.unavailable.extend(linux::names(bits, &linux::UNREADABLE));
        whole.unavailable.extend(linux::names(missing, &linux::UNAVAILABLE));
        if missing & field::EXE == 0 {
            let file = linux::ExecutableFile::of(fixed, &self.builder.meta.mount_namespaces);
            let path = whole.keep(&exec.exe, "process.executable.path");
            process.executable = Some(executable(path, file.pathless.is_some()));
            own.executable = Some(file);
        }
        if missing & field::CWD == 0 {
            process.working_directory = Some(whole.keep(&exec.cwd, "process.working_directory"));
        }
        if missing & field::CGROUP == 0 {
            process.linux = Some(LinuxCgroup { cgroup: whole.keep(&exec.cgroup, "process.linux.cgroup") });
            let version = if bits & flags::CGROUP_V1 == 0 { 2 } else { 1 };
            // No group has the number 0: it is not to be seen from where tracego runs.
            own.cgroup = (fixed.cgroup_id != 0)
                .then_some(linux::CgroupNode { id: ExactNumber(fixed.cgroup_id), version });
        }
        own.working_directory_deleted = bits & flags::CWD_DELETED != 0;
        process.args_count = (missing & field::COUNTS == 0).then_some(fixed.argc);
        own.exec = Some(linux::ExecCall {
            filename: whole.keep(exec.filename, "tracego.exec.filename"),
            interpreter: (exec.interp != exec.filename)
                .then(|| whole.keep(exec.interp, "tracego.exec.interpreter")),
            thread_id: (fixed.old_tid != fixed.header.id.tgid).then_some(fixed.old_tid),
            syscall: None,
            args_bytes: Some(fixed.argv_total),
            env_count: Some(fixed.envc),
            env_bytes: Some(fixed.env_total),
        });
        process.command_args = Some(args(exec.args(), fixed.argc, whole));
    }

    /// Adds users, rights and limits.
    fn credentials(
        &mut self,
        exec: &Exec<'_>,
        note: Option<&StartNote>,
        process: &mut Process,
        own: &mut Own,
    ) {
        let fixed = &exec.fixed;
        let there = |bit: u64| fixed.unavailable & bit == 0;
        process.vpid = (fixed.vpid != 0).then_some(fixed.vpid);
        if there(field::CRED) {
            let users = note.and_then(|note| note.users.as_ref()).unwrap_or(&self.builder.meta.users);
            process.user = Some(users.get(fixed.euid));
            process.real_user = Some(users.get(fixed.uid));
            process.saved_user = Some(users.get(fixed.suid));
            own.capability = Some(self.rights.capabilities(fixed));
        }
        if there(field::GROUPS) {
            process.group_leader = Some(Leader { pid: fixed.pgid });
            process.session_leader = Some(Leader { pid: fixed.sid });
        }
        if there(field::TTY) {
            process.interactive = Some(fixed.tty_dev != 0);
            own.tty = (fixed.tty_dev != 0).then(|| linux::device(fixed.tty_dev));
        }
        own.audit = there(field::AUDIT).then(|| linux::Audit::of(fixed)).flatten();
        own.seccomp = there(field::SECCOMP).then(|| linux::seccomp(fixed.seccomp_mode));
        own.no_new_privs =
            there(field::NO_NEW_PRIVS).then_some(fixed.header.flags & flags::NO_NEW_PRIVS != 0);
        own.rlimit = there(field::RLIMITS).then(|| self.rights.limits(fixed));
        own.namespace = there(field::NAMESPACES).then_some(linux::Namespaces {
            pid: fixed.pid_ns,
            mnt: fixed.mnt_ns,
            user: fixed.user_ns,
        });
    }
}

/// Converts arguments to text. `count`: how many there may be; more or fewer cost time alone.
pub(super) fn args<'a>(
    raw: impl Iterator<Item = &'a [u8]>,
    count: u32,
    whole: &mut Completeness,
) -> Vec<String> {
    let mut args = Vec::with_capacity(count.min(ARGS_EXPECTED) as usize);
    let text = |(n, arg): (usize, &[u8])| match std::str::from_utf8(arg) {
        Ok(text) => text.to_owned(),
        Err(_) => whole.keep(arg, &format!("process.command_args[{n}]")),
    };
    args.extend(raw.enumerate().map(text));
    args
}
