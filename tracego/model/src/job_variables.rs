//! The variables that put a process into a CI job: one table for the kernel side, the rules, enforcement and the
//! policies.
//!
//! A process is part of a job if it, or an ancestor, was started with one of these variables. Variables that
//! images carry beyond their build (`BUILD_ID`, `BUILD_NUMBER`, `BUILD_TAG`, `VERCEL`) are not in the table.

use tracego_common::settings::{ENV_OPENS_JOB, ENV_UNLESS_FALSE, opens_job};

/// The condition under which a variable opens a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Opens {
    /// The variable has a value.
    WhenSet,
    /// The variable has a value other than `0`, `no`, `off` and `false`.
    UnlessFalse,
}

impl Opens {
    /// Returns the flags of the name on the allow-list.
    #[must_use]
    pub fn flags(self) -> u32 {
        match self {
            Self::WhenSet => ENV_OPENS_JOB,
            Self::UnlessFalse => ENV_OPENS_JOB | ENV_UNLESS_FALSE,
        }
    }
}

/// The variables, in the order of their names.
pub const JOB_VARIABLES: [(&str, Opens); 75] = {
    use Opens::{UnlessFalse, WhenSet};
    [
        ("AGOLA_GIT_REF", WhenSet),
        ("APPVEYOR", UnlessFalse),
        ("APPVEYOR_BUILD_ID", WhenSet),
        ("ARGO_NODE_ID", WhenSet),
        ("ATC_EXTERNAL_URL", WhenSet),
        ("BITBUCKET_BUILD_NUMBER", WhenSet),
        ("BITBUCKET_PIPELINE_UUID", WhenSet),
        ("BITBUCKET_STEP_UUID", WhenSet),
        ("BITRISE_BUILD_SLUG", WhenSet),
        ("BITRISE_IO", UnlessFalse),
        ("BUDDY_EXECUTION_ID", WhenSet),
        ("BUDDY_WORKSPACE_ID", WhenSet),
        ("BUILDER_OUTPUT", WhenSet),
        ("BUILDKITE", UnlessFalse),
        ("BUILDKITE_BUILD_ID", WhenSet),
        ("BUILDKITE_JOB_ID", WhenSet),
        ("BUILD_BUILDID", WhenSet),
        ("CI", UnlessFalse),
        ("CIRCLECI", UnlessFalse),
        ("CIRCLE_BUILD_NUM", WhenSet),
        ("CIRCLE_WORKFLOW_ID", WhenSet),
        ("CIRCLE_WORKFLOW_JOB_ID", WhenSet),
        ("CIRRUS_CI", UnlessFalse),
        ("CIRRUS_TASK_ID", WhenSet),
        ("CI_JOB_ID", WhenSet),
        ("CI_PIPELINE_ID", WhenSet),
        ("CI_PIPELINE_NUMBER", WhenSet),
        ("CI_STEP_NUMBER", WhenSet),
        ("CM_BUILD_ID", WhenSet),
        ("CODEBUILD_BUILD_ARN", WhenSet),
        ("CODEBUILD_BUILD_ID", WhenSet),
        ("CONTINUOUS_INTEGRATION", UnlessFalse),
        ("DRONE", UnlessFalse),
        ("DRONE_BUILD_NUMBER", WhenSet),
        ("DRONE_STEP_NUMBER", WhenSet),
        ("DSARI", UnlessFalse),
        ("EAS_BUILD", UnlessFalse),
        ("FORGEJO_ACTIONS", UnlessFalse),
        ("GITEA_ACTIONS", UnlessFalse),
        ("GITHUB_ACTIONS", UnlessFalse),
        ("GITHUB_RUN_ID", WhenSet),
        ("GITLAB_CI", UnlessFalse),
        ("GO_PIPELINE_LABEL", WhenSet),
        ("GO_PIPELINE_NAME", WhenSet),
        ("HARNESS_BUILD_ID", WhenSet),
        ("HEROKU_TEST_RUN_ID", WhenSet),
        ("HUDSON_URL", WhenSet),
        ("JB_SPACE_EXECUTION_NUMBER", WhenSet),
        ("JENKINS_URL", WhenSet),
        ("MAGNUM", UnlessFalse),
        ("NETLIFY", UnlessFalse),
        ("NEVERCODE", UnlessFalse),
        ("PROW_JOB_ID", WhenSet),
        ("SAILCI", UnlessFalse),
        ("SCREWDRIVER", UnlessFalse),
        ("SEMAPHORE", UnlessFalse),
        ("SEMAPHORE_JOB_ID", WhenSet),
        ("SEMAPHORE_PIPELINE_ID", WhenSet),
        ("SHIPPABLE", UnlessFalse),
        ("STRIDER", UnlessFalse),
        ("SYSTEM_JOBID", WhenSet),
        ("TASKCLUSTER_ROOT_URL", WhenSet),
        ("TEAMCITY_VERSION", WhenSet),
        ("TF_BUILD", UnlessFalse),
        ("TRAVIS", UnlessFalse),
        ("TRAVIS_BUILD_ID", WhenSet),
        ("TRAVIS_JOB_ID", WhenSet),
        ("VELA", UnlessFalse),
        ("VELA_BUILD_NUMBER", WhenSet),
        ("WERCKER", UnlessFalse),
        ("WOODPECKER_CI", UnlessFalse),
        ("XCS", UnlessFalse),
        ("bamboo_buildKey", WhenSet),
        ("bamboo_buildResultKey", WhenSet),
        ("bamboo_planKey", WhenSet),
    ]
};

/// Whether a variable with this value puts its process into a job.
#[must_use]
pub fn opens(name: &[u8], value: &[u8]) -> bool {
    let found = JOB_VARIABLES.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    let Some((_, opens)) = found.ok().and_then(|at| JOB_VARIABLES.get(at)) else { return false };
    let mut start = [0; 8];
    for (to, from) in start.iter_mut().zip(value) {
        *to = *from;
    }
    opens_job(opens.flags(), u64::from_ne_bytes(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_values_are_within_reach_of_the_kernel_side() {
        assert!(JOB_VARIABLES.is_sorted_by(|a, b| a.0 < b.0));
        // The name, `=` and eight bytes of the value.
        let reach = tracego_common::limits::ENV_NAME_MAX - 9;
        assert!(JOB_VARIABLES.iter().all(|(name, _)| name.len() <= reach));
    }

    #[test]
    fn a_value_that_denies_it_opens_no_job() {
        for value in ["", "0", "no", "No", "off", "OFF", "false", "False", "FALSE"] {
            assert!(!opens(b"CI", value.as_bytes()), "{value:?}");
        }
        for value in ["1", "true", "yes", "woodpecker", "falsetto", "false-1", "falsehood", "nothing", "00"] {
            assert!(opens(b"CI", value.as_bytes()), "{value:?}");
        }
        assert!(opens(b"CI_JOB_ID", b"0") && !opens(b"CI_JOB_ID", b""));
        for (name, _) in JOB_VARIABLES {
            assert!(opens(name.as_bytes(), b"1") && !opens(name.as_bytes(), b""), "{name}");
        }
        for other in ["BUILD_ID", "BUILD_NUMBER", "GIT_COMMIT", "", "C", "CI_", "CIX"] {
            assert!(!opens(other.as_bytes(), b"1"), "{other}");
        }
    }
}
