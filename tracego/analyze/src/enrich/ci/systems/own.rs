//! CI systems that organisations run themselves.

use tracego_model::record::job::attribute::{
    CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN, TASK_URL, WORKER, WORKER_NAME,
};

use super::{
    BLANK, CiSystem, Leg, Sign,
    Wanted::{Any, One, Other},
};

/// The systems, in the order in which they are tried.
pub(super) static SYSTEMS: [CiSystem; 9] = [
    // https://woodpecker-ci.org/docs/usage/environment
    CiSystem {
        name: "woodpecker",
        markers: &[Sign("CI", One(&["woodpecker"]))],
        attributes: &[
            (REVISION, "CI_COMMIT_SHA"),
            (REF, "CI_COMMIT_BRANCH"),
            (REPOSITORY, "CI_REPO_URL"),
            (CHANGE, "CI_COMMIT_PULL_REQUEST"),
            (PIPELINE, "CI_WORKFLOW_NAME"),
            (RUN, "CI_PIPELINE_NUMBER"),
            (RUN_URL, "CI_PIPELINE_URL"),
            (TASK, "CI_STEP_NAME"),
            // Steps are counted in each workflow anew, and each leg of a matrix is a workflow.
            (TASK_RUN, "{CI_WORKFLOW_NUMBER}/{CI_STEP_NUMBER}"),
            (TASK_RUN, "CI_STEP_NUMBER"),
            (TASK_URL, "CI_STEP_URL"),
        ],
        change: &[
            Sign("CI_COMMIT_PULL_REQUEST", Any),
            Sign("CI_PIPELINE_EVENT", One(&["pull_request", "pull_request_closed"])),
        ],
        ..BLANK
    },
    // https://docs.drone.io/pipeline/environment/reference
    CiSystem {
        name: "drone",
        markers: &[Sign("DRONE", One(&["true"]))],
        attributes: &[
            (REVISION, "DRONE_COMMIT_SHA"),
            (REVISION, "DRONE_COMMIT"),
            (REF, "DRONE_BRANCH"),
            (REPOSITORY, "DRONE_REPO_LINK"),
            (CHANGE, "DRONE_PULL_REQUEST"),
            (PIPELINE, "DRONE_STAGE_NAME"),
            (RUN, "DRONE_BUILD_NUMBER"),
            (RUN_URL, "DRONE_BUILD_LINK"),
            (TASK, "DRONE_STEP_NAME"),
            (TASK_RUN, "{DRONE_STAGE_NUMBER}/{DRONE_STEP_NUMBER}"),
            (TASK_RUN, "DRONE_STEP_NUMBER"),
            (WORKER_NAME, "DRONE_STAGE_MACHINE"),
        ],
        commits: &["DRONE_COMMIT", "DRONE_COMMIT_AFTER"],
        change: &[
            Sign("DRONE_PULL_REQUEST", Other(&["0"])),
            Sign("DRONE_BUILD_EVENT", One(&["pull_request"])),
        ],
        ..BLANK
    },
    // https://go-vela.github.io/docs/reference/environment/variables/
    CiSystem {
        name: "vela",
        markers: &[Sign("VELA", One(&["true"]))],
        attributes: &[
            (REVISION, "VELA_BUILD_COMMIT"),
            (REF, "VELA_BUILD_BRANCH"),
            (REPOSITORY, "VELA_REPO_LINK"),
            (CHANGE, "VELA_PULL_REQUEST"),
            (CHANGE, "VELA_BUILD_PULL_REQUEST"),
            (PIPELINE, "VELA_REPO_FULL_NAME"),
            (RUN, "VELA_BUILD_NUMBER"),
            (RUN_URL, "VELA_BUILD_LINK"),
            (TASK, "VELA_STEP_NAME"),
            (TASK_RUN, "VELA_STEP_NUMBER"),
            (WORKER_NAME, "VELA_BUILD_HOST"),
        ],
        change: &[Sign("VELA_PULL_REQUEST", Other(&["0"])), Sign("VELA_BUILD_EVENT", One(&["pull_request"]))],
        ..BLANK
    },
    // https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
    CiSystem {
        name: "jenkins",
        markers: &[Sign("JENKINS_URL", Any)],
        attributes: &[
            (REVISION, "GIT_COMMIT"),
            (REVISION, "ghprbActualCommit"),
            (REF, "BRANCH_NAME"),
            (REF, "GIT_BRANCH"),
            (REPOSITORY, "GIT_URL"),
            (CHANGE, "CHANGE_ID"),
            (CHANGE, "ghprbPullId"),
            (CHANGE, "gitlabMergeRequestIid"),
            (CHANGE, "GERRIT_CHANGE_NUMBER"),
            (PIPELINE, "JOB_NAME"),
            (RUN, "BUILD_ID"),
            (RUN_URL, "BUILD_URL"),
            (TASK, "STAGE_NAME"),
            (TASK_RUN, "BUILD_TAG"),
            (WORKER_NAME, "NODE_NAME"),
        ],
        commits: &["ghprbActualCommit", "gitlabMergeRequestLastCommit", "GERRIT_PATCHSET_REVISION"],
        change: &[
            Sign("CHANGE_ID", Any),
            Sign("ghprbPullId", Any),
            Sign("gitlabMergeRequestIid", Any),
            Sign("GERRIT_CHANGE_NUMBER", Any),
        ],
        // Parallel branches of one build run on executors of their own.
        legs: &[Leg { source: "{NODE_NAME}/{EXECUTOR_NUMBER}", total: None }],
    },
    // https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html
    CiSystem {
        name: "teamcity",
        markers: &[Sign("TEAMCITY_VERSION", Any)],
        attributes: &[
            (REVISION, "BUILD_VCS_NUMBER"),
            (PIPELINE, "TEAMCITY_PROJECT_NAME"),
            (RUN, "{TEAMCITY_BUILDCONF_NAME|}/{BUILD_NUMBER}"),
            (RUN_URL, "{BUILD_URL}"),
            (TASK, "TEAMCITY_BUILDCONF_NAME"),
        ],
        ..BLANK
    },
    // https://confluence.atlassian.com/bamboo/bamboo-variables-289277087.html
    CiSystem {
        name: "bamboo",
        markers: &[Sign("bamboo_buildResultKey", Any)],
        attributes: &[
            (REVISION, "bamboo_planRepository_revision"),
            (REVISION, "bamboo_repository_revision_number"),
            (REF, "bamboo_planRepository_branchName"),
            (REPOSITORY, "bamboo_planRepository_repositoryUrl"),
            (CHANGE, "bamboo_repository_pr_key"),
            (PIPELINE, "bamboo_planName"),
            (RUN, "bamboo_planResultKey"),
            (RUN_URL, "bamboo_buildResultsUrl"),
            (TASK, "bamboo_shortJobName"),
            (TASK_RUN, "bamboo_buildResultKey"),
            (WORKER, "bamboo_agentId"),
        ],
        change: &[Sign("bamboo_repository_pr_key", Any)],
        ..BLANK
    },
    CiSystem {
        name: "argo",
        markers: &[Sign("ARGO_NODE_ID", Any)],
        attributes: &[(TASK_RUN, "ARGO_NODE_ID"), (TASK, "ARGO_CONTAINER_NAME")],
        ..BLANK
    },
    // https://docs.prow.k8s.io/docs/jobs/#job-environment-variables
    CiSystem {
        name: "prow",
        markers: &[Sign("PROW_JOB_ID", Any)],
        // The pull request is merged into its base on the spot: the checkout is at a commit without a name.
        attributes: &[
            (REVISION, "PULL_PULL_SHA"),
            (REVISION, "PULL_BASE_SHA"),
            (REF, "PULL_BASE_REF"),
            (REPOSITORY, "https://github.com/{REPO_OWNER}/{REPO_NAME}"),
            (CHANGE, "PULL_NUMBER"),
            (RUN, "{BUILD_ID}"),
            (TASK, "JOB_NAME"),
            (TASK_RUN, "PROW_JOB_ID"),
        ],
        change: &[Sign("PULL_NUMBER", Any), Sign("JOB_TYPE", One(&["presubmit", "batch"]))],
        ..BLANK
    },
    // https://concourse-ci.org/implementing-resource-types.html#resource-metadata
    CiSystem {
        name: "concourse",
        markers: &[Sign("ATC_EXTERNAL_URL", Any)],
        attributes: &[
            (PIPELINE, "BUILD_PIPELINE_NAME"),
            (RUN, "{BUILD_ID}"),
            (RUN_URL, "{ATC_EXTERNAL_URL}/builds/{BUILD_ID}"),
            (TASK, "BUILD_JOB_NAME"),
        ],
        ..BLANK
    },
];
