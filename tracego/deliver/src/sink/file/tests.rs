//! Files of lean records: each is complete by itself, whatever ended the one before.

use std::{
    collections::HashSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tracego_common::TaskId;
use tracego_model::{
    clock::Time,
    meta::Meta,
    record::{
        At, Executable, Exit, ExitFacts, Process, Record, event_name, exec_id,
        job::Context,
        lineage::{Line, Lineage},
        linux::ExecCall,
        tree::Tree,
    },
    units::{Bytes, Span},
};

use super::{FileSettings, FileTransport, rotated_name};
use crate::{
    detail::Detail,
    seal::verify::{Lines, Options, verify},
    sink::{
        direct::{DirectFormat, DirectOutput},
        lifecycle::Sinks,
        outputs::Outputs,
        queue::tests::{LONG, records},
        settings::{SinkSettings, check_all, read},
    },
};

const BOOT: &str = "b0071d00-1111-4222-8333-444455556666";

/// A text that imitates the record of a job.
const IMITATION: &str = "\n{\"schema\":\"tracego/2\",\"schema_url\":\"https://opentelemetry.io/schemas/1.44.0\",\
    \"event_name\":\"tracego.job\",\"seq\":1,\"tracego\":{\"ref\":{\"job\":\"0\"}}}\n";

fn id(pid: u32) -> TaskId {
    TaskId { tgid: pid, start_boottime: u64::from(pid) * 1_000, ..TaskId::default() }
}

/// Returns the starts and ends of processes of three jobs. All are below a shell that ran before; each tenth process is
/// the parent of the next nine, and those end much later.
fn full(count: u32) -> Vec<Record> {
    let base = records(1).remove(0);
    let shell = Line { id: id(1), command: "shell".to_owned(), ..Line::default() };
    let shell = Line::below(None, shell);
    let jobs: Vec<Arc<Context>> = (0..3)
        .map(|n| {
            let cicd = Tree::new(vec![("pipeline.run.id", format!("run-{n}"))]);
            Arc::new(Context { cicd, vcs: Tree::new(vec![("ref.head.revision", "abc".to_owned())]) })
        })
        .collect();
    let mut all = Vec::new();
    let mut up = Arc::clone(&shell);
    for n in 0..count {
        let pid = 100 + n;
        let record = |event_name, up: &Arc<Line>| {
            let mut record = Record { event_name, ..base.clone() };
            record.process = Some(Box::new(Process {
                pid,
                parent_pid: up.id.tgid,
                creation: At { time: Time(i64::from(pid)) },
                command: "tool".to_owned(),
                executable: Some(Executable {
                    path: "/usr/bin/tool".to_owned(),
                    name: "tool".to_owned(),
                    build_id: None,
                    elsewhere: false,
                }),
                command_args: Some(vec!["tool".to_owned(), IMITATION.to_owned(), n.to_string()]),
                args_count: Some(3),
                vpid: Some(pid),
                interactive: Some(false),
                ..Process::default()
            }));
            record.context = Some(Arc::clone(&jobs[n as usize % 3]));
            record.tracego.boot_id = BOOT.into();
            let filename = "/usr/bin/tool".to_owned();
            record.tracego.exec = Some(ExecCall { filename, args_bytes: Some(9), ..ExecCall::default() });
            record.tracego.exec_id = Some(exec_id(BOOT, id(pid)));
            record.tracego.ancestors = Some(Lineage(Some(Arc::clone(up))));
            record.log.record.uid = format!("01M8MR4GW{pid:0>17}");
            record
        };
        if n % 10 == 0 {
            up = Arc::clone(&shell);
        }
        all.push(record(event_name::START, &up));
        let mut exit = record(event_name::EXIT, &up);
        if let Some(process) = &mut exit.process {
            process.command_args = None;
            process.exit = Some(Exit { code: 0, time: Time(1) });
        }
        exit.tracego.exit =
            Some(ExitFacts { signal: None, core_dumped: false, run_time_ns: 1, max_rss_bytes: 1 });
        if n % 10 == 0 {
            let executable = "/usr/bin/tool".to_owned();
            let created = Time(i64::from(pid));
            let line = Line {
                id: id(pid),
                created,
                command: "tool".to_owned(),
                executable: executable.into(),
                ..Line::default()
            };
            up = Line::below(Some(Arc::clone(&shell)), line);
        }
        all.push(exit);
    }
    // The ends come long after the starts.
    all.sort_by_key(|record| {
        let pid = record.process.as_ref().map_or(0, |process| process.pid);
        if record.event_name == event_name::EXIT { pid + count / 3 } else { pid }
    });
    all
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the lean lines of the records, as one output gets them that nobody rotates.
fn lines(count: u32) -> Vec<Vec<u8>> {
    let memory = Memory::default();
    let direct =
        DirectOutput::new(Box::new(memory.clone()), DirectFormat::JSON).detailed(Detail::Lean, false);
    let mut outputs = Outputs::from(direct);
    for mut record in full(count) {
        outputs.push(&mut record, true).unwrap();
    }
    outputs.flush();
    let text = memory.0.lock().unwrap().clone();
    text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Checks that each lean record of a text has what it refers to ahead of it. Returns the ids of all starts and ends.
fn complete(text: &str) -> Vec<String> {
    let mut there = HashSet::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let own = &record["tracego"];
        let name = record["event_name"].as_str().unwrap();
        let is_reference = event_name::REFERENCES.contains(&name);
        let begins = [event_name::START, event_name::PROCESS].contains(&name);
        let shared = own["ref"].as_object().into_iter().flatten();
        let shared = shared.map(|(kind, id)| format!("{kind} {}", id.as_str().unwrap()));
        let process = |member: &str| own[member].as_str().map(|id| format!("process {id}"));
        if is_reference {
            there.extend(shared);
        } else if own["ref"].is_object() {
            let itself = process("exec_id").filter(|_| !begins);
            for needed in shared.chain(itself).chain(process("parent_exec_id")) {
                assert!(there.contains(&needed), "{needed} is not there: {line}");
            }
            found.push(record["log"]["record"]["uid"].to_string() + name);
        }
        there.extend(process("exec_id").filter(|_| begins));
    }
    found
}

/// Checks each file, and that all records are there, each once.
fn all_complete(files: &[PathBuf], count: u32) {
    let mut found: Vec<String> =
        files.iter().flat_map(|path| complete(&fs::read_to_string(path).unwrap())).collect();
    let total = found.len();
    found.sort();
    found.dedup();
    assert_eq!((found.len(), total), (2 * count as usize, 2 * count as usize));
}

/// Returns the rotated files, then the current one.
fn files(path: &Path) -> Vec<PathBuf> {
    let rotated = rotated_name::list(path).unwrap().into_iter().map(|(.., path)| path);
    rotated.chain([path.to_owned()]).collect()
}

fn settings(path: &Path, bytes: u64, seal: bool) -> FileSettings {
    FileSettings {
        rotate_bytes: Some(Bytes(bytes)),
        seal,
        seal_interval: seal.then_some(Span(Duration::from_millis(1))),
        ..FileSettings::new(path)
    }
}

fn open(settings: &FileSettings) -> FileTransport {
    match settings.seal {
        true => FileTransport::sealed(settings, "it", &Meta::default()).unwrap(),
        false => FileTransport::open(settings).unwrap(),
    }
}

fn deliver(file: &mut FileTransport, lines: &[Vec<u8>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let batch: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let delivered = runtime.block_on(file.deliver(&batch));
    assert!(delivered.trouble.is_none() && delivered.refused.is_empty(), "{delivered:?}");
    assert_eq!(delivered.done, lines.len());
}

fn close(mut file: FileTransport) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(file.close());
}

/// Verifies sealed files.
fn whole(files: &[PathBuf]) {
    let report = verify(&mut Lines::of(files.to_vec()), &Options::default()).unwrap();
    assert!(report.whole && report.references > 0, "{report:?}");
}

#[test]
fn every_file_that_size_ends_is_followed_by_a_complete_one() {
    let lines = lines(90);
    complete(&String::from_utf8(lines.concat()).unwrap());
    for seal in [false, true] {
        for (bytes, batch) in [(1, 7), (4_000, 1), (10_000, 33), (20_000, 1000), (1 << 20, 10)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            let mut file = open(&settings(&path, bytes, seal));
            lines.chunks(batch).for_each(|batch| deliver(&mut file, batch));
            let rotated = file.counts().rotated;
            assert_eq!(rotated > 0, bytes < 1 << 20, "{bytes}");
            // References leave room for records.
            assert!(bytes < 20_000 || rotated < lines.len() as u64 / 4, "{bytes} {rotated}");
            close(file);
            let files = files(&path);
            assert!(files.len() as u64 > rotated);
            all_complete(&files, 90);
            if seal {
                whole(&files);
            }
        }
    }
}

#[test]
fn a_file_that_others_take_away_or_empty_is_followed_by_a_complete_one() {
    let lines = lines(60);
    for seal in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("log"), dir.path().join("old"));
        let mut file = open(&FileSettings { seal, ..FileSettings::new(&path) });
        let third = lines.len() / 3;
        deliver(&mut file, &lines[..third]);
        fs::rename(&path, &old).unwrap();
        file.reopen();
        deliver(&mut file, &lines[third..2 * third]);
        // The `copytruncate` of logrotate.
        let second = dir.path().join("second");
        fs::copy(&path, &second).unwrap();
        fs::write(&path, "").unwrap();
        deliver(&mut file, &lines[2 * third..]);
        close(file);
        all_complete(&[old, second, path], 60);
    }
}

