//! Comparison of the job that an environment names with the one that the pod names.

use tracego_model::record::job::{
    CommitClaim, Contradiction,
    attribute::{REPOSITORY, REVISION, RUN, TASK_RUN},
};

use super::identity::{PodJob, PodOrigin};
use crate::enrich::ci::{self, CiIdentity};

/// Longest value of a label; the end of a longer text is cut.
const LABEL_MAX: usize = 63;
/// Least number of digits of a commit that is shortened.
const COMMIT_MIN: usize = 7;

/// Returns the values of an environment that its pod contradicts: CI system, commit, repository, run and job.
pub(in crate::enrich) fn contradictions(environment: &CiIdentity, pod: &PodJob) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let mut contradict = |attribute, environment: &str, value: &str, origin: PodOrigin| {
        found.push(Contradiction {
            attribute,
            environment: environment.to_owned(),
            pod: value.to_owned(),
            source: origin.source,
            variable: origin.key,
            trust: origin.trust,
        });
    };
    if let Some(system) = environment.system.filter(|system| *system != pod.system) {
        contradict("cicd.system.component", system, pod.system, pod.mark);
    }
    let compared = [REVISION, RUN, TASK_RUN].into_iter();
    for attribute in compared.filter(|attribute| !pod.incomparable.contains(attribute)) {
        let (Some(claim), Some(other)) = (environment.claim(attribute), pod.claim(attribute)) else {
            continue;
        };
        let agrees = match attribute {
            REVISION => {
                is_same_commit(&claim.value, &other.value)
                    || environment.commits.iter().any(|known| is_claimed(known, &other.value))
            }
            // Other systems count their runs and jobs in other ways.
            _ => !ci::is_of_system(claim.variable, pod.system) || claim.names(&other.value),
        };
        if !agrees {
            contradict(attribute, &claim.value, &other.value, other.origin);
        }
    }
    if let Some(claim) = environment.claim(REPOSITORY) {
        if let Some(other) = pod.claim(REPOSITORY)
            && folded(without_scheme(&claim.value)) != folded(without_scheme(&other.value))
        {
            contradict(REPOSITORY, &claim.value, &other.value, other.origin);
        }
        if let Some((path, origin)) = &pod.repository
            && !is_path_of(path, &claim.value)
        {
            contradict(REPOSITORY, &claim.value, path, *origin);
        }
    }
    found
}

fn is_claimed(known: &CommitClaim, value: &str) -> bool {
    is_same_commit(&known.revision, value)
}

/// Whether two texts are the same commit, one of which may be shortened.
fn is_same_commit(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    one == other || (short.len() >= COMMIT_MIN && long.starts_with(short))
}

/// Whether owner and repository from labels are the path of a repository's URL, or its end: a server may have a path of
/// its own.
fn is_path_of(labels: &str, url: &str) -> bool {
    let address = without_scheme(url);
    // `user@host:path` of scp(1) has no scheme; with one, a colon is before a port.
    let split = if url.contains("://") { address.split_once('/') } else { address.split_once(['/', ':']) };
    let Some((_, path)) = split else { return true };
    let known = folded(labels);
    let ends = path.match_indices('/').filter_map(|(at, _)| path.get(at..)).chain([path]);
    ends.into_iter().any(|end| folded(end) == known)
        || (labels.split('/').any(|label| label.len() >= LABEL_MAX) && is_cut(labels, &folded(path)))
}

/// Whether each of the labels is a part of a path, in order: a label that is too long is cut.
fn is_cut(labels: &str, path: &str) -> bool {
    let mut rest = path;
    labels.split('/').map(folded).all(|label| match rest.find(&label) {
        Some(at) => {
            rest = rest.get(at + label.len()..).unwrap_or_default();
            true
        }
        None => false,
    })
}

/// Returns host and path of the address of a repository: without a scheme, a user, and `.git` at its end.
fn without_scheme(url: &str) -> &str {
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    let host = address.find(['/', ':']).unwrap_or(address.len());
    let from = address.get(..address.find('/').unwrap_or(host)).and_then(|front| front.rfind('@'));
    let address = from.and_then(|at| address.get(at + 1..)).unwrap_or(address);
    let address = address.trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address)
}

/// Returns the letters and digits of a text alone: labels have no other characters, and systems replace them in their
/// own ways.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_end_of_a_path() {
        for url in [
            "https://gitlab.example/shop/api",
            "https://gitlab.example:8443/shop/api.git",
            "https://user:secret@gitlab.example/base/path/shop/api/",
            "ssh://git@gitlab.example:2222/shop/api.git",
            "git@gitlab.example:shop/api.git",
            "http://gitea:3000/Shop/API",
        ] {
            assert!(is_path_of("shop/api", url), "{url}");
        }
        for url in [
            "https://gitlab.example/xshop/api",
            "https://gitlab.example/shop/api/more",
            "https://gitlab.example:8443/other",
            "git@gitlab.example:shop/apis.git",
        ] {
            assert!(!is_path_of("shop/api", url), "{url}");
        }
    }
}
