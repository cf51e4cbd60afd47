//! Entries in a real journal: Debian's journald with a separate /run.

use std::{
    fs,
    os::unix::{
        fs::symlink,
        net::{UnixDatagram, UnixListener},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tracego_deliver::sink::{
    delivery::DeliveryResult,
    journald::{JournaldEncoder, JournaldSettings, JournaldTransport},
};
use tracego_model::{
    record::{Record, event_name},
    units::Span,
};
use tracego_tests::{
    ChildGuard,
    samples::{self, captured, minimal, synthetic},
    wait_until,
};

use super::{Test, is_there, runtime};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("journald::the_journal_has_every_record_as_it_was", all_records),
    ("journald::fields_can_be_searched_for", fields),
    ("journald::entries_that_are_larger_than_a_datagram_arrive", large),
    ("journald::a_busy_journald_is_waited_for_and_nothing_comes_twice", busy),
    ("journald::a_journald_that_dies_and_comes_back_gets_the_rest", dies),
    ("journald::without_a_journald_there_is_trouble_and_no_error", absent),
];

const DAEMON: &str = "/usr/lib/systemd/systemd-journald";

/// Returns what this machine lacks.
pub(crate) fn missing() -> Option<String> {
    let daemon = (!Path::new(DAEMON).exists()).then_some("systemd: apt-get install systemd");
    let reader = (!is_there("journalctl")).then_some("journalctl: apt-get install systemd");
    let unshare = (!is_there("unshare")).then_some("unshare: apt-get install util-linux");
    daemon.or(reader).or(unshare).map(|what| format!("needs {what}"))
}

/// A journald and its journal.
struct Journal {
    run: TempDir,
    daemon: Option<ChildGuard>,
}

impl Journal {
    fn start() -> Self {
        let run = tempfile::tempdir().unwrap();
        let machine = fs::read_to_string("/etc/machine-id").unwrap();
        fs::create_dir_all(run.path().join("log/journal").join(machine.trim())).unwrap();
        let conf = run.path().join("systemd/journald.conf.d");
        fs::create_dir_all(&conf).unwrap();
        // The kernel's log and audit belong to the machine; rate limits are a matter of journald's own tests.
        let text = "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\nRateLimitIntervalSec=0\n\
                    ForwardToSyslog=no\nForwardToWall=no\nRuntimeMaxUse=512M\n";
        fs::write(conf.join("test.conf"), text).unwrap();
        let mut journal = Self { run, daemon: None };
        journal.again();
        journal
    }

    /// Starts the daemon, also after a stop.
    fn again(&mut self) {
        let script = format!("mount --bind \"$0\" /run && exec {DAEMON}");
        let mut daemon = Command::new("unshare");
        daemon.args(["--mount", "--propagation", "private", "sh", "-c", &script]).arg(self.run.path());
        daemon.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemon = Some(ChildGuard(daemon.spawn().unwrap()));
        let socket = self.socket();
        let answers = || UnixDatagram::unbound().unwrap().connect(&socket).is_ok();
        wait_until("journald is there", answers);
    }

    fn socket(&self) -> PathBuf {
        self.run.path().join("systemd/journal/socket")
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.daemon.as_ref().unwrap().0.id()).unwrap();
        // SAFETY: the child is not reaped yet.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    fn journald(&self) -> JournaldTransport {
        self.patient(Duration::from_secs(10))
    }

    fn patient(&self, timeout: Duration) -> JournaldTransport {
        let timeout = Span(timeout);
        JournaldTransport::new(&JournaldSettings { socket: self.socket(), timeout }).unwrap()
    }

    /// Returns the entries that journalctl finds, oldest first.
    fn find(&self, matches: &[&str]) -> Vec<Value> {
        let mut command = Command::new("journalctl");
        command.args(["--all", "--quiet", "--no-pager", "--output", "json", "--directory"]);
        command.arg(self.run.path().join("log/journal")).args(matches);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn ours(&self) -> Vec<Value> {
        self.find(&["SYSLOG_IDENTIFIER=tracego"])
    }

    fn wait_for(&self, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        wait_until("all are in the journal", || {
            found = self.ours();
            found.len() >= count
        });
        assert_eq!(found.len(), count);
        found
    }
}

fn encoded(records: &[Record]) -> Vec<Vec<u8>> {
    let mut encoder = JournaldEncoder::default();
    let encode = |record| {
        let mut bytes = Vec::new();
        encoder.encode(record, &mut bytes).unwrap();
        bytes
    };
    records.iter().map(encode).collect()
}

fn deliver(runtime: &Runtime, to: &mut JournaldTransport, entries: &[Vec<u8>]) -> DeliveryResult {
    let batch: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    runtime.block_on(to.deliver(&batch))
}

fn deliver_all(to: &mut JournaldTransport, entries: &[Vec<u8>]) {
    let delivered = deliver(&runtime(), to, entries);
    assert_eq!((delivered.done, delivered.trouble), (entries.len(), None));
}

/// Returns a field as text; journalctl prints bytes that are not one line of text as numbers.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(bytes) => {
            let bytes = bytes.iter().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect();
            String::from_utf8(bytes).unwrap()
        }
        other => panic!("{other}"),
    }
}

