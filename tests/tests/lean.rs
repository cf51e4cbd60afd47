//! Lean records say what full ones say: expanded, they are equal.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path, sync::Arc};

use proptest::{prelude::*, sample::Index, test_runner::Config};
use serde_json::{Map, Value};
use tracego::pipeline::{Consumer as _, Pipeline};
use tracego_analyze::{rules::settings::RuleSettings, rules_stage::RulesStage};
use tracego_common::TaskId;
use tracego_deliver::{
    detail::{Detail, expansion::Expander},
    sink::{
        direct::{DirectFormat, DirectOutput},
        outputs::Outputs,
    },
};
use tracego_model::{
    capture::CaptureReader,
    clock::Time,
    linux::users::User,
    record::{
        Completeness, Executable, Own, Record, event_name,
        go::Go,
        lineage::{Line, Lineage},
        parent::ParentProcess,
    },
};
use tracego_tests::{Memory, records, samples};

fn output(memory: &Memory, detail: Detail) -> DirectOutput {
    DirectOutput::new(Box::new(memory.clone()), DirectFormat::JSON).detailed(detail, false)
}

/// Replays a capture with all kinds of records. Returns the records.
fn replay(path: &Path, detail: Detail) -> Vec<Value> {
    let bytes = fs::read(path).unwrap();
    let mut reader = CaptureReader::new(&bytes[..]).unwrap();
    let memory = Memory::default();
    let judge = RulesStage::new(RuleSettings::default());
    let mut pipeline = Pipeline::new(reader.meta(), u32::MAX, Some(judge), output(&memory, detail));
    while let Some(input) = reader.next_input().unwrap() {
        pipeline.take(input).unwrap();
    }
    drop(pipeline);
    records(&memory.text())
}

/// Checks that lean records, expanded, are the full ones. Returns the number of those that were lean, and of those that
/// got the command line of their parent back.
fn assert_expanded(lean: Vec<Value>, full: Vec<Value>) -> (usize, usize) {
    let mut expander = Expander::default();
    let (mut count, mut parents, mut full) = (0, 0, full.into_iter());
    for mut record in lean {
        let before = record.clone();
        expander.expand(&mut record).unwrap_or_else(|missing| panic!("{missing}: {before:#}"));
        if event_name::REFERENCES.contains(&record["event_name"].as_str().unwrap()) {
            continue;
        }
        count += usize::from(before != record);
        let mut wanted = full.next().unwrap();
        if record.get("observed_timestamp").is_none() {
            member(&mut wanted).remove("observed_timestamp");
        }
        match record.pointer("/tracego/parent") {
            // It comes back if the start of the parent was written.
            None => drop(member(&mut wanted["tracego"]).remove("parent")),
            Some(_) => parents += usize::from(before != record),
        }
        for record in [&mut record, &mut wanted] {
            member(record).remove("seq");
        }
        let differences = differences("", &record, &wanted);
        assert!(differences.is_empty(), "{differences:#?}\nlean: {before}");
    }
    assert_eq!(full.next(), None);
    (count, parents)
}

fn member(record: &mut Value) -> &mut Map<String, Value> {
    record.as_object_mut().unwrap()
}

/// Returns the members that differ, each with the value that came back and the one of the full record.
fn differences(name: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let mut names: Vec<_> = left.keys().chain(right.keys()).collect();
            names.sort();
            names.dedup();
            let below = |part: &String| {
                let (left, right) = (left.get(part), right.get(part));
                match (left, right) {
                    (Some(left), Some(right)) => differences(&format!("{name}.{part}"), left, right),
                    _ => vec![format!("{name}.{part}: {left:?} instead of {right:?}")],
                }
            };
            names.into_iter().flat_map(below).collect()
        }
        _ if one == other => Vec::new(),
        _ => vec![format!("{name}: {one} instead of {other}")],
    }
}

#[test]
fn nothing_of_a_capture_is_lost() {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
    let (mut count, mut parents) = (0, 0);
    for path in all.map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "capture") {
            let (lean, known) = assert_expanded(replay(&path, Detail::Lean), replay(&path, Detail::Full));
            (count, parents) = (count + lean, parents + known);
        }
    }
    assert!(count > 40, "{count} lean records");
    assert!(parents > 10, "{parents} starts with the command line of their parent");
}

