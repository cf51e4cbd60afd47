//! The commit and the job that a process belongs to: `cicd.*`, `vcs.*` and `tracego.job.*`.
//!
//! There are four sources, the strongest first: explicit (`--env KEY=VALUE`), the process's own environment, the job
//! that the process descends from, and the labels and annotations of the pod. Where the environment names no job, the
//! pod comes before it. The environment, own or inherited, is what the job itself claims.

use std::{collections::BTreeMap, sync::Arc};

use tracego_common::TaskId;
use tracego_model::record::{
    job::{
        Changed, CommitClaim, Context, Identified, JOB_NAMES, Job, OpenedBy, Root, Source, Sourced,
        attribute::REVISION,
    },
    tree::Tree,
};

use super::{
    ci::{self, CiIdentity},
    pods::{self, KnownPod},
};

/// A job, with the claims of the process that opened it.
#[derive(Debug, Default)]
pub struct OpenJob {
    /// The process that opened the job.
    pub root: TaskId,
    /// Whether the variables of that process open a job. Captures of earlier versions have others, too.
    pub is_job: bool,
    /// The claims of that process.
    pub identity: Arc<CiIdentity>,
}

/// Makes the note of a claim that contradicts a stronger or an earlier one.
fn changed(claim: &ci::Claim, expected: &str, source: Source) -> Changed {
    let (claimed, expected) = (claim.value.clone(), expected.to_owned());
    Changed { attribute: claim.attribute, claimed, expected, source }
}

/// A value of an attribute, with its source.
struct Stated<'a> {
    attribute: &'static str,
    value: &'a str,
    sourced: Sourced,
}

/// Returns the values that an environment, or `--env`, states.
fn of_environment(source: Source, identity: &CiIdentity) -> impl Iterator<Item = Stated<'_>> {
    identity.claims.iter().map(move |claim| Stated {
        attribute: claim.attribute,
        value: &claim.value,
        sourced: Sourced { attribute: claim.attribute, source, variable: claim.variable, trust: None },
    })
}

/// Returns the values that a pod states.
fn of_pod(job: &pods::PodJob) -> impl Iterator<Item = Stated<'_>> {
    job.claims.iter().map(|claim| Stated {
        attribute: claim.attribute,
        value: &claim.value,
        sourced: Sourced {
            attribute: claim.attribute,
            source: claim.origin.source,
            variable: claim.origin.key,
            trust: Some(claim.origin.trust),
        },
    })
}

