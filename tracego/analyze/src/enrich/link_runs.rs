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
const RUNS: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(runs) => runs,
    None => NonZeroUsize::MIN,
};
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
    /// How it was started.
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
        self.running.get_or_insert_mut(go.id, Vec::new).push(key.clone());
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
mod tests {
    use tracego_golang::{
        Build, Elf,
        evidence::{ImageFacts, ProcessStart},
    };

    use super::*;

    const MS: i64 = 1_000_000;
    const WORK: &str = "/tmp/go-build12/b001/exe/a.out";

    fn id(tgid: u32) -> TaskId {
        TaskId { tgid, pad: 0, start_boottime: u64::from(tgid) * 1_000_000_000 }
    }

    fn line(pid: u32, executable: &str, up: Option<&Arc<Line>>) -> Arc<Line> {
        let line = Line { id: id(pid), executable: executable.to_owned(), ..Line::default() };
        Line::below(up.map(Arc::clone), line)
    }

    fn start(line: &Arc<Line>, ms: i64) -> LinkedStart<'_> {
        LinkedStart { time: Time(ms * MS), mount_namespace: 7, job_root: TaskId::default(), line }
    }

    /// Returns a Go program that was created and modified at these times.
    fn program(born_ms: Option<u64>, modified_ms: u64, build_id: &str) -> Image {
        let ns = |ms: u64| ms * 1_000_000;
        let elf = Elf { go_build_id: (!build_id.is_empty()).then(|| build_id.to_owned()), ..Elf::default() };
        let times = FileTimes { born_ns: born_ms.map(ns), modified_ns: ns(modified_ms) };
        Image { elf: Some(elf), go: Some(Build::default()), times: Some(times), ..Image::default() }
    }

    fn started(task: &GoTask, pid: u32, name: &str, args: &str) -> GoTask {
        let args: Vec<&str> = args.split_whitespace().collect();
        let path = format!("cmd/{name}");
        let image = ImageFacts::Go { path: &path, module: "", version: "go1.27.3" };
        task.started(&ProcessStart { id: id(pid), path: "/usr/bin/x", args: &args, goflags: "", image })
    }

    /// Returns runs with one linker, which process 10 below process 5 called from 1,000 to 1,100 ms.
    fn runs(go: &str, linker: &str, above: &str) -> LinkRuns {
        let above = line(5, above, None);
        let linker_line = line(10, "/usr/lib/go/link", Some(&above));
        let args: Vec<&str> = linker.split_whitespace().collect();
        let image = ImageFacts::Go { path: "cmd/link", module: "", version: "go1.27.3" };
        let link = ProcessStart { id: id(10), path: "/x/link", args: &args, goflags: "", image };
        let task =
            if go.is_empty() { GoTask::default() } else { started(&GoTask::default(), 5, "go", go).forked() };
        let mut runs = LinkRuns::default();
        runs.add(LinkCommand::of(&link).unwrap(), "/w/sub", &task.started(&link), start(&linker_line, 1000));
        runs.exit(id(10), Time(1100 * MS));
        runs
    }

    type Found = Option<(LinkOrigin, Confidence)>;

    /// Returns who linked a program that process 20, below process 5, starts.
    fn find(runs: &LinkRuns, path: &str, changed_ms: i64, image: Option<&Image>) -> Found {
        let line = line(20, path, Some(&line(5, "/bin/sh", None)));
        let found = runs.of(start(&line, 2000), path, Some(Time(changed_ms * MS)), image);
        found.map(|(run, confidence)| (run.origin, confidence))
    }

    const DIRECT: Found = Some((LinkOrigin::Direct, Confidence::High));

    #[test]
    fn a_file_where_the_linker_wrote_is_its_output_until_its_inode_changes() {
        for (output, path) in
            [("-o x", "/w/sub/x"), ("-o=../x", "/w/x"), ("-o /a/./b/../x", "/a/x"), ("", "/w/sub/a.out")]
        {
            let runs = runs("", &format!("link {output} a.a"), "/bin/sh");
            for changed in [1000, 1050, 1100] {
                assert_eq!(find(&runs, path, changed, None), DIRECT, "{output}");
            }
            assert_eq!(find(&runs, path, 1102, None), None, "{output}: changed later");
            assert_eq!(find(&runs, path, 980, None), None, "{output}: of before");
            assert_eq!(find(&runs, "/w/sub/other", 1050, None), None, "{output}");
        }
    }

    #[test]
    fn a_program_of_the_time_of_the_run_is_its_output_wherever_it_lies() {
        let anonymous = runs("", "link -o x a.a", "/bin/sh");
        let named = runs("", "link -buildid=a/b/c/a -o x a.a", "/bin/sh");
        let direct = |confidence| Some((LinkOrigin::Direct, confidence));
        for (born, modified, is_found) in [
            (Some(1050), 1050, true),
            (Some(1050), 3000, true),
            (Some(10), 1050, true),
            (None, 1050, true),
            (Some(10), 3000, false),
            (Some(1500), 1500, false),
            (None, 900, false),
        ] {
            let look = |runs, id| find(runs, "/elsewhere", 1900, Some(&program(born, modified, id)));
            assert_eq!(
                look(&anonymous, ""),
                direct(Confidence::Medium).filter(|_| is_found),
                "{born:?} {modified}"
            );
            assert_eq!(
                look(&named, "a/b/c/d"),
                direct(Confidence::High).filter(|_| is_found),
                "{born:?} {modified}"
            );
            assert_eq!((look(&anonymous, "a/b/c/d"), look(&named, "")), (None, None), "another build id");
        }
        let foreign = Image { go: None, ..program(Some(1050), 1050, "") };
        assert_eq!(find(&anonymous, "/elsewhere", 1900, Some(&foreign)), None);
    }

    #[test]
    fn who_called_the_linker_is_told_apart() {
        let by_hand = program(Some(1050), 1050, "a/b/c/d");
        let of = |go: &str, output: &str, above: &str| {
            let runs = runs(go, &format!("link -o {output} -buildid a/b/c/a a.a"), above);
            find(&runs, "/elsewhere", 1900, Some(&by_hand)).map(|(origin, _)| origin)
        };
        let bazel = "/cache/install/bazel-real";
        for (go, output, above, origin) in [
            ("", "x", "/bin/sh", LinkOrigin::Direct),
            ("", WORK, "/bin/sh", LinkOrigin::Direct),
            ("go tool link", "x", "/bin/sh", LinkOrigin::Direct),
            ("go generate", "x", "/bin/sh", LinkOrigin::Direct),
            ("go build -toolexec w .", "x", "/bin/sh", LinkOrigin::Direct),
            ("go build .", WORK, "/bin/sh", LinkOrigin::GoBuild),
            ("go install .", WORK, "/bin/sh", LinkOrigin::GoBuild),
            ("go test ./...", "/tmp/go-build12/b001/x.test", "/bin/sh", LinkOrigin::GoBuild),
            ("go run .", WORK, "/bin/sh", LinkOrigin::GoRun),
            ("", "/e/bazel-out/k8/bin/x", bazel, LinkOrigin::BuildSystem),
            ("", "/e/bazel-out/k8/bin/x", "/c/_bazel_me/install/1/jdk/bin/java", LinkOrigin::BuildSystem),
            ("", "/e/bazel-out/k8/bin/x", "/bin/sh", LinkOrigin::Direct),
            ("", "/e/out/x", bazel, LinkOrigin::Direct),
        ] {
            assert_eq!(of(go, output, above), Some(origin), "{go} {output} {above}");
        }
    }

    #[test]
    fn a_copy_of_what_go_run_linked_has_its_build_id() {
        let of = |go: &str| runs(go, &format!("link -o {WORK} -buildid a/b/c/a a.a"), "/bin/sh");
        let copy = program(Some(1500), 1500, "a/b/c/d");
        let go_run = Some((LinkOrigin::GoRun, Confidence::High));
        assert_eq!(find(&of("go run ."), "/w/copy", 1600, Some(&copy)), go_run);
        assert_eq!(find(&of("go run ."), "/w/copy", 1600, Some(&program(Some(1500), 1500, "a/x/c/d"))), None);
        assert_eq!(find(&of("go run ."), "/w/copy", 1600, Some(&program(Some(500), 500, "a/b/c/d"))), None);
        assert_eq!(find(&of(""), "/w/copy", 1600, Some(&copy)), None, "by hand, any id can be given");
    }

    #[test]
    fn only_the_same_job_or_tree_counts() {
        let runs = runs("", "link -o x a.a", "/bin/sh");
        let alone = line(20, "/w/sub/x", Some(&line(6, "/bin/sh", Some(&line(1, "/sbin/init", None)))));
        let look = |start| runs.of(start, "/w/sub/x", Some(Time(1050 * MS)), None).is_some();
        assert!(!look(start(&alone, 2000)), "another tree");
        let below = line(21, "/w/sub/x", Some(&line(5, "/bin/sh", None)));
        assert!(look(start(&below, 2000)));
        let elsewhere = LinkedStart { mount_namespace: 8, ..start(&below, 2000) };
        assert!(!look(elsewhere), "the path is one of another mount namespace");
        let mut runs = LinkRuns::default();
        let linker = line(10, "/x/link", None);
        let job = LinkedStart { job_root: id(4), ..start(&linker, 1000) };
        let command = LinkCommand { output: Some("/w/x".into()), ..LinkCommand::default() };
        runs.add(command, "/", &GoTask::default(), job);
        let look = |start| runs.of(start, "/w/x", Some(Time(1050 * MS)), None).is_some();
        assert!(look(LinkedStart { job_root: id(4), ..start(&alone, 2000) }));
        assert!(!look(LinkedStart { job_root: id(3), ..start(&alone, 2000) }));
    }

    #[test]
    fn a_program_that_go_build_copies_is_of_its_linker_until_go_build_ends() {
        let mut runs = runs("go build .", &format!("link -o {WORK} -buildid a/b/c/a a.a"), "/bin/sh");
        let copied = program(Some(1500), 1500, "a/b/c/d");
        let built = Some((LinkOrigin::GoBuild, Confidence::High));
        assert_eq!(find(&runs, "/w/app", 1600, Some(&copied)), built);
        runs.exit(id(5), Time(1400 * MS));
        assert_eq!(find(&runs, "/w/app", 1600, Some(&copied)), None, "a later copy");
        assert_eq!(find(&runs, "/w/app", 1600, Some(&program(Some(1050), 1200, "a/b/c/d"))), built);
    }
}