/// A change of a process, and the shape of its record.
#[derive(Clone, Debug)]
struct Step {
    /// Index of one of the running processes.
    process: Index,
    kind: u8,
    /// The program of an exec.
    program: usize,
    /// Whether the record is written.
    is_written: bool,
    /// Members that are there or not, each decided by a bit.
    shape: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<Index>(), 0..6_u8, 0..4_usize, prop::bool::weighted(0.8), any::<u64>());
    let step = step.prop_map(|(process, kind, program, is_written, shape)| Step {
        process,
        kind,
        program,
        is_written,
        shape,
    });
    prop::collection::vec(step, 1..60)
}

/// The running processes, as the enricher knows them.
struct Machine {
    lines: Vec<Arc<Line>>,
    next: u32,
}

const PROGRAMS: [&str; 4] = ["/usr/bin/make", "/opt/a-name-of-many-letters", "", "/bin/sh"];
const BOOT: &str = "b0071d00-1111-4222-8333-444455556666";

impl Machine {
    fn line(&mut self, program: usize, up: Option<Arc<Line>>) -> Arc<Line> {
        self.next += 1;
        let id = TaskId { tgid: self.next, start_boottime: u64::from(self.next) << 20, ..TaskId::default() };
        Line::below(up, Line { id, created: Time(i64::from(self.next) << 20), ..changed(program) })
    }

    /// Takes a step. Returns its record.
    fn take(&mut self, step: &Step) -> Option<Record> {
        let at = step.process.index(self.lines.len());
        let before = Arc::clone(&self.lines[at]);
        let (kind, line) = match step.kind {
            0 | 1 => {
                let args = before.args.clone();
                let mut child = self.line(step.program, Some(before));
                Arc::make_mut(&mut child).args = args;
                self.lines.push(Arc::clone(&child));
                (event_name::FORK, child)
            }
            2 | 3 => {
                let (id, created) = (before.id, before.created);
                self.lines[at] =
                    Line::below(before.up.clone(), Line { id, created, ..changed(step.program) });
                (event_name::START, Arc::clone(&self.lines[at]))
            }
            4 if self.lines.len() > 1 => {
                self.lines.remove(at);
                (event_name::EXIT, before)
            }
            _ => (event_name::EXEC_FAILED, before),
        };
        let record = shaped(kind, &line, step.shape);
        step.is_written.then_some(record)
    }
}

fn changed(program: usize) -> Line {
    let executable = PROGRAMS[program].to_owned();
    let name = executable.rsplit('/').next().unwrap();
    let command = name.chars().take(15).collect();
    Line { command, executable: executable.into(), ..Line::default() }
}

/// Sets the command lines of a process and of its parent, as the redaction does.
fn show_parent(kind: &str, line: &Line, own: &mut Own, args: Option<&[String]>) {
    own.parent = None;
    if ![event_name::START, event_name::FORK].contains(&kind) {
        return;
    }
    own.shown_args = Some(line.args.clone());
    if kind == event_name::START {
        let is_cut = [&own.completeness.truncated, &own.completeness.unavailable]
            .iter()
            .any(|names| names.contains(&"process.command_args"));
        line.args.set(args.unwrap_or_default(), is_cut);
        let args = line.up.as_ref().and_then(|up| up.args.get());
        own.parent = args.map(|args| ParentProcess { command_args: Arc::clone(args) });
    }
}

