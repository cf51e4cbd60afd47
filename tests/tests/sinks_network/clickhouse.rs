//! ClickHouse sinks to a server that takes rows and fails to answer; it remembers tokens, as a table does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tracego_spool::survey;

use super::{
    Test,
    receiver::{Answer, ReceivedRequest, Receiver, answer},
    replay::{ReplayFolder, record},
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a table gets each record once though every third answer is dropped", third_answer),
    ("a table gets each record once though tracego is killed in the middle again and again", killed),
    ("a query of ClickHouse has settings, a token, and credentials in headers alone", dressed),
    ("an exception behind the status 200 costs no record", late_exception),
    ("a row that cannot be parsed is a dead letter, and one mistake in the settings is none", exceptions),
];

/// The rows that a server has, by the token of the insert.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Table {
    /// Inserts the rows of a request, unless its token is known. Returns whether it was.
    fn insert(&self, seen: &ReceivedRequest) -> bool {
        let token = parameter(seen, "insert_deduplication_token");
        let mut inserts = self.0.lock().unwrap();
        let is_known = inserts.contains_key(&token);
        inserts.entry(token).or_insert_with(|| seen.body().lines().map(str::to_owned).collect());
        is_known
    }

    fn rows(&self) -> Vec<Value> {
        self.0.lock().unwrap().values().flatten().map(|line| record(line)).collect()
    }

    /// Checks that no record is there twice. Returns their identifiers, with the round of each.
    fn unique(&self) -> BTreeSet<String> {
        let rows = self.rows();
        let id = |row: &Value| {
            let round = &row["process"]["environment_variable"]["ROUND"];
            format!("{round} {}", row["log"]["record"]["uid"].as_str().unwrap())
        };
        let ids: BTreeSet<String> = rows.iter().map(id).collect();
        assert_eq!(ids.len(), rows.len(), "records are there twice");
        ids
    }
}

/// Returns the value of a parameter in the query of a request.
fn parameter(seen: &ReceivedRequest, name: &str) -> String {
    let query = seen.line.split(['?', ' ']).nth(2).unwrap();
    let value = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("{name}: {}", seen.line)).to_owned()
}

fn keys(port: u16, more: &str) -> String {
    format!("type = \"clickhouse\"\nurl = \"http://127.0.0.1:{port}\"\nbatch-wait = \"1ms\"\n{more}")
}

fn third_answer() {
    let table = Table::default();
    let (inserts, requests) = (table.clone(), AtomicUsize::new(0));
    let receiver = Receiver::new(move |seen| {
        inserts.insert(seen);
        match requests.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Answer::Close,
            _ => answer("200 OK", "", ""),
        }
    });
    let folder = ReplayFolder::new(&keys(receiver.port, "batch-records = 2\ndrain = \"2m\""));
    let (output, all) = folder.run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(receiver.seen().len() > all.len() / 2 + 4, "no request came twice");
    assert_eq!(table.unique().len(), all.len());
}

fn killed() {
    const ROUNDS: u64 = 24;
    let table = Table::default();
    let (inserts, victim, left) = (table.clone(), Arc::new(AtomicU32::new(0)), Arc::new(AtomicUsize::new(0)));
    let (pid, requests) = (Arc::clone(&victim), Arc::clone(&left));
    let receiver = Receiver::new(move |seen| {
        inserts.insert(seen);
        // The rows are there, and tracego never learns of it.
        if requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) == Ok(1) {
            let pid = pid.load(Ordering::Relaxed).to_string();
            assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
            return Answer::Close;
        }
        answer("200 OK", "", "")
    });
    let folder = ReplayFolder::new(&keys(receiver.port, "batch-records = 5\nbatch-bytes = \"64K\""));
    let mut cut = 0;
    for round in 0..ROUNDS {
        let mut child = folder.start(round);
        victim.store(child.id(), Ordering::Relaxed);
        left.store(1 + round as usize % 7, Ordering::Relaxed);
        cut += u64::from(!child.wait().unwrap().success());
        left.store(0, Ordering::Relaxed);
    }
    assert!(cut > ROUNDS / 2, "{cut} of {ROUNDS} were cut short");
    assert!(folder.start(ROUNDS).wait().unwrap().success());
    let spool = survey(&folder.path("spool/it")).unwrap();
    assert_eq!((spool.waiting.records, spool.gaps.len()), (0, 0), "{spool:?}");
    assert_eq!(table.unique().len() as u64, spool.next - 1);
}

