//! Jobs of every CI system, as their environments describe them.

use tracego_model::record::job::attribute::{
    CHANGE, REF, REPOSITORY, REVISION, RUN, RUN_URL, TASK, TASK_RUN,
};

use super::{systems::Wanted, *};

fn read(environment: &[(&str, &str)]) -> CiIdentity {
    identify(|name| environment.iter().find(|(known, _)| *known == name).map(|&(_, value)| value))
}

fn value<'a>(identity: &'a CiIdentity, attribute: &str) -> Option<&'a str> {
    identity.claims.iter().find(|c| c.attribute == attribute).map(|c| c.value.as_str())
}

#[test]
fn markers_decide_who_owns_a_shared_name() {
    let gitlab = read(&[("GITLAB_CI", "true"), ("CI", "true"), ("CI_COMMIT_SHA", "a"), ("CI_JOB_ID", "7")]);
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
    assert_eq!(read(&[("HOME", "/root"), ("CI_JOB_ID", "")]), CiIdentity::default());
}

#[test]
fn an_unresolved_commit_is_no_commit() {
    let job =
        read(&[("BUILDKITE", "true"), ("BUILDKITE_COMMIT", "HEAD"), ("BUILDKITE_PULL_REQUEST", "false")]);
    assert_eq!(job.claims, []);
}

#[test]
fn what_means_nothing_to_one_vendor_is_a_name_to_others() {
    let buildkite =
        read(&[("BUILDKITE", "true"), ("BUILDKITE_BRANCH", "HEAD"), ("BUILDKITE_LABEL", "false")]);
    assert_eq!((value(&buildkite, REF), value(&buildkite, TASK)), (Some("HEAD"), Some("false")));
    let gitlab = read(&[("GITLAB_CI", "true"), ("CI_COMMIT_REF_NAME", "HEAD"), ("CI_JOB_NAME", "false")]);
    assert_eq!((value(&gitlab, REF), value(&gitlab, TASK)), (Some("HEAD"), Some("false")));
    let github = read(&[("GITHUB_ACTIONS", "true"), ("GITHUB_REF_NAME", "HEAD"), ("GITHUB_JOB", "false")]);
    assert_eq!((value(&github, REF), value(&github, TASK)), (Some("HEAD"), Some("false")));
}