/// Makes a record of a process from a sample; each bit of the shape changes a member.
fn shaped(kind: &'static str, line: &Arc<Line>, shape: u64) -> Record {
    let sample = |record: &Record| {
        let findings = &record.tracego.findings;
        record.event_name == kind && (findings.is_empty() || (shape & 7 == 0 && findings.len() == 1))
    };
    let mut record = samples::synthetic().into_iter().rfind(|record| {
        sample(record) && record.tracego.policy.is_none() && record.tracego.enforcement.is_none()
    });
    let record = record.as_mut().unwrap();
    let mut bits = shape >> 3;
    let mut bit = || {
        bits = bits.rotate_right(1);
        bits & 1 == 1
    };
    let own = &mut *record.tracego;
    let process = record.process.as_mut().unwrap();
    own.boot_id = BOOT.into();
    own.exec_id = Some(tracego_model::record::exec_id(BOOT, line.id));
    own.ancestors = line.up.clone().map(|up| Lineage(Some(up)));
    own.reparented = bit();
    process.pid = line.id.tgid;
    let up = line.up.as_ref().map_or(0, |up| up.id.tgid);
    process.parent_pid = if own.reparented { 1 } else { up };
    process.creation.time = line.created;
    process.command = if bit() { line.command.clone() } else { "renamed".to_owned() };
    let build_id = process.executable.as_ref().and_then(|file| file.build_id.clone());
    let is_there = !line.executable.is_empty();
    process.executable = is_there.then(|| Executable {
        path: line.executable.to_string(),
        name: line.executable.rsplit('/').next().unwrap().to_owned(),
        build_id: build_id.filter(|_| own.executable.is_some()),
        elsewhere: false,
    });
    own.executable = own.executable.take().filter(|_| is_there);
    own.in_tree = bit();
    let user = |id| Some(User { id, name: (id == 0).then(|| "root".into()) });
    process.real_user = user(u32::from(bit()));
    if bit() {
        (record.context, own.job) = (None, None);
    }
    if bit() {
        own.completeness = Completeness::default();
    }
    if let Some(exit) = &mut process.exit {
        if bit() {
            exit.time = record.timestamp;
        }
        if bit()
            && let Some(facts) = &mut own.exit
        {
            facts.signal = None;
            record.body = format!("{} ended with {}", process.command, exit.code);
        }
    }
    if kind == event_name::FORK && bit() {
        record.body = format!("fork {} by {}", process.pid, process.parent_pid);
    }
    if let Some(args) = &mut process.command_args {
        if bit() {
            args.truncate(usize::from(bit()));
        }
        let bytes: usize = args.iter().map(|arg| arg.len() + 1).sum();
        let count = u32::try_from(args.len()).unwrap();
        let exec = own.exec.as_mut().unwrap();
        if bit() {
            (process.args_count, exec.args_bytes) = (Some(count), u32::try_from(bytes).ok());
            record.body = tracego_model::text::one_line(args);
        }
        if bit() {
            line.executable.as_ref().clone_into(&mut exec.filename);
        }
        if bit() {
            process.command_args = Some(Vec::new()).filter(|_| bit());
            own.completeness.unavailable.push("process.command_args");
        }
    }
    show_parent(kind, line, own, process.command_args.as_deref());
    if kind != event_name::START {
        return record.clone();
    }
    process.vpid = [None, Some(process.pid), Some(7)][usize::from(bit()) + usize::from(bit())];
    process.user = user(u32::from(bit()));
    process.saved_user = process.real_user.clone();
    if bit() {
        (process.user, process.saved_user, own.capability) = (None, None, None);
        process.real_user = process.real_user.take().filter(|_| bit());
    }
    process.interactive = [None, Some(false), Some(true)][usize::from(bit()) + usize::from(bit())];
    if bit() {
        own.completeness.unavailable.push("tracego.tty");
    }
    if bit() {
        process.args_count = None;
        if bit() {
            own.completeness.unavailable.push("process.args_count");
        }
    }
    if bit() {
        process.environment_variable = None;
    }
    if bit() {
        process.linux = None;
    }
    if bit() {
        own.rlimit = None;
    }
    if bit() {
        own.go = None;
    } else if let Some(go) = &mut own.go
        && bit()
    {
        **go = Go { build: go.build.take(), ..Go::default() };
    }
    if bit() {
        process.runtime = None;
    }
    if bit() {
        own.exec.as_mut().unwrap().filename.clear();
        if bit() {
            own.completeness.unavailable.push("tracego.exec.filename");
        }
    }
    record.clone()
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    /// Records of processes that fork, start programs and end, of which an output gets some and in odd shapes.
    #[test]
    fn nothing_of_odd_records_is_lost(steps in steps()) {
        let mut machine = Machine { lines: Vec::new(), next: 0 };
        let first = machine.line(0, None);
        machine.lines.push(first);
        let (lean, full) = (Memory::default(), Memory::default());
        let mut outputs = [Detail::Lean, Detail::Full].map(|detail| {
            let memory = if detail == Detail::Lean { &lean } else { &full };
            Outputs::from(output(memory, detail)).asked(["GIT_COMMIT".to_owned()].into())
        });
        for (n, step) in (0..).zip(&steps) {
            let Some(mut record) = machine.take(step) else { continue };
            // Hours pass.
            let later = n * 300_000_000_000;
            record.timestamp.0 += later;
            record.observed_timestamp.0 += later + i64::from(step.program == 1) * 1_000_000_000;
            if let Some(exit) = record.process.as_mut().and_then(|process| process.exit.as_mut()) {
                exit.time.0 += later;
            }
            for outputs in &mut outputs {
                outputs.push(&mut record.clone(), true).unwrap();
            }
        }
        outputs.iter_mut().for_each(|outputs| drop(outputs.flush()));
        assert_expanded(records(&lean.text()), records(&full.text()));
    }
}