#[test]
fn what_waited_for_the_next_run_is_complete_in_the_next_file() {
    let lines = lines(60);
    for (bytes, seal) in [(3_000, false), (60_000, false), (3_000, true), (60_000, true)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = open(&settings(&path, 1 << 20, seal));
        deliver(&mut file, &lines[..lines.len() / 2]);
        close(file);
        let mut file = open(&settings(&path, bytes, seal));
        deliver(&mut file, &lines[lines.len() / 2..]);
        assert!(file.counts().rotated > 0);
        close(file);
        all_complete(&files(&path), 60);
        if seal {
            whole(&files(&path));
        }
    }
}

fn sink(path: &Path, more: &str) -> Vec<SinkSettings> {
    let text = format!("name = \"a\"\ntype = \"file\"\npath = \"{}\"\n{more}", path.display());
    let all = read(vec![toml::from_str::<toml::Table>(&text).unwrap().into()]).unwrap();
    check_all(&all).unwrap();
    all
}

/// Writes records of processes to a file that is rotated all the time, by a sink with these keys. Returns its files.
fn rotated_by_sink(dir: &Path, more: &str) -> Vec<Vec<Value>> {
    let path = dir.join("log");
    let keys = format!("rotate-bytes = \"8K\"\nkeep = 1000\n{more}");
    let (sinks, feeds) = Sinks::start(&sink(&path, &keys), None, &Meta::default()).unwrap();
    let mut outputs = Outputs::new(None, feeds);
    for mut record in full(90) {
        outputs.push(&mut record, true).unwrap();
    }
    outputs.flush();
    drop(outputs);
    assert!(sinks.join().unwrap()[0].is_whole());
    let all = files(&path);
    assert!(all.len() > 3, "{all:?}");
    let records = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    all.iter().map(records).collect()
}

