//! Event + process table → [`Record`].
//!
//! One task owns the table; nothing is locked. What the kernel record holds is never looked up
//! again in /proc, so a process that lives a millisecond is as complete as one that lives a day.

pub mod cgroup;
pub mod record;
pub mod table;
pub mod text;

use std::collections::BTreeMap;

pub use record::Record;
use record::{Cgroup, Exit, Ns, Parent, Process, Vcs};
use table::{Entry, Table};
use tracego_common::{TaskId, flags, record::field};

use crate::event::{Event, Exec};

/// Turns events into records.
pub struct Enricher {
    table: Table,
    injected: BTreeMap<String, String>,
    boot: text::Clock,
    seq: u64,
}

impl Enricher {
    /// `injected`: the values of `--env KEY=VALUE`.
    #[must_use]
    pub fn new(injected: BTreeMap<String, String>) -> Self {
        Self { table: Table::default(), injected, boot: text::Clock::now(), seq: 0 }
    }

    /// Takes the processes that run already into the table.
    pub fn seed(&mut self) {
        self.table.seed();
    }

    /// Makes the record of an event and remembers what later ones need.
    pub fn record(&mut self, event: &Event) -> Record {
        self.seq += 1;
        match event {
            Event::Exec(exec) => self.exec(exec),
            Event::Fork(fork) => {
                let header = fork.header;
                self.table.fork(header.id, header.parent);
                let mut record = self.base("tracego.process.fork", header.boot_ns, header.id, header.parent);
                record.process.command = text::lossy(text::comm(&fork.comm));
                record.process.real_user.id = fork.uid;
                record
            }
            Event::Exit(exit) => {
                let header = exit.header;
                let mut record = self.base("tracego.process.exit", header.boot_ns, header.id, header.parent);
                record.process.command = text::lossy(text::comm(&exit.comm));
                record.process.real_user.id = exit.uid;
                let signal = exit.status & 0x7f;
                record.process.exit = Some(Exit {
                    code: (signal == 0).then_some((exit.status >> 8) & 0xff),
                    signal: (signal != 0).then_some(signal),
                    core_dumped: header.flags & flags::CORE_DUMPED != 0,
                    run_time_ns: header.boot_ns.saturating_sub(header.id.start_boottime),
                    max_rss_bytes: exit.maxrss_pages.saturating_mul(text::page_size()),
                });
                self.table.exit(header.id);
                record
            }
        }
    }

    fn base(&self, name: &'static str, boot_ns: u64, id: TaskId, parent: TaskId) -> Record {
        let mut record = Record::new(name, self.seq);
        record.timestamp = self.boot.wall(boot_ns);
        record.process.pid = id.tgid;
        record.process.creation_time = self.boot.wall(id.start_boottime);
        record.process.parent_pid = parent.tgid;
        record.tracego.exec_id = self.boot.exec_id(id);
        record.tracego.ancestors = self.table.ancestors(parent, |entry| Parent {
            pid: entry.id.tgid,
            executable: text::lossy(&entry.exe),
        });
        record.environment(&self.injected);
        record
    }

    fn exec(&mut self, exec: &Exec) -> Record {
        let fixed = &exec.fixed;
        let header = fixed.header;
        let own: BTreeMap<String, String> =
            exec.env.iter().map(|(k, v)| (text::lossy(k), text::lossy(v))).collect();
        self.table.exec(
            header.id,
            Entry { id: header.id, parent: header.parent, exe: exec.exe.clone(), env: own.clone() },
        );
        let mut record = self.base("tracego.process.start", header.boot_ns, header.id, header.parent);
        // A process that scrubbed its environment still belongs to the job that started it.
        if header.job_root.tgid != 0
            && header.job_root != header.id
            && let Some(root) = self.table.get(header.job_root)
        {
            record.inherit(&root.env, self.boot.exec_id(header.job_root), &own);
        }
        record.environment(&own);
        record.environment(&self.injected);
        record.vcs = Vcs::from_environment(&record.process.environment_variable);
        record.process.command_from(exec);
        record.process.linux_from(fixed);
        let info = cgroup::parse(&exec.cgroup);
        record.process.linux.cgroup = Some(Cgroup {
            path: text::lossy(&exec.cgroup),
            id: fixed.cgroup_id,
            v1: header.flags & flags::CGROUP_V1 != 0,
            unit: info.unit,
            pod_uid: info.pod_uid,
        });
        record.container = info.container.map(|c| record::Container { id: c.id, runtime: c.runtime });
        record.process.namespaces =
            Some(Ns { pid: fixed.pid_ns, mnt: fixed.mnt_ns, user: fixed.user_ns });
        record.tracego.in_tree = header.flags & flags::IN_TREE != 0;
        record.tracego.truncated = text::names(header.flags, &TRUNCATED);
        record.tracego.unavailable = text::names(fixed.unavailable, &UNAVAILABLE);
        record
    }
}

/// Flags that say a value is not whole.
const TRUNCATED: [(u64, &str); 8] = [
    (flags::ARGV_TRUNCATED, "process.command_args"),
    (flags::ARGV_UNREADABLE, "process.command_args (unreadable)"),
    (flags::ENV_TRUNCATED, "process.environment_variable"),
    (flags::ENV_UNREADABLE, "process.environment_variable (unreadable)"),
    (flags::EXE_TRUNCATED, "process.executable.path"),
    (flags::CWD_TRUNCATED, "process.working_directory"),
    (flags::CGROUP_TRUNCATED, "process.linux.cgroup"),
    (flags::FILENAME_TRUNCATED, "process.filename"),
];

/// Bits that say the kernel does not offer a value.
const UNAVAILABLE: [(u64, &str); 10] = [
    (field::CRED, "credentials"),
    (field::AUDIT, "loginuid"),
    (field::SECCOMP, "seccomp"),
    (field::NO_NEW_PRIVS, "no_new_privs"),
    (field::RLIMITS, "rlimits"),
    (field::CGROUP, "cgroup"),
    (field::NAMESPACES, "namespaces"),
    (field::EXE, "executable"),
    (field::CWD, "working_directory"),
    (field::COUNTS, "args_count"),
];
