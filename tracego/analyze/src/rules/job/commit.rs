//! TG003: a binary that was built from another commit than its job claims.

use tracego_golang::Build;
use tracego_model::{
    finding::{
        Confidence,
        Severity::{High, Low, Medium},
    },
    matcher::MatchTarget,
    record::job::{Source, Sourced, attribute::REVISION},
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    settings::options::CommitStampPolicy,
    subject::Subject,
};

/// The rule TG003.
pub const RULE: Rule = Rule {
    id: "TG003",
    name: "commit-mismatch",
    title: "a binary of another commit than the job claims",
    summary: "A binary of the job's own was built from another commit than the one that the job claims, from files \
              that are in no commit, or says nothing: what was tested or deployed is not what was reviewed.",
    remedy: "Build in a clean checkout of the commit, with go build and its default -buildvcs=auto, and start what \
             was built.",
    reference: "https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies",
    variants: &[
        Variant {
            name: "mismatch",
            grades: Grades { ci: High, production: High, guessed: High, terminal: Medium, other: High },
            summary: "The commit in the binary (vcs.revision) is not the one that the job claims.",
            remedy: "",
        },
        Variant {
            name: "modified",
            grades: Grades { ci: Medium, production: High, guessed: High, terminal: Low, other: Low },
            summary: "It was built from changed files (vcs.modified).",
            remedy: "Build before anything changes files of the checkout, or list what does in .gitignore.",
        },
        Variant {
            name: "unstamped",
            grades: Grades { ci: Medium, production: Medium, guessed: Medium, terminal: Low, other: Low },
            summary: "It carries no commit where the configuration wants one.",
            remedy: "Build with go build -buildvcs=true, in a checkout with its .git folder.",
        },
    ],
    start: Some(start),
    service: None,
};