fn all_records() {
    let journal = Journal::start();
    let mut records = [captured(), synthetic()].concat();
    // The journal gets full records alone, which refer to no others.
    records.retain(|record| !event_name::REFERENCES.contains(&record.event_name));
    records.push(Record { severity_number: 13, severity_text: "WARN", ..minimal("tracego.lost", 90) });
    records.push(Record { severity_number: 21, severity_text: "FATAL", ..minimal("tracego.finding", 91) });
    deliver_all(&mut journal.journald(), &encoded(&records));
    for (entry, record) in journal.wait_for(records.len()).iter().zip(&records) {
        let wanted = serde_json::to_string(record).unwrap();
        assert_eq!(text(&entry["TRACEGO_RECORD"]), wanted);
        assert_eq!(text(&entry["MESSAGE"]), record.body);
        assert_eq!(entry["TRACEGO_SEQ"], record.seq.to_string());
        assert_eq!(entry["TRACEGO_RECORD_UID"], record.log.record.uid.as_str());
        assert_eq!(entry["TRACEGO_EVENT_NAME"], record.event_name);
        assert_eq!(entry["MESSAGE_ID"].as_str().unwrap().len(), 32);
        let priority = match record.severity_text {
            "INFO" => "6",
            "WARN" => "4",
            "ERROR" => "3",
            "FATAL" => "2",
            other => panic!("{other}"),
        };
        assert_eq!(entry["PRIORITY"], priority);
        if let Some(process) = record.process.as_deref() {
            assert_eq!(entry["PROCESS_PID"], process.pid.to_string());
            assert_eq!(text(&entry["PROCESS_COMMAND"]), process.command);
        }
        // Each attribute of job and commit, at any depth of the record.
        let json: Value = serde_json::from_str(&wanted).unwrap();
        for space in ["cicd", "vcs"] {
            for (name, value) in leaves(space, &json[space]) {
                assert_eq!(text(&entry[name.to_uppercase()]), value, "{name}");
            }
        }
    }
}

/// Returns the leaves of nested objects, as `a_b_c` and value.
fn leaves(name: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(k, v)| leaves(&format!("{name}_{k}"), v)).collect(),
        Value::String(text) => vec![(name.to_owned(), text.clone())],
        _ => Vec::new(),
    }
}

fn fields() {
    let journal = Journal::start();
    let mut record = samples::start();
    let severities = [tracego_model::finding::Severity::High, tracego_model::finding::Severity::Low];
    record.tracego.findings = severities.iter().enumerate().map(|(n, &s)| samples::finding(n, s)).collect();
    record.severity_number = 17;
    let ids: Vec<&str> = record.tracego.findings.iter().map(|finding| finding.id).collect();
    assert_ne!(ids[0], ids[1]);
    record.process.as_mut().unwrap().working_directory = Some("/two\nlines\n".into());
    let records = [record, minimal("tracego.heartbeat", 2)];
    deliver_all(&mut journal.journald(), &encoded(&records));
    journal.wait_for(2);
    for wanted in [
        "PROCESS_PID=61001",
        "PROCESS_PARENT_PID=71001",
        "PROCESS_USER_NAME=effective-user",
        "PROCESS_REAL_USER_ID=81002",
        "PROCESS_EXECUTABLE_PATH=/opt/shop/bin/server-binary",
        "PROCESS_WORKING_DIRECTORY=/two\nlines\n",
        "K8S_POD_UID=8a1b7c2d-1111-4222-8333-777788889999",
        "TRACE_ID=4bf92f3577b34da6a3ce929d0e0e4736",
        "MESSAGE_ID=c327f23649224c5d9649586c771256f0",
        "PRIORITY=3",
        &format!("TRACEGO_FINDING_ID={}", ids[0]),
        &format!("TRACEGO_FINDING_ID={}", ids[1]),
    ] {
        let found = journal.find(&[wanted]);
        assert_eq!(found.len(), 1, "{wanted}");
        assert_eq!(found[0]["TRACEGO_SEQ"], records[0].seq.to_string(), "{wanted}");
    }
    // A shell that parses the command line gets the arguments that were run.
    let line = text(&journal.ours()[0]["PROCESS_COMMAND_LINE"]);
    let script = format!("printf '%s\\0' {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let args = records[0].process.as_ref().unwrap().command_args.as_ref().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        args.iter().map(|arg| format!("{arg}\0")).collect::<String>()
    );
}

