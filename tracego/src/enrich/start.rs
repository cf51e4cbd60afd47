//! The record of a program start.

use std::sync::{Arc, Weak};

use tracego_common::{TaskId, flags, record::field};

use super::{
    Enricher, Record, cgroup, ci,
    context::{self, OpenJob},
    linux,
    record::{
        Completeness, Executable, K8s, Leader, LinuxCgroup, Own, Pod, Process, Severity, Trace, event_name,
    },
    sanitize,
    table::{Entry, Line, Lineage},
    text, trace,
};
use crate::event::Exec;

/// Path and its last part.
pub(super) fn executable(path: String) -> Executable {
    Executable { name: path.rsplit('/').next().unwrap_or_default().to_owned(), path }
}

impl Enricher {
    /// Remembers a start that is not written.
    pub(super) fn note_start(&mut self, exec: &Exec<'_>) {
        self.remember(exec, text::lossy(&exec.exe));
    }

    /// Updates the table; what it holds now.
    fn remember(&mut self, exec: &Exec<'_>, executable: String) -> Entry {
        let header = &exec.fixed.header;
        let before = self.entry(header.id);
        let (up, job) = match before {
            Some(entry) => (entry.line.up.clone(), entry.job),
            // Its fork was not seen (lost, or filtered): the parent now is the best that is known.
            None => (self.entry(header.parent).map(|parent| parent.line), None),
        };
        let own = self.identity(exec);
        let job = self.job(header.job_root, header.id, job, &own);
        let identity = {
            let of_job = job.as_deref().map(|job| (job, self.exec_id(job.root)));
            context::merge(&self.explicit, &own, of_job, header.job_root == header.id)
        };
        let line = Line {
            id: header.id,
            created: self.clock.wall(header.id.start_boottime),
            command: text::lossy(text::comm(&exec.fixed.comm)),
            executable,
            ..Line::default()
        };
        let entry = Entry { line: Line::below(up, line), job, identity };
        self.table.put(entry.clone());
        entry
    }

    /// What its own environment says.
    fn identity(&self, exec: &Exec<'_>) -> ci::Identity {
        if exec.env.is_empty() {
            return ci::Identity::default();
        }
        let mut own = ci::identify(|name| {
            let found = exec.variables().find(|(key, _)| *key == name.as_bytes());
            found.and_then(|(_, value)| std::str::from_utf8(value).ok())
        });
        if !self.meta.raw {
            for claim in &mut own.claims {
                sanitize::text(&mut claim.value);
            }
        }
        own
    }

    /// The job that the kernel side says the process belongs to.
    fn job(
        &mut self,
        root: TaskId,
        id: TaskId,
        known: Option<Arc<OpenJob>>,
        own: &ci::Identity,
    ) -> Option<Arc<OpenJob>> {
        if root.tgid == 0 {
            return None;
        }
        if let Some(job) = known.filter(|job| job.root == root) {
            return Some(job);
        }
        if root != id {
            return self.jobs.get(&root).and_then(Weak::upgrade);
        }
        let job = Arc::new(OpenJob { root, identity: own.clone() });
        if self.jobs.len() >= 1024 {
            self.jobs.retain(|_, job| job.strong_count() > 0);
        }
        self.jobs.insert(root, Arc::downgrade(&job));
        Some(job)
    }

    pub(super) fn start(&mut self, exec: &Exec<'_>) -> Record {
        let fixed = &exec.fixed;
        let header = &fixed.header;
        let mut own = self.own();
        let mut process = self.process(header, &fixed.comm);
        self.program(exec, &mut process, &mut own);
        self.credentials(exec, &mut process, &mut own);
        let trace = self.variables(exec, &mut process, &mut own.completeness);
        let info = cgroup::parse(&exec.cgroup);
        own.unit = info.unit;
        let path = process.executable.as_ref().map(|file| file.path.clone()).unwrap_or_default();
        let entry = self.remember(exec, path);
        own.exec_id = Some(self.exec_id(header.id));
        own.in_tree = header.flags & flags::IN_TREE != 0;
        own.reparented = entry.line.up.as_ref().is_some_and(|up| up.id.tgid != header.parent.tgid);
        if entry.line.up.is_none() && header.parent.tgid != 0 {
            own.completeness.unavailable.push("tracego.ancestors");
        }
        own.ancestors = entry.line.up.clone().map(|up| Lineage(Some(up)));
        let (context, job) = entry.identity.unzip();
        own.job = job;
        let body = match process.command_args.as_deref() {
            Some(args) if !args.is_empty() => text::one_line(args),
            _ => process.command.clone(),
        };
        let record = self.envelope(event_name::START, Severity::Info, header.boot_ns, body, own);
        Record {
            trace,
            process: Some(process),
            context,
            container: info.container.map(Into::into),
            k8s: info.pod_uid.map(|uid| K8s { pod: Pod { uid } }),
            ..record
        }
    }