/// Returns the names of the job that somebody else than the process states: the first of each attribute.
fn vouched<'a>(stated: impl Iterator<Item = Stated<'a>>) -> Vec<(&'static str, String)> {
    let mut vouched: Vec<(&'static str, String)> = Vec::new();
    for Stated { attribute, value, .. } in stated.filter(|stated| JOB_NAMES.contains(&stated.attribute)) {
        if vouched.iter().all(|(known, _)| *known != attribute) {
            vouched.push((attribute, value.to_owned()));
        }
    }
    vouched
}

/// Merges the sources. Returns `None` where no source has a value and the process is in no job. `pod`: the pod of the
/// process, if it is known.
pub(crate) fn merge(
    explicit: &CiIdentity,
    own: &CiIdentity,
    job: Option<(&OpenJob, String)>,
    is_root: bool,
    pod: Option<&KnownPod>,
) -> Option<Identified> {
    let job = job.filter(|(job, _)| job.is_job);
    let inherited = job.as_ref().filter(|_| !is_root).map(|(job, _)| &*job.identity);
    let (pod_uid, of_pods) = pod.and_then(|pod| Some((&pod.uid, &**pod.job.as_ref()?))).unzip();
    let opened_by = match () {
        () if explicit.opens => Some(OpenedBy::Explicit),
        () if inherited.is_some() => Some(OpenedBy::Ancestor),
        () if of_pods.is_some() => Some(OpenedBy::Pod),
        () if own.opens => Some(OpenedBy::Itself),
        () => None,
    };
    let names_job = own.opens || inherited.is_some();
    let system = own.system.or(inherited.and_then(|identity| identity.system)).filter(|_| names_job);
    // Values of two CI systems do not make one job.
    let shown = of_pods.filter(|pod| system.is_none_or(|system| system == pod.system));
    let explicitly = || of_environment(Source::Explicit, explicit);
    let owned = || of_environment(Source::Environment, own);
    let handed_on = || inherited.into_iter().flat_map(|identity| of_environment(Source::Inherited, identity));
    let in_pod = || shown.into_iter().flat_map(of_pod);
    let vouched = vouched(explicitly().chain(in_pod()).chain(handed_on()));
    let layers = if names_job {
        explicitly().chain(owned()).chain(handed_on()).chain(in_pod()).collect::<Vec<_>>()
    } else {
        explicitly().chain(in_pod()).chain(owned()).collect()
    };
    let mut values: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut sources = Vec::new();
    for Stated { attribute, value, sourced } in layers {
        if values.contains_key(attribute) {
            continue;
        }
        let exact = match sourced.source {
            // The same job, and a process that no longer says which leg of it. The opener itself can execute
            // another program without the variable.
            Source::Environment => own.claim(attribute).and_then(|claim| {
                let of_job = job.as_ref().and_then(|(job, _)| job.identity.claim(attribute));
                of_job.filter(|other| other.includes(claim)).map(|other| other.value.as_str())
            }),
            _ => None,
        };
        values.insert(attribute, exact.unwrap_or(value).to_owned());
        sources.push(sourced);
    }
    let system = system.or(shown.map(|pod| pod.system)).or(own.system);
    if let Some(system) = system {
        values.insert("cicd.system.component", system.to_owned());
    }
    if values.is_empty() && opened_by.is_none() {
        return None;
    }
    let contradictions = of_pods.map(|pod| {
        let environment = inherited.filter(|_| !own.opens).unwrap_or(own);
        pods::contradictions(environment, pod)
    });
    let (mut contradicted, mut dropped) = (Vec::new(), Vec::new());
    for claim in inherited.into_iter().flat_map(|identity| &identity.claims) {
        match own.claim(claim.attribute) {
            None => dropped.push(claim.attribute),
            Some(other) if !claim.agrees_with(other) => {
                contradicted.push(changed(other, &claim.value, Source::Inherited));
            }
            Some(_) => {}
        }
    }
    for claim in &explicit.claims {
        if let Some(other) = own.claim(claim.attribute)
            && other.value != claim.value
        {
            contradicted.push(changed(other, &claim.value, Source::Explicit));
        }
    }
    let under = |prefix: &str| {
        let named =
            values.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value.clone())));
        Tree::new(named.collect())
    };
    let context = Context { cicd: under("cicd."), vcs: under("vcs.") };
    let (commits, change) = commits(explicit, own, inherited);
    let root = job.map(|(job, exec_id)| Root { pid: job.root.tgid, exec_id });
    let job = Job {
        opened_by,
        root,
        pod: pod_uid.cloned(),
        sources,
        contradictions: contradictions.unwrap_or_default(),
        changed: contradicted,
        dropped,
        vouched,
        commits,
        change,
    };
    Some((Arc::new(context), Arc::new(job.into())))
}

/// Returns the other commits that the checkout may be at, and whether the run is for a pull request. An explicit
/// commit leaves no choice.
fn commits(
    explicit: &CiIdentity,
    own: &CiIdentity,
    inherited: Option<&CiIdentity>,
) -> (Vec<CommitClaim>, bool) {
    let layers = match explicit.claim(REVISION) {
        Some(_) => [Some(explicit), None, None],
        None => [Some(explicit), Some(own), inherited],
    };
    let mut commits: Vec<CommitClaim> = Vec::new();
    for commit in layers.iter().flatten().flat_map(|identity| &identity.commits) {
        if !commits.contains(commit) {
            commits.push(commit.clone());
        }
    }
    (commits, layers.into_iter().flatten().any(|identity| identity.change))
}