#[test]
fn a_reference_that_is_missing_is_named() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/job.capture");
    let records = replay(&path, Detail::Lean);
    let is = |record: &Value, name: &str| record["event_name"] == name;
    let mut start = records.iter().find(|record| is(record, event_name::START)).unwrap().clone();
    let before = start.clone();
    let missing = Expander::default().expand(&mut start).unwrap_err();
    assert_eq!(start, before);
    let references = start["tracego"]["ref"].as_object().unwrap();
    for (kind, id) in references {
        assert!(missing.0.contains(&format!("tracego.{kind} {}", id.as_str().unwrap())), "{missing}");
    }
    let parent = start["tracego"]["parent_exec_id"].as_str().unwrap();
    assert!(missing.0.contains(&format!("tracego.process {parent}")), "{missing}");
    assert_eq!(missing.0.len(), references.len() + 1);
    // The process of a start whose references are missing is known to its exit all the same.
    let mut expander = Expander::default();
    let mut named = Vec::new();
    for mut record in records {
        if is(&record, event_name::CONFINEMENT) {
            continue;
        }
        if let Err(missing) = expander.expand(&mut record) {
            assert!(is(&record, event_name::START), "{missing}: {record}");
            named.extend(missing.0);
        }
    }
    assert!(
        !named.is_empty() && named.iter().all(|name| name.starts_with("tracego.confinement ")),
        "{named:?}"
    );
}

#[test]
fn the_schema_refuses_a_record_that_lacks_what_it_must_have() {
    let schema = include_str!("../../tracego/schema/record.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let (lean, full) = (replay(&path, Detail::Lean), replay(&path, Detail::Full));
    let first = |records: &[Value], name: &str| {
        let is_lean = |record: &&Value| record["tracego"].get("boot_id").is_none();
        let mut found = records.iter().filter(|record| record["event_name"] == name);
        found.clone().find(is_lean).or_else(|| found.next()).unwrap_or_else(|| panic!("{name}")).clone()
    };
    let (start, exit) = (first(&lean, event_name::START), first(&lean, event_name::EXIT));
    let needed: [(Value, &[&str]); 8] = [
        (
            first(&full, event_name::START),
            &[
                "/schema_url",
                "/observed_timestamp",
                "/body",
                "/service",
                "/tracego/boot_id",
                "/process/command",
            ],
        ),
        (
            start,
            &[
                "/schema",
                "/timestamp",
                "/host",
                "/process/pid",
                "/process/creation",
                "/process/parent_pid",
                "/tracego/exec_id",
                "/tracego/ref",
                "/tracego/ref/stream",
                "/tracego/exec",
            ],
        ),
        (exit, &["/process/command", "/process/exit", "/tracego/exit", "/tracego/exec_id", "/tracego/ref"]),
        (first(&lean, event_name::STREAM), &["/service", "/tracego/boot_id", "/tracego/ref/stream"]),
        (first(&lean, event_name::JOB), &["/tracego/ref/job", "/tracego/ref"]),
        (first(&lean, event_name::IMAGE), &["/tracego/executable", "/tracego/ref/image"]),
        (first(&lean, event_name::CONFINEMENT), &["/tracego/ref/confinement"]),
        (first(&lean, event_name::PROCESS), &["/tracego/exec_id", "/process", "/process/creation"]),
    ];
    for (record, names) in needed {
        assert!(schema.is_valid(&record), "{record}");
        for name in names {
            let (above, last) = name.rsplit_once('/').unwrap();
            let mut without = record.clone();
            let gone = member(without.pointer_mut(above).unwrap()).remove(last);
            assert!(gone.is_some(), "{name} in {record}");
            assert!(!schema.is_valid(&without), "without {name}: {without}");
        }
    }
}
