//! The runs of Go's linker, and the programs that they wrote.
//!
//! No event says which process wrote a file. A program counts as written by a run if its file was created or modified
//! while the run lasted, and carries the build id that the run was asked for; or if it lies where the run was asked to
//! write, and its inode has not changed since. The go command puts the final build id into a program behind its
//! linker, and moves or copies it. So the run of its linker lasts as long as the go command.

use std::{iter, num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use tracego_common::TaskId;
use tracego_golang::{
    FileTimes, Image,
    linker::{self, LinkCommand},
    shape::{self, PathKind},
    subcommand::Subcommand,
    task::{GoPosition, GoTask},
};
use tracego_model::{
    clock::{TICK_NS, Time},
    finding::Confidence,
    record::{go::LinkOrigin, lineage::Line},
};

/// Maximum number of runs, of the linkers of `go build` and of others each; the oldest are forgotten first.
const RUNS: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(runs) => runs,
    None => NonZeroUsize::MIN,
};
/// Maximum number of programs of one go command that are kept.
const LINKS_MAX: usize = 1024;
/// Maximum number of bytes of the path that a linker writes to: PATH_MAX.
const OUTPUT_MAX: usize = 4096;
/// Nanoseconds by which the clock of file times may be behind the clock of events.
const LAG_NS: i64 = 11_000_000;
/// Output folders of build systems, with the beginnings of the names of their programs, or a part of their paths.
const BUILD_SYSTEMS: [(&str, &[&str]); 4] = [
    // The server of Bazel is called java, and lies below its output root.
    ("bazel-out", &["bazel", "/_bazel_"]),
    ("buck-out", &["buck"]),
    ("plz-out", &["plz", "please"]),
    // The bootstrap of Go itself.
    ("pkg/tool", &["dist"]),
];

/// A run of Go's linker.
#[derive(Debug)]
pub(super) struct LinkRun {
    /// The linker.
    pub(super) id: TaskId,
    /// Way in which the linker was started.
    pub(super) origin: LinkOrigin,
    command: LinkCommand,
    /// Path of the output, without links resolved.
    output: Option<String>,
    start: Time,
    end: Option<Time>,
    mount_namespace: u32,
    job_root: TaskId,
    line: Arc<Line>,
}

/// The start of a linker, or of a program that may be the output of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkedStart<'a> {
    pub(super) time: Time,
    pub(super) mount_namespace: u32,
    pub(super) job_root: TaskId,
    pub(super) line: &'a Arc<Line>,
}

/// The runs of linkers.
#[derive(Debug)]
pub(super) struct LinkRuns {
    /// Runs of the linkers of go commands that keep what they build, by the build id without its last part.
    kept: LruCache<Box<str>, LinkRun>,
    /// The same build ids, by the go command.
    running: LruCache<TaskId, Vec<Box<str>>>,
    /// Other runs.
    others: LruCache<TaskId, LinkRun>,
}

impl Default for LinkRuns {
    fn default() -> Self {
        Self { kept: LruCache::new(RUNS), running: LruCache::new(RUNS), others: LruCache::new(RUNS) }
    }
}

impl LinkRuns {
    /// Adds the start of a linker.
    pub(super) fn add(&mut self, command: LinkCommand, cwd: &str, task: &GoTask, start: LinkedStart<'_>) {
        let id = start.line.id;
        let named = command.output.as_deref().or((!command.is_partial).then_some("a.out"));
        let output = named.and_then(|output| absolute(cwd, output));
        // A relative path can make it longer than a path can be.
        let output = output.filter(|output| output.len() <= OUTPUT_MAX);
        let origin = origin(task, output.as_deref(), start.line);
        let run = LinkRun {
            id,
            origin,
            command,
            output,
            start: start.time,
            end: None,
            mount_namespace: start.mount_namespace,
            job_root: start.job_root,
            line: Arc::clone(start.line),
        };
        if origin != LinkOrigin::GoBuild {
            self.others.put(id, run);
            return;
        }
        // Without a build id, the programs that a long go command builds cannot be told apart.
        let (Some(go), Some(build_id)) = (&task.command, &run.command.build_id) else { return };
        let key: Box<str> = linker::without_content(build_id).into();
        let running = self.running.get_or_insert_mut(go.id, Vec::new);
        if running.len() < LINKS_MAX && !running.contains(&key) {
            running.push(key.clone());
        }
        self.kept.put(key, run);
    }

    /// Handles the end of a process.
    pub(super) fn exit(&mut self, id: TaskId, time: Time) {
        if let Some(run) = self.others.peek_mut(&id) {
            run.end.get_or_insert(time);
        }
        for key in self.running.pop(&id).into_iter().flatten() {
            if let Some(run) = self.kept.peek_mut(&key) {
                run.end.get_or_insert(time);
            }
        }
    }

