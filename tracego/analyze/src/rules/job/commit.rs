//! TG003: a binary that was built from another commit than its job claims.

use tracego_golang::{Build, Inconsistency};
use tracego_model::{
    finding::{
        Confidence,
        Severity::{High, Low, Medium},
    },
    input::facts::Checkout,
    matcher::MatchTarget,
    record::job::{Source, Sourced, attribute::REVISION},
};

use super::{
    repository::{Repository, forge},
    tracked_job::JobCheckouts,
};
use crate::rules::{
    collector::{FindingCase, FindingCollector},
    place::Place,
    rule::{Grades, Rule, Variant},
    settings::options::CommitStampPolicy,
    state::RuleState,
    subject::Subject,
};

/// The rule TG003.
pub const RULE: Rule = Rule {
    id: "TG003",
    name: "commit-mismatch",
    title: "a binary of another commit than the job claims",
    summary: "A binary of the job's own was built from another commit than the one that the job claims, or in a \
              checkout that was not clean, or says nothing: what was tested or deployed may not be what was \
              reviewed. A binary is the job's own if its module is that of the repository, of the checkout, or of \
              a build in the job. The commit is what the binary says of itself, and anyone can patch it: a \
              finding is a reason to look, and no finding proves nothing.",
    remedy: "Build in a clean checkout of the commit, with go build and its default -buildvcs=auto, and start what \
             was built.",
    reference: "https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies",
    variants: &[
        Variant {
            name: "mismatch",
            grades: Grades { ci: High, production: High, guessed: High, terminal: Medium, other: High },
            summary: "The commit in the binary (vcs.revision) is none of those that the job names.",
            remedy: "",
        },
        Variant {
            name: "modified",
            grades: Grades { ci: Medium, production: High, guessed: High, terminal: Low, other: Low },
            summary: "The checkout was not clean when it was built (vcs.modified): files were changed, or there \
                      were files that are neither in the commit nor ignored, such as generated ones.",
            remedy: "Build before anything changes or adds files in the checkout, or list in .gitignore what does \
                     not belong to it.",
        },
        Variant {
            name: "unstamped",
            grades: Grades { ci: Medium, production: Medium, guessed: Medium, terminal: Low, other: Low },
            summary: "It carries no commit where the configuration wants one.",
            remedy: "Build with go build -buildvcs=true, in a checkout with its .git folder.",
        },
        Variant {
            name: "checked-out",
            grades: Grades::always(Low),
            summary: "The job claims another commit than the binary says, and has itself moved the checkout to the \
                      binary's commit since it began: it made a release commit, checked out a tag or an older commit, \
                      or bisects.",
            remedy: "Name the commit to what runs later, for example with --env GIT_COMMIT=….",
        },
        Variant {
            name: "inconsistent",
            grades: Grades { ci: Medium, production: High, guessed: Medium, terminal: Low, other: Low },
            summary: "Its build information is not what the rest of the file says: the version of Go, the modules or \
                      the processor were patched or forged, or a tool removed or replaced a part. What it says of its \
                      commit is then worth nothing.",
            remedy: "Start the file as go build made it. If a tool changes it on purpose, set this variant to off.",
        },
        Variant {
            name: "change",
            grades: Grades::always(Low),
            summary: "In a run for a pull request, the commit in the binary is neither the merge nor the head that \
                      the job names. Such a run can check out other commits, too.",
            remedy: "Build from the commit that the job checks out, and name it to what runs later.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(build) = subject.build() else {
        return;
    };
    if !subject.is_own_program() {
        return;
    }
    let claimed = subject.vcs("ref.head.revision");
    let place = subject.place(report.settings);
    if claimed.is_none() && !place.ci && !place.is_production() {
        return;
    }
    if let Some(image) = subject.image.filter(|image| !image.inconsistent.is_empty()) {
        let parts = |text: fn(Inconsistency) -> &'static str, between| {
            image.inconsistent.iter().map(|part| text(*part)).collect::<Vec<_>>().join(between)
        };
        let message =
            format!("the binary contradicts its build information: {}", parts(Inconsistency::text, "; "));
        let case = FindingCase::new("inconsistent", message)
            .with("tracego.go.build.inconsistent", parts(Inconsistency::as_str, ", "))
            .with("process.executable.path", subject.path());
        report.add(case, place, &MatchTarget::of(subject.record));
        return;
    }
    let Some(confidence) = ownership(subject, build, place, report) else {
        return;
    };
    let case = match (build.revision(), claimed) {
        (Some(revision), Some(commit)) if is_another(subject, revision, commit) => {
            match mismatch(subject, build, revision, commit, report.memory) {
                Some(case) => case,
                None => return,
            }
        }
        _ if build.modified() == Some(true) && (place.ci || place.is_production()) => {
            let message = "the binary says that the checkout it was built in was not clean: \
                           it had changed files, or files that are in no commit";
            FindingCase::new("modified", message)
        }
        (None, _) if wants_stamp(report.thresholds().stamp, place.ci, place.is_production()) => {
            // Go writes the commit from 1.18 on, and only when it builds a module.
            let can = build.release().is_none_or(|release| release >= (1, 18, 0)) && build.main.is_some();
            if !can {
                return;
            }
            FindingCase::new("unstamped", "the binary carries no commit")
        }
        _ => return,
    };
    let main = build.main.as_ref();
    let case = case
        .sure(confidence)
        .claimed()
        .with_some("build.vcs.revision", build.revision())
        .with_some("build.vcs.modified", build.setting("vcs.modified"))
        .with_some("build.main.path", main.map(|main| main.path.as_str()))
        .with("process.executable.path", subject.path());
    report.add(case, place, &MatchTarget::of(subject.record));
}

