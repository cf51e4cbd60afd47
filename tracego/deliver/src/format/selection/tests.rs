//! Tests of choices on values of JSON; `tests/tests/formats/selection.rs` has those on records.

use serde_json::{Value, json};

use super::*;

const FORMS: [RecordForm; 5] =
    [RecordForm::Native, RecordForm::Ecs, RecordForm::Ocsf, RecordForm::CloudEvents, RecordForm::Otlp];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn fields(form: RecordForm, of: &[&str]) -> Result<Selection, String> {
    Selection::new(FieldChoice::Fields(&names(of)), form)
}

fn drop(form: RecordForm, of: &[&str]) -> Result<Selection, String> {
    Selection::new(FieldChoice::Drop(&names(of)), form)
}

fn chosen(selection: &Selection, value: &Value) -> Value {
    serde_json::to_value(ChosenMembers(value, &selection.0)).unwrap()
}

fn record() -> Value {
    json!({
        "schema": "s", "event_name": "e", "timestamp": "t", "severity_number": 9, "log": { "record": { "uid": "u" } },
        "seq": 1, "host": { "name": "h" },
        "process": {
            "pid": 2, "parent_pid": 1, "creation": { "time": "c" }, "command": "x", "command_args": ["a", { "b": 1 }],
            "executable": { "path": "/x", "name": "x" }, "working_directory": "/", "interactive": false,
            "user": { "id": 0, "name": "root" }, "environment_variable": { "A.B": "1", "C": "2" },
        },
        "vcs": { "ref": { "head": { "revision": "r" } } },
        "k8s": { "pod": { "uid": "p" } },
        "tracego": {
            "exec_id": "i", "ref": { "stream": "s" }, "parent_exec_id": "p", "lineage": ["l"], "unit": "u",
            "completeness": {
                "truncated": ["t"], "redacted": 1,
                "bytes": { "process.command_args[1]": "YQ", "process.working_directory": "Yg" },
            },
            "sink_seq": 7,
        },
    })
}

/// Returns the members that every record keeps of [`record`].
fn kept() -> Value {
    json!({
        "schema": "s", "event_name": "e", "timestamp": "t", "log": { "record": { "uid": "u" } }, "seq": 1,
        "process": { "pid": 2, "parent_pid": 1, "creation": { "time": "c" }, "command": "x" },
        "tracego": {
            "exec_id": "i", "ref": { "stream": "s" }, "parent_exec_id": "p", "completeness": { "truncated": ["t"] },
            "sink_seq": 7, "selected": true,
        },
    })
}

/// Changes a value at a pointer; `Null` removes it.
fn changed(mut value: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, new) in changes {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        let members = value.pointer_mut(above).unwrap().as_object_mut().unwrap();
        match new {
            Value::Null => assert!(members.remove(name).is_some(), "{pointer}"),
            new => _ = members.insert(name.to_owned(), new.clone()),
        }
    }
    value
}

#[test]
fn fields_are_these_and_those_that_every_record_keeps() {
    let native = RecordForm::Native;
    for (of, more) in [
        (&[][..], vec![]),
        (
            &["process.command_args", "process.executable.path", "vcs"],
            vec![
                ("/process/command_args", json!(["a", { "b": 1 }])),
                ("/process/executable", json!({ "path": "/x" })),
                ("/vcs", json!({ "ref": { "head": { "revision": "r" } } })),
            ],
        ),
        // A value that is false is a value, and a name in which dots stand is one name.
        (
            &["process.interactive", "process.environment_variable.A.B", "vcs.ref.head.revision"],
            vec![
                ("/process/interactive", json!(false)),
                ("/process/environment_variable", json!({ "A.B": "1" })),
                ("/vcs", json!({ "ref": { "head": { "revision": "r" } } })),
            ],
        ),
        // What is not there adds nothing, and no empty object either.
        (&["container", "process.runtime.version", "vcs.ref.base", "tracego.exit.signal"], vec![]),
        // The outer name covers the inner one.
        (
            &["process.user.name", "process.user", "process.pid", "seq"],
            vec![("/process/user", json!({ "id": 0, "name": "root" }))],
        ),
        // Bytes are those of the texts that were chosen.
        (
            &["tracego.completeness", "process.command_args"],
            vec![
                ("/process/command_args", json!(["a", { "b": 1 }])),
                ("/tracego/completeness/redacted", json!(1)),
                ("/tracego/completeness/bytes", json!({ "process.command_args[1]": "YQ" })),
            ],
        ),
    ] {
        let selection = fields(native, of).unwrap();
        assert_eq!(chosen(&selection, &record()), changed(kept(), &more), "{of:?}");
    }
}

#[test]
fn drop_leaves_out_these_and_what_is_below_them() {
    let native = RecordForm::Native;
    let mark = ("/tracego/selected", json!(true));
    for (of, less) in [
        (&[][..], vec![]),
        (
            &["process.working_directory", "tracego.lineage", "k8s.pod.uid"],
            vec![
                ("/process/working_directory", Value::Null),
                ("/tracego/lineage", Value::Null),
                // No empty object is left of it.
                ("/k8s", Value::Null),
                ("/tracego/completeness/bytes/process.working_directory", Value::Null),
            ],
        ),
        (
            &["process.user.name", "process.command_args", "process.executable", "tracego.exit"],
            vec![
                ("/process/user/name", Value::Null),
                ("/process/command_args", Value::Null),
                ("/process/executable", Value::Null),
                ("/tracego/completeness/bytes/process.command_args[1]", Value::Null),
            ],
        ),
        (
            &["tracego.completeness.bytes", "host"],
            vec![("/tracego/completeness/bytes", Value::Null), ("/host", Value::Null)],
        ),
    ] {
        let selection = drop(native, of).unwrap();
        let wanted = changed(record(), &[&less[..], std::slice::from_ref(&mark)].concat());
        assert_eq!(chosen(&selection, &record()), wanted, "{of:?}");
    }
    // Of members that are named from above, what every record keeps stays.
    let of = ["process", "tracego", "vcs", "k8s", "host", "severity_number"];
    assert_eq!(chosen(&drop(native, &of).unwrap(), &record()), kept());
}