#[test]
fn a_file_of_chosen_members_is_complete_as_far_as_these_say_what_a_process_is() {
    let choices = [
        ("fields = [\"process.executable.path\", \"process.user\"]", true),
        ("drop = [\"process.command_args\", \"tracego.exec\"]", true),
        ("drop = [\"process.executable\"]", false),
        ("fields = []", false),
    ];
    for (keys, is_complete) in choices {
        let dir = tempfile::tempdir().unwrap();
        let files = rotated_by_sink(dir.path(), keys);
        if is_complete {
            all_complete(&self::files(&dir.path().join("log")), 90);
        }
        let mut count = 0;
        for record in files.iter().flatten() {
            let process = &record["process"];
            if record["event_name"] == event_name::PROCESS {
                // Either the process is unknown, or what the record says of it is right.
                let is_shell = process["pid"] == 1;
                assert_eq!(process["command"], if is_shell { "shell" } else { "tool" }, "{keys}: {record}");
                let wanted: Value = if is_shell { Value::Null } else { "/usr/bin/tool".into() };
                assert_eq!(process["executable"]["path"], wanted, "{keys}: {record}");
            } else if process.is_object() {
                assert!(
                    record["tracego"]["selected"] == true && process.get("command_args").is_none()
                        || !is_complete
                );
                count += 1;
            }
        }
        assert_eq!(count, 180, "{keys}");
    }
}