/// Returns the commits that a job names besides the claimed one.
fn other_commits<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a str> {
    let job = subject.record.tracego.job.as_ref();
    let named = job.into_iter().flat_map(|job| &job.commits).map(|commit| commit.revision.as_str());
    // A commit given by --env leaves no choice.
    let event = subject.surroundings.filter(|_| !is_explicit(subject));
    named.chain(event.into_iter().flat_map(|around| &around.event_commits).map(String::as_str))
}

/// Whether the commit of a binary is known to be none of those that the job names.
fn is_another(subject: &Subject<'_>, revision: &str, claimed: &str) -> bool {
    same_commit(revision, claimed) == Some(false)
        && other_commits(subject).all(|commit| same_commit(revision, commit) != Some(true))
}

/// Makes the case of a binary of another commit. In a run for a pull request, the checkout can be at a merge that
/// no variable names; without a second commit to compare with, there is no case.
fn mismatch(
    subject: &Subject<'_>,
    build: &Build,
    revision: &str,
    claimed: &str,
    memory: &RuleState,
) -> Option<FindingCase> {
    let job = subject.record.tracego.job.as_ref();
    let others: Vec<&str> =
        other_commits(subject).filter(|other| same_commit(other, claimed) == Some(false)).collect();
    let case = if job.is_some_and(|job| job.change) {
        let other = others.first()?;
        let message = format!(
            "the binary says that it was built from commit {revision}, and the run for a pull request names {claimed} and {other}"
        );
        FindingCase::new("change", message)
    } else if is_checked_out(subject, build, revision, memory) {
        let message = format!(
            "the binary says that it was built from commit {revision}, which the job itself has checked out, and the job \
             claims {claimed}"
        );
        FindingCase::new("checked-out", message)
    } else {
        let message =
            format!("the binary says that it was built from commit {revision}, and the job claims {claimed}");
        FindingCase::new("mismatch", message)
    };
    let others = Some(others.join(", ")).filter(|others| !others.is_empty());
    Some(case.with("vcs.ref.head.revision", claimed).with_some("tracego.job.commits", others))
}

/// Whether the job itself has moved the checkout that the binary is from to its commit: a release commit, a tag, a
/// worktree, a step of a bisection.
fn is_checked_out(subject: &Subject<'_>, build: &Build, revision: &str, memory: &RuleState) -> bool {
    let Some(checkouts) = memory.checkouts_of(subject) else { return false };
    let module = build.main.as_ref().map_or("", |main| main.path.as_str());
    let built = checkouts.build_of(module).and_then(|built| built.checkout.as_ref());
    let around = subject.surroundings.and_then(|around| around.checkout.as_ref());
    let mut all = built.into_iter().chain(around);
    all.any(|checkout| checkout.head == revision && checkouts.moved(checkout))
}

