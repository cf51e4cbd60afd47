//! Jobs of every CI system that runs them in pods, and what happens where pod and environment disagree.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tracego_model::{
    input::pods::{ContainerFacts, PodChanges, PodFacts, PodTexts},
    record::job::{
        Contradiction, OpenedBy, Source, Trust,
        attribute::{
            CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN, TASK_URL, WORKER_NAME,
        },
    },
};

use super::{systems::SYSTEMS, *};
use crate::enrich::{
    ci::CiIdentity,
    context::{OpenJob, explicit, merge},
};

type Pairs = &'static [(&'static str, &'static str)];

/// A job's pod, and the attributes that follow from it.
struct Example {
    system: &'static str,
    labels: Pairs,
    annotations: Pairs,
    attributes: Pairs,
}

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// One job of each system, and more where a system has several kinds of pods.
const EXAMPLES: [Example; 12] = [
    Example {
        system: "gitlab",
        labels: &[
            ("job.runner.gitlab.com/pod", "runner-3lj4-project-7-concurrent-0"),
            ("project.runner.gitlab.com/id", "7"),
            ("project.runner.gitlab.com/namespace", "shop"),
            ("project.runner.gitlab.com/name", "api"),
            ("manager.runner.gitlab.com/name", "runner-5f"),
        ],
        annotations: &[
            ("job.runner.gitlab.com/id", "4711"),
            ("job.runner.gitlab.com/url", "https://gitlab.example/shop/api/-/jobs/4711"),
            ("job.runner.gitlab.com/sha", SHA),
            ("job.runner.gitlab.com/ref", "main"),
            ("job.runner.gitlab.com/name", "unit"),
        ],
        attributes: &[
            (REVISION, SHA),
            (REF, "main"),
            (REPOSITORY, "https://gitlab.example/shop/api"),
            (TASK, "unit"),
            (TASK_RUN, "4711"),
            (TASK_URL, "https://gitlab.example/shop/api/-/jobs/4711"),
            (WORKER_NAME, "runner-5f"),
        ],
    },
    Example {
        system: "github",
        labels: &[
            ("actions.github.com/scale-set-name", "linux"),
            ("actions.github.com/organization", "shop"),
            ("actions.github.com/repository", "api"),
            ("app.kubernetes.io/component", "runner"),
        ],
        annotations: &[("actions.github.com/workflow-run-id", "42")],
        attributes: &[(RUN, "42"), (WORKER_NAME, "pod-name")],
    },
    Example {
        system: "github",
        labels: &[("runner-pod", "linux-x7-runner-abc")],
        annotations: &[],
        attributes: &[(WORKER_NAME, "linux-x7-runner-abc")],
    },
    Example {
        system: "tekton",
        labels: &[
            ("tekton.dev/pipeline", "build"),
            ("tekton.dev/pipelineRun", "build-x1"),
            ("tekton.dev/pipelineRunUID", "a-b"),
            ("tekton.dev/pipelineTask", "unit"),
            ("tekton.dev/task", "go-test"),
            ("tekton.dev/taskRun", "build-x1-unit"),
            ("tekton.dev/taskRunUID", "c-d"),
            ("pipelinesascode.tekton.dev/sha", SHA),
            ("pipelinesascode.tekton.dev/pull-request", "17"),
        ],
        annotations: &[("pipelinesascode.tekton.dev/repo-url", "https://github.com/shop/api")],
        attributes: &[
            (REVISION, SHA),
            (REPOSITORY, "https://github.com/shop/api"),
            (CHANGE, "17"),
            (PIPELINE, "build"),
            (RUN, "a-b"),
            (TASK, "unit"),
            (TASK_RUN, "c-d"),
        ],
    },
    Example {
        system: "tekton",
        labels: &[("tekton.dev/taskRun", "once"), ("tekton.dev/task", "go-test")],
        annotations: &[],
        attributes: &[(TASK, "go-test"), (TASK_RUN, "once")],
    },
    Example {
        system: "argo",
        labels: &[
            ("workflows.argoproj.io/workflow", "ci-x1"),
            ("workflows.argoproj.io/workflow-template", "ci"),
        ],
        annotations: &[
            ("workflows.argoproj.io/node-id", "ci-x1-99"),
            ("workflows.argoproj.io/node-name", "ci-x1.test"),
        ],
        attributes: &[(PIPELINE, "ci"), (RUN, "ci-x1"), (TASK, "ci-x1.test"), (TASK_RUN, "ci-x1-99")],
    },
    Example {
        system: "jenkins",
        labels: &[("jenkins/label", "go"), ("kubernetes.jenkins.io/controller", "http___jenkins")],
        annotations: &[
            ("buildUrl", "https://jenkins.example/job/shop/job/api/12/"),
            ("runUrl", "job/shop/job/api/12/"),
        ],
        attributes: &[
            (PIPELINE, "shop/api"),
            (RUN, "12"),
            (RUN_URL, "https://jenkins.example/job/shop/job/api/12/"),
            (WORKER_NAME, "pod-name"),
        ],
    },
    Example {
        system: "jenkins",
        labels: &[("jenkins/label", "static")],
        annotations: &[],
        attributes: &[(WORKER_NAME, "pod-name")],
    },
    Example {
        system: "buildkite",
        labels: &[("buildkite.com/job-uuid", "0190-aa")],
        annotations: &[
            ("buildkite.com/build-url", "https://buildkite.com/shop/api/builds/9"),
            ("buildkite.com/build-branch", "main"),
            ("buildkite.com/build-repo", "git@github.com:shop/api.git"),
            ("buildkite.com/pipeline-slug", "api"),
            ("buildkite.com/job-url", "https://buildkite.com/shop/api/builds/9#0190-aa"),
        ],
        attributes: &[
            (REF, "main"),
            (REPOSITORY, "git@github.com:shop/api.git"),
            (PIPELINE, "api"),
            (RUN_URL, "https://buildkite.com/shop/api/builds/9"),
            (TASK_RUN, "0190-aa"),
            (TASK_URL, "https://buildkite.com/shop/api/builds/9#0190-aa"),
        ],
    },
    Example {
        system: "prow",
        labels: &[
            ("prow.k8s.io/id", "e-f"),
            ("prow.k8s.io/build-id", "1800"),
            ("prow.k8s.io/refs.org", "shop"),
            ("prow.k8s.io/refs.repo", "api"),
            ("prow.k8s.io/refs.base_ref", "main"),
            ("prow.k8s.io/refs.pull", "17"),
        ],
        annotations: &[("prow.k8s.io/job", "pull-api-unit")],
        attributes: &[
            (REF, "main"),
            (REPOSITORY, "https://github.com/shop/api"),
            (CHANGE, "17"),
            (RUN, "1800"),
            (TASK, "pull-api-unit"),
            (TASK_RUN, "e-f"),
        ],
    },
    Example {
        system: "drone",
        labels: &[
            ("io.drone", "true"),
            ("io.drone.build.number", "55"),
            ("io.drone.repo.namespace", "shop"),
            ("io.drone.repo.name", "api"),
        ],
        annotations: &[],
        attributes: &[(RUN, "55")],
    },
    Example {
        system: "woodpecker",
        labels: &[
            ("woodpecker-ci.org/task-uuid", "g-h"),
            ("woodpecker-ci.org/step", "test"),
            ("woodpecker-ci.org/branch", "main"),
            ("woodpecker-ci.org/repo-full-name", "shopapi"),
        ],
        annotations: &[],
        attributes: &[(REF, "main"), (RUN, "g-h"), (TASK, "test"), (TASK_RUN, "g-h/test")],
    },
];

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn pod(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> PodFacts {
    PodFacts {
        uid: "uid".to_owned(),
        namespace: "ci".to_owned(),
        name: "pod-name".to_owned(),
        job: PodTexts { labels: texts(labels), annotations: texts(annotations) },
        ..PodFacts::default()
    }
}

fn known(facts: PodFacts) -> Arc<KnownPod> {
    PodTable::default().change(PodChanges { present: vec![Arc::new(facts)], gone: Vec::new() }).remove(0)
}

/// Returns a known pod with these labels and annotations.
pub(crate) fn example_pod(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Arc<KnownPod> {
    known(pod(labels, annotations))
}

fn example(system: &str) -> Arc<KnownPod> {
    let example = EXAMPLES.iter().find(|example| example.system == system).unwrap();
    known(pod(example.labels, example.annotations))
}

fn environment(pairs: &[(&str, &str)]) -> CiIdentity {
    explicit(&pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>())
}

#[test]
fn every_system_has_an_example_with_all_of_its_attributes() {
    for example in &EXAMPLES {
        let facts = pod(example.labels, example.annotations);
        let job = PodJob::of(&facts).unwrap();
        assert_eq!(job.system, example.system);
        let found: Vec<_> = job.claims.iter().map(|claim| (claim.attribute, claim.value.as_str())).collect();
        let (found, wanted) =
            (BTreeSet::from_iter(found), BTreeSet::from_iter(example.attributes.iter().copied()));
        assert_eq!(found, wanted, "{}", example.system);
    }
    for system in &SYSTEMS {
        let of_system = || EXAMPLES.iter().filter(|example| example.system == system.name);
        for marks in system.marks {
            let is = |example: &Example| {
                let facts = pod(example.labels, example.annotations);
                marks.iter().all(|(key, _)| identity::text(*key, &facts.job).is_some())
            };
            assert!(of_system().any(is), "no example of {} has the marks {marks:?}", system.name);
        }
        let attributes = system.attributes.iter().map(|(attribute, _)| *attribute);
        for attribute in attributes.filter(|attribute| ![TASK].contains(attribute)) {
            let mut all = of_system().flat_map(|example| example.attributes);
            assert!(
                all.any(|(known, _)| *known == attribute),
                "no example of {} has {attribute}",
                system.name
            );
        }
    }
}

#[test]
fn names_are_those_of_kubernetes_and_hold_no_secrets() {
    let (labels, annotations) = names();
    for name in labels.iter().chain(&annotations) {
        let (prefix, key) = name.split_once('/').unwrap_or(("", name));
        assert!(prefix.len() <= 253 && (1..=63).contains(&key.len()), "{name}");
        let lower = name.to_lowercase();
        assert!(
            !["token", "secret", "password", "credential"].iter().any(|word| lower.contains(word)),
            "{name}"
        );
    }
    assert!(labels.contains(&"tekton.dev/taskRun") && annotations.contains(&"buildUrl"));
}

#[test]
fn a_pod_without_the_marks_is_of_no_job() {
    for (labels, annotations) in [
        (&[("app", "web")][..], &[][..]),
        // The listener of a scale set, and a pod with a common label.
        (
            &[
                ("actions.github.com/scale-set-name", "linux"),
                ("app.kubernetes.io/component", "runner-scale-set-listener"),
            ],
            &[],
        ),
        (&[("app.kubernetes.io/component", "runner")], &[]),
        (&[("step", "build")], &[]),
        (&[("tekton.dev/taskRun", "")], &[]),
        (&[("io.drone", "true")], &[]),
        (&[], &[("buildUrl", "https://other.example")]),
    ] {
        assert_eq!(PodJob::of(&pod(labels, annotations)), None, "{labels:?} {annotations:?}");
    }
}

#[test]
fn trust_differs_between_labels_that_gitlab_protects_and_all_others() {
    for example in &EXAMPLES {
        let job = PodJob::of(&pod(example.labels, example.annotations)).unwrap();
        for claim in &job.claims {
            let protected =
                claim.origin.source == Source::PodLabel && claim.origin.key.contains(".runner.gitlab.com/");
            assert_eq!(claim.origin.trust == Trust::Protected, protected, "{claim:?}");
        }
    }
}

#[test]
fn the_pod_names_the_job_of_a_process_whose_environment_does_not() {
    let pod = example("tekton");
    // An image may bring a variable of tracego's own contract.
    for own in [environment(&[]), environment(&[("BUILD_ID", "of-the-image")])] {
        let (context, job) = merge(&CiIdentity::default(), &own, None, false, Some(&pod)).unwrap();
        assert_eq!(context.cicd.get("system.component"), Some("tekton"));
        assert_eq!(context.cicd.get("pipeline.task.run.id"), Some("c-d"));
        assert_eq!(context.vcs.get("ref.head.revision"), Some(SHA));
        assert_eq!((job.opened_by, job.key()), (Some(OpenedBy::Pod), Some("uid")));
        let source = job.sources.iter().find(|source| source.attribute == TASK_RUN).unwrap();
        assert_eq!((source.source, source.variable), (Source::PodLabel, "tekton.dev/taskRunUID"));
        assert_eq!((source.trust, job.contradictions.len()), (Some(Trust::Claimed), 0));
        assert_eq!(job.vouched(TASK_RUN), Some("c-d"));
    }
}

#[test]
fn the_environment_comes_first_and_the_pod_adds_what_it_lacks() {
    let pod = example("gitlab");
    let own = environment(&[("GITLAB_CI", "true"), ("CI_JOB_ID", "4711"), ("CI_PIPELINE_ID", "9")]);
    let (context, job) = merge(&CiIdentity::default(), &own, None, false, Some(&pod)).unwrap();
    assert_eq!(context.cicd.get("pipeline.run.id"), Some("9"));
    assert_eq!(context.vcs.get("ref.head.revision"), Some(SHA));
    let source = |attribute| job.sources.iter().find(|source| source.attribute == attribute).unwrap();
    assert_eq!((source(TASK_RUN).source, source(TASK_RUN).trust), (Source::Environment, None));
    assert_eq!(source(REVISION).source, Source::PodAnnotation);
    assert_eq!((job.contradictions.len(), job.opened_by), (0, Some(OpenedBy::Pod)));
    // The own contract's marker alone, in a pod of Tekton: one job with one id.
    let own = environment(&[("CI", "true")]);
    let (context, _) = merge(&CiIdentity::default(), &own, None, false, Some(&example("tekton"))).unwrap();
    assert_eq!(context.cicd.get("system.component"), Some("tekton"));
}

fn contradicted(own: &[(&str, &str)], pod: &KnownPod) -> Vec<Contradiction> {
    let merged = merge(&CiIdentity::default(), &environment(own), None, false, Some(pod)).unwrap();
    merged.1.contradictions.clone()
}

#[test]
fn a_forged_environment_is_contradicted() {
    let pod = example("gitlab");
    let all = contradicted(
        &[
            ("GITLAB_CI", "true"),
            ("CI_JOB_ID", "666"),
            ("CI_COMMIT_SHA", "ffffffffffffffffffffffffffffffffffffffff"),
            ("CI_PROJECT_URL", "https://gitlab.example/evil/api"),
        ],
        &pod,
    );
    let shown: Vec<_> =
        all.iter().map(|c| (c.attribute, c.environment.as_str(), c.pod.as_str(), c.trust)).collect();
    assert_eq!(
        shown,
        [
            (REVISION, "ffffffffffffffffffffffffffffffffffffffff", SHA, Trust::Claimed),
            (TASK_RUN, "666", "4711", Trust::Claimed),
            (
                REPOSITORY,
                "https://gitlab.example/evil/api",
                "https://gitlab.example/shop/api",
                Trust::Claimed
            ),
            (REPOSITORY, "https://gitlab.example/evil/api", "shop/api", Trust::Protected),
        ]
    );
    // Without the marker, too, and with that of another system.
    let all = contradicted(&[("CI_JOB_ID", "666")], &pod);
    assert_eq!(all.iter().map(|c| c.attribute).collect::<Vec<_>>(), [TASK_RUN]);
    let all = contradicted(&[("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "1")], &pod);
    assert_eq!(
        all.iter().map(|c| (c.attribute, c.pod.as_str())).collect::<Vec<_>>(),
        [("cicd.system.component", "gitlab")]
    );
}

#[test]
fn what_is_the_same_in_another_form_is_no_contradiction() {
    for (system, own) in [
        ("gitlab", &[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "0123456789ab")][..]),
        ("gitlab", &[("GITLAB_CI", "true"), ("CI_PROJECT_URL", "https://gitlab.example/shop/api.git")]),
        ("buildkite", &[("BUILDKITE", "true"), ("BUILDKITE_REPO", "https://github.com/shop/api")]),
        (
            "prow",
            &[("PROW_JOB_ID", "e-f"), ("BUILD_ID", "1800"), ("REPO_OWNER", "shop"), ("REPO_NAME", "api")],
        ),
        (
            "woodpecker",
            &[("CI", "woodpecker"), ("CI_REPO_URL", "https://g.example/shop/api"), ("CI_STEP_NUMBER", "3")],
        ),
        (
            "drone",
            &[
                ("DRONE", "true"),
                ("DRONE_REPO_LINK", "https://g.example/Shop/api"),
                ("DRONE_BUILD_NUMBER", "55"),
            ],
        ),
        (
            "jenkins",
            &[("JENKINS_URL", "x"), ("BUILD_ID", "12"), ("JOB_NAME", "shop/api"), ("NODE_NAME", "pod-name")],
        ),
        ("argo", &[("ARGO_NODE_ID", "ci-x1-99")]),
        // Ids of a system that its pods do not have.
        ("tekton", &[("CI_JOB_ID", "7"), ("BUILD_ID", "8")]),
        (
            "github",
            &[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_RUN_ID", "42"),
                ("GITHUB_JOB", "unit"),
                ("GITHUB_SERVER_URL", "https://github.com"),
                ("GITHUB_REPOSITORY", "shop/api"),
            ],
        ),
    ] {
        assert_eq!(contradicted(own, &example(system)), [], "{system} {own:?}");
    }
    let own = &[("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "43"), ("GITHUB_JOB", "unit")];
    assert_eq!(contradicted(own, &example("github")).len(), 1);
}

#[test]
fn a_wiped_environment_belongs_to_the_job_that_was_handed_on_and_is_compared_with_the_pod() {
    let pod = example("gitlab");
    let job = OpenJob {
        root: tracego_common::TaskId { tgid: 7, ..tracego_common::TaskId::default() },
        is_job: true,
        identity: environment(&[("CI_JOB_ID", "666")]).into(),
    };
    let merged =
        merge(&CiIdentity::default(), &environment(&[]), Some((&job, "x".into())), false, Some(&pod));
    let (context, facts) = merged.unwrap();
    assert_eq!(context.cicd.get("pipeline.task.run.id"), Some("666"));
    assert_eq!((facts.opened_by, facts.contradictions.len()), (Some(OpenedBy::Ancestor), 1));
    assert_eq!((facts.key(), facts.vouched(TASK_RUN)), (Some("x"), Some("4711")));
}

#[test]
fn a_pod_may_say_more_of_its_job_later_and_cannot_become_another_one() {
    let mut table = PodTable::default();
    let mut change = |labels: &[(&str, &str)], annotations: &[(&str, &str)]| {
        let facts = Arc::new(pod(labels, annotations));
        table.change(PodChanges { present: vec![facts], gone: Vec::new() })
    };
    let runner: Pairs =
        &[("actions.github.com/scale-set-name", "linux"), ("app.kubernetes.io/component", "runner")];
    let first = change(runner, &[]).remove(0);
    assert_eq!(first.job.as_ref().unwrap().claim(RUN), None);
    assert!(change(runner, &[]).is_empty());
    let later = change(runner, &[("actions.github.com/workflow-run-id", "42")]).remove(0);
    assert_eq!(later.job.as_ref().unwrap().claim(RUN).unwrap().value, "42");
    let forged = change(runner, &[("actions.github.com/workflow-run-id", "43")]).remove(0);
    assert!(Arc::ptr_eq(forged.job.as_ref().unwrap(), later.job.as_ref().unwrap()));
    let other = change(&[("tekton.dev/taskRun", "x")], &[]).remove(0);
    assert_eq!(other.job.as_ref().unwrap().system, "github");
}

#[test]
fn a_container_has_its_name_once_its_id_is_known() {
    let mut table = PodTable::default();
    let container = |id: Option<&str>| ContainerFacts {
        name: "build".to_owned(),
        id: id.map(str::to_owned),
        image: "golang:1.27".to_owned(),
        image_id: String::new(),
    };
    let facts = |id| PodFacts {
        containers: vec![container(id)],
        cgroup_uid: Some("hash".to_owned()),
        ..pod(&[], &[])
    };
    let mut change = |id| table.change(PodChanges { present: vec![Arc::new(facts(id))], gone: Vec::new() });
    let early = change(None).remove(0).members(Some("abc"));
    assert_eq!(
        (early.k8s.container.is_none(), early.image.is_none(), early.k8s.pod.uid.as_str()),
        (true, true, "hash")
    );
    let late = change(Some("abc")).remove(0);
    assert_eq!(late.members(Some("abc")).k8s.container.as_ref().unwrap().name, "build");
    assert_eq!(late.members(Some("abc")).image.unwrap().tags, ["1.27"]);
    // The sandbox has an id of its own, and no name.
    assert!(
        late.members(Some("pause")).k8s.container.is_none() && late.members(None).k8s.container.is_none()
    );
    // By the uid in the API or by that in cgroups, a pod that is gone is kept for its last records.
    table.change(PodChanges { present: Vec::new(), gone: vec!["uid".to_owned()] });
    assert!(table.get("hash").is_some() && table.running_jobs().is_empty());
}

#[test]
fn a_job_of_a_pod_runs_until_the_pod_has_ended() {
    let mut table = PodTable::default();
    let facts = |ended| PodFacts { ended, ..pod(&[("tekton.dev/taskRun", "x")], &[]) };
    let mut change =
        |ended| table.change(PodChanges { present: vec![Arc::new(facts(ended))], gone: Vec::new() }).len();
    assert_eq!((change(false), change(true)), (1, 0));
    assert!(table.running_jobs().is_empty());
    table.change(PodChanges { present: vec![Arc::new(facts(false))], gone: Vec::new() });
    assert_eq!(table.running_jobs(), BTreeSet::from(["uid".to_owned()]));
    for n in 0..2000 {
        let facts = Arc::new(PodFacts { uid: n.to_string(), ..facts(false) });
        table.change(PodChanges { present: vec![facts], gone: vec![n.to_string()] });
    }
    assert!(table.get("0").is_none() && table.get("1999").is_some() && table.get("uid").is_some());
}
