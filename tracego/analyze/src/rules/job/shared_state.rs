//! TG005: two jobs that build with one temporary folder or one build cache at the same time.

use std::sync::Arc;

use tracego_golang::{command::Invocation, subcommand::Subcommand};
use tracego_model::{
    finding::Severity::{Low, Medium},
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG005.
pub const RULE: Rule = Rule {
    id: "TG005",
    name: "shared-build-state",
    title: "two jobs with one build cache or temporary folder",
    summary: "Two jobs run the go command at once with the same temporary folder or build cache. Go's own files do \
              not collide: it makes a folder of its own in the first and writes the second atomically. But \
              whoever can write there decides what the other job links, and one that cleans up takes away what \
              the other needs.",
    remedy: "Give each job, or each project that trusts itself, a GOCACHE and a TMPDIR of its own.",
    reference: "https://pkg.go.dev/cmd/go#hdr-Build_and_test_caching",
    variants: &[
        Variant {
            name: "cache",
            grades: Grades::always(Medium),
            summary: "They share GOCACHE: the go command believes what it finds there, and links it.",
            remedy: "Set GOCACHE to a folder of the job, filled from a copy where speed matters.",
        },
        Variant {
            name: "temporary-folder",
            grades: Grades::always(Low),
            summary: "They share GOTMPDIR or TMPDIR, where programs of go run and tests are linked and started.",
            remedy: "Set TMPDIR to a folder of the job.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// A running go command of a job, and the folders that it builds in.
#[derive(Clone, Debug)]
pub struct RunningBuild {
    /// The job that the command belongs to.
    job: Arc<str>,
    /// The mount namespace of the paths.
    mounts: u32,
    cache: Option<String>,
    temporary: Option<String>,
}

impl RunningBuild {
    /// Creates the entry for a go command of a job. Returns `None` for a command that does not use the
    /// folders.
    #[must_use]
    pub(in crate::rules) fn of(subject: &Subject<'_>, job: Option<Arc<str>>) -> Option<Self> {
        let invocation = subject.invocation()?;
        let job = job.filter(|_| uses_folders(invocation))?;
        Some(Self {
            job,
            mounts: subject.record.tracego.namespace.map_or(0, |namespace| namespace.mnt),
            cache: cache(subject),
            temporary: temporary(subject),
        })
    }
}

fn uses_folders(invocation: &Invocation) -> bool {
    let builds = matches!(
        invocation.subcommand,
        Subcommand::Run
            | Subcommand::Test
            | Subcommand::Build
            | Subcommand::Install
            | Subcommand::Vet
            | Subcommand::List
            | Subcommand::Tool
            | Subcommand::Get
    );
    builds && invocation.problem.is_none()
}

/// Returns the build cache as cmd/go finds it: GOCACHE, or go-build in os.UserCacheDir (src/os/file.go).
fn cache(subject: &Subject<'_>) -> Option<String> {
    if !subject.knows("HOME") {
        return None;
    }
    let set = setting(subject, "GOCACHE").map(str::to_owned);
    let found = set.or_else(|| subject.variable("XDG_CACHE_HOME").map(|dir| format!("{dir}/go-build")));
    let found = found.or_else(|| subject.variable("HOME").map(|dir| format!("{dir}/.cache/go-build")));
    found.filter(|path| path.starts_with('/')).map(|path| clean(&path))
}

/// Returns the temporary folder as cmd/go finds it: GOTMPDIR, or os.TempDir.
fn temporary(subject: &Subject<'_>) -> Option<String> {
    if !subject.knows("TMPDIR") {
        return None;
    }
    let set = setting(subject, "GOTMPDIR").or_else(|| subject.variable("TMPDIR")).unwrap_or("/tmp");
    set.starts_with('/').then(|| clean(set))
}

/// Returns a variable of the go command, from the environment or else from `go env -w`.
fn setting<'a>(subject: &Subject<'a>, name: &str) -> Option<&'a str> {
    let written = || subject.surroundings?.go_env.get(name).map(String::as_str).filter(|v| !v.is_empty());
    subject.variable(name).or_else(written)
}

/// Removes doubled and trailing slashes, and `.` parts.
fn clean(path: &str) -> String {
    let mut clean = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        clean.push('/');
        clean.push_str(part);
    }
    clean
}

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    if subject.invocation().is_none() {
        return;
    }
    let job = report.memory.job_key(subject);
    let Some(own) = RunningBuild::of(subject, job) else {
        return;
    };
    let folders = [("cache", "GOCACHE", &own.cache), ("temporary-folder", "TMPDIR", &own.temporary)];
    for (variant, name, folder) in folders {
        let Some(folder) = folder else { continue };
        let same = |other: &RunningBuild| {
            let theirs = if variant == "cache" { &other.cache } else { &other.temporary };
            theirs.as_ref() == Some(folder) && other.mounts == own.mounts && other.job != own.job
        };
        let found = report.memory.builders().find(|(id, other)| **id != subject.id && same(other));
        let Some((id, job)) = found.map(|(id, other)| (*id, Arc::clone(&other.job))) else {
            continue;
        };
        let jobs = [own.job.as_ref(), &job];
        let pair = (variant, folder, jobs.iter().min(), jobs.iter().max());
        if !report.memory.is_new(&pair) {
            continue;
        }
        let message = format!("jobs {} and {} build with {name} {folder} at the same time", jobs[0], jobs[1]);
        let case = FindingCase::new(variant, message)
            .with(name, folder)
            .with("other.job", job.as_ref())
            .with("other.pid", id.tgid.to_string());
        report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
    }
    report.memory.builds(subject.id, own);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_one_folder_are_one_text() {
        assert_eq!(clean("/tmp//x/./y/"), "/tmp/x/y");
        assert_eq!(clean("/"), "");
    }
}
