//! States that records lead to.

use tracego_model::finding::Severity;

use super::{FindingGrade, LiveLimits, LiveState};

/// Takes lines, all of which are records.
fn state(lines: &[String]) -> LiveState {
    let mut state = LiveState::default();
    lines.iter().for_each(|line| state.take(line.as_bytes(), "test", 1).unwrap());
    state
}

/// Returns a record of a process in a job. `more`: members of `tracego`, with a comma ahead.
fn record(kind: &str, second: u32, id: u32, job: &str, more: &str) -> String {
    let exit = if kind.ends_with("exit") { r#","exit":{"code":1}"# } else { "" };
    format!(
        r#"{{"schema":"tracego/2","event_name":"tracego.{kind}","timestamp":"2026-11-25T02:11:{second:02}.5Z","seq":1,"#
    ) + &format!(
        r#""host":{{"id":"h","name":"node-1"}},"service":{{"instance":{{"id":"run-1"}}}},"process":{{"pid":{id},"command_args":["p{id}","-x"],"#
    ) + &format!(
        r#""executable":{{"path":"/bin/p{id}"}},"user":{{"id":7}}{exit}}},"cicd":{{"pipeline":{{"task":{{"run":{{"id":"{job}"}}}}}},"#
    ) + &format!(
        r#""system":{{"component":"github"}}}},"tracego":{{"exec_id":"b-1-{id}","parent_exec_id":"b-1-{}"{more}}}}}"#,
        id - 1
    )
}

fn start(second: u32, id: u32, job: &str) -> String {
    record("process.start", second, id, job, "")
}

fn exit(second: u32, id: u32, job: &str) -> String {
    record("process.exit", second, id, job, r#","exit":{"max_rss_bytes":4096}"#)
}

#[test]
fn jobs_programs_and_processes_are_counted() {
    let state =
        state(&[start(1, 2, "a"), start(2, 3, "a"), start(3, 9, "b"), exit(4, 3, "a"), exit(5, 9, "b")]);
    assert_eq!((state.total.starts, state.total.alive, state.knows_ends()), (3, 1, true));
    let job = state.jobs.get("a").unwrap();
    assert_eq!((job.activity.starts, job.activity.alive), (2, 1));
    assert_eq!((job.facts.failed, job.facts.max_rss_bytes), (1, 4096));
    assert_eq!(job.facts.attribute("cicd.system.component"), "github");
    assert_eq!(state.jobs.get("b").unwrap().activity.alive, 0);
    assert_eq!(state.programs.get("/bin/p2").unwrap().activity.alive, 1);
    assert_eq!(state.programs.get("/bin/p3").unwrap().activity.alive, 0);
    assert_eq!(state.processes.tree("a").len(), 1);
    let process = state.processes.get("b-1-2").unwrap();
    assert_eq!((&*process.command, &*process.user), ("p2 -x", "7"));
    assert_eq!(state.hosts.iter().map(|host| &*host.name).collect::<Vec<_>>(), ["node-1"]);
}

#[test]
fn a_start_that_is_written_twice_counts_once() {
    let state = state(&[start(1, 2, "a"), start(1, 2, "a")]);
    assert_eq!((state.total.starts, state.total.alive), (1, 1));
}

#[test]
fn another_program_of_a_process_takes_the_place_of_the_first() {
    let state = state(&[start(1, 2, "a"), start(2, 2, "b")]);
    assert_eq!((state.total.starts, state.total.alive), (2, 1));
    let alive = |job: &str| state.jobs.get(job).unwrap().activity.alive;
    assert_eq!((alive("a"), alive("b")), (0, 1));
}

#[test]
fn a_start_with_its_end_does_not_run() {
    let both = start(1, 2, "a").replace(r#""user":{"id":7}"#, r#""exit":{"code":0}"#);
    let state = state(&[both]);
    assert_eq!((state.total.starts, state.total.alive, state.knows_ends()), (1, 0, true));
}

#[test]
fn another_run_of_tracego_knows_nothing_of_what_ran() {
    let later = start(9, 5, "a").replace("run-1", "run-2");
    let state = state(&[start(1, 2, "a"), start(2, 3, "a"), later]);
    assert_eq!((state.total.starts, state.total.alive), (3, 1));
    assert_eq!(state.jobs.get("a").unwrap().activity.alive, 1);
}

#[test]
fn findings_and_decisions_are_counted_for_all_and_for_the_job() {
    let found = r#","findings":[{"id":"TG001","name":"go-run","severity":"high","message":"m\u001b[2J"}]"#;
    let decided = r#","enforcement":{"action":"kill","rule":"r","args":["x"]}"#;
    let lines = [
        record("process.start", 1, 2, "a", found),
        record("finding", 2, 2, "other", &found.replace("high", "low")),
        record("enforcement", 3, 2, "a", decided),
        record("enforcement", 3, 2, "a", decided),
    ];
    let state = state(&lines);
    let counts = state.findings.counts;
    assert_eq!((counts.of(Severity::High), counts.of(Severity::Low), counts.stopped), (1, 1, 1));
    // A finding about a process that runs is of the job of that process.
    assert_eq!(state.jobs.get("a").unwrap().facts.findings, counts);
    let grades: Vec<_> = state.findings.iter().map(|finding| finding.grade).collect();
    let (low, high) = (FindingGrade::Found(Severity::Low), FindingGrade::Found(Severity::High));
    assert_eq!(grades, [FindingGrade::Stopped, low, high]);
    assert_eq!(state.findings.iter().last().unwrap().message, "m\\u{1b}[2J");
    assert_eq!(state.processes.get("b-1-2").unwrap().worst, Some(Severity::High));
}

#[test]
fn losses_have_their_names_and_their_job() {
    let state = state(&[record("lost", 1, 2, "a", r#","lost":{"ring_full":5}"#)]);
    assert_eq!(state.completeness.lost.iter().collect::<Vec<_>>(), [(&"ring_full".to_owned(), &5)]);
    assert_eq!(state.jobs.get("a").unwrap().facts.lost, 5);
}

#[test]
fn the_size_has_a_bound() {
    let mut state = LiveState::new(LiveLimits { jobs: 4, programs: 3, processes: 5 });
    for n in 2..40 {
        let line = start(n, n, &format!("job-{n}"));
        state.take(line.as_bytes(), "test", 1).unwrap();
    }
    assert_eq!((state.total.starts, state.total.alive), (38, 5));
    assert!(state.jobs.iter().count() <= 5 && state.programs.iter().count() <= 4);
    assert!(state.jobs.forgotten > 0 && state.processes.forgotten == 33);
}

#[test]
fn a_line_that_is_no_record_is_named() {
    let mut state = LiveState::default();
    assert!(state.take(b"{", "records.json", 3).is_err());
    assert!(state.take(b"  ", "records.json", 4).is_ok());
    assert_eq!(state.completeness.unread_lines, 1);
    assert!(state.completeness.problems[0].to_string().starts_with("records.json:3: no record"));
}
