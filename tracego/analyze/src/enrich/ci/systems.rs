//! The table of CI systems: how each is recognised, and which variable holds which attribute.

use tracego_model::record::job::attribute::{
    CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN, TASK_URL, WORKER, WORKER_NAME,
};

/// A CI system: its marker, and its variables, the best variable of an attribute first.
pub(super) struct CiSystem {
    pub(super) name: &'static str,
    /// The variable that marks the system, and the value it must have; `None` for any value.
    pub(super) marker: (&'static str, Option<&'static str>),
    pub(super) variables: &'static [(&'static str, &'static str)],
}

/// The CI systems, in the order in which they are tried.
pub(super) const SYSTEMS: [CiSystem; 12] = [
    CiSystem { name: "gitea", marker: ("GITEA_ACTIONS", Some("true")), variables: GITHUB },
    CiSystem { name: "github", marker: ("GITHUB_ACTIONS", Some("true")), variables: GITHUB },
    CiSystem {
        name: "gitlab",
        marker: ("GITLAB_CI", Some("true")),
        variables: &[
            (REVISION, "CI_COMMIT_SHA"),
            (REF, "CI_COMMIT_REF_NAME"),
            (REPOSITORY, "CI_PROJECT_URL"),
            (CHANGE, "CI_MERGE_REQUEST_IID"),
            (PIPELINE, "CI_PIPELINE_NAME"),
            (RUN, "CI_PIPELINE_ID"),
            (RUN_URL, "CI_PIPELINE_URL"),
            (TASK, "CI_JOB_NAME"),
            (TASK_RUN, "CI_JOB_ID"),
            (TASK_URL, "CI_JOB_URL"),
            (WORKER, "CI_RUNNER_ID"),
            (WORKER_NAME, "CI_RUNNER_DESCRIPTION"),
        ],
    },
    CiSystem {
        name: "woodpecker",
        marker: ("CI", Some("woodpecker")),
        variables: &[
            (REVISION, "CI_COMMIT_SHA"),
            (REF, "CI_COMMIT_BRANCH"),
            (REPOSITORY, "CI_REPO_URL"),
            (CHANGE, "CI_COMMIT_PULL_REQUEST"),
            (PIPELINE, "CI_WORKFLOW_NAME"),
            (RUN, "CI_PIPELINE_NUMBER"),
            (RUN_URL, "CI_PIPELINE_URL"),
            (TASK, "CI_STEP_NAME"),
            (TASK_RUN, "CI_STEP_NUMBER"),
            (TASK_URL, "CI_STEP_URL"),
        ],
    },
    CiSystem {
        name: "buildkite",
        marker: ("BUILDKITE", Some("true")),
        variables: &[
            (REVISION, "BUILDKITE_COMMIT_RESOLVED"),
            (REVISION, "BUILDKITE_COMMIT"),
            (REF, "BUILDKITE_BRANCH"),
            (REPOSITORY, "BUILDKITE_REPO"),
            (CHANGE, "BUILDKITE_PULL_REQUEST"),
            (PIPELINE, "BUILDKITE_PIPELINE_SLUG"),
            (RUN, "BUILDKITE_BUILD_ID"),
            (RUN_URL, "BUILDKITE_BUILD_URL"),
            (TASK, "BUILDKITE_LABEL"),
            (TASK_RUN, "BUILDKITE_JOB_ID"),
            (WORKER, "BUILDKITE_AGENT_ID"),
            (WORKER_NAME, "BUILDKITE_AGENT_NAME"),
        ],
    },
    CiSystem {
        name: "circleci",
        marker: ("CIRCLECI", Some("true")),
        variables: &[
            (REVISION, "CIRCLE_SHA1"),
            (REF, "CIRCLE_BRANCH"),
            (REF, "CIRCLE_TAG"),
            (REPOSITORY, "CIRCLE_REPOSITORY_URL"),
            (RUN, "CIRCLE_WORKFLOW_ID"),
            (TASK, "CIRCLE_JOB"),
            (TASK_RUN, "CIRCLE_WORKFLOW_JOB_ID"),
            (TASK_RUN, "CIRCLE_BUILD_NUM"),
            (TASK_URL, "CIRCLE_BUILD_URL"),
        ],
    },
    CiSystem {
        name: "azure",
        marker: ("TF_BUILD", Some("True")),
        variables: &[
            (REVISION, "SYSTEM_PULLREQUEST_SOURCECOMMITID"),
            (REVISION, "BUILD_SOURCEVERSION"),
            (REF, "BUILD_SOURCEBRANCHNAME"),
            (REPOSITORY, "BUILD_REPOSITORY_URI"),
            (PIPELINE, "BUILD_DEFINITIONNAME"),
            (RUN, "BUILD_BUILDID"),
            (TASK, "AGENT_JOBNAME"),
            (TASK_RUN, "SYSTEM_JOBID"),
            (WORKER, "AGENT_ID"),
            (WORKER_NAME, "AGENT_NAME"),
        ],
    },
    CiSystem {
        name: "drone",
        marker: ("DRONE", Some("true")),
        variables: &[
            (REVISION, "DRONE_COMMIT_SHA"),
            (REF, "DRONE_BRANCH"),
            (REPOSITORY, "DRONE_REPO_LINK"),
            (CHANGE, "DRONE_PULL_REQUEST"),
            (PIPELINE, "DRONE_STAGE_NAME"),
            (RUN, "DRONE_BUILD_NUMBER"),
            (RUN_URL, "DRONE_BUILD_LINK"),
            (TASK, "DRONE_STEP_NAME"),
            (TASK_RUN, "DRONE_STEP_NUMBER"),
            (WORKER_NAME, "DRONE_STAGE_MACHINE"),
        ],
    },
    CiSystem {
        name: "jenkins",
        marker: ("JENKINS_URL", None),
        variables: &[
            (REVISION, "GIT_COMMIT"),
            (REVISION, "ghprbActualCommit"),
            (REF, "BRANCH_NAME"),
            (REF, "GIT_BRANCH"),
            (REPOSITORY, "GIT_URL"),
            (CHANGE, "CHANGE_ID"),
            (PIPELINE, "JOB_NAME"),
            (RUN, "BUILD_ID"),
            (RUN_URL, "BUILD_URL"),
            (TASK, "STAGE_NAME"),
            (TASK_RUN, "BUILD_TAG"),
            (WORKER_NAME, "NODE_NAME"),
        ],
    },
    CiSystem {
        name: "argo",
        marker: ("ARGO_NODE_ID", None),
        variables: &[(TASK_RUN, "ARGO_NODE_ID"), (TASK, "ARGO_CONTAINER_NAME")],
    },
    CiSystem { name: "prow", marker: ("PROW_JOB_ID", None), variables: &[(TASK_RUN, "PROW_JOB_ID")] },
    CiSystem {
        name: "bitbucket",
        marker: ("BITBUCKET_BUILD_NUMBER", None),
        variables: &[
            (REVISION, "BITBUCKET_COMMIT"),
            (REF, "BITBUCKET_BRANCH"),
            (RUN, "BITBUCKET_PIPELINE_UUID"),
            (TASK_RUN, "BITBUCKET_STEP_UUID"),
        ],
    },
];

