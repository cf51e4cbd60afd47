//! The delivery contract: one table, with a row for each type of sink.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use libtest_mimic::Trial;
use tracego_deliver::sink::settings::SinkKind;
use tracego_tests::{trial, wait_until, with_full_records};

use crate::receivers::{self, PYTHON, Receiver};

/// Returns the identifiers that a receiver got, from its files or from tracego's output.
type ReceivedIds = fn(&Receiver, &[Output]) -> Vec<String>;

/// A type of sink and its receiver.
#[derive(Clone, Copy)]
struct SinkCase {
    kind: &'static str,
    /// Name in the test's title.
    name: &'static str,
    /// Returns the keys of the type.
    keys: fn(&Receiver) -> String,
    /// Starts the receiver; does nothing when the operating system is the receiver.
    start: fn(&mut Receiver),
    /// Returns what the receiver got, if the receiver does not report it itself.
    got: Option<ReceivedIds>,
    /// The receiver can be dead.
    dies: bool,
    /// The receiver acknowledges nothing, so records may be lost with it.
    blind: bool,
    needs: fn() -> Option<String>,
}

const NOTHING: fn() -> Option<String> = || None;

const ROWS: &[SinkCase] = &[
    SinkCase {
        kind: "stdout",
        name: "stdout",
        keys: |_| String::new(),
        start: receivers::file,
        got: Some(|_, outputs| {
            let text = outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            text.collect::<String>().lines().filter_map(receivers::uid).collect()
        }),
        dies: false,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "file",
        name: "file",
        keys: |receiver| {
            format!("path = \"{}\"\nrotate-bytes = \"1G\"", receiver.folder.join("file").display())
        },
        start: receivers::file,
        got: Some(|receiver, _| receivers::lines(&receiver.folder.join("file"))),
        dies: false,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "syslog",
        name: "syslog over UDP",
        keys: |receiver| format!("address = \"udp://127.0.0.1:{}\"\nmax-bytes = \"65507\"", receiver.port),
        start: receivers::udp,
        got: None,
        dies: true,
        blind: true,
        needs: NOTHING,
    },
    SinkCase {
        kind: "syslog",
        name: "syslog over TCP",
        keys: |receiver| format!("address = \"tcp://127.0.0.1:{}\"\nmax-bytes = \"1M\"", receiver.port),
        start: receivers::syslog,
        got: None,
        dies: true,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "journald",
        name: "journald",
        keys: |receiver| format!("socket = \"{}\"", receiver.folder.join("journal").display()),
        start: receivers::journal,
        got: None,
        dies: true,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "otlp",
        name: "otlp",
        keys: |receiver| format!("endpoint = \"http://127.0.0.1:{}\"\ncompression = \"gzip\"", receiver.port),
        start: receivers::otlp,
        got: None,
        dies: true,
        blind: false,
        needs: || PYTHON.as_ref().err().cloned(),
    },
    SinkCase {
        kind: "webhook",
        name: "webhook",
        keys: |receiver| format!("url = \"http://127.0.0.1:{}/\"", receiver.port),
        start: receivers::http,
        got: None,
        dies: true,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "clickhouse",
        name: "clickhouse",
        keys: |receiver| format!("url = \"http://127.0.0.1:{}/\"\ncompression = \"none\"", receiver.port),
        start: receivers::http,
        got: None,
        dies: true,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "elasticsearch",
        name: "elasticsearch",
        keys: |receiver| {
            format!(
                "url = \"http://127.0.0.1:{}/\"\ncompression = \"none\"\nindex = \"audit\"\nformat = \"json\"",
                receiver.port
            )
        },
        start: receivers::bulk,
        got: None,
        dies: true,
        blind: false,
        needs: NOTHING,
    },
    SinkCase {
        kind: "kafka",
        name: "kafka",
        keys: |receiver| format!("brokers = [\"127.0.0.1:{}\"]", receiver.port),
        start: receivers::kafka,
        got: None,
        dies: true,
        blind: false,
        needs: tracego_tests::kafka::missing,
    },
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![trial("every type of sink is held to the contract", None, || {
        for kind in SinkKind::NAMES {
            assert!(ROWS.iter().any(|row| row.kind == *kind), "no row for {kind}");
        }
    })];
    for row in ROWS {
        let name = |what: &str| format!("{}: {what}", row.name);
        let missing = (row.needs)();
        trials.push(trial(&name("all arrive in order"), missing.clone(), || in_order(row, true)));
        trials.push(trial(&name("all arrive from memory at the end"), missing.clone(), || {
            in_order(row, false)
        }));
        if row.dies {
            let test = || comes_back(row);
            trials.push(trial(&name("a dead receiver costs nothing"), missing.clone(), test));
            let test = || in_the_middle(row);
            trials.push(trial(&name("a receiver dies in the middle"), missing.clone(), test));
            trials.push(trial(&name("each loss is counted"), missing, || counted(row)));
        }
    }
    trials
}

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// A replay through a sink, with a file of the same records as the reference.
struct ReplayRun {
    folder: tempfile::TempDir,
    config: String,
    receiver: Receiver,
    outputs: Vec<Output>,
}