/// Returns the claims of `--env KEY=VALUE` pairs.
#[must_use]
pub fn explicit(injected: &[(String, String)]) -> CiIdentity {
    ci::identify(|name| injected.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(pairs: &[(&str, &str)]) -> CiIdentity {
        explicit(&pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>())
    }

    fn job(pairs: &[(&str, &str)]) -> OpenJob {
        OpenJob {
            root: TaskId { tgid: 7, ..TaskId::default() },
            is_job: true,
            identity: identity(pairs).into(),
        }
    }

    #[test]
    fn explicit_wins_over_own_and_own_over_inherited() {
        let job = job(&[("GIT_COMMIT", "inherited"), ("CI_JOB_ID", "1")]);
        let own = identity(&[("GIT_COMMIT", "own")]);
        let explicit = identity(&[("GIT_COMMIT", "explicit")]);
        let (context, facts) = merge(&explicit, &own, Some((&job, "x".into())), false, None).unwrap();
        let text = serde_json::to_string(&*context).unwrap();
        assert!(text.contains(r#""revision":"explicit""#) && text.contains(r#""id":"1""#), "{text}");
        assert_eq!(facts.dropped, ["cicd.pipeline.task.run.id"]);
        let changed: Vec<_> =
            facts.changed.iter().map(|c| (c.claimed.as_str(), c.expected.as_str())).collect();
        assert_eq!(changed, [("own", "inherited"), ("own", "explicit")]);
        assert_eq!(
            facts.sources.iter().map(|s| s.source).collect::<Vec<_>>(),
            [Source::Explicit, Source::Inherited]
        );
    }

    #[test]
    fn a_process_that_does_not_say_its_leg_is_of_the_leg_of_its_job() {
        let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "9"), ("GITHUB_JOB", "test")];
        let leg = |extra: &[(&'static str, &'static str)]| {
            github.iter().chain(extra).copied().collect::<Vec<(&str, &str)>>()
        };
        let job = job(&leg(&[("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "github_1")]));
        let merged = |own: &[(&'static str, &'static str)]| {
            let own = identity(&leg(own));
            merge(&CiIdentity::default(), &own, Some((&job, "x".into())), false, None).unwrap()
        };
        let (context, facts) = merged(&[("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "")]);
        assert_eq!(context.cicd.get("pipeline.task.run.id"), Some("9/1/test/github_1"));
        assert!(facts.changed.is_empty(), "{:?}", facts.changed);
        let again = identity(&leg(&[("RUNNER_NAME", "r1")]));
        let (context, _) =
            merge(&CiIdentity::default(), &again, Some((&job, "x".into())), true, None).unwrap();
        assert_eq!(context.cicd.get("pipeline.task.run.id"), Some("9/1/test/github_1"));
        let (context, facts) = merged(&[("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "github_2")]);
        assert_eq!(context.cicd.get("pipeline.task.run.id"), Some("9/1/test/github_2"));
        assert_eq!(facts.changed.len(), 1);
    }

    #[test]
    fn the_commits_of_a_job_are_those_of_all_its_layers_unless_one_is_given() {
        let azure = [
            ("TF_BUILD", "True"),
            ("BUILD_SOURCEVERSION", "aaaaaaa"),
            ("SYSTEM_PULLREQUEST_SOURCECOMMITID", "bbbbbbb"),
        ];
        let job = job(&azure);
        let of = |explicit: &[(&str, &str)], own: &[(&str, &str)]| {
            let (_, facts) =
                merge(&identity(explicit), &identity(own), Some((&job, "x".into())), false, None).unwrap();
            (facts.commits.iter().map(|commit| commit.revision.clone()).collect::<Vec<_>>(), facts.change)
        };
        assert_eq!(of(&[], &[]), (vec!["bbbbbbb".to_owned()], true));
        assert_eq!(of(&[], &azure), (vec!["bbbbbbb".to_owned()], true));
        assert_eq!(of(&[("GIT_COMMIT", "ccccccc")], &azure), (vec![], false));
    }

    #[test]
    fn the_root_of_a_job_inherits_nothing() {
        let job = job(&[("CI_JOB_ID", "1")]);
        let (_, facts) =
            merge(&CiIdentity::default(), &job.identity, Some((&job, "x".into())), true, None).unwrap();
        assert_eq!(facts.sources[0].source, Source::Environment);
        assert!(facts.dropped.is_empty() && facts.changed.is_empty());
    }

    #[test]
    fn nothing_said_is_nothing_written() {
        assert!(merge(&CiIdentity::default(), &CiIdentity::default(), None, false, None).is_none());
    }
}
