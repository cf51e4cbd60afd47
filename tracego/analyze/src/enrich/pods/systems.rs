//! The table of CI systems that run jobs in pods: the labels and annotations that mark a job's pod, and those that say
//! which job it is.

use tracego_model::record::job::attribute::{
    CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN, TASK_URL, WORKER_NAME,
};

use PodKey::{Annotation, Label};
use PodValue::{Before, BuildNumber, BuildPath, Joined, Name, Text};

/// The key of a label or an annotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PodKey {
    /// A label.
    Label(&'static str),
    /// An annotation.
    Annotation(&'static str),
}

/// The source of an attribute in a pod.
#[derive(Clone, Copy, Debug)]
pub(super) enum PodValue {
    /// The whole text.
    Text(PodKey),
    /// The text in front of another one.
    Before(PodKey, &'static str),
    /// A prefix and two texts with a slash between them.
    Joined(&'static str, PodKey, PodKey),
    /// The number of a build at the end of its URL in Jenkins.
    BuildNumber(PodKey),
    /// The path of a job in the URL of its build in Jenkins: `a/b` of `…/job/a/job/b/7/`.
    BuildPath(PodKey),
    /// The name of the pod, which its CI system uses as the name of the worker.
    Name(PodKey),
}

impl PodValue {
    /// Returns the keys that the value is made from.
    pub(super) fn keys(self) -> impl Iterator<Item = PodKey> {
        let (first, second) = match self {
            Text(key) | Before(key, _) | BuildNumber(key) | BuildPath(key) | Name(key) => (key, None),
            Joined(_, first, second) => (first, Some(second)),
        };
        [Some(first), second].into_iter().flatten()
    }
}

/// A CI system: the marks of its pods, and the meaning of their labels and annotations.
pub(super) struct PodSystem {
    /// Name of the system, `cicd.system.component`.
    pub(super) name: &'static str,
    /// Marks of a job's pod. One of these lists must be there as a whole; a value that is named must be that one.
    pub(super) marks: &'static [&'static [(PodKey, Option<&'static str>)]],
    /// Attributes of the job, the best source of an attribute first.
    pub(super) attributes: &'static [(&'static str, PodValue)],
    /// Owner and repository, as far as a label can hold them: to compare with the URL that the environment names.
    pub(super) repository: &'static [PodKey],
    /// Whether the system does not let a job set a label.
    pub(super) protected: fn(&str) -> bool,
    /// Attributes that the environment of the system has in another form, so that the two cannot be compared.
    pub(super) incomparable: &'static [&'static str],
}

/// Whether a label is one that GitLab's runner keeps for itself: "default labels for job pods" in its documentation.
fn is_of_gitlab(label: &str) -> bool {
    label.split_once('/').is_some_and(|(domain, _)| domain.ends_with(".runner.gitlab.com"))
}

/// Whether a label is protected in a system that says so of none.
fn is_never(_label: &str) -> bool {
    false
}

/// The systems.
pub(super) static SYSTEMS: [PodSystem; 9] = [
    // https://docs.gitlab.com/runner/executors/kubernetes/#default-labels-for-job-pods
    PodSystem {
        name: "gitlab",
        marks: &[
            &[(Label("job.runner.gitlab.com/pod"), None)],
            &[(Label("project.runner.gitlab.com/id"), None)],
            &[(Annotation("job.runner.gitlab.com/id"), None)],
        ],
        attributes: &[
            (REVISION, Text(Annotation("job.runner.gitlab.com/sha"))),
            (REF, Text(Annotation("job.runner.gitlab.com/ref"))),
            (REPOSITORY, Before(Annotation("job.runner.gitlab.com/url"), "/-/")),
            (TASK, Text(Annotation("job.runner.gitlab.com/name"))),
            (TASK_RUN, Text(Annotation("job.runner.gitlab.com/id"))),
            (TASK_URL, Text(Annotation("job.runner.gitlab.com/url"))),
            (WORKER_NAME, Text(Label("manager.runner.gitlab.com/name"))),
        ],
        repository: &[Label("project.runner.gitlab.com/namespace"), Label("project.runner.gitlab.com/name")],
        protected: is_of_gitlab,
        incomparable: &[],
    },
    // https://docs.github.com/en/actions/concepts/runners/actions-runner-controller. The pods of scale sets, and those
    // that the container hooks of the mode "kubernetes" make for a job.
    PodSystem {
        name: "github",
        marks: &[
            &[
                (Label("actions.github.com/scale-set-name"), None),
                (Label("app.kubernetes.io/component"), Some("runner")),
            ],
            &[(Label("runner-pod"), None)],
        ],
        attributes: &[
            (RUN, Text(Annotation("actions.github.com/workflow-run-id"))),
            (TASK, Text(Annotation("actions.github.com/job-display-name"))),
            (WORKER_NAME, Text(Label("runner-pod"))),
            (WORKER_NAME, Name(Label("actions.github.com/scale-set-name"))),
        ],
        repository: &[Label("actions.github.com/organization"), Label("actions.github.com/repository")],
        protected: is_never,
        incomparable: &[],
    },
    // https://tekton.dev/docs/pipelines/labels/ and https://pipelinesascode.com/docs/guide/running/
    PodSystem {
        name: "tekton",
        marks: &[&[(Label("tekton.dev/taskRun"), None)], &[(Label("tekton.dev/pipelineRun"), None)]],
        attributes: &[
            (REVISION, Text(Label("pipelinesascode.tekton.dev/sha"))),
            (REPOSITORY, Text(Annotation("pipelinesascode.tekton.dev/repo-url"))),
            (CHANGE, Text(Label("pipelinesascode.tekton.dev/pull-request"))),
            (PIPELINE, Text(Label("tekton.dev/pipeline"))),
            (RUN, Text(Label("tekton.dev/pipelineRunUID"))),
            (RUN, Text(Label("tekton.dev/pipelineRun"))),
            (TASK, Text(Label("tekton.dev/pipelineTask"))),
            (TASK, Text(Label("tekton.dev/task"))),
            (TASK_RUN, Text(Label("tekton.dev/taskRunUID"))),
            (TASK_RUN, Text(Label("tekton.dev/taskRun"))),
        ],
        repository: &[
            Label("pipelinesascode.tekton.dev/url-org"),
            Label("pipelinesascode.tekton.dev/url-repository"),
        ],
        protected: is_never,
        incomparable: &[],
    },
    // https://argo-workflows.readthedocs.io/en/latest/variables/
    PodSystem {
        name: "argo",
        marks: &[&[(Label("workflows.argoproj.io/workflow"), None)]],
        attributes: &[
            (PIPELINE, Text(Label("workflows.argoproj.io/workflow-template"))),
            (PIPELINE, Text(Label("workflows.argoproj.io/cron-workflow"))),
            (RUN, Text(Annotation("workflows.argoproj.io/workflow-uid"))),
            (RUN, Text(Label("workflows.argoproj.io/workflow"))),
            (TASK, Text(Annotation("workflows.argoproj.io/node-name"))),
            (TASK_RUN, Text(Annotation("workflows.argoproj.io/node-id"))),
        ],
        repository: &[],
        protected: is_never,
        incomparable: &[],
    },
    // https://plugins.jenkins.io/kubernetes/
    PodSystem {
        name: "jenkins",
        marks: &[
            &[(Label("kubernetes.jenkins.io/controller"), None)],
            &[(Label("jenkins/label"), None)],
            &[(Annotation("buildUrl"), None), (Annotation("runUrl"), None)],
        ],
        attributes: &[
            (PIPELINE, BuildPath(Annotation("buildUrl"))),
            (RUN, BuildNumber(Annotation("buildUrl"))),
            (RUN_URL, Text(Annotation("buildUrl"))),
            (WORKER_NAME, Name(Label("jenkins/label"))),
        ],
        repository: &[],
        protected: is_never,
        incomparable: &[],
    },
    // https://github.com/buildkite/agent-stack-k8s
    PodSystem {
        name: "buildkite",
        marks: &[&[(Label("buildkite.com/job-uuid"), None)]],
        attributes: &[
            (REF, Text(Annotation("buildkite.com/build-branch"))),
            (REPOSITORY, Text(Annotation("buildkite.com/build-repo"))),
            (PIPELINE, Text(Annotation("buildkite.com/pipeline-slug"))),
            (RUN_URL, Text(Annotation("buildkite.com/build-url"))),
            (TASK, Text(Annotation("buildkite.com/step-key"))),
            (TASK_RUN, Text(Label("buildkite.com/job-uuid"))),
            (TASK_URL, Text(Annotation("buildkite.com/job-url"))),
        ],
        repository: &[],
        protected: is_never,
        incomparable: &[],
    },
    // https://docs.prow.k8s.io/docs/life-of-a-prow-job/
    PodSystem {
        name: "prow",
        marks: &[&[(Label("prow.k8s.io/id"), None)]],
        attributes: &[
            (REF, Text(Label("prow.k8s.io/refs.base_ref"))),
            (
                REPOSITORY,
                Joined("https://github.com/", Label("prow.k8s.io/refs.org"), Label("prow.k8s.io/refs.repo")),
            ),
            (CHANGE, Text(Label("prow.k8s.io/refs.pull"))),
            (RUN, Text(Label("prow.k8s.io/build-id"))),
            (TASK, Text(Annotation("prow.k8s.io/job"))),
            (TASK_RUN, Text(Label("prow.k8s.io/id"))),
        ],
        repository: &[],
        protected: is_never,
        incomparable: &[],
    },
    // https://docs.drone.io/runner/kubernetes/overview/
    PodSystem {
        name: "drone",
        marks: &[&[(Label("io.drone"), None), (Label("io.drone.build.number"), None)]],
        attributes: &[(RUN, Text(Label("io.drone.build.number"))), (TASK, Text(Label("io.drone.name")))],
        repository: &[Label("io.drone.repo.namespace"), Label("io.drone.repo.name")],
        protected: is_never,
        incomparable: &[],
    },
    // https://woodpecker-ci.org/docs/administration/configuration/backends/kubernetes#metadata-labels. The label `step`
    // of earlier versions is too common a name to mark a pod.
    PodSystem {
        name: "woodpecker",
        marks: &[&[(Label("woodpecker-ci.org/step"), None)], &[(Label("woodpecker-ci.org/task-uuid"), None)]],
        attributes: &[
            (REF, Text(Label("woodpecker-ci.org/branch"))),
            (RUN, Text(Label("woodpecker-ci.org/task-uuid"))),
            (TASK, Text(Label("woodpecker-ci.org/step"))),
            (TASK_RUN, Joined("", Label("woodpecker-ci.org/task-uuid"), Label("woodpecker-ci.org/step"))),
        ],
        repository: &[Label("woodpecker-ci.org/repo-full-name")],
        protected: is_never,
        incomparable: &[RUN, TASK_RUN],
    },
];
