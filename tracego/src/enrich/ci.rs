//! CI systems and what their variables mean: one table. A vendor's marker is looked for before
//! generic names, because GitLab and Woodpecker share `CI_COMMIT_SHA`, GitHub and Gitea `GITHUB_*`.
//!
//! All values are claims: a job can set its own environment. Names that hold secrets
//! (`CI_JOB_TOKEN`, `CI_REPOSITORY_URL`, …) are not on the list and never leave the process.

/// `cicd.*` and `vcs.*` attributes (semantic conventions v1.44.0).
pub mod attribute {
    /// The commit.
    pub const REVISION: &str = "vcs.ref.head.revision";
    /// Branch or tag.
    pub const REF: &str = "vcs.ref.head.name";
    /// Repository.
    pub const REPOSITORY: &str = "vcs.repository.url.full";
    /// Pull or merge request.
    pub const CHANGE: &str = "vcs.change.id";
    /// Pipeline name.
    pub const PIPELINE: &str = "cicd.pipeline.name";
    /// Run of a pipeline.
    pub const RUN: &str = "cicd.pipeline.run.id";
    /// Link to the run.
    pub const RUN_URL: &str = "cicd.pipeline.run.url.full";
    /// Name of the job.
    pub const TASK: &str = "cicd.pipeline.task.name";
    /// Run of the job; unique within the run of the pipeline.
    pub const TASK_RUN: &str = "cicd.pipeline.task.run.id";
    /// Link to the job.
    pub const TASK_URL: &str = "cicd.pipeline.task.run.url.full";
    /// Worker.
    pub const WORKER: &str = "cicd.worker.id";
    /// Worker's name.
    pub const WORKER_NAME: &str = "cicd.worker.name";
}
use attribute::{
    CHANGE, PIPELINE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN, TASK_URL, WORKER, WORKER_NAME,
};

/// A CI system: how to recognise it and where its values are, the best variable of an attribute first.
struct System {
    name: &'static str,
    /// Variable and the value it must have; `None` for any.
    marker: (&'static str, Option<&'static str>),
    variables: &'static [(&'static str, &'static str)],
}