    /// Returns the run that wrote the file of a program start, and how sure that is. `changed`: change time of the
    /// inode, if the kernel reports it.
    pub(super) fn of(
        &self,
        start: LinkedStart<'_>,
        path: &str,
        changed: Option<Time>,
        image: Option<&Image>,
    ) -> Option<(&LinkRun, Confidence)> {
        let others = || self.others.iter().map(|(_, run)| run);
        let image = image.filter(|image| image.go.is_some());
        let by_path = others().find(|run| run.is_output(start, path, changed) && run.is_of_tree(start));
        let by_times =
            || others().find(|run| image.is_some_and(|image| run.wrote(image)) && run.is_of_tree(start));
        let found = by_path.or_else(by_times).or_else(|| {
            let id = image?.elf.as_ref()?.go_build_id.as_deref()?;
            let run = self.kept.peek(linker::without_content(id))?;
            (run.wrote(image?) && run.is_of_tree(start)).then_some(run)
        });
        let copied =
            || others().find(|run| image.is_some_and(|image| run.is_copied(image)) && run.is_of_tree(start));
        let found = found.or_else(copied)?;
        let is_sure = by_path.is_some() || found.command.build_id.is_some();
        Some((found, if is_sure { Confidence::High } else { Confidence::Medium }))
    }
}

impl LinkRun {
    /// Whether a time is within the run.
    fn spans(&self, time: i64) -> bool {
        let end = self.end.map_or(i64::MAX, |end| end.0.saturating_add(1_000_000));
        (self.start.0.saturating_sub(LAG_NS)..=end).contains(&time)
    }

    /// Whether a file lies where the run was asked to write, and its inode has not changed since.
    fn is_output(&self, start: LinkedStart<'_>, path: &str, changed: Option<Time>) -> bool {
        changed.is_some_and(|changed| self.spans(changed.0))
            && self.mount_namespace == start.mount_namespace
            && self.output.as_deref() == Some(path)
    }

    /// Whether a Go program was created or modified during the run and has its build id.
    fn wrote(&self, image: &Image) -> bool {
        let Some(times) = image.times else { return false };
        let id = image.elf.as_ref().and_then(|elf| elf.go_build_id.as_deref());
        let spans = |ns: u64| i64::try_from(ns).is_ok_and(|ns| self.spans(ns));
        (times.born_ns.is_some_and(spans) || spans(times.modified_ns)) && self.command.fits(id)
    }

    /// Whether a Go program that is younger than the run has the build id that the go command gave to it: a hash of
    /// all that is built.
    fn is_copied(&self, image: &Image) -> bool {
        let id = image.elf.as_ref().and_then(|elf| elf.go_build_id.as_deref());
        let is_later = |times: FileTimes| {
            let newest = times.born_ns.unwrap_or_default().max(times.modified_ns);
            i64::try_from(newest).is_ok_and(|ns| ns >= self.start.0.saturating_sub(LAG_NS))
        };
        self.origin == LinkOrigin::GoRun
            && self.command.build_id.is_some()
            && self.command.fits(id)
            && image.times.is_some_and(is_later)
    }

    /// Whether a program is of the same job as the linker, or has an ancestor in common with it, other than the first
    /// process of the machine.
    fn is_of_tree(&self, start: LinkedStart<'_>) -> bool {
        if start.job_root.tgid != 0 && start.job_root == self.job_root {
            return true;
        }
        let is_same = |one: &Line, other: &Line| {
            one.id.tgid == other.id.tgid && one.id.start_boottime.abs_diff(other.id.start_boottime) < TICK_NS
        };
        lines(&self.line)
            .filter(|line| line.id.tgid > 2)
            .any(|one| lines(start.line).any(|other| is_same(one, other)))
    }
}

/// Returns a process and its ancestors.
fn lines(line: &Line) -> impl Iterator<Item = &Line> {
    iter::successors(Some(line), |line| line.up.as_deref())
}

/// Returns how a linker was started.
fn origin(task: &GoTask, output: Option<&str>, line: &Line) -> LinkOrigin {
    let go = task.command.as_ref().filter(|_| task.place == GoPosition::Between);
    match go.map(|go| &go.invocation.subcommand) {
        Some(Subcommand::Run) => return LinkOrigin::GoRun,
        // The go command links in its temporary folder. It passes long command lines in a file.
        Some(_)
            if output.is_none_or(|path| matches!(PathKind::of(path), PathKind::Work | PathKind::Test)) =>
        {
            return LinkOrigin::GoBuild;
        }
        _ => {}
    }
    let is_of = |(folder, names): &(&str, &[&str])| {
        let inside = output.is_some_and(|path| path.contains(&format!("/{folder}/")));
        inside && lines(line).skip(1).any(|above| names.iter().any(|name| is_called(above, name)))
    };
    if BUILD_SYSTEMS.iter().any(is_of) { LinkOrigin::BuildSystem } else { LinkOrigin::Direct }
}

/// Whether the executable or the task of a process has a name that begins like this, or a path with this part.
fn is_called(line: &Line, name: &str) -> bool {
    if name.starts_with('/') {
        return line.executable.contains(name);
    }
    shape::name(&line.executable).starts_with(name) || line.command.starts_with(name)
}

/// Returns a path from the root, without `.` and `..`; `None` if the folder of a relative path is not known.
fn absolute(cwd: &str, path: &str) -> Option<String> {
    if !path.starts_with('/') && !cwd.starts_with('/') {
        return None;
    }
    let folder = if path.starts_with('/') { "" } else { cwd };
    let mut parts = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests;
