//! The choice of the members that an output writes, with the program itself.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tracego_deliver::detail::expansion::Expander;
use tracego_tests::{records, tracego};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// Replays a capture with starts and ends.
fn replay(options: &[&str], capture: &str) -> Output {
    let mut command = Command::new(tracego());
    command.args(["replay", "-e", "execve,exit,fork", "--log", "error"]).args(options).arg(golden(capture));
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Replays a capture, and returns the records on standard output.
fn replayed(options: &[&str], capture: &str) -> Vec<Value> {
    let output = replay(options, capture);
    assert!(output.status.success(), "{}", stderr(&output));
    records(std::str::from_utf8(&output.stdout).unwrap())
}

fn is_of_process(record: &Value) -> bool {
    let name = record["event_name"].as_str().unwrap();
    ["start", "exit", "fork", "exec_failed"].iter().any(|kind| name == format!("tracego.process.{kind}"))
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// Compares chosen records with whole ones: all that are whole are the same, and the others have these members.
fn assert_chosen(chosen: &[Value], whole: &[Value], expected: impl Fn(&Value) -> Value) {
    assert_eq!(chosen.len(), whole.len());
    let mut counts = (0, 0);
    for (chosen, whole) in chosen.iter().zip(whole) {
        let own = &whole["tracego"];
        if is_of_process(whole) && own.get("findings").is_none() {
            assert_eq!(*chosen, expected(whole));
            counts.0 += 1;
        } else {
            assert_eq!(chosen, whole);
            counts.1 += usize::from(own.get("findings").is_some());
        }
    }
    assert!(counts.0 > 2, "{counts:?}");
}

/// Returns what `--fields process.command_args,process.exit.code,vcs` leaves of a record.
fn some_fields(whole: &Value) -> Value {
    let names = |from: &Value, names: &[&str]| {
        let there = names.iter().filter_map(|name| Some(((*name).to_owned(), from.get(*name)?.clone())));
        Value::Object(there.collect())
    };
    let mut record = names(whole, &["schema", "event_name", "timestamp", "log", "seq", "vcs"]);
    record["process"] =
        names(&whole["process"], &["pid", "parent_pid", "creation", "command", "command_args"]);
    if let Some(code) = whole["process"]["exit"].get("code") {
        record["process"]["exit"] = json!({ "code": code });
    }
    let own = &whole["tracego"];
    record["tracego"] = names(own, &["exec_id", "ref", "parent_exec_id", "in_tree", "sink_seq"]);
    let completeness = names(&own["completeness"], &["truncated", "unavailable"]);
    if !members(&completeness).is_empty() {
        record["tracego"]["completeness"] = completeness;
    }
    record["tracego"]["selected"] = true.into();
    record
}

/// Makes records of two runs comparable: those of tracego itself have other ids in each.
fn same_run(mut records: Vec<Value>) -> Vec<Value> {
    for record in &mut records {
        if !is_of_process(record) {
            record["log"] = Value::Null;
        }
    }
    records
}

#[test]
fn the_direct_output_writes_the_members_that_it_was_told_to() {
    let names = "process.command_args,process.exit.code,vcs";
    for capture in ["job.capture", "go.capture", "failed.capture", "arguments.capture"] {
        for detail in ["lean", "full"] {
            let detail = ["--env", "GIT_COMMIT=abc123f", "--detail", detail];
            let with = |more: &[&str]| same_run(replayed(&[&detail[..], more].concat(), capture));
            let whole = with(&[]);
            assert_chosen(&with(&["--fields", names]), &whole, some_fields);
            let dropped = with(&["--drop", "process.working_directory,tracego.lineage,process.user.name"]);
            assert_chosen(&dropped, &whole, |whole| {
                let mut record = whole.clone();
                record["tracego"].as_object_mut().unwrap().remove("lineage");
                let process = record["process"].as_object_mut().unwrap();
                process.remove("working_directory");
                if let Some(user) = process.get_mut("user") {
                    user.as_object_mut().unwrap().remove("name");
                }
                record["tracego"]["selected"] = true.into();
                record
            });
        }
    }
}

#[test]
fn a_variable_and_the_configuration_choose_alike() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["process.command_args", "process.exit.code", "vcs"];
    let config = dir.path().join("toml");
    fs::write(&config, format!("fields = {names:?}\n")).unwrap();
    let option = same_run(replayed(&["--fields", &names.join(",")], "job.capture"));
    let file = same_run(replayed(&["--config", config.to_str().unwrap()], "job.capture"));
    let mut command = Command::new(tracego());
    command.args(["replay", "-e", "execve,exit,fork"]).arg(golden("job.capture"));
    let output = command.env("TRACEGO_FIELDS", names.join(",")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let variable = same_run(records(std::str::from_utf8(&output.stdout).unwrap()));
    assert_eq!(option, file);
    assert_eq!(option, variable);
    assert!(option.iter().any(|record| record["tracego"]["selected"] == true));
    // The command line overrides the file.
    let other = replayed(&["--config", config.to_str().unwrap(), "--fields", "body"], "job.capture");
    let other = other.iter().filter(|record| record["tracego"].get("selected").is_some());
    assert!(other.clone().count() > 2 && other.into_iter().all(|record| record.get("vcs").is_none()));
}

#[test]
fn each_format_has_names_of_its_own() {
    for (format, names, there, gone) in [
        ("ecs", "process.args", "/process/args", "/process/executable"),
        ("ocsf", "process.cmd_line", "/process/cmd_line", "/process/path"),
        ("cloudevents", "process.command_args", "/data/process/command_args", "/data/process/executable"),
        ("cloudevents", "data.process.command_args", "/data/process/command_args", "/data/host"),
    ] {
        let read = |option: &str| {
            let output = replay(&["--format", format, option, names], "arguments.capture");
            assert!(output.status.success(), "{}", stderr(&output));
            let text = String::from_utf8(output.stdout).unwrap();
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
        };
        let has = |all: &[Value], pointer: &str| {
            all.iter().filter(|event| event.pointer(pointer).is_some()).count()
        };
        let (fields, drop) = (read("--fields"), read("--drop"));
        assert!(has(&fields, there) > 2 && has(&drop, there) == 0, "{format}");
        assert!(has(&fields, gone) < has(&drop, gone), "{format}");
    }
    let keys = |options: &[&str]| {
        let text = String::from_utf8(replay(options, "arguments.capture").stdout).unwrap();
        let starts = text.lines().filter(|line| line.contains("\"tracego.process.start\""));
        let (key, body) = ("\"key\":\"process.command_args\"", "\"body\":");
        let has =
            |line: &str| (line.contains(key), line.contains(body), line.contains("\"key\":\"host.name\""));
        starts.map(has).collect::<BTreeSet<_>>()
    };
    let otlp = ["--format", "otlp-json"];
    assert_eq!(
        keys(&[&otlp[..], &["--fields", "process.command_args"]].concat()),
        [(true, false, true)].into()
    );
    assert_eq!(
        keys(&[&otlp[..], &["--drop", "process.command_args"]].concat()),
        [(false, true, true)].into()
    );
}

#[test]
fn sinks_choose_each_for_itself_behind_filters_that_see_the_whole_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let sink = |name: &str, more: &str| {
        format!("[[sinks]]\nname = {name:?}\ntype = \"file\"\npath = {:?}\n{more}\n", path(name))
    };
    let config = [
        sink("whole", ""),
        sink("some", "fields = [\"process.command_args\", \"process.exit.code\", \"vcs\"]"),
        sink(
            "none",
            "fields = []\nwhere = \"process.executable.path.endsWith('dash')\"\nevents = [\"tracego.process.start\"]",
        ),
        sink("ecs", "format = \"ecs\"\ndetail = \"full\"\ndrop = [\"message\", \"process.command_line\"]"),
    ];
    fs::write(path("toml"), config.concat()).unwrap();
    let output = replay(&["--config", path("toml").to_str().unwrap()], "job.capture");
    assert!(output.status.success() && output.stdout.is_empty(), "{}", stderr(&output));
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    let (whole, some) = (records(&read("whole")), records(&read("some")));
    assert_chosen(&some, &whole, some_fields);
    let numbers = |records: &[Value]| -> Vec<u64> {
        records.iter().map(|record| record["tracego"]["sink_seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&some), (1..=some.len() as u64).collect::<Vec<_>>());
    let none = records(&read("none"));
    let starts = none.iter().filter(|record| is_of_process(record)).collect::<Vec<_>>();
    assert!(starts.len() > 1, "{none:?}");
    for start in starts {
        assert!(members(&start["process"]).is_subset(&["pid", "parent_pid", "creation", "command"].into()));
    }
    let ecs = read("ecs");
    assert!(ecs.contains("\"args\":[") && ecs.contains("\"working_directory\":"));
    let of_processes = ecs
        .lines()
        .filter(|line| line.contains("\"code\":\"tracego.process.") && !line.contains("\"findings\":"));
    assert!(of_processes.clone().count() > 5);
    // That of the parent has a name of its own.
    assert!(
        of_processes.map(|line| serde_json::from_str::<Value>(line).unwrap()).all(|event| {
            event.get("message").is_none() && event.pointer("/process/command_line").is_none()
        })
    );
}

/// Returns the records that wait in the folder of a sink of OTLP, by the text of their encoding.
fn drained(folder: &Path) -> Vec<String> {
    let drained = Command::new(tracego()).args(["spool", "drain"]).arg(folder).output().unwrap();
    assert!(drained.status.success(), "{}", stderr(&drained));
    String::from_utf8_lossy(&drained.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn an_otlp_sink_chooses_attributes() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // Nothing listens there, so the records stay in the spool.
    let sink = "[[sinks]]\ntype = \"otlp\"\nendpoint = \"http://127.0.0.1:9\"\nprotocol = \"http/json\"\n\
                drain = \"10ms\"\nfields = [\"process.command_args\"]\n";
    fs::write(path("toml"), sink).unwrap();
    let spool = |name: &str| path(name).to_str().unwrap().to_owned();
    let (of_sink, of_option) = (spool("sink"), spool("option"));
    let config = spool("toml");
    replay(&["--config", &config, "--spool-dir", &of_sink], "arguments.capture");
    let endpoint = ["--output", "otlp", "--otlp-endpoint", "http://127.0.0.1:9"];
    let option = ["--fields", "process.command_args", "--spool-dir", &of_option];
    replay(&[&endpoint[..], &option].concat(), "arguments.capture");
    for folder in [of_sink, of_option] {
        let lines = drained(&Path::new(&folder).join("otlp"));
        let starts: Vec<_> = lines.iter().filter(|line| line.contains("tracego.process.start")).collect();
        assert!(starts.len() > 5, "{}", lines.len());
        for start in starts {
            let has = |name: &str| start.contains(name);
            assert!(has("process.command_args") && has("process.pid") && has("tracego.sink_seq"), "{start}");
            assert!(!has("process.executable") && !has("tracego.lineage") && !has("\"body\":{"), "{start}");
        }
    }
}

#[test]
fn a_choice_that_cannot_be_made_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("sink"), format!("[[sinks]]\ntype = \"file\"\npath = {:?}\n", path("log"))).unwrap();
    fs::write(path("drop"), "drop = [\"body\"]\n").unwrap();
    let (log, sink, other) = (path("log"), path("sink"), path("drop"));
    for (options, wanted) in [
        (&["--fields", "vcs", "--drop", "body"][..], "--fields: cannot be combined with drop"),
        (&["--config", &other, "--fields", "vcs"], "--fields: cannot be combined with drop"),
        (&["--fields", "proces.pid"], "--fields: no json record has 'proces.pid'; did you mean 'process'?"),
        (&["--format", "ecs", "--drop", "process.arg"], "--drop: no ecs record has 'process.arg'"),
        (&["--drop", "log.record.uid"], "--drop: 'log.record.uid' is in every json record"),
        (&["--format", "cef", "--fields", "vcs"], "--fields: text and cef have fields of their own"),
        (
            &["--output", "text", "--drop", "body"],
            "--drop: text and cef have fields of their own; add --format json",
        ),
        (&["--seal", "--output-file", &log, "--drop", "body"], "--drop: a sealed log has whole records"),
        (&["--config", &sink, "--drop", "body"], "--drop: chooses the members that standard output"),
        (&["--output", "otlp", "--drop", "event_name"], "--drop: no otlp record has 'event_name'"),
        (
            &["--output", "otlp", "--drop", "body", "--fields", "vcs"],
            "--fields: cannot be combined with drop",
        ),
    ] {
        let output = replay(options, "job.capture");
        assert_eq!(output.status.code(), Some(2), "{options:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{options:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let capture = Command::new(tracego()).args(["capture", "--fields", "vcs", &log]).output().unwrap();
    assert_eq!(capture.status.code(), Some(2));
    assert!(
        stderr(&capture).contains("--fields has no effect: capture writes events"),
        "{}",
        stderr(&capture)
    );
    for (text, wanted) in [
        ("fields = [\"vcs\"]\ndrop = [\"body\"]\n", ": --fields: cannot be combined with drop"),
        ("fields = []\n", ":1: fields: is an empty list"),
        ("format = \"ocsf\"\ndrop = [\"time\"]\n", ": --drop: 'time' is in every ocsf record"),
        (
            "[[sinks]]\ntype = \"journald\"\nfields = [\"vcs\"]\n",
            ":3: sinks journald: fields: journald has fields",
        ),
        (
            "[[sinks]]\ntype = \"stdout\"\n\ndrop = [\"process.comand_args\"]\n",
            ":4: sinks stdout: drop: no json record has 'process.comand_args'; did you mean 'process.command_args'?",
        ),
    ] {
        fs::write(path("toml"), text).unwrap();
        let check = Command::new(tracego()).args(["config", "check", &path("toml")]).output().unwrap();
        let said = stderr(&check) + &String::from_utf8_lossy(&check.stdout);
        assert!(!check.status.success() && said.contains(&format!("toml{wanted}")), "{text}: {said}");
    }
}

#[test]
fn policies_are_not_asked_about_a_record_that_lacks_members() {
    let chosen = replayed(&["--drop", "process.interactive"], "job.capture");
    let mut expander = Expander::default();
    let mut refused = 0;
    for mut record in chosen {
        let before = record.clone();
        let is_selected = record["tracego"].get("selected").is_some();
        let done = expander.expand(&mut record);
        assert_eq!(done.is_err(), is_selected, "{record}");
        assert_eq!(record, before);
        refused += usize::from(is_selected);
        assert!(done.is_ok_and(|()| true) || is_selected);
    }
    assert!(refused > 5, "{refused}");
}
