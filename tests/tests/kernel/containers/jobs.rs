//! The jobs that programs in containers belong to.

use serde_json::{Value, json};

use super::{podman, text, watch::Watch};

/// Value of a variable that names a commit.
const COMMIT: &str = "0123456789012345678901234567890123456789";

pub(super) fn jobs() {
    let podman = podman();
    let watch = Watch::new("/bin/true", &[]);
    podman.fill(std::slice::from_ref(&watch.program));
    let program = watch.inside();
    // Runs a container with variables of its own, from a Podman with variables.
    let run = |name: &str, inside: &[&str], outside: &[(&str, &str)]| {
        let mut options = vec!["--rm".to_owned()];
        options.extend(inside.iter().map(|variable| format!("--env={variable}")));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut command = podman.run_command(&options, &[&program, name]);
        let output = command.envs(outside.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", text(&output));
        watch.start(name)
    };
    let task = |record: &Value| record["cicd"]["pipeline"]["task"]["run"]["id"].clone();

    let commit = format!("GITHUB_SHA={COMMIT}");
    let record = run(
        "github",
        &["GITHUB_ACTIONS=true", "GITHUB_RUN_ID=4711", "GITHUB_JOB=unit", "GITHUB_REPOSITORY=o/r", &commit],
        &[],
    );
    assert_eq!(record["cicd"]["system"]["component"], "github", "{record:#}");
    assert_eq!(record["cicd"]["pipeline"]["run"]["id"], "4711");
    assert_eq!(record["cicd"]["pipeline"]["task"]["name"], "unit");
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], COMMIT);
    assert_eq!(record["tracego"]["job"]["opened_by"], "self");

    let commit = format!("CI_COMMIT_SHA={COMMIT}");
    let record = run("gitlab", &["GITLAB_CI=true", "CI_JOB_ID=55", "CI_PIPELINE_ID=5", &commit], &[]);
    assert_eq!(task(&record), "55", "{record:#}");
    assert_eq!(record["cicd"]["pipeline"]["run"]["id"], "5");
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], COMMIT);

    let record = run("none", &["PLAIN=1"], &[]);
    assert!(record["cicd"].is_null() && record["tracego"]["job"].is_null(), "{record:#}");

    // Podman has no daemon: what runs in the container descends from the job, which its variables do not say.
    let record = run("outer", &[], &[("CI_JOB_ID", "77")]);
    assert_eq!(task(&record), "77", "{record:#}");
    assert_eq!(record["tracego"]["job"]["opened_by"], "ancestor");
    assert_eq!(record["tracego"]["job"]["sources"][0]["source"], "inherited");
    assert_eq!(record["tracego"]["job"]["dropped"], json!(["cicd.pipeline.task.run.id"]));

    let record = run("both", &["CI_JOB_ID=55"], &[("CI_JOB_ID", "77")]);
    assert_eq!(task(&record), "55", "{record:#}");
    let changed = &record["tracego"]["job"]["changed"][0];
    assert_eq!((&changed["claimed"], &changed["expected"]), (&json!("55"), &json!("77")), "{record:#}");

    let watch = Watch::new("/bin/true", &["--env", "CI_JOB_ID=99"]);
    podman.fill(std::slice::from_ref(&watch.program));
    let output = podman.run(&["--rm", "--env=CI_JOB_ID=55"], &[&watch.inside(), "explicit"]);
    assert!(output.status.success(), "{}", text(&output));
    let record = watch.start("explicit");
    assert_eq!(task(&record), "99", "{record:#}");
    assert_eq!(record["tracego"]["job"]["sources"][0]["source"], "explicit");
    let changed = &record["tracego"]["job"]["changed"][0];
    assert_eq!((&changed["claimed"], &changed["expected"]), (&json!("55"), &json!("99")), "{record:#}");
}
