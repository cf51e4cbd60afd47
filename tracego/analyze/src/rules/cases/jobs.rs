//! Processes of jobs: TG016.

use tracego_model::finding::{
    Finding,
    Severity::{High, Low, Medium},
};

use super::{Example, clean, finds};
use crate::rules::{
    place::Profile,
    test_process::{COMMIT, TestProcess, process, rules},
};

const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";
const SECOND: u64 = 1_000_000_000;

pub(super) fn examples() -> Vec<Example> {
    let opener = || sh(1).job("1");
    let child = |pid| sh(pid).in_job_of(&opener());
    let main = || sh(1).job("1").container();
    let visitor = |job: &str| sh(2).job(job).container().process(|process| process.vpid = Some(20));
    let gitlab = [("job.runner.gitlab.com/id", "1")];
    let project =
        [("project.runner.gitlab.com/namespace", "shop"), ("project.runner.gitlab.com/name", "api")];
    let project = [&project[..], &[("project.runner.gitlab.com/id", "7")]].concat();
    vec![
        finds("TG016", "changed", High, "another job", [child(2).env("CI_JOB_ID", "2")]),
        finds("TG016", "changed", High, "another commit", [child(2).env("GIT_COMMIT", OTHER)]),
        finds(
            "TG016",
            "changed",
            High,
            "another than --env says",
            [sh(2).env("GIT_COMMIT", OTHER).injected("GIT_COMMIT", COMMIT)],
        ),
        finds(
            "TG016",
            "dropped",
            Low,
            "no environment",
            [child(2).without("CI_JOB_ID").without("GIT_COMMIT")],
        ),
        clean("TG016", "the opener", [opener()]),
        clean("TG016", "a child", [child(2)]),
        clean("TG016", "the commit abbreviated", [child(2).env("GIT_COMMIT", &COMMIT[..8])]),
        clean("TG016", "no job", [sh(2)]),
        clean("TG016", "its descendants", [child(2).env("CI_JOB_ID", "2"), child(3).env("CI_JOB_ID", "2")]),
        clean(
            "TG016",
            "others without environment",
            [child(2).without("CI_JOB_ID"), child(3).without("CI_JOB_ID")],
        ),
        clean(
            "TG016",
            "an environment that could not be read",
            [child(2)
                .without("CI_JOB_ID")
                .own(|own| own.completeness.unavailable.push("process.environment_variable"))],
        ),
        finds("TG016", "other-container", High, "another job's container", [main(), visitor("2")]),
        clean("TG016", "the job's own container", [main(), visitor("1")]),
        clean("TG016", "a container of nobody", [sh(1).container(), visitor("2")]),
        finds(
            "TG016",
            "contradicts-pod",
            High,
            "another job than its pod",
            [sh(2).env("CI_JOB_ID", "2").pod(&[], &gitlab)],
        ),
        finds(
            "TG016",
            "contradicts-pod",
            High,
            "another project than its pod, which no job can set",
            [sh(2)
                .env("GITLAB_CI", "true")
                .env("CI_PROJECT_URL", "https://gitlab.example/evil/api")
                .pod(&project, &[])],
        ),
        clean("TG016", "the job of its pod", [sh(2).env("CI_JOB_ID", "1").pod(&[], &gitlab)]),
        clean("TG016", "no job of its own, in the pod of one", [sh(2).pod(&[], &gitlab)]),
        clean(
            "TG016",
            "another id than the pod of a system without variables",
            [sh(2).env("CI_JOB_ID", "2").pod(&[("tekton.dev/taskRun", "1")], &[])],
        ),
        clean(
            "TG016",
            "its descendants in the pod",
            [2, 3].map(|pid| sh(pid).env("CI_JOB_ID", "2").pod(&[], &gitlab)),
        ),
        Example::new("TG016", "the job of the container has ended", move |rules| {
            main().start(rules);
            rules.exit(main().id, SECOND);
            visitor("2").start(rules)
        }),
        Example {
            wanted: Some(("outlives", Medium)),
            ..Example::new("TG016", "runs on", |rules| after(rules, 62, |_| {}))
        },
        Example {
            wanted: Some(("outlives", Medium)),
            ..Example::new("TG016", "a daemon that only forks", |rules| {
                after(rules, 62, |rules| {
                    rules.fork(sh(2).id, sh(3).id);
                    rules.exit(sh(2).id, SECOND);
                })
            })
        },
        Example::new("TG016", "ends in time", |rules| after(rules, 62, |rules| rules.exit(sh(2).id, SECOND))),
        Example::new("TG016", "the grace is not over", |rules| after(rules, 60, |_| {})),
        Example::new("TG016", "the next step opens the job again", |rules| {
            after(rules, 62, |rules| drop(sh(4).job("1").start(rules)))
        }),
        Example::new("TG016", "told before", |rules| {
            after(rules, 62, |_| {});
            rules.tick(1000 * SECOND).into_iter().map(|(_, finding)| finding).collect()
        }),
    ]
}

fn sh(pid: u32) -> TestProcess {
    process(pid, "/bin/sh", "sh")
}

/// Returns the findings at `seconds` after boot about a job whose opener ended one second after boot.
fn after(rules: &mut super::Rules, seconds: u64, between: impl Fn(&mut super::Rules)) -> Vec<Finding> {
    let opener = sh(1).job("1");
    opener.start(rules);
    sh(2).in_job_of(&opener).start(rules);
    rules.exit(opener.id, SECOND);
    between(rules);
    rules.tick(seconds * SECOND).into_iter().map(|(_, finding)| finding).collect()
}

#[test]
fn what_is_remembered_has_a_bound_and_says_what_it_forgot() {
    let mut rules = rules("", Profile::Auto);
    let opener = sh(1).job("1");
    opener.start(&mut rules);
    for pid in 2..20_000 {
        rules.fork(opener.id, sh(pid).id);
    }
    assert!(rules.forgotten() >= 11_000, "{}", rules.forgotten());
    let before = rules.forgotten();
    for pid in 1..2000 {
        crate::rules::test_process::go(pid, "go build .").job(&pid.to_string()).start(&mut rules);
    }
    assert!(rules.forgotten() > before + 900, "{}", rules.forgotten());
}
