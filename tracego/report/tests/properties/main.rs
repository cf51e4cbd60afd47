//! Histories and reports of lines that are generated: pieces of records in any order, with values that are hostile.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;

use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};

/// Texts that have a meaning in Markdown, Mermaid, HTML, XML or at a terminal.
const TEXTS: [&str; 16] = [
    "make ci",
    "go",
    "</details></code><script>alert(1)</script>",
    "`x` | y",
    "````",
    "]]> &amp; ' \\\" \\\\",
    "\\u001b[31m \\u202e \\u0000 \\u009b",
    "@user #1 https://x www.x.org",
    "click a call b()",
    "title: a; section b",
    "/srv/ci/project/app",
    "/tmp/tmp.aBcDeF/x",
    "\\ud83d\\ude00\\u00e4",
    "",
    "-p",
    "0123456789abcdef",
];
/// Kinds of records.
const NAMES: [&str; 8] = [
    "tracego.process.start",
    "tracego.process.exit",
    "tracego.process.fork",
    "tracego.finding",
    "tracego.enforcement",
    "tracego.process",
    "tracego.job",
    "tracego.lost",
];

fn text() -> impl Strategy<Value = &'static str> {
    select(&TEXTS[..])
}

prop_compose! {
    fn record()(
        name in select(&NAMES[..]),
        texts in vec(text(), 10),
        numbers in (0_u32..12, 0_u32..12, 0_u32..60, 0_u64..9),
        role in select(&["go-build", "compiler-helper", "go-run-child", "", "x"][..]),
        severity in select(&["low", "critical", "none"][..]),
    ) -> String {
        let (id, parent, second, seq) = numbers;
        let [a, b, c, d, e, f, g, h, i, j] = texts[..] else { unreachable!() };
        format!(
            r#"{{"schema":"tracego/2","event_name":"{name}","timestamp":"2026-11-25T02:11:{second:02}.5Z","body":"{a}","seq":{seq},"#
        ) + &format!(
            r#""process":{{"pid":{id},"creation":{{"time":"2026-11-25T02:11:{parent:02}Z"}},"command":"{b}","command_args":["{c}","{d}","{e}"],"#
        ) + &format!(
            r#""executable":{{"path":"{f}"}},"working_directory":"{g}","user":{{"id":1,"name":"{h}"}},"exit":{{"code":{second}}}}},"#
        ) + &format!(
            r#""cicd":{{"pipeline":{{"task":{{"run":{{"id":"{i}"}}}}}}}},"vcs":{{"ref":{{"head":{{"revision":"{j}"}}}}}},"#
        ) + &format!(
            r#""tracego":{{"exec_id":"b-1-{id}","parent_exec_id":"b-1-{parent}","go":{{"role":"{role}","command":{{"exec_id":"b-1-{parent}"}}}},"#
        ) + &format!(
            r#""findings":[{{"id":"{a}","name":"{b}","severity":"{severity}","message":"{c}","remedy":"{d}","evidence":{{"{e}":"{f}"}}}}],"#
        ) + &format!(
            r#""enforcement":{{"action":"kill","rule":"{g}","args":["{h}"],"error":"{i}"}},"lost":{{"{j}":{seq}}}}}}}"#
        )
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_list_of_records_gives_a_report(records in vec(record(), 0..40)) {
        check::any(records.join("\n").as_bytes());
    }

    #[test]
    fn every_bytes_give_a_report(
        lines in vec(prop_oneof![record().prop_map(String::into_bytes), vec(any::<u8>(), 0..40)], 0..8),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = lines.join(&b'\n');
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check::any(&bytes);
    }
}