const GITHUB: &[(&str, &str)] = &[
    (REVISION, "GITHUB_SHA"),
    (REF, "GITHUB_REF_NAME"),
    (PIPELINE, "GITHUB_WORKFLOW"),
    (RUN, "GITHUB_RUN_ID"),
    (TASK, "GITHUB_JOB"),
    (WORKER_NAME, "RUNNER_NAME"),
];

/// Variables with the value that means that there is none. Only these pairs count: another vendor's job can
/// be called `false`, and any branch `HEAD`. Buildkite sets HEAD where it has not resolved the commit yet,
/// and false without a pull request (<https://buildkite.com/docs/pipelines/configure/environment-variables>).
pub(super) const NOTHING: [(&str, &str); 2] =
    [("BUILDKITE_COMMIT", "HEAD"), ("BUILDKITE_PULL_REQUEST", "false")];

/// Variables of tracego's own contract, independent of vendors; used for attributes that a vendor did not
/// set.
pub(super) const GENERIC: [(&str, &str); 3] =
    [(REVISION, "GIT_COMMIT"), (TASK_RUN, "CI_JOB_ID"), (TASK_RUN, "BUILD_ID")];

/// Variables read beside the table: parts of composed values, and the trace.
pub(super) const PARTS: [&str; 4] =
    ["GITHUB_RUN_ATTEMPT", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "TRACEPARENT"];