/// Variables of CI systems that name the checkout folder.
const CHECKOUTS: [&str; 9] = [
    "BITBUCKET_CLONE_DIR",
    "BUILDKITE_BUILD_CHECKOUT_PATH",
    "BUILD_SOURCESDIRECTORY",
    "CIRCLE_WORKING_DIRECTORY",
    "CI_PROJECT_DIR",
    "CI_WORKSPACE",
    "DRONE_WORKSPACE",
    "GITHUB_WORKSPACE",
    "WORKSPACE",
];

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
    let Some(confidence) = ownership(subject, build, report) else {
        return;
    };
    let case = match (build.revision(), claimed) {
        (Some(revision), Some(commit)) if same_commit(revision, commit) == Some(false) => {
            let message = format!("the binary was built from commit {revision}, and the job claims {commit}");
            FindingCase::new("mismatch", message).with("vcs.ref.head.revision", commit)
        }
        _ if build.modified() == Some(true) && (place.ci || place.is_production()) => {
            FindingCase::new("modified", "the binary was built from files that are in no commit")
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
        .with_some("build.vcs.revision", build.revision())
        .with_some("build.vcs.modified", build.setting("vcs.modified"))
        .with_some("build.main.path", main.map(|main| main.path.as_str()))
        .with("process.executable.path", subject.path());
    report.add(case, place, &MatchTarget::of(subject.record));
}

fn wants_stamp(stamp: CommitStampPolicy, ci: bool, production: bool) -> bool {
    match stamp {
        CommitStampPolicy::Off => false,
        CommitStampPolicy::Production => production,
        CommitStampPolicy::Always => production || ci,
    }
}

/// Returns how sure it is that the claimed commit is about this binary; `None` if it is not. A job runs many
/// programs that others built from their own commits.
fn ownership(subject: &Subject<'_>, build: &Build, report: &mut FindingCollector<'_>) -> Option<Confidence> {
    let module = build.main.as_ref().map_or("", |main| main.path.as_str());
    if report.thresholds().modules.iter().any(|glob| glob.matches(module)) {
        return Some(Confidence::High);
    }
    // The binary was installed as a version of a module: it has that version's checksum, and no commit of
    // this job.
    if build.main.as_ref().is_some_and(|main| !main.sum.is_empty()) {
        return None;
    }
    // A module that the go commands of the job build belongs to the job.
    let known = report.memory.modules_of(subject);
    if !known.is_empty() {
        return known.iter().any(|known| known == module).then_some(Confidence::High);
    }
    let repository = subject.vcs("repository.url.full").map(repository);
    match repository {
        Some(repository) if of_repository(module, &repository) => return Some(Confidence::High),
        // The module is from another repository of the same forge, or from another forge.
        Some(_) if forge(module).is_some() => return None,
        _ => {}
    }
    let path = subject.path();
    if is_installed_tool(path) {
        return None;
    }
    let folder = subject.record.process.as_ref().and_then(|process| process.working_directory.as_deref());
    let checkout = CHECKOUTS.iter().filter_map(|name| subject.variable(name));
    if checkout.chain(folder).any(|folder| is_below(path, folder)) {
        return Some(Confidence::Medium);
    }
    // The main program of a container or unit, with the commit in its own environment.
    if subject.is_main() && is_told(subject) {
        return Some(Confidence::Medium);
    }
    // In other places, a path of a public forge is more likely somebody else's tool.
    forge(module).is_none().then_some(Confidence::Medium)
}

/// Whether the process's own environment names the commit.
fn is_told(subject: &Subject<'_>) -> bool {
    subject.record.tracego.job.as_ref().is_some_and(|job| {
        let own = |source: &Sourced| source.attribute == REVISION && source.source == Source::Environment;
        job.sources.iter().any(own)
    })
}

/// Whether a path is in a folder that tools are installed into.
fn is_installed_tool(path: &str) -> bool {
    let folders = ["/usr/local/go/", "/opt/hostedtoolcache/", "/home/linuxbrew/"];
    folders.iter().any(|folder| path.starts_with(folder)) || path.contains("/go/bin/")
}

/// Whether a path is below a folder. The root folder does not count.
fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    !folder.is_empty() && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns host and path of a repository: `https://github.com/acme/app.git` or `git@github.com:acme/app` →
/// `github.com/acme/app`.
fn repository(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.trim_end_matches('/').trim_end_matches(".git");
    let (host, path) = rest.split_once([':', '/']).unwrap_or((rest, ""));
    // A port may stand between host and path.
    let path = path.split_once('/').filter(|(port, _)| port.parse::<u16>().is_ok()).map_or(path, |(_, p)| p);
    format!("{}/{path}", host.to_lowercase())
}

/// Whether a module path belongs to a repository: the repository itself, or a folder or major version in it.
fn of_repository(module: &str, repository: &str) -> bool {
    let (module, repository) = (module.to_lowercase(), repository.to_lowercase());
    module.strip_prefix(&repository).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the public forge that a module path names.
fn forge(module: &str) -> Option<&str> {
    const FORGES: [&str; 8] = [
        "github.com",
        "gitlab.com",
        "bitbucket.org",
        "codeberg.org",
        "golang.org",
        "gopkg.in",
        "k8s.io",
        "sigs.k8s.io",
    ];
    FORGES.into_iter().find(|forge| module.strip_prefix(forge).is_some_and(|rest| rest.starts_with('/')))
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
    fn repositories_and_module_paths_are_held_together() {
        for url in [
            "https://github.com/acme/app",
            "https://github.com/acme/app.git",
            "git@github.com:acme/app.git",
            "ssh://git@github.com:22/acme/app.git",
            "https://GitHub.com/acme/app/",
            "https://user:secret@github.com/acme/app",
        ] {
            assert_eq!(repository(url), "github.com/acme/app", "{url}");
        }
        assert!(of_repository("github.com/acme/app", "github.com/acme/app"));
        assert!(of_repository("github.com/Acme/app/v2", "github.com/acme/app"));
        assert!(of_repository("github.com/acme/app/tools", "github.com/acme/app"));
        assert!(!of_repository("github.com/acme/application", "github.com/acme/app"));
        assert!(!of_repository("", "github.com/acme/app"));
    }

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
