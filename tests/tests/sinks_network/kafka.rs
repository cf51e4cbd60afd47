//! Kafka sinks to a broker that is not ours, behind a front that fails as it is told.

use std::{collections::BTreeSet, fs, net::TcpStream, thread, time::Duration};

use serde_json::{Value, json};
use tracego_tests::{
    ChildGuard,
    kafka::{self, Broker},
    ports::free_port,
    wait_until,
};

use super::{
    Test,
    certificates::Certificates,
    replay::{ReplayFolder, record},
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a topic gets records whole and in order, in the partition of their machine", whole),
    ("a broker whose answers are lost gets records again, with the same uid", lost_answers),
    ("a broker with a quota gets each record once", throttled),
    ("a broker that is not the leader now costs nothing", not_leader),
    ("a record that is too large for a broker is a dead letter", too_large),
    ("a topic that does not exist costs no record", unknown_topic),
    ("a wrong password is read again, and told", passwords),
    ("brokers are reached over TLS with a client certificate", encrypted),
];

const PARTITIONS: u32 = 5;

/// A broker behind a front.
struct Cluster {
    broker: Broker,
    _front: ChildGuard,
    /// Port of the front, which the broker names to its clients.
    front: u16,
}

impl Cluster {
    fn new(script: &Value) -> Self {
        let (port, front) = (free_port(), free_port());
        let broker = Broker::start(port, front);
        let mut command =
            kafka::script(&["front", &front.to_string(), &port.to_string(), &script.to_string()]);
        let process = ChildGuard(command.spawn().unwrap());
        wait_until("the front", || TcpStream::connect(("127.0.0.1", front)).is_ok());
        Self { broker, _front: process, front }
    }

    fn with_topic(script: &Value) -> Self {
        let cluster = Self::new(script);
        cluster.broker.create("tracego", PARTITIONS);
        cluster
    }

    fn keys(&self, more: &str) -> String {
        format!(
            "type = \"kafka\"\nbrokers = [\"localhost:{}\"]\nbatch-wait = \"1ms\"\ndrain = \"2m\"\n{more}",
            self.front
        )
    }

    /// Returns the messages, read through a front without TLS.
    fn messages(&self) -> Vec<Value> {
        kafka::messages(self.front, "tracego")
    }
}

/// Runs a replay. Returns its standard error, and the lines of the reference.
fn replay(keys: &str, code: i32) -> (String, Vec<String>) {
    let folder = ReplayFolder::new(keys);
    let (output, _) = folder.run();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let reference = fs::read_to_string(folder.path("reference")).unwrap();
    (stderr, reference.lines().map(str::to_owned).collect())
}

fn uid(record: &Value) -> String {
    record["log"]["record"]["uid"].as_str().unwrap().to_owned()
}

/// Returns the uids of messages by their header, which is that of the record.
fn uids(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| message["headers"][0][1].as_str().unwrap().to_owned()).collect()
}

fn reference_uids(reference: &[String]) -> Vec<String> {
    reference.iter().map(|line| uid(&record(line))).collect()
}

fn whole() {
    let cluster = Cluster::with_topic(&json!({}));
    let (_, reference) = replay(&cluster.keys("batch-records = 7"), 0);
    let messages = cluster.messages();
    assert!(messages.len() > 10);
    assert_eq!(uids(&messages), reference_uids(&reference));
    for message in &messages {
        let value = record(message["value"].as_str().unwrap());
        let key = value["host"]["id"].as_str().unwrap();
        assert_eq!(message["key"], key);
        assert_eq!(message["headers"], json!([["uid", uid(&value)], ["type", value["event_name"]]]));
        assert_eq!(message["partition"], kafka::partition(key, PARTITIONS));
        assert!(message["millis"].as_i64().unwrap() > 1_600_000_000_000);
    }
    let text = |value: &Value| value["process"]["command_args"].clone();
    let sent: Vec<Value> = messages.iter().map(|one| text(&record(one["value"].as_str().unwrap()))).collect();
    assert_eq!(sent, reference.iter().map(|line| text(&record(line))).collect::<Vec<_>>());
}

fn lost_answers() {
    let cluster = Cluster::with_topic(&json!({ "produce": [0, "lost", 0, 0, "lost", "lost", 0] }));
    let (_, reference) = replay(&cluster.keys("batch-records = 5"), 0);
    let (all, expected) = (uids(&cluster.messages()), reference_uids(&reference));
    assert!(all.len() > expected.len(), "nothing came twice");
    let mut known = BTreeSet::new();
    let first: Vec<String> = all.into_iter().filter(|uid| known.insert(uid.clone())).collect();
    assert_eq!(first, expected);
}

fn throttled() {
    let cluster = Cluster::with_topic(&json!({ "produce": ["throttled"] }));
    let (_, reference) = replay(&cluster.keys("batch-records = 5"), 0);
    assert_eq!(uids(&cluster.messages()), reference_uids(&reference));
}

