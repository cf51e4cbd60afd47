//! Records of forks, exits and failed execs.

use std::sync::Arc;

use tracego_common::{
    event::{ExitEvent, ForkEvent},
    flags::{ARGV_TRUNCATED, ARGV_UNREADABLE, CORE_DUMPED, FILENAME_TRUNCATED},
};
use tracego_model::{
    event::FailedExec,
    record::{
        ExecError, Exit, ExitFacts, OtelSeverity, Record, event_name, lineage::Line, linux, uid::Stamp,
    },
    text,
};

use super::{Enricher, exec::args, process_table::ProcessEntry};

/// Returns the exit code of a wait status, 128 + signal after a signal, and the signal.
pub(super) fn exit_code(status: u32) -> (u32, Option<u32>) {
    let signal = Some(status & 0x7f).filter(|&signal| signal != 0);
    (signal.map_or((status >> 8) & 0xff, |signal| 128 + signal), signal)
}

impl Enricher {
    /// Adds the child of a fork to the table, as a copy of the process that forked it.
    pub(super) fn note_fork(&mut self, fork: &ForkEvent) {
        let header = fork.header;
        let parent = self.entry(header.parent).unwrap_or_default();
        let up = (parent.line.id.tgid != 0).then(|| Arc::clone(&parent.line));
        let line = Line {
            id: header.id,
            created: self.created(header.id),
            command: text::lossy(text::comm(&fork.comm)),
            executable: Arc::clone(&parent.line.executable),
            elsewhere: parent.line.elsewhere,
            args: parent.line.args.clone(),
            ..Line::default()
        };
        let task = parent.task.forked();
        self.table.put(ProcessEntry {
            line: Line::below(up, line),
            task,
            inventory: false,
            is_seed: false,
            ..parent
        });
    }

    /// Forgets a process that has ended.
    pub(super) fn forget(&mut self, exit: &ExitEvent) {
        self.links.exit(exit.header.id, self.builder.clock.wall(exit.header.boot_ns));
        self.table.remove(exit.header.id);
    }

    pub(super) fn fork(&mut self, fork: &ForkEvent) -> Record {
        let (mut own, mut process) = (self.own(), self.process(&fork.header, &fork.comm));
        let context = self.known(&fork.header, &mut own, &mut process);
        process.real_user = Some(self.user(&fork.header, fork.uid));
        own.shown_args = self.entry(fork.header.id).map(|entry| entry.line.args.clone());
        let body = format!("fork {} by {}", process.pid, process.parent_pid);
        let record =
            self.envelope(event_name::FORK, OtelSeverity::Info, Stamp::event(&fork.header, 0), body, own);
        Record { process: Some(process), context, ..record }
    }

    pub(super) fn exit(&mut self, exit: &ExitEvent) -> Record {
        let header = &exit.header;
        let (mut own, mut process) = (self.own(), self.process(header, &exit.comm));
        let context = self.known(header, &mut own, &mut process);
        process.real_user = Some(self.user(header, exit.uid));
        let (code, signal) = exit_code(exit.status);
        process.exit = Some(Exit { code, time: self.builder.clock.wall(header.boot_ns) });
        own.exit = Some(ExitFacts {
            signal,
            core_dumped: header.flags & CORE_DUMPED != 0,
            run_time_ns: header.boot_ns.saturating_sub(header.id.start_boottime),
            max_rss_bytes: exit.maxrss_pages.saturating_mul(self.builder.meta.page_size),
        });
        let body = match signal {
            Some(signal) => format!("{} ended by signal {signal}", process.command),
            None => format!("{} ended with {code}", process.command),
        };
        let record = self.envelope(event_name::EXIT, OtelSeverity::Info, Stamp::event(header, 0), body, own);
        Record { process: Some(process), context, ..record }
    }

    pub(super) fn failed(&mut self, failed: &FailedExec<'_>) -> Record {
        let fixed = &failed.fixed;
        let (mut own, mut process) = (self.own(), self.process(&fixed.header, &fixed.comm));
        let context = self.known(&fixed.header, &mut own, &mut process);
        process.real_user = Some(self.user(&fixed.header, fixed.uid));
        let args = args(failed.args(), 0, &mut own.completeness);
        let filename = own.completeness.keep(failed.filename, "tracego.exec.filename");
        let (flags, table) = (fixed.header.flags, &linux::TRUNCATED);
        // Behind the point of no return the caller's memory is gone.
        let unread = failed.filename.is_empty() && flags & FILENAME_TRUNCATED != 0;
        let cut = if unread { flags & !FILENAME_TRUNCATED } else { flags };
        own.completeness.truncated.extend(linux::names(cut, table));
        own.completeness.unavailable.extend(unread.then_some("tracego.exec.filename"));
        own.completeness.unavailable.extend(linux::names(flags, &linux::UNREADABLE));
        let whole = flags & (ARGV_TRUNCATED | ARGV_UNREADABLE) == 0;
        let error = ExecError { errno: fixed.errno, name: tracego_model::linux::errno::name(fixed.errno) };
        let name = if unread { &process.command } else { &filename };
        let body = format!("{}: {}", text::one_line(std::slice::from_ref(name)), error.name);
        own.error = Some(error);
        own.exec = Some(linux::ExecCall {
            filename,
            thread_id: (fixed.tid != fixed.header.id.tgid).then_some(fixed.tid),
            syscall: Some(if fixed.at == 0 { "execve" } else { "execveat" }),
            args_bytes: whole.then(|| u32::try_from(failed.argv.len()).unwrap_or(u32::MAX)),
            ..linux::ExecCall::default()
        });
        process.command_args = Some(args);
        let stamp = Stamp::event(&fixed.header, fixed.tid);
        let record = self.envelope(event_name::EXEC_FAILED, OtelSeverity::Info, stamp, body, own);
        Record { process: Some(process), context, ..record }
    }
}