    /// Executable, arguments, folders.
    fn program(&mut self, exec: &Exec<'_>, process: &mut Process, own: &mut Own) {
        let fixed = &exec.fixed;
        let whole = &mut own.completeness;
        let (bits, missing) = (fixed.header.flags, fixed.unavailable);
        whole.truncated.extend(linux::names(bits, &linux::TRUNCATED));
        whole.unavailable.extend(linux::names(bits, &linux::UNREADABLE));
        whole.unavailable.extend(linux::names(missing, &linux::UNAVAILABLE));
        if missing & field::EXE == 0 {
            process.executable = Some(executable(text::keep(&exec.exe, "process.executable.path", whole)));
            own.executable = Some(linux::ExecutableFile::of(fixed));
        }
        if missing & field::CWD == 0 {
            process.working_directory = Some(text::keep(&exec.cwd, "process.working_directory", whole));
        }
        if missing & field::CGROUP == 0 {
            process.linux =
                Some(LinuxCgroup { cgroup: text::keep(&exec.cgroup, "process.linux.cgroup", whole) });
            let version = if bits & flags::CGROUP_V1 == 0 { 2 } else { 1 };
            own.cgroup = Some(linux::CgroupNode { id: fixed.cgroup_id, version });
        }
        own.working_directory_deleted = bits & flags::CWD_DELETED != 0;
        process.args_count = (missing & field::COUNTS == 0).then_some(fixed.argc);
        own.exec = Some(linux::ExecCall {
            filename: text::keep(exec.filename, "tracego.exec.filename", whole),
            interpreter: (exec.interp != exec.filename)
                .then(|| text::keep(exec.interp, "tracego.exec.interpreter", whole)),
            thread_id: (fixed.old_tid != fixed.header.id.tgid).then_some(fixed.old_tid),
            syscall: None,
            args_bytes: fixed.argv_total,
            env_count: fixed.envc,
            env_bytes: fixed.env_total,
        });
        process.command_args = Some(self.args(exec.args(), whole));
    }

    /// Arguments as text, without secrets. Bytes of a redacted argument are not kept.
    pub(super) fn args<'a>(
        &self,
        raw: impl Iterator<Item = &'a [u8]> + Clone,
        whole: &mut Completeness,
    ) -> Vec<String> {
        let mut bytes = Completeness::default();
        let mut args: Vec<String> = Vec::new();
        for (n, arg) in raw.clone().enumerate() {
            args.push(match std::str::from_utf8(arg) {
                Ok(text) => text.to_owned(),
                Err(_) => text::keep(arg, &format!("process.command_args[{n}]"), &mut bytes),
            });
        }
        if !self.meta.raw {
            whole.redacted += sanitize::args(&mut args);
            if !bytes.bytes.is_empty() {
                for (n, (arg, raw)) in args.iter().zip(raw).enumerate() {
                    if *arg != String::from_utf8_lossy(raw) {
                        bytes.bytes.remove(&format!("process.command_args[{n}]"));
                    }
                }
            }
        }
        whole.bytes.append(&mut bytes.bytes);
        args
    }

    /// Users, rights and limits.
    fn credentials(&self, exec: &Exec<'_>, process: &mut Process, own: &mut Own) {
        let fixed = &exec.fixed;
        let there = |bit: u64| fixed.unavailable & bit == 0;
        process.vpid = (fixed.vpid != 0).then_some(fixed.vpid);
        if there(field::CRED) {
            process.user = Some(self.meta.users.get(fixed.euid));
            process.real_user = Some(self.meta.users.get(fixed.uid));
            process.saved_user = Some(self.meta.users.get(fixed.suid));
            own.capability = Some(linux::Capabilities::of(fixed));
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
        own.rlimit = there(field::RLIMITS).then_some(linux::Rlimits(fixed.rlimits));
        own.namespace = there(field::NAMESPACES).then_some(linux::Namespaces {
            pid: fixed.pid_ns,
            mnt: fixed.mnt_ns,
            user: fixed.user_ns,
        });
    }

    /// Allowed variables, then injected ones, which win.
    fn variables(&self, exec: &Exec<'_>, process: &mut Process, whole: &mut Completeness) -> Option<Trace> {
        let mut found = None;
        for (name, value) in exec.variables() {
            let name = text::lossy(name);
            if process.environment_variable.contains_key(name.as_str()) {
                continue;
            }
            if name == "TRACEPARENT" {
                found = trace::parse(value);
            }
            let mut value = text::keep(value, &format!("process.environment_variable.{name}"), whole);
            if !self.meta.raw && sanitize::text(&mut value) {
                whole.redacted += 1;
                whole.bytes.remove(&format!("process.environment_variable.{name}"));
            }
            process.environment_variable.insert(name.into(), value);
        }
        for (name, value) in &self.meta.injected {
            process.environment_variable.insert(name.as_str().into(), value.clone());
        }
        found
    }
}