impl ReplayRun {
    fn new(row: &SinkCase, common: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::new(folder.path());
        let config = format!(
            "[[sinks]]\nname = \"it\"\ntype = \"{}\"\n{}\n{common}\n",
            row.kind,
            (row.keys)(&receiver)
        );
        fs::write(folder.path().join("tracego.toml"), &config).unwrap();
        Self { folder, config, receiver, outputs: Vec::new() }
    }

    /// Runs the replay to its end.
    fn replay(&mut self, spool: bool) -> &Output {
        let path = |name: &str| self.folder.path().join(name);
        let mut command = with_full_records();
        command.arg("replay").args(["-e", "execve", "--env", &format!("ROUND={}", self.outputs.len())]);
        command.arg("--config").arg(path("tracego.toml"));
        command.arg("--output-file").arg(path("reference"));
        if spool {
            command.arg("--spool-dir").arg(path("spool"));
        }
        let output = command.arg(golden("go.capture")).output().unwrap();
        self.outputs.push(output);
        self.outputs.last().unwrap()
    }

    fn reference(&self) -> Vec<String> {
        receivers::lines(&self.folder.path().join("reference"))
    }

    fn got(&self, row: &SinkCase) -> Vec<String> {
        row.got.map_or_else(|| self.receiver.got(), |got| got(&self.receiver, &self.outputs))
    }

    /// Waits until the receiver has as many different records as were written.
    fn has_all(&self, row: &SinkCase) {
        let wanted = self.reference().len();
        wait_until(&format!("{}: {wanted} records\n{}", row.name, self.config), || {
            once(&self.got(row)).len() >= wanted
        });
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.outputs.last().unwrap().stderr).into_owned()
    }
}

/// Returns the first occurrence of each.
fn once(all: &[String]) -> Vec<String> {
    let mut known = std::collections::BTreeSet::new();
    all.iter().filter(|uid| known.insert(uid.as_str())).cloned().collect()
}

fn in_order(row: &SinkCase, spool: bool) {
    let mut run = ReplayRun::new(row, "");
    (row.start)(&mut run.receiver);
    assert_eq!(run.replay(spool).status.code(), Some(0), "{}", run.stderr());
    run.has_all(row);
    assert!(run.reference().len() > 10);
    assert_eq!(run.got(row), run.reference());
    assert!(run.stderr().contains("sink it: "), "{}", run.stderr());
    run.receiver.stop();
}

fn comes_back(row: &SinkCase) {
    let mut run = ReplayRun::new(row, "");
    assert_eq!(run.replay(true).status.code(), Some(0), "{}", run.stderr());
    let waiting = format!("{} in the spool", run.reference().len());
    assert!(row.blind || run.stderr().contains(&waiting), "{}", run.stderr());
    (row.start)(&mut run.receiver);
    assert_eq!(run.replay(true).status.code(), Some(0), "{}", run.stderr());
    if row.blind {
        // A missing receiver is not noticed; records that are sent after its start arrive.
        wait_until("the second half", || run.got(row).last() == run.reference().last());
    } else {
        run.has_all(row);
        assert_eq!(once(&run.got(row)), run.reference());
    }
    run.receiver.stop();
}

fn in_the_middle(row: &SinkCase) {
    let mut run = ReplayRun::new(row, "");
    for round in 0..6 {
        (row.start)(&mut run.receiver);
        if round % 2 == 0 {
            assert_eq!(run.replay(true).status.code(), Some(0), "{}", run.stderr());
            run.receiver.stop();
        } else {
            // The receiver is gone before the replay ends.
            run.receiver.stop();
            assert_eq!(run.replay(true).status.code(), Some(0), "{}", run.stderr());
        }
    }
    (row.start)(&mut run.receiver);
    assert_eq!(run.replay(true).status.code(), Some(0), "{}", run.stderr());
    if row.blind {
        wait_until("the end", || run.got(row).last() == run.reference().last());
    } else {
        run.has_all(row);
        assert_eq!(once(&run.got(row)), run.reference());
    }
    run.receiver.stop();
}

fn counted(row: &SinkCase) {
    let mut run = ReplayRun::new(row, "queue-bytes = \"64K\"\ndrain = \"100ms\"");
    let code = run.replay(false).status.code();
    let stderr = run.stderr();
    let line = stderr.lines().find(|line| line.starts_with("tracego: sink it: ")).unwrap().to_owned();
    let number = |before: &str| -> u64 {
        let (head, _) = line.split_once(before).unwrap_or_else(|| panic!("{before}: {line}"));
        head.rsplit([' ', ',']).next().unwrap().parse().unwrap()
    };
    let lost: u64 = line
        .split("; lost ")
        .skip(1)
        .map(|part| part.split(' ').nth(1).unwrap().trim_end_matches(';').parse::<u64>().unwrap())
        .sum();
    assert_eq!(number(" given"), number(" delivered") + lost, "{line}");
    assert!(row.blind || lost > 0, "{line}");
    assert_eq!(code, Some(if lost > 0 { 4 } else { 0 }), "{stderr}");
}