#[test]
fn every_system_is_recognised_and_no_secret_is_asked_for() {
    for system in systems::systems() {
        for Sign(name, wanted) in system.markers {
            let value = match wanted {
                Wanted::One(values) => values[0],
                _ => "x",
            };
            assert_eq!(read(&[(name, value)]).system, Some(system.name));
        }
        assert!(
            JOBS.iter().chain(&DEPLOYMENTS).any(|job| job.system == system.name),
            "{}: no example",
            system.name
        );
    }
    let names = names();
    // The others are for rules and for --env.
    assert!(names.len() * 3 < tracego_common::limits::ENV_NAMES_MAX as usize * 2, "{}", names.len());
    for name in &names {
        assert!(!name.is_empty() && name.len() < tracego_common::limits::ENV_NAME_MAX);
        assert!(!name.contains(['{', '}', '|', '=', ' ', '/']), "{name}");
        assert!(
            !["TOKEN", "SECRET", "PASSW", "CI_REPOSITORY_URL"].iter().any(|bad| name.contains(bad)),
            "{name}"
        );
    }
    for name in ["CI_JOB_ID", "GIT_COMMIT", "TEAMCITY_VERSION", "BUILD_NUMBER"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn whatever_shows_a_system_opens_a_job() {
    // Programs that these platforms run have their variables, too.
    let jobs = systems::systems().filter(|system| DEPLOYMENTS.iter().all(|job| job.system != system.name));
    for system in jobs {
        for Sign(name, wanted) in system.markers {
            let value = match wanted {
                Wanted::One(values) => values[0],
                _ => "true",
            };
            assert!(read(&[(name, value)]).opens, "{}: {name}", system.name);
        }
    }
    assert!(read(&[("CI", "true")]).opens && !read(&[("CI", "false")]).opens);
    assert!(!read(&[("BUILD_ID", "7"), ("GIT_COMMIT", "abc")]).opens);
}

/// A job as its system describes it.
struct Job {
    system: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// The commit that the system checks out.
    revision: &'static str,
    commits: &'static [&'static str],
    change: Option<&'static str>,
    run: &'static str,
    task_run: &'static str,
}

/// Jobs for a pull request where the system has such jobs, with the fewest variables that say all of it.
#[rustfmt::skip]
const JOBS: [Job; 27] = [
    Job { system: "github", revision: "m", commits: &[], change: Some("7/merge"), run: "9", task_run: "9/1/test/github_a",
          environment: &[("GITHUB_ACTIONS", "true"), ("CI", "true"), ("GITHUB_SHA", "m"), ("GITHUB_HEAD_REF", "fix"), ("GITHUB_REF", "refs/pull/7/merge"),
                         ("GITHUB_REF_NAME", "7/merge"), ("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_RUN_ID", "9"), ("GITHUB_JOB", "test"),
                         ("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "github_a")] },
    Job { system: "gitea", revision: "m", commits: &[], change: Some("7/head"), run: "9", task_run: "9/2/test/r1",
          environment: &[("GITEA_ACTIONS", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "m"), ("GITHUB_REF", "refs/pull/7/head"),
                         ("GITHUB_REF_NAME", "7/head"), ("GITHUB_RUN_ID", "9"), ("GITHUB_RUN_ATTEMPT", "2"), ("GITHUB_JOB", "test"), ("RUNNER_NAME", "r1")] },
    Job { system: "forgejo", revision: "m", commits: &[], change: Some("7/head"), run: "9", task_run: "9/1/test",
          environment: &[("FORGEJO_ACTIONS", "true"), ("GITEA_ACTIONS", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "m"),
                         ("GITHUB_EVENT_NAME", "pull_request_target"), ("GITHUB_REF_NAME", "7/head"), ("GITHUB_RUN_ID", "9"), ("GITHUB_JOB", "test")] },
    Job { system: "gitlab", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "11",
          environment: &[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "m"), ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "h"), ("CI_MERGE_REQUEST_IID", "7"),
                         ("CI_PIPELINE_SOURCE", "merge_request_event"), ("CI_PIPELINE_ID", "9"), ("CI_JOB_ID", "11"), ("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")] },
    Job { system: "azure", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "12f1170f",
          environment: &[("TF_BUILD", "True"), ("BUILD_SOURCEVERSION", "m"), ("SYSTEM_PULLREQUEST_SOURCECOMMITID", "h"), ("SYSTEM_PULLREQUEST_PULLREQUESTID", "7"),
                         ("BUILD_REASON", "PullRequest"), ("BUILD_BUILDID", "9"), ("SYSTEM_JOBID", "12f1170f")] },
    Job { system: "azure", revision: "m", commits: &[], change: None, run: "9", task_run: "9//Test/3/2",
          environment: &[("TF_BUILD", "True"), ("BUILD_SOURCEVERSION", "m"), ("BUILD_SOURCEBRANCH", "refs/pull/7/merge"), ("BUILD_BUILDID", "9"),
                         ("SYSTEM_PHASENAME", "Test"), ("SYSTEM_JOBPOSITIONINPHASE", "3"), ("SYSTEM_JOBATTEMPT", "2")] },
    Job { system: "jenkins", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "jenkins-app-9/built-in/2",
          environment: &[("JENKINS_URL", "https://ci/"), ("GIT_COMMIT", "m"), ("ghprbActualCommit", "h"), ("CHANGE_ID", "7"), ("BUILD_ID", "9"),
                         ("BUILD_TAG", "jenkins-app-9"), ("NODE_NAME", "built-in"), ("EXECUTOR_NUMBER", "2")] },
    Job { system: "circleci", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "w/2",
          environment: &[("CIRCLECI", "true"), ("CIRCLE_SHA1", "m"), ("CIRCLE_PR_NUMBER", "7"), ("CIRCLE_WORKFLOW_ID", "9"), ("CIRCLE_WORKFLOW_JOB_ID", "w"),
                         ("CIRCLE_NODE_INDEX", "2"), ("CIRCLE_NODE_TOTAL", "4")] },
    Job { system: "circleci", revision: "m", commits: &[], change: None, run: "9", task_run: "w",
          environment: &[("CIRCLECI", "true"), ("CIRCLE_SHA1", "m"), ("CIRCLE_PULL_REQUEST", "https://x/7"), ("CIRCLE_WORKFLOW_ID", "9"), ("CIRCLE_WORKFLOW_JOB_ID", "w"),
                         ("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "1")] },
    Job { system: "travis", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "11",
          environment: &[("TRAVIS", "true"), ("TRAVIS_COMMIT", "m"), ("TRAVIS_PULL_REQUEST_SHA", "h"), ("TRAVIS_PULL_REQUEST", "7"), ("TRAVIS_BUILD_ID", "9"), ("TRAVIS_JOB_ID", "11")] },
    Job { system: "buildkite", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "j",
          environment: &[("BUILDKITE", "true"), ("BUILDKITE_COMMIT_RESOLVED", "m"), ("BUILDKITE_COMMIT", "h"), ("BUILDKITE_PULL_REQUEST", "7"), ("BUILDKITE_BUILD_ID", "9"), ("BUILDKITE_JOB_ID", "j")] },
    Job { system: "bitbucket", revision: "m", commits: &[], change: Some("7"), run: "{p}", task_run: "{s}",
          environment: &[("BITBUCKET_BUILD_NUMBER", "3"), ("BITBUCKET_COMMIT", "m"), ("BITBUCKET_PR_ID", "7"), ("BITBUCKET_PIPELINE_UUID", "{p}"), ("BITBUCKET_STEP_UUID", "{s}")] },
    Job { system: "drone", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "2/4",
          environment: &[("DRONE", "true"), ("CI", "true"), ("DRONE_COMMIT_SHA", "m"), ("DRONE_COMMIT_AFTER", "h"), ("DRONE_PULL_REQUEST", "7"), ("DRONE_BUILD_NUMBER", "9"),
                         ("DRONE_STAGE_NUMBER", "2"), ("DRONE_STEP_NUMBER", "4")] },
    Job { system: "woodpecker", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "2/4",
          environment: &[("CI", "woodpecker"), ("CI_COMMIT_SHA", "m"), ("CI_COMMIT_PULL_REQUEST", "7"), ("CI_PIPELINE_NUMBER", "9"), ("CI_WORKFLOW_NUMBER", "2"), ("CI_STEP_NUMBER", "4")] },
    Job { system: "appveyor", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "j",
          environment: &[("APPVEYOR", "true"), ("APPVEYOR_REPO_COMMIT", "m"), ("APPVEYOR_PULL_REQUEST_HEAD_COMMIT", "h"), ("APPVEYOR_PULL_REQUEST_NUMBER", "7"),
                         ("APPVEYOR_BUILD_ID", "9"), ("APPVEYOR_JOB_ID", "j")] },
    Job { system: "cirrus", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "11",
          environment: &[("CIRRUS_CI", "true"), ("CIRRUS_CHANGE_IN_REPO", "m"), ("CIRRUS_PR", "7"), ("CIRRUS_BUILD_ID", "9"), ("CIRRUS_TASK_ID", "11")] },
    Job { system: "semaphore", revision: "m", commits: &["h"], change: Some("7"), run: "9", task_run: "j",
          environment: &[("SEMAPHORE", "true"), ("SEMAPHORE_GIT_SHA", "m"), ("SEMAPHORE_GIT_PR_SHA", "h"), ("SEMAPHORE_GIT_PR_NUMBER", "7"), ("SEMAPHORE_PIPELINE_ID", "9"), ("SEMAPHORE_JOB_ID", "j")] },
    Job { system: "screwdriver", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "11",
          environment: &[("SCREWDRIVER", "true"), ("SD_BUILD_SHA", "m"), ("SD_PULL_REQUEST", "7"), ("SD_EVENT_ID", "9"), ("SD_BUILD_ID", "11")] },
    Job { system: "vela", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "3",
          environment: &[("VELA", "true"), ("VELA_BUILD_COMMIT", "m"), ("VELA_PULL_REQUEST", "7"), ("VELA_BUILD_NUMBER", "9"), ("VELA_STEP_NUMBER", "3")] },
    Job { system: "teamcity", revision: "m", commits: &[], change: None, run: "Test/9", task_run: "",
          environment: &[("TEAMCITY_VERSION", "2025.07"), ("BUILD_VCS_NUMBER", "m"), ("TEAMCITY_BUILDCONF_NAME", "Test"), ("BUILD_NUMBER", "9")] },
    Job { system: "bamboo", revision: "m", commits: &[], change: Some("7"), run: "P-A-9", task_run: "P-A-JOB1-9",
          environment: &[("bamboo_buildResultKey", "P-A-JOB1-9"), ("bamboo_planResultKey", "P-A-9"), ("bamboo_planRepository_revision", "m"), ("bamboo_repository_pr_key", "7")] },
    Job { system: "argo", revision: "", commits: &[], change: None, run: "", task_run: "n-1", environment: &[("ARGO_NODE_ID", "n-1")] },
    Job { system: "prow", revision: "h", commits: &[], change: Some("7"), run: "9", task_run: "u",
          environment: &[("PROW_JOB_ID", "u"), ("PULL_PULL_SHA", "h"), ("PULL_BASE_SHA", "b"), ("PULL_NUMBER", "7"), ("JOB_TYPE", "presubmit"), ("BUILD_ID", "9")] },
    Job { system: "concourse", revision: "", commits: &[], change: None, run: "9", task_run: "9",
          environment: &[("ATC_EXTERNAL_URL", "https://ci"), ("BUILD_ID", "9"), ("BUILD_JOB_NAME", "unit")] },
    Job { system: "codebuild", revision: "m", commits: &[], change: None, run: "p:9", task_run: "p:9",
          environment: &[("CODEBUILD_BUILD_ID", "p:9"), ("CODEBUILD_RESOLVED_SOURCE_VERSION", "m"), ("CODEBUILD_SOURCE_VERSION", "pr/7"),
                         ("CODEBUILD_WEBHOOK_EVENT", "PULL_REQUEST_UPDATED")] },
    Job { system: "google-cloud-build", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "9",
          environment: &[("BUILDER_OUTPUT", "/builder/outputs"), ("COMMIT_SHA", "m"), ("_PR_NUMBER", "7"), ("BUILD_ID", "9")] },
    Job { system: "heroku", revision: "m", commits: &[], change: None, run: "9", task_run: "9/1",
          environment: &[("HEROKU_TEST_RUN_ID", "9"), ("HEROKU_TEST_RUN_COMMIT_VERSION", "m"), ("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")] },
];

/// Deployments of platforms, which have no jobs.
#[rustfmt::skip]
const DEPLOYMENTS: [Job; 2] = [
    Job { system: "netlify", revision: "m", commits: &[], change: Some("7"), run: "9", task_run: "9",
          environment: &[("NETLIFY", "true"), ("COMMIT_REF", "m"), ("PULL_REQUEST", "true"), ("REVIEW_ID", "7"), ("BUILD_ID", "9")] },
    Job { system: "vercel", revision: "m", commits: &[], change: Some("7"), run: "d", task_run: "",
          environment: &[("VERCEL", "1"), ("VERCEL_GIT_COMMIT_SHA", "m"), ("VERCEL_GIT_PULL_REQUEST_ID", "7"), ("VERCEL_DEPLOYMENT_ID", "d")] },
];

#[test]
fn jobs_of_every_system_say_which_commits_and_which_leg_they_are_of() {
    for job in JOBS.iter().chain(&DEPLOYMENTS) {
        let identity = read(job.environment);
        let text = |attribute| value(&identity, attribute).unwrap_or_default();
        assert_eq!(identity.system, Some(job.system));
        assert_eq!(text(REVISION), job.revision, "{}", job.system);
        let commits: Vec<_> = identity.commits.iter().map(|commit| commit.revision.as_str()).collect();
        assert_eq!(commits, job.commits, "{}", job.system);
        assert_eq!((text(RUN), text(TASK_RUN)), (job.run, job.task_run), "{}", job.system);
        let change = value(&identity, CHANGE).or(value(&identity, REF)).filter(|_| identity.change);
        assert!(job.change.is_none_or(|wanted| change == Some(wanted)), "{}: {change:?}", job.system);
        let no_changes = ["teamcity", "argo", "concourse", "heroku"].contains(&job.system);
        assert_eq!(identity.change, !no_changes, "{}", job.system);
        // The variables of a job must be on the allow-list, and one of them must open it.
        let names = names();
        let is_read = |&(name, _): &(&str, &str)| names.contains(&name);
        let is_job = identity.opens || DEPLOYMENTS.iter().any(|other| other.system == job.system);
        assert!(job.environment.iter().any(is_read) && is_job, "{}", job.system);
    }
}

#[test]
fn a_push_is_no_change() {
    let none: [&[(&str, &str)]; 8] = [
        &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")],
        &[("GITHUB_ACTIONS", "true"), ("GITHUB_HEAD_REF", ""), ("GITHUB_EVENT_NAME", "schedule")],
        &[("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "a")],
        &[("GITLAB_CI", "true"), ("CI_PIPELINE_SOURCE", "push")],
        &[("TF_BUILD", "True"), ("BUILD_REASON", "IndividualCI"), ("BUILD_SOURCEBRANCH", "refs/heads/main")],
        &[("TRAVIS", "true"), ("TRAVIS_PULL_REQUEST", "false")],
        &[("BUILDKITE", "true"), ("BUILDKITE_PULL_REQUEST", "false")],
        &[("PROW_JOB_ID", "u"), ("JOB_TYPE", "postsubmit"), ("PULL_BASE_SHA", "a")],
    ];
    for environment in none {
        assert!(!read(environment).change, "{environment:?}");
    }
    for event in ["pull_request", "pull_request_target", "issue_comment", "workflow_run", "check_run"] {
        assert!(read(&[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", event)]).change, "{event}");
    }
}

#[test]
fn legs_of_a_matrix_are_told_apart() {
    let github = |extra: &[(&'static str, &'static str)]| {
        let job =
            [("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "9"), ("GITHUB_JOB", "test")].iter().chain(extra);
        read(&job.copied().collect::<Vec<_>>()).claim(TASK_RUN).unwrap().clone()
    };
    let one = github(&[("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "github_1")]);
    let two = github(&[("RUNNER_NAME", "r2"), ("RUNNER_TRACKING_ID", "github_2")]);
    let later = github(&[("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "github_3")]);
    assert!(!one.agrees_with(&two) && !one.agrees_with(&later) && one.agrees_with(&one));
    // A step in a container, and a daemon that takes the tracking id away, are of the same job.
    for less in [github(&[("RUNNER_NAME", "r1"), ("RUNNER_TRACKING_ID", "")]), github(&[])] {
        assert!(one.agrees_with(&less) && one.includes(&less) && !less.includes(&one));
    }
    let by_name = |name| github(&[("RUNNER_NAME", name)]);
    assert!(!by_name("r1").agrees_with(&by_name("r2")));
}

#[test]
fn urls_and_repositories_are_composed() {
    let job = read(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_RUN_ID", "9"),
    ]);
    assert_eq!(value(&job, RUN_URL), Some("https://github.com/o/r/actions/runs/9"));
    let without = read(&[("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "o/r")]);
    assert_eq!((value(&without, REPOSITORY), value(&without, RUN_URL)), (None, None));
}
