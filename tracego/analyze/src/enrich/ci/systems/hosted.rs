//! CI systems with runners that attach to a service of the vendor.

use tracego_model::record::job::attribute::{
    CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN, TASK_URL, WORKER, WORKER_NAME,
};

use super::{
    BLANK, CiSystem, Leg, Sign, Source,
    Wanted::{Any, Begins, One, Other},
};

/// The systems, in the order in which they are tried.
pub(super) static SYSTEMS: [CiSystem; 13] = [
    CiSystem { name: "forgejo", markers: &[Sign("FORGEJO_ACTIONS", One(&["true"]))], ..GITEA },
    GITEA,
    // https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    CiSystem {
        name: "github",
        markers: &[Sign("GITHUB_ACTIONS", One(&["true"]))],
        attributes: GITHUB,
        change: ACTIONS_CHANGE,
        legs: ACTIONS_LEGS,
        ..BLANK
    },
    // https://docs.gitlab.com/ci/variables/predefined_variables/
    CiSystem {
        name: "gitlab",
        markers: &[Sign("GITLAB_CI", One(&["true"]))],
        attributes: &[
            (REVISION, "CI_COMMIT_SHA"),
            (REF, "CI_COMMIT_REF_NAME"),
            (REPOSITORY, "CI_PROJECT_URL"),
            (CHANGE, "CI_MERGE_REQUEST_IID"),
            (CHANGE, "CI_EXTERNAL_PULL_REQUEST_IID"),
            (PIPELINE, "CI_PIPELINE_NAME"),
            (RUN, "CI_PIPELINE_ID"),
            (RUN_URL, "CI_PIPELINE_URL"),
            (TASK, "CI_JOB_NAME"),
            (TASK_RUN, "CI_JOB_ID"),
            (TASK_URL, "CI_JOB_URL"),
            (WORKER, "CI_RUNNER_ID"),
            (WORKER_NAME, "CI_RUNNER_DESCRIPTION"),
        ],
        commits: &["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA"],
        change: &[
            Sign("CI_MERGE_REQUEST_IID", Any),
            Sign("CI_EXTERNAL_PULL_REQUEST_IID", Any),
            Sign("CI_PIPELINE_SOURCE", One(&["merge_request_event", "external_pull_request_event"])),
        ],
        ..BLANK
    },
    CiSystem {
        name: "buildkite",
        markers: &[Sign("BUILDKITE", One(&["true"]))],
        attributes: &[
            (REVISION, "BUILDKITE_COMMIT_RESOLVED"),
            (REVISION, "BUILDKITE_COMMIT"),
            (REF, "BUILDKITE_BRANCH"),
            (REPOSITORY, "BUILDKITE_REPO"),
            (CHANGE, "BUILDKITE_PULL_REQUEST"),
            (PIPELINE, "BUILDKITE_PIPELINE_SLUG"),
            (RUN, "BUILDKITE_BUILD_ID"),
            (RUN_URL, "BUILDKITE_BUILD_URL"),
            (TASK, "BUILDKITE_LABEL"),
            // Each instance of a parallel step (BUILDKITE_PARALLEL_JOB) has an id of its own.
            (TASK_RUN, "BUILDKITE_JOB_ID"),
            (TASK_URL, "{BUILDKITE_BUILD_URL}#{BUILDKITE_JOB_ID}"),
            (WORKER, "BUILDKITE_AGENT_ID"),
            (WORKER_NAME, "BUILDKITE_AGENT_NAME"),
        ],
        commits: &["BUILDKITE_COMMIT"],
        change: &[Sign("BUILDKITE_PULL_REQUEST", Other(&["false"]))],
        ..BLANK
    },
    // https://circleci.com/docs/reference/variables/
    CiSystem {
        name: "circleci",
        markers: &[Sign("CIRCLECI", One(&["true"]))],
        attributes: &[
            (REVISION, "CIRCLE_SHA1"),
            (REF, "CIRCLE_BRANCH"),
            (REF, "CIRCLE_TAG"),
            (REPOSITORY, "CIRCLE_REPOSITORY_URL"),
            (CHANGE, "CIRCLE_PR_NUMBER"),
            (RUN, "CIRCLE_WORKFLOW_ID"),
            (TASK, "CIRCLE_JOB"),
            (TASK_RUN, "CIRCLE_WORKFLOW_JOB_ID"),
            (TASK_RUN, "CIRCLE_BUILD_NUM"),
            (TASK_URL, "CIRCLE_BUILD_URL"),
        ],
        change: &[Sign("CIRCLE_PULL_REQUEST", Any), Sign("CIRCLE_PR_NUMBER", Any)],
        legs: &[Leg { source: "CIRCLE_NODE_INDEX", total: Some("CIRCLE_NODE_TOTAL") }],
        ..BLANK
    },
    // https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables
    CiSystem {
        name: "azure",
        markers: &[Sign("TF_BUILD", One(&["True", "true"]))],
        attributes: &[
            (REVISION, "BUILD_SOURCEVERSION"),
            (REVISION, "SYSTEM_PULLREQUEST_SOURCECOMMITID"),
            (REF, "BUILD_SOURCEBRANCHNAME"),
            (REPOSITORY, "BUILD_REPOSITORY_URI"),
            (CHANGE, "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"),
            (CHANGE, "SYSTEM_PULLREQUEST_PULLREQUESTID"),
            (PIPELINE, "BUILD_DEFINITIONNAME"),
            (RUN, "BUILD_BUILDID"),
            (RUN_URL, "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}"),
            (TASK, "AGENT_JOBNAME"),
            (TASK, "SYSTEM_JOBDISPLAYNAME"),
            // The id belongs to one attempt of one leg.
            (TASK_RUN, "SYSTEM_JOBID"),
            (
                TASK_RUN,
                "{BUILD_BUILDID}/{SYSTEM_STAGENAME|}/{SYSTEM_PHASENAME}/{SYSTEM_JOBPOSITIONINPHASE|1}/\
                 {SYSTEM_JOBATTEMPT|1}",
            ),
            (WORKER, "AGENT_ID"),
            (WORKER_NAME, "AGENT_NAME"),
        ],
        commits: &["SYSTEM_PULLREQUEST_SOURCECOMMITID"],
        change: &[
            Sign("SYSTEM_PULLREQUEST_PULLREQUESTID", Any),
            Sign("SYSTEM_PULLREQUEST_SOURCECOMMITID", Any),
            Sign("BUILD_REASON", One(&["PullRequest"])),
            Sign("BUILD_SOURCEBRANCH", Begins("refs/pull/")),
        ],
        ..BLANK
    },
    // https://docs.travis-ci.com/user/environment-variables/
    CiSystem {
        name: "travis",
        markers: &[Sign("TRAVIS", One(&["true"]))],
        attributes: &[
            (REVISION, "TRAVIS_COMMIT"),
            (REF, "TRAVIS_BRANCH"),
            (CHANGE, "TRAVIS_PULL_REQUEST"),
            (PIPELINE, "TRAVIS_REPO_SLUG"),
            (RUN, "TRAVIS_BUILD_ID"),
            (RUN_URL, "TRAVIS_BUILD_WEB_URL"),
            (TASK, "TRAVIS_JOB_NAME"),
            (TASK_RUN, "TRAVIS_JOB_ID"),
            (TASK_URL, "TRAVIS_JOB_WEB_URL"),
        ],
        commits: &["TRAVIS_PULL_REQUEST_SHA"],
        change: &[Sign("TRAVIS_PULL_REQUEST", Other(&["false"]))],
        ..BLANK
    },
    // https://www.appveyor.com/docs/environment-variables/
    CiSystem {
        name: "appveyor",
        markers: &[Sign("APPVEYOR", One(&["True", "true"]))],
        attributes: &[
            (REVISION, "APPVEYOR_REPO_COMMIT"),
            (REF, "APPVEYOR_REPO_BRANCH"),
            (CHANGE, "APPVEYOR_PULL_REQUEST_NUMBER"),
            (PIPELINE, "APPVEYOR_PROJECT_SLUG"),
            (RUN, "APPVEYOR_BUILD_ID"),
            (
                RUN_URL,
                "{APPVEYOR_URL}/project/{APPVEYOR_ACCOUNT_NAME}/{APPVEYOR_PROJECT_SLUG}/builds/{APPVEYOR_BUILD_ID}",
            ),
            (TASK, "APPVEYOR_JOB_NAME"),
            (TASK_RUN, "APPVEYOR_JOB_ID"),
        ],
        commits: &["APPVEYOR_PULL_REQUEST_HEAD_COMMIT"],
        change: &[Sign("APPVEYOR_PULL_REQUEST_NUMBER", Any)],
        ..BLANK
    },
    // https://cirrus-ci.org/guide/writing-tasks/#environment-variables
    CiSystem {
        name: "cirrus",
        markers: &[Sign("CIRRUS_CI", One(&["true"]))],
        attributes: &[
            (REVISION, "CIRRUS_CHANGE_IN_REPO"),
            (REF, "CIRRUS_BRANCH"),
            (REPOSITORY, "https://{CIRRUS_REPO_CLONE_HOST}/{CIRRUS_REPO_FULL_NAME}"),
            (CHANGE, "CIRRUS_PR"),
            (RUN, "CIRRUS_BUILD_ID"),
            (RUN_URL, "https://cirrus-ci.com/build/{CIRRUS_BUILD_ID}"),
            (TASK, "CIRRUS_TASK_NAME"),
            (TASK_RUN, "CIRRUS_TASK_ID"),
            (TASK_URL, "https://cirrus-ci.com/task/{CIRRUS_TASK_ID}"),
        ],
        change: &[Sign("CIRRUS_PR", Any)],
        ..BLANK
    },
    // https://docs.semaphore.io/reference/env-vars
    CiSystem {
        name: "semaphore",
        markers: &[Sign("SEMAPHORE", One(&["true"]))],
        attributes: &[
            (REVISION, "SEMAPHORE_GIT_SHA"),
            (REF, "SEMAPHORE_GIT_BRANCH"),
            (REPOSITORY, "SEMAPHORE_GIT_URL"),
            (CHANGE, "SEMAPHORE_GIT_PR_NUMBER"),
            (PIPELINE, "SEMAPHORE_PROJECT_NAME"),
            (RUN, "SEMAPHORE_PIPELINE_ID"),
            (RUN, "SEMAPHORE_WORKFLOW_ID"),
            (TASK, "SEMAPHORE_JOB_NAME"),
            (TASK_RUN, "SEMAPHORE_JOB_ID"),
        ],
        commits: &["SEMAPHORE_GIT_PR_SHA"],
        change: &[
            Sign("SEMAPHORE_GIT_REF_TYPE", One(&["pull-request"])),
            Sign("SEMAPHORE_GIT_PR_NUMBER", Any),
        ],
        ..BLANK
    },
    // https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/
    CiSystem {
        name: "bitbucket",
        markers: &[Sign("BITBUCKET_BUILD_NUMBER", Any)],
        attributes: &[
            (REVISION, "BITBUCKET_COMMIT"),
            (REF, "BITBUCKET_BRANCH"),
            (REF, "BITBUCKET_TAG"),
            (REPOSITORY, "BITBUCKET_GIT_HTTP_ORIGIN"),
            (CHANGE, "BITBUCKET_PR_ID"),
            (RUN, "BITBUCKET_PIPELINE_UUID"),
            (TASK_RUN, "BITBUCKET_STEP_UUID"),
        ],
        // The destination is merged into the checkout, which is then at a commit without a name.
        change: &[Sign("BITBUCKET_PR_ID", Any)],
        ..BLANK
    },
    // https://docs.screwdriver.cd/user-guide/environment-variables
    CiSystem {
        name: "screwdriver",
        markers: &[Sign("SCREWDRIVER", One(&["true"]))],
        attributes: &[
            (REVISION, "SD_BUILD_SHA"),
            (REF, "GIT_BRANCH"),
            (CHANGE, "SD_PULL_REQUEST"),
            (PIPELINE, "SD_PIPELINE_NAME"),
            (RUN, "SD_EVENT_ID"),
            (TASK, "SD_JOB_NAME"),
            (TASK_RUN, "SD_BUILD_ID"),
        ],
        change: &[Sign("SD_PULL_REQUEST", Other(&["false"]))],
        ..BLANK
    },
];

