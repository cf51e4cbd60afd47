//! Builds of cloud providers and of platforms that publish what they build.

use tracego_model::record::job::attribute::{
    CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN,
};

use super::{
    BLANK, CiSystem, Leg, Sign,
    Wanted::{Any, Begins, One},
};

/// The systems, in the order in which they are tried.
pub(super) static SYSTEMS: [CiSystem; 5] = [
    // https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
    CiSystem {
        name: "codebuild",
        markers: &[Sign("CODEBUILD_BUILD_ID", Any)],
        attributes: &[
            (REVISION, "CODEBUILD_RESOLVED_SOURCE_VERSION"),
            (REF, "CODEBUILD_WEBHOOK_HEAD_REF"),
            (REPOSITORY, "CODEBUILD_SOURCE_REPO_URL"),
            // Each build of a batch has an id of its own.
            (RUN, "CODEBUILD_BUILD_ID"),
            (RUN_URL, "CODEBUILD_BUILD_URL"),
            (TASK, "CODEBUILD_BATCH_BUILD_IDENTIFIER"),
            (TASK_RUN, "CODEBUILD_BUILD_ID"),
        ],
        commits: &["CODEBUILD_SOURCE_VERSION"],
        change: &[
            Sign("CODEBUILD_WEBHOOK_EVENT", Begins("PULL_REQUEST_")),
            Sign("CODEBUILD_WEBHOOK_TRIGGER", Begins("pr/")),
            Sign("CODEBUILD_SOURCE_VERSION", Begins("pr/")),
        ],
        ..BLANK
    },
    // Google Cloud Build has no variables of the job but those that a configuration fills from substitutions:
    // https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
    CiSystem {
        name: "google-cloud-build",
        markers: &[Sign("BUILDER_OUTPUT", Any)],
        attributes: &[
            (REVISION, "COMMIT_SHA"),
            (REVISION, "REVISION_ID"),
            (REF, "BRANCH_NAME"),
            (REF, "TAG_NAME"),
            (CHANGE, "_PR_NUMBER"),
            (PIPELINE, "TRIGGER_NAME"),
            (RUN, "{BUILD_ID}"),
        ],
        change: &[Sign("_PR_NUMBER", Any)],
        ..BLANK
    },
    // https://devcenter.heroku.com/articles/heroku-ci#immutable-environment-variables
    CiSystem {
        name: "heroku",
        markers: &[Sign("HEROKU_TEST_RUN_ID", Any)],
        attributes: &[
            (REVISION, "HEROKU_TEST_RUN_COMMIT_VERSION"),
            (REF, "HEROKU_TEST_RUN_BRANCH"),
            (RUN, "HEROKU_TEST_RUN_ID"),
            (TASK_RUN, "HEROKU_TEST_RUN_ID"),
        ],
        legs: &[Leg { source: "CI_NODE_INDEX", total: Some("CI_NODE_TOTAL") }],
        ..BLANK
    },
    // https://docs.netlify.com/configure-builds/environment-variables/
    CiSystem {
        name: "netlify",
        markers: &[Sign("NETLIFY", One(&["true"]))],
        attributes: &[
            (REVISION, "COMMIT_REF"),
            (REF, "BRANCH"),
            (CHANGE, "REVIEW_ID"),
            (PIPELINE, "SITE_NAME"),
            (RUN, "{BUILD_ID}"),
        ],
        change: &[Sign("PULL_REQUEST", One(&["true"])), Sign("REVIEW_ID", Any)],
        ..BLANK
    },
    // https://vercel.com/docs/environment-variables/system-environment-variables
    CiSystem {
        name: "vercel",
        markers: &[Sign("VERCEL", One(&["1"]))],
        attributes: &[
            (REVISION, "VERCEL_GIT_COMMIT_SHA"),
            (REF, "VERCEL_GIT_COMMIT_REF"),
            (CHANGE, "VERCEL_GIT_PULL_REQUEST_ID"),
            (RUN, "VERCEL_DEPLOYMENT_ID"),
            (RUN_URL, "https://{VERCEL_URL}"),
        ],
        change: &[Sign("VERCEL_GIT_PULL_REQUEST_ID", Any)],
        ..BLANK
    },
];
