//! A state for tests.

use tracego_report::live::LiveState;

/// Time of the first record of [`state`].
pub(crate) const BEGAN: &str = "2026-11-25T02:11:01.5Z";

/// Returns a record. `more`: members of `tracego`, with a comma ahead.
pub(crate) fn record(kind: &str, second: u32, id: u32, job: &str, command: &str, more: &str) -> String {
    let exit = if kind.ends_with("exit") { r#","exit":{"code":1}"# } else { "" };
    let command = command.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        r#"{{"schema":"tracego/2","event_name":"tracego.{kind}","timestamp":"2026-11-25T02:11:{second:02}.5Z","seq":1,"#
    ) + &format!(
        r#""host":{{"id":"h","name":"runner-7"}},"service":{{"instance":{{"id":"run-1"}}}},"process":{{"pid":{id},"command_args":["{command}"],"#
    ) + &format!(
        r#""executable":{{"path":"/usr/bin/{}"}},"user":{{"id":0,"name":"root"}}{exit}}},"cicd":{{"pipeline":{{"name":"ci","#,
        command.split(' ').next().unwrap_or_default().replace(|c: char| !c.is_ascii_alphanumeric(), "")
    ) + &format!(
        r#""task":{{"run":{{"id":"{job}"}}}}}},"system":{{"component":"github"}}}},"vcs":{{"ref":{{"head":{{"revision":"0123456789abcdef"}}}}}},"#
    ) + &format!(r#""tracego":{{"exec_id":"b-1-{id}","parent_exec_id":"b-1-{}"{more}}}}}"#, id - 1)
}

/// Returns a state with two jobs, a finding, a stop and a loss.
pub(crate) fn state() -> LiveState {
    let found = r#","findings":[{"id":"TG001","name":"go-run","severity":"high","message":"go run ./cmd/server was executed in a CI job instead of a program that was built","remedy":"Build once."}]"#;
    let decided = r#","enforcement":{"action":"kill","rule":"no-go-run","args":["go","run","."]}"#;
    of(&[
        record("process.start", 1, 10, "42/1/build", "make ci", ""),
        record("process.start", 2, 11, "42/1/build", "go run ./cmd/server", found),
        record("process.start", 3, 30, "43/1/test", "sleep 60", ""),
        record("process.start", 3, 12, "42/1/build", "compile -V=full", ""),
        record("process.exit", 4, 12, "42/1/build", "compile", r#","exit":{"max_rss_bytes":23564288}"#),
        record("enforcement", 5, 13, "43/1/test", "", decided),
        record("lost", 6, 14, "42/1/build", "", r#","lost":{"ring_full":5}"#),
    ])
}

/// Returns the state of lines, all of which are records.
pub(crate) fn of(lines: &[String]) -> LiveState {
    let mut state = LiveState::default();
    for line in lines {
        assert_eq!(state.take(line.as_bytes(), "test", 1), Ok(()), "{line}");
    }
    state
}