fn not_leader() {
    let cluster = Cluster::with_topic(&json!({ "produce": [0, 6, 0, 19, 7, 0, 5, 0] }));
    let (_, reference) = replay(&cluster.keys("batch-records = 5"), 0);
    assert_eq!(uids(&cluster.messages()), reference_uids(&reference));
}

fn too_large() {
    const MAX: usize = 5000;
    let cluster = Cluster::with_topic(&json!({ "produce": [{ "max": MAX }] }));
    let dead = tempfile::tempdir().unwrap();
    let path = dead.path().join("dead");
    let more = format!("compression = \"none\"\ndetail = \"full\"\ndead-letters = {path:?}");
    let (stderr, reference) = replay(&cluster.keys(&more), 4);
    let letters = fs::read_to_string(&path).unwrap();
    let letters: Vec<Value> = letters.lines().map(record).collect();
    let messages = cluster.messages();
    assert!(!letters.is_empty() && !messages.is_empty(), "{} and {}", letters.len(), messages.len());
    assert!(stderr.contains(&format!("lost refused {}", letters.len())), "{stderr}");
    for letter in &letters {
        assert!(letter["why"].as_str().unwrap().contains("MESSAGE_TOO_LARGE (10)"), "{letter}");
        assert!(letter["record"].to_string().len() > MAX - 400, "{letter}");
    }
    assert!(messages.iter().all(|message| message["value"].as_str().unwrap().len() < MAX));
    let mut there: BTreeSet<String> = uids(&messages).into_iter().collect();
    there.extend(letters.iter().map(|letter| uid(&letter["record"])));
    assert_eq!(there, reference_uids(&reference).into_iter().collect());
}

fn unknown_topic() {
    let cluster = Cluster::new(&json!({}));
    let (stderr, reference) = replay(&cluster.keys("").replace("2m", "1s"), 4);
    assert!(stderr.contains("the topic does not exist: create it, or look at topic"), "{stderr}");
    assert!(stderr.contains(&format!("lost stopped {}", reference.len())), "{stderr}");
    assert!(!stderr.contains("refused"), "{stderr}");
}

fn passwords() {
    let secrets = tempfile::tempdir().unwrap();
    let path = |name: &str| secrets.path().join(name);
    fs::write(path("right"), "correct horse\n").unwrap();
    let certificates = Certificates::new();
    let script = json!({
        "user": "alice", "password_file": path("right"),
        "cert": certificates.path("localhost.pem"), "key": certificates.path("localhost.key"),
    });
    let ca = certificates.path("ca.pem");
    for mechanism in ["plain", "scram-sha-256", "scram-sha-512"] {
        let cluster = Cluster::with_topic(&script);
        let file = path(mechanism);
        fs::write(&file, "battery staple\n").unwrap();
        let keys = cluster.keys(&format!(
            "user = \"alice\"\npassword = {{ file = {file:?} }}\nmechanism = \"{mechanism}\"\ntls = {{ ca = {ca:?} }}"
        ));
        let (stderr, reference) = replay(&keys.replace("2m", "1s"), 4);
        assert!(stderr.contains("look at user, password and mechanism"), "{mechanism}: {stderr}");
        assert!(stderr.contains(&format!("lost stopped {}", reference.len())), "{stderr}");
        assert!(!stderr.contains("battery"), "{stderr}");
        let (from, to) = (path("right"), file.clone());
        let rotation = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            fs::copy(from, to).unwrap();
        });
        let (stderr, _) = replay(&keys, 0);
        rotation.join().unwrap();
        assert!(stderr.contains(&format!("{} delivered", reference.len())), "{mechanism}: {stderr}");
    }
}

fn encrypted() {
    let certificates = Certificates::new();
    let path = |name: &str| certificates.path(name);
    let cluster = Cluster::with_topic(&json!({
        "cert": path("localhost.pem"), "key": path("localhost.key"), "client_ca": path("ca.pem"),
    }));
    let tls = format!("ca = {:?}", path("ca.pem"));
    let client = format!("cert = {:?}, key = {:?}", path("client.pem"), path("client.key"));
    let (stderr, reference) = replay(&cluster.keys(&format!("tls = {{ {tls}, {client} }}")), 0);
    assert!(stderr.contains(&format!("{} delivered", reference.len())), "{stderr}");
    let (stderr, _) = replay(&cluster.keys(&format!("tls = {{ {tls} }}")).replace("2m", "1s"), 4);
    assert!(stderr.contains(&format!("lost stopped {}", reference.len())), "{stderr}");
    let other = Certificates::new();
    let wrong = cluster.keys(&format!("tls = {{ ca = {:?}, {client} }}", other.path("ca.pem")));
    let (stderr, _) = replay(&wrong.replace("2m", "1s"), 4);
    assert!(stderr.contains("UnknownIssuer") && stderr.contains("look at tls"), "{stderr}");
}