#[test]
fn the_order_of_members_stays() {
    #[derive(serde::Serialize)]
    struct Members {
        seq: u8,
        body: &'static str,
        event_name: &'static str,
        absent: Option<u8>,
        severity_text: &'static str,
    }
    let members = Members { seq: 1, body: "b", event_name: "e", absent: None, severity_text: "s" };
    let selection = drop(RecordForm::Native, &["body"]).unwrap();
    let text = serde_json::to_string(&ChosenMembers(&members, &selection.0)).unwrap();
    assert_eq!(text, r#"{"seq":1,"event_name":"e","absent":null,"severity_text":"s"}"#);
}

#[test]
fn a_name_that_no_record_has_is_refused_with_the_nearest() {
    for (form, name, wanted) in [
        (RecordForm::Native, "proces.pid", "no json record has 'proces.pid'; did you mean 'process'?"),
        (
            RecordForm::Native,
            "process.comand_args",
            "no json record has 'process.comand_args'; did you mean 'process.command_args'?",
        ),
        (RecordForm::Native, "process.command_args.0", "'process.command_args' can only be named as a whole"),
        (RecordForm::Native, "", "valid: "),
        (RecordForm::Native, "process.", "no json record has 'process.'"),
        (RecordForm::Native, "vcs.", "no json record has 'vcs.'"),
        (RecordForm::Native, "process.args", "no json record has 'process.args'"),
        (RecordForm::Native, "process.environment_variable.", "no json record has"),
        (RecordForm::CloudEvents, "data.vsc", "no cloudevents record has 'data.vsc'; did you mean 'vcs'?"),
        (RecordForm::CloudEvents, "data", "no cloudevents record has 'data'"),
        (RecordForm::Ecs, "process.arg", "did you mean 'process.args'?"),
        (RecordForm::Ecs, "process.command_args", "no ecs record has 'process.command_args'"),
        (RecordForm::Ecs, "tracego.lineag", "did you mean 'tracego.lineage'?"),
        (RecordForm::Ocsf, "process.cmdline", "did you mean 'process.cmd_line'?"),
        (RecordForm::Ocsf, "process.file.path", "'process.file' can only be named as a whole"),
        (RecordForm::Ocsf, "unmapped.tracego.unot", "did you mean 'unmapped.tracego.unit'?"),
        (RecordForm::Otlp, "bdy", "no otlp record has 'bdy'; did you mean 'body'?"),
        (RecordForm::Otlp, "event_name", "no otlp record has 'event_name'"),
    ] {
        for (made, key) in [(fields(form, &[name]), "fields"), (drop(form, &[name]), "drop")] {
            let error = made.map(|_| ()).expect_err(name);
            assert!(error.starts_with(&format!("{key}: ")) && error.contains(wanted), "{name}: {error}");
        }
    }
}

#[test]
fn what_every_record_keeps_cannot_be_dropped() {
    for form in FORMS {
        let permanent = permanent::paths(form).chain(permanent::envelope(form).map(str::to_owned));
        let more = match form {
            RecordForm::Native | RecordForm::Otlp => {
                vec!["log.record.uid", "tracego.ref.stream", "tracego.lost.ring"]
            }
            RecordForm::CloudEvents => vec!["data.seq", "data.tracego.exec_id", "source"],
            RecordForm::Ecs => vec!["event.id", "event", "ecs.version", "rule.id"],
            RecordForm::Ocsf => vec!["metadata.uid", "actor.process.pid"],
        };
        for name in permanent.chain(more.into_iter().map(str::to_owned)) {
            let error = drop(form, &[&name]).map(|_| ()).expect_err(&name);
            let wanted = format!("drop: '{name}' is in every {} record, and cannot be left out", form.name());
            assert_eq!(error, wanted);
            assert!(fields(form, &[&name]).is_ok() || name.contains('.'), "{name}");
        }
    }
}

#[test]
fn either_the_fields_are_named_or_those_to_drop() {
    let names = names(&["vcs"]);
    assert_eq!(FieldChoice::of(None, None), Ok(None));
    assert_eq!(FieldChoice::of(Some(&names), None), Ok(Some(FieldChoice::Fields(&names))));
    assert_eq!(FieldChoice::of(None, Some(&names)), Ok(Some(FieldChoice::Drop(&names))));
    let error = FieldChoice::of(Some(&names), Some(&names)).unwrap_err();
    assert!(error.starts_with("fields: cannot be combined with drop"), "{error}");
}

#[test]
fn bytes_of_texts_have_no_names_in_other_forms_and_are_dropped_there() {
    let value =
        json!({ "tracego": { "unit": "u", "completeness": { "bytes": { "x": "YQ" }, "redacted": 1 } } });
    let chosen = chosen(&drop(RecordForm::Ecs, &["process.args"]).unwrap(), &value);
    assert_eq!(chosen, json!({ "tracego": { "unit": "u", "completeness": { "redacted": 1 } } }));
}