fn wants_stamp(stamp: CommitStampPolicy, ci: bool, production: bool) -> bool {
    match stamp {
        CommitStampPolicy::Off => false,
        CommitStampPolicy::Production => production,
        CommitStampPolicy::Always => production || ci,
    }
}

/// Returns how sure it is that the claimed commit is about this binary; `None` if that is not known. A job runs
/// many programs that others built from their own commits.
fn ownership(
    subject: &Subject<'_>,
    build: &Build,
    place: Place,
    report: &mut FindingCollector<'_>,
) -> Option<Confidence> {
    let module = build.main.as_ref().map_or("", |main| main.path.as_str());
    if report.thresholds().modules.iter().any(|glob| glob.matches(module)) {
        return Some(Confidence::High);
    }
    // The binary was installed as a version of a module: it has that version's checksum, and no commit of
    // this job.
    if build.main.as_ref().is_some_and(|main| !main.sum.is_empty()) {
        return None;
    }
    let repository = subject.vcs("repository.url.full").map(Repository::of_url);
    if repository.as_ref().is_some_and(|repository| repository.has_module(module)) {
        return Some(Confidence::High);
    }
    // The program of another repository of a forge: a job can check out and build several repositories.
    if repository.is_some() && forge(module).is_some() {
        return None;
    }
    let none = JobCheckouts::default();
    let checkouts = report.memory.checkouts_of(subject).unwrap_or(&none);
    let own = |checkout: Option<&Checkout>| checkout.is_none_or(|checkout| checkouts.owns(checkout));
    if let Some(built) = checkouts.build_of(module) {
        return own(built.checkout.as_ref()).then_some(Confidence::High);
    }
    if let Some(around) = subject.surroundings.filter(|around| around.module_file.is_some()) {
        return own(around.checkout.as_ref()).then_some(Confidence::Medium);
    }
    // The main program of a container or unit outside of jobs: its environment names the commit of what runs.
    let told = || is_told(subject) || place.is_production();
    (!place.ci && subject.is_main() && told()).then_some(Confidence::Medium)
}

/// Whether the commit was given by `--env`.
pub(in crate::rules) fn is_explicit(subject: &Subject<'_>) -> bool {
    has_commit_from(subject, Source::Explicit)
}

/// Whether the process's own environment names the commit.
fn is_told(subject: &Subject<'_>) -> bool {
    has_commit_from(subject, Source::Environment)
}

fn has_commit_from(subject: &Subject<'_>, source: Source) -> bool {
    subject.record.tracego.job.as_ref().is_some_and(|job| {
        let is = |from: &Sourced| from.attribute == REVISION && from.source == source;
        job.sources.iter().any(is)
    })
}

/// Minimum number of digits of an abbreviated commit.
const SHORTEST: usize = 7;

/// Whether two texts name one commit; `None` when one of them is no commit. An abbreviated hash matches every
/// commit that begins with it.
#[must_use]
pub fn same_commit(one: &str, other: &str) -> Option<bool> {
    let hash = |text: &str| {
        let text = text.trim();
        let hex = text.len() >= SHORTEST && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| text.to_ascii_lowercase())
    };
    let (one, other) = (hash(one)?, hash(other)?);
    Some(one.starts_with(&other) || other.starts_with(&one))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_commit_is_not_compared() {
        for text in ["HEAD", "main", "", "abc123", "v1.2.3", "refs/heads/x", &"a".repeat(65)] {
            assert_eq!(same_commit(text, "0123456789abcdef0123456789abcdef01234567"), None, "{text}");
        }
        assert_eq!(same_commit(" ABC1234 ", "abc1234def"), Some(true));
        assert_eq!(same_commit("abc1234", "abc1235def"), Some(false));
    }

    proptest! {
        #[test]
        fn every_abbreviation_of_a_commit_is_that_commit(commit in "[0-9a-f]{40}", length in 7usize..=40) {
            let short = &commit[..length];
            prop_assert_eq!(same_commit(short, &commit), Some(true));
            prop_assert_eq!(same_commit(&commit.to_uppercase(), short), Some(true));
        }

        #[test]
        fn one_other_digit_is_another_commit(commit in "[0-9a-f]{40}", at in 0usize..40) {
            let mut other = commit.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            prop_assert_eq!(same_commit(&commit, &other), Some(false));
            prop_assert_eq!(same_commit(&commit, &other[..=at.max(6)]), Some(false));
        }
    }
}