fn large() {
    let journal = Journal::start();
    let records: Vec<Record> = [10, 100_000, 150_000, 250_000, 3_000_000, 10]
        .iter()
        .zip(1..)
        .map(|(&len, n)| {
            let mut record = minimal("tracego.process.start", n);
            record.body = "0123456789".repeat(len / 10);
            record
        })
        .collect();
    let entries = encoded(&records);
    assert!(entries[2].len() > 212_992 && entries[1].len() < 212_992);
    deliver_all(&mut journal.journald(), &entries);
    for (entry, record) in journal.wait_for(records.len()).iter().zip(&records) {
        assert!(text(&entry["MESSAGE"]) == record.body);
        assert_eq!(text(&entry["TRACEGO_SEQ"]), record.seq.to_string());
    }
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers.map(|n| minimal("tracego.heartbeat", n)).collect()
}

fn seqs(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| entry["TRACEGO_SEQ"].as_str().unwrap().to_owned()).collect()
}

fn busy() {
    let journal = Journal::start();
    let runtime = runtime();
    let mut journald = journal.journald();
    let records = numbered(0..20_000);
    let entries = encoded(&records);
    journal.signal(libc::SIGSTOP);
    // A full queue is given up in time; the next attempt sends nothing and gives up too.
    let mut hasty = journal.patient(Duration::from_millis(200));
    let delivered = deliver(&runtime, &mut hasty, &entries);
    let why = delivered.trouble.unwrap().why;
    assert!(why.contains("journald accepted nothing within the timeout"), "{why}");
    assert!(delivered.done > 0 && delivered.done < records.len(), "{}", delivered.done);
    assert_eq!(deliver(&runtime, &mut hasty, &entries[delivered.done..]).done, 0);
    // Resumed while the sink waits.
    let rest = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            journal.signal(libc::SIGCONT);
        });
        deliver(&runtime, &mut journald, &entries[delivered.done..])
    });
    assert_eq!((delivered.done + rest.done, rest.trouble), (records.len(), None));
    let wanted: Vec<String> = records.iter().map(|record| record.seq.to_string()).collect();
    assert!(seqs(&journal.wait_for(records.len())) == wanted);
}

fn dies() {
    let mut journal = Journal::start();
    let runtime = runtime();
    let mut journald = journal.journald();
    let records = numbered(0..300);
    let entries = encoded(&records);
    let first = deliver(&runtime, &mut journald, &entries[..100]);
    assert_eq!(first.done, 100);
    journal.wait_for(100);
    journal.daemon = None;
    for _ in 0..2 {
        let delivered = deliver(&runtime, &mut journald, &entries[100..]);
        let why = delivered.trouble.unwrap().why;
        assert!(delivered.done == 0 && why.contains("Connection refused"), "{why}");
    }
    journal.again();
    assert_eq!(deliver(&runtime, &mut journald, &entries[100..200]).done, 100);
    journal.wait_for(200);
    // Stopped and restarted between two deliveries: the old socket is noticed, without reporting trouble.
    journal.daemon = None;
    journal.again();
    let delivered = deliver(&runtime, &mut journald, &entries[200..]);
    assert_eq!((delivered.done, delivered.trouble), (100, None));
    let wanted: Vec<String> = records.iter().map(|record| record.seq.to_string()).collect();
    assert_eq!(seqs(&journal.wait_for(300)), wanted);
    runtime.block_on(journald.close());
}

fn absent() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let timeout = Span(Duration::from_millis(100));
    let runtime = runtime();
    let mut journald = JournaldTransport::new(&JournaldSettings { socket: socket.clone(), timeout }).unwrap();
    let entries = encoded(&numbered(0..2));
    let trouble = |journald: &mut JournaldTransport| {
        let delivered = deliver(&runtime, journald, &entries);
        assert_eq!(delivered.done, 0);
        delivered.trouble.unwrap()
    };
    let first = trouble(&mut journald);
    assert!(first.why.contains("No such file") && !first.reader_gone && first.after.is_none(), "{first:?}");
    // Another kind of file at that path.
    symlink("/dev/null", &socket).unwrap();
    assert!(trouble(&mut journald).why.contains("Connection refused"));
    fs::remove_file(&socket).unwrap();
    let _listener = UnixListener::bind(&socket).unwrap();
    let wrong = trouble(&mut journald).why;
    assert!(wrong.contains("socket: ") && wrong.contains("wrong type"), "{wrong}");
}