const GITEA: CiSystem = CiSystem {
    name: "gitea",
    markers: &[Sign("GITEA_ACTIONS", One(&["true"]))],
    attributes: ACTIONS,
    change: ACTIONS_CHANGE,
    legs: ACTIONS_LEGS,
    ..BLANK
};

/// Attributes of the Actions systems. GITHUB_JOB is the key of the job in its file. It is unique only together
/// with the run and the attempt, and all legs of a matrix share it.
const ACTIONS: &[Source] = &[
    (REVISION, "GITHUB_SHA"),
    (REF, "GITHUB_REF_NAME"),
    (REPOSITORY, "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}"),
    (PIPELINE, "GITHUB_WORKFLOW"),
    (RUN, "GITHUB_RUN_ID"),
    (TASK, "GITHUB_JOB"),
    (TASK_RUN, "{GITHUB_RUN_ID}/{GITHUB_RUN_ATTEMPT|1}/{GITHUB_JOB}"),
    (WORKER_NAME, "RUNNER_NAME"),
];

const GITHUB: &[Source] = &[
    (REVISION, "GITHUB_SHA"),
    (REF, "GITHUB_REF_NAME"),
    (REPOSITORY, "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}"),
    (PIPELINE, "GITHUB_WORKFLOW"),
    (RUN, "GITHUB_RUN_ID"),
    (RUN_URL, "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"),
    (TASK, "GITHUB_JOB"),
    (TASK_RUN, "{GITHUB_RUN_ID}/{GITHUB_RUN_ATTEMPT|1}/{GITHUB_JOB}"),
    (WORKER_NAME, "RUNNER_NAME"),
];

/// Only some events are about the commit in GITHUB_SHA. For a pull request it is the merge commit, and for the
/// others it is the latest commit of the default branch, whatever the workflow checks out.
const ACTIONS_CHANGE: &[Sign] = &[
    Sign("GITHUB_HEAD_REF", Any),
    Sign("GITHUB_REF", Begins("refs/pull/")),
    Sign(
        "GITHUB_EVENT_NAME",
        Other(&["push", "create", "release", "schedule", "workflow_dispatch", "merge_group"]),
    ),
];

/// The runner makes a tracking id for each job. Steps in containers have the name of the runner alone, which
/// runs one job at a time.
const ACTIONS_LEGS: &[Leg] =
    &[Leg { source: "RUNNER_TRACKING_ID", total: None }, Leg { source: "RUNNER_NAME", total: None }];