fn dressed() {
    let receiver = Receiver::answering(vec![]);
    let secrets = tempfile::tempdir().unwrap();
    let password = secrets.path().join("password");
    fs::write(&password, "hush\n").unwrap();
    let more = format!(
        "database = \"audit\"\nuser = \"agent\"\npassword = {{ file = {password:?} }}\nasync-insert = true\n\
         settings = {{ log_comment = \"a b\" }}"
    );
    let folder = ReplayFolder::new(&keys(receiver.port, &more));
    let (output, all) = folder.run();
    assert_eq!(output.status.code(), Some(0));
    let seen = receiver.seen();
    assert_eq!(seen.iter().map(|seen| seen.body().lines().count()).sum::<usize>(), all.len());
    for seen in &seen {
        assert!(seen.line.starts_with("POST /?query=INSERT%20INTO%20audit.ingest%20FORMAT%20JSONEachRow&"));
        assert_eq!(
            (parameter(seen, "async_insert"), parameter(seen, "log_comment")),
            ("1".into(), "a%20b".into())
        );
        assert_eq!(
            (&*seen.headers["x-clickhouse-user"], &*seen.headers["x-clickhouse-key"]),
            ("agent", "hush")
        );
        assert_eq!(seen.headers["content-encoding"], "zstd");
        assert!(!seen.line.contains("hush"));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("hush"), "{stderr}");
}

fn late_exception() {
    let table = Table::default();
    let (inserts, requests) = (table.clone(), AtomicUsize::new(0));
    let receiver = Receiver::new(move |seen| match requests.fetch_add(1, Ordering::Relaxed) {
        0 => {
            answer("200 OK", "", "Code: 241. DB::Exception: Memory limit (total) exceeded: while inserting\n")
        }
        1 => answer("200 OK", "X-ClickHouse-Exception-Code: 252\r\n", ""),
        _ => {
            inserts.insert(seen);
            answer("200 OK", "X-ClickHouse-Summary: {\"written_rows\":\"7\"}\r\n", "")
        }
    });
    let folder = ReplayFolder::new(&keys(receiver.port, "drain = \"1m\""));
    let (output, all) = folder.run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("Code: 241. DB::Exception: Memory limit"), "{stderr}");
    assert_eq!(table.unique().len(), all.len());
}

fn exceptions() {
    let table = Table::default();
    let inserts = table.clone();
    let seq = |line: &str| record(line)["seq"].as_u64().unwrap();
    let receiver = Receiver::new(move |seen| {
        if seen.body().lines().any(|line| seq(line) == 5) {
            let why = "Code: 27. DB::Exception: Cannot parse input: expected '\"' before: 'x'";
            return answer("400 Bad Request", "X-ClickHouse-Exception-Code: 27\r\n", why);
        }
        inserts.insert(seen);
        answer("200 OK", "", "")
    });
    let dead = tempfile::tempdir().unwrap();
    let more = format!("drain = \"1m\"\ndead-letters = {:?}", dead.path().join("dead"));
    let folder = ReplayFolder::new(&keys(receiver.port, &more));
    let (output, all) = folder.run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("lost refused 1"), "{stderr}");
    assert_eq!(table.unique().len(), all.len() - 1);
    let dead = fs::read_to_string(dead.path().join("dead")).unwrap();
    let dead = record(dead.trim_end());
    assert_eq!(dead["record"]["seq"], 5);
    assert!(dead["why"].as_str().unwrap().starts_with("Code: 27."), "{dead}");

    // A table that is not there refuses everything, and nothing is given up.
    let receiver = Receiver::new(|_| {
        let why = "Code: 60. DB::Exception: Table tracego.ingest does not exist";
        answer("404 Not Found", "X-ClickHouse-Exception-Code: 60\r\n", why)
    });
    let (output, all) = ReplayFolder::new(&keys(receiver.port, "drain = \"1s\"")).run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains(&format!("lost stopped {}", all.len())) && !stderr.contains("refused"),
        "{stderr}"
    );
    assert!(stderr.contains("look at database and table"), "{stderr}");
}