/// In the order in which they are tried.
const SYSTEMS: [System; 12] = [
    System { name: "gitea", marker: ("GITEA_ACTIONS", Some("true")), variables: GITHUB },
    System { name: "github", marker: ("GITHUB_ACTIONS", Some("true")), variables: GITHUB },
    System {
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
    System {
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
    System {
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
    System {
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
    System {
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
    System {
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
    System {
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
    System {
        name: "argo",
        marker: ("ARGO_NODE_ID", None),
        variables: &[(TASK_RUN, "ARGO_NODE_ID"), (TASK, "ARGO_CONTAINER_NAME")],
    },
    System { name: "prow", marker: ("PROW_JOB_ID", None), variables: &[(TASK_RUN, "PROW_JOB_ID")] },
    System {
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

/// tracego's own contract and what needs no vendor; used for what a vendor did not give.
const GENERIC: [(&str, &str); 3] =
    [(REVISION, "GIT_COMMIT"), (TASK_RUN, "CI_JOB_ID"), (TASK_RUN, "BUILD_ID")];

/// Read beside the table: parts of composed values and the trace.
const PARTS: [&str; 4] = ["GITHUB_RUN_ATTEMPT", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "TRACEPARENT"];

/// What a job's variables say about one attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// See [`attribute`].
    pub attribute: &'static str,
    /// The variable that it comes from; the first for a composed value.
    pub variable: &'static str,
    /// As the variable says it.
    pub value: String,
}

/// What an environment says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Identity {
    /// `cicd.system.component`: the CI system, when its marker is there.
    pub system: Option<&'static str>,
    /// One an attribute at most.
    pub claims: Vec<Claim>,
}

/// Reads an environment through `lookup`.
pub fn identify<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> Identity {
    let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let system = SYSTEMS.iter().find(|system| {
        let (name, wanted) = system.marker;
        get(name).is_some_and(|value| wanted.is_none_or(|wanted| value == wanted))
    });
    let mut claims: Vec<Claim> = Vec::new();
    let mut claim = |attribute, variable, value: String| {
        if claims.iter().all(|claim| claim.attribute != attribute) {
            claims.push(Claim { attribute, variable, value });
        }
    };
    if let Some(system) = system {
        for &(attribute, variable) in system.variables {
            // Buildkite says HEAD where it has not resolved the commit yet, and false for no request.
            if let Some(value) = get(variable).filter(|&value| value != "HEAD" && value != "false") {
                claim(attribute, variable, value.to_owned());
            }
        }
        if matches!(system.name, "github" | "gitea") {
            if let (Some(server), Some(repository)) = (get("GITHUB_SERVER_URL"), get("GITHUB_REPOSITORY")) {
                claim(REPOSITORY, "GITHUB_REPOSITORY", format!("{server}/{repository}"));
            }
            // GITHUB_JOB is the key of the job in its file: unique only with the run and the attempt.
            if let (Some(run), Some(job)) = (get("GITHUB_RUN_ID"), get("GITHUB_JOB")) {
                let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or("1");
                claim(TASK_RUN, "GITHUB_JOB", format!("{run}/{attempt}/{job}"));
            }
        }
    }
    for (attribute, variable) in GENERIC {
        if let Some(value) = get(variable) {
            claim(attribute, variable, value.to_owned());
        }
    }
    Identity { system: system.map(|system| system.name), claims }
}

/// Variables for the allow-list, each with whether its presence opens a job context.
#[must_use]
pub fn names() -> Vec<(&'static str, bool)> {
    let mut names: Vec<(&'static str, bool)> = Vec::new();
    let opens = |attribute| matches!(attribute, RUN | TASK_RUN);
    let tables = SYSTEMS.iter().flat_map(|system| system.variables).chain(&GENERIC);
    let all = tables.map(|&(attribute, name)| (name, opens(attribute)));
    let markers = SYSTEMS.iter().map(|system| (system.marker.0, false));
    for (name, opens) in all.chain(markers).chain(PARTS.map(|name| (name, false))) {
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known |= opens,
            None => names.push((name, opens)),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Identity {
        identify(|name| environment.iter().find(|(known, _)| *known == name).map(|&(_, value)| value))
    }

    fn value<'a>(identity: &'a Identity, attribute: &str) -> Option<&'a str> {
        identity.claims.iter().find(|c| c.attribute == attribute).map(|c| c.value.as_str())
    }

    #[test]
    fn markers_decide_who_owns_a_shared_name() {
        let gitlab =
            read(&[("GITLAB_CI", "true"), ("CI", "true"), ("CI_COMMIT_SHA", "a"), ("CI_JOB_ID", "7")]);
        assert_eq!(
            (gitlab.system, value(&gitlab, REVISION), value(&gitlab, TASK_RUN)),
            (Some("gitlab"), Some("a"), Some("7"))
        );
        let woodpecker = read(&[("CI", "woodpecker"), ("CI_COMMIT_SHA", "b"), ("CI_STEP_NUMBER", "3")]);
        assert_eq!((woodpecker.system, value(&woodpecker, TASK_RUN)), (Some("woodpecker"), Some("3")));
        let gitea = read(&[("GITEA_ACTIONS", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "c")]);
        assert_eq!((gitea.system, value(&gitea, REVISION)), (Some("gitea"), Some("c")));
    }

    #[test]
    fn a_github_job_is_unique_with_run_and_attempt() {
        let job = read(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_JOB", "build"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "o/r"),
        ]);
        assert_eq!(value(&job, TASK_RUN), Some("42/2/build"));
        assert_eq!(value(&job, REPOSITORY), Some("https://github.com/o/r"));
    }

    #[test]
    fn the_own_contract_needs_no_vendor() {
        let own = read(&[("GIT_COMMIT", "abc123f"), ("CI_JOB_ID", "456789")]);
        assert_eq!(
            (own.system, value(&own, REVISION), value(&own, TASK_RUN)),
            (None, Some("abc123f"), Some("456789"))
        );
        assert_eq!(read(&[("HOME", "/root"), ("CI_JOB_ID", "")]), Identity::default());
    }

    #[test]
    fn an_unresolved_commit_is_no_commit() {
        let job =
            read(&[("BUILDKITE", "true"), ("BUILDKITE_COMMIT", "HEAD"), ("BUILDKITE_PULL_REQUEST", "false")]);
        assert_eq!(job.claims, []);
    }

    #[test]
    fn every_system_is_recognised_and_no_secret_is_asked_for() {
        for system in &SYSTEMS {
            let (name, value) = system.marker;
            let value = value.unwrap_or("x");
            assert_eq!(read(&[(name, value)]).system, Some(system.name));
        }
        for (name, _) in names() {
            assert!(name.len() < tracego_common::limits::ENV_NAME_MAX);
            assert!(
                !["TOKEN", "SECRET", "PASSW", "CI_REPOSITORY_URL"].iter().any(|bad| name.contains(bad)),
                "{name}"
            );
        }
        assert!(names().contains(&("CI_JOB_ID", true)));
        assert!(names().contains(&("GIT_COMMIT", false)));
    }
}