#[test]
fn a_queue_that_drops_the_oldest_records_leaves_complete_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // While this is held, the file cannot be opened, although its settings are valid.
    let locked = fs::File::create(path("log")).unwrap();
    locked.try_lock().unwrap();
    let keys = "queue-bytes = \"64K\"\non-full = \"drop-oldest\"\nrotate-bytes = \"20K\"\n";
    let (mut sinks, feeds) = Sinks::start(&sink(&path("first"), keys), None, &Meta::default()).unwrap();
    let mut outputs = Outputs::new(None, feeds);
    let (feeds, changing) = sinks.change(&sink(&path("log"), keys)).unwrap();
    outputs.flush();
    outputs.replace(feeds, None);
    sinks.changed(changing);
    // The first attempt to open the file fails.
    thread::sleep(Duration::from_millis(300));
    for chunk in full(600).chunks_mut(20) {
        for record in chunk {
            outputs.push(record, true).unwrap();
        }
        outputs.flush();
        thread::sleep(Duration::from_millis(2));
    }
    drop(locked);
    let since = Instant::now();
    let last = exec_id(BOOT, id(100 + 599));
    let is_there =
        || files(&path("log")).iter().any(|path| fs::read_to_string(path).unwrap().contains(&last));
    while !is_there() {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(20));
    }
    drop(outputs);
    let status = sinks.join().unwrap().remove(0);
    let lost: u64 = status.numbers().losses().values().sum();
    assert!(lost > 100, "{status}");
    let files = files(&path("log"));
    let found: usize = files.iter().map(|path| complete(&fs::read_to_string(path).unwrap()).len()).sum();
    assert!(files.len() > 1 && found > 20, "{} {found}", files.len());
}

#[test]
fn a_reference_that_dangles_is_found_and_an_imitation_is_none() {
    let lines = lines(10);
    let report =
        |lines: &[Vec<u8>]| verify(&mut Lines::of_bytes(lines.concat()), &Options::default()).unwrap();
    let of = |lines: &[Vec<u8>]| {
        let damage = report(lines).damage.unwrap();
        (serde_json::to_value(damage.kind).unwrap(), damage.line, damage.detail)
    };
    let good = report(&lines);
    assert!(good.damage.is_none() && good.references >= 40, "{good:?}");
    for (name, member) in [
        (event_name::STREAM, "tracego.ref.stream"),
        (event_name::JOB, "tracego.ref.job"),
        (event_name::PROCESS, "tracego.exec_id"),
        (event_name::START, "tracego.exec_id"),
    ] {
        let is_one = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap()["event_name"] == name;
        let at = lines.iter().position(is_one).unwrap();
        let mut without = lines.clone();
        let removed: Value = serde_json::from_slice(&without.remove(at)).unwrap();
        let (kind, line, detail) = of(&without);
        assert_eq!(kind, "dangling");
        assert!(line as usize > at && detail.contains(&format!("with {member} ")), "{line} {detail}");
        let id = &removed["tracego"];
        let id = id["exec_id"].as_str().or(id["ref"][member.rsplit('.').next().unwrap()].as_str()).unwrap();
        assert!(detail.contains(id), "{detail}");
        // Further down is not ahead.
        without.push(lines[at].clone());
        assert_eq!(of(&without).0, "dangling");
    }
}
