//! A simulated fleet: the records of a captured CI job on many nodes, with faults that are known.

use std::sync::LazyLock;

use serde_json::{Value, json};
use tracego_tests::samples;

use crate::{real::replay, server::Store};

/// The boot that captures name.
const CAPTURED_BOOT: &str = "00000000-0000-4000-8000-000000000000";
/// Commit of the release that may run in production.
pub(crate) const APPROVED: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Commit that nobody approved.
pub(crate) const UNAPPROVED: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// SHA-256 of the approved program, and of another file that says the same about itself.
pub(crate) const DIGESTS: [&str; 2] = [
    "1111111111111111111111111111111111111111111111111111111111111111",
    "2222222222222222222222222222222222222222222222222222222222222222",
];

/// Records of the captured job.
static JOB: LazyLock<Vec<Value>> = LazyLock::new(|| replay(&["--detail", "full"]));

/// A run of tracego on a node.
pub(crate) struct Node {
    name: String,
    id: String,
    boot: String,
    instance: String,
    records: Vec<Value>,
}

impl Node {
    /// Returns a node without records. `n` makes its ids.
    fn new(name: &str, n: u32) -> Self {
        Self {
            name: name.to_owned(),
            id: format!("{n:032x}"),
            boot: format!("{n:08x}-0000-4000-8000-000000000000"),
            instance: format!("{n:08x}-1111-4000-8000-000000000000"),
            records: Vec::new(),
        }
    }

    /// Adds the records of the captured job.
    fn with_job(mut self) -> Self {
        self.records.extend(JOB.iter().cloned());
        self
    }

    /// Adds a heartbeat for each of these minutes of the hour after the captured job.
    fn with_heartbeats(mut self, minutes: impl IntoIterator<Item = u32>) -> Self {
        for minute in minutes {
            let mut heartbeat = sample("tracego.heartbeat");
            heartbeat["timestamp"] = json!(format!("2026-11-25T03:{minute:02}:00.000000000Z"));
            self.records.push(heartbeat);
        }
        self
    }

    /// Adds a start of a service in production.
    fn with_service(mut self, path: &str, revision: &str, sha256: &str) -> Self {
        let mut start = JOB.iter().find(|record| record["body"] == "./app").unwrap().clone();
        start["timestamp"] = json!("2026-11-25T03:00:30.000000000Z");
        for member in ["cicd", "vcs"] {
            start.as_object_mut().unwrap().remove(member);
        }
        start["tracego"].as_object_mut().unwrap().remove("job");
        start["process"]["executable"]["path"] = json!(path);
        start["process"]["executable"]["build_id"]["htlhash"] = json!(&sha256[..32]);
        start["tracego"]["executable"]["digest"] = json!({ "sha256": sha256 });
        start["tracego"]["go"]["build"]["vcs"] = json!({ "revision": revision, "modified": false });
        self.records.push(start);
        self
    }

    /// Adds a record.
    fn with(mut self, record: Value) -> Self {
        self.records.push(record);
        self
    }

    /// Removes records, as if tracego had never written them.
    fn without(mut self, gone: impl Fn(&Value) -> bool) -> Self {
        self.records.retain(|record| !gone(record));
        self
    }

    /// Returns the records with the ids of this node, and with the numbers of its sink.
    fn sent(&self) -> Vec<Value> {
        let renamed = |(at, record): (usize, &Value)| {
            let text = record.to_string().replace(CAPTURED_BOOT, &self.boot);
            let mut record: Value = serde_json::from_str(&text).unwrap();
            record["host"] = json!({ "id": self.id, "name": self.name });
            record["service"]["instance"]["id"] = json!(self.instance);
            record["tracego"]["boot_id"] = json!(self.boot);
            record["log"]["record"]["uid"] = json!(format!("{at:05}{:0>21}", self.boot[..8].to_uppercase()));
            record["tracego"]["sink_seq"] = json!(at + 1);
            record["seq"] = json!(at + 1);
            record
        };
        self.records.iter().enumerate().map(renamed).collect()
    }
}

/// Returns the first synthetic record of a kind, at a time of the fleet.
fn sample(kind: &str) -> Value {
    let all = samples::synthetic();
    let found = all.iter().map(|record| serde_json::to_value(record).unwrap());
    let mut found = found.into_iter().find(|record| record["event_name"] == kind).unwrap();
    found["timestamp"] = json!("2026-11-25T03:05:00.000000000Z");
    found
}

/// Returns the record of an executable with a module, one that another version replaced, and one that a folder replaced.
fn image(sha256: &str) -> Value {
    let mut image = sample("tracego.image");
    let replaced = |path: &str, by: Value| json!({ "path": path, "version": "v0.1.0", "sum": "h1:a=", "replacement": by });
    image["tracego"]["image"] = json!({
        "build_id": { "htlhash": &sha256[..32] },
        "needed": ["libc.so.6"],
        "modules": [
            { "path": "golang.org/x/net", "version": "v0.17.0", "sum": "h1:b=" },
            replaced("example.com/old", json!({ "path": "example.com/fork", "version": "v0.2.0", "sum": "h1:c=" })),
            replaced("example.com/local", json!({ "path": "../local", "version": "(devel)" })),
        ],
    });
    image
}

/// The fleet in a store, made once.
pub(crate) static FLEET: LazyLock<Store> = LazyLock::new(|| {
    let store = Store::start();
    for (at, (node, lost)) in nodes().into_iter().enumerate() {
        let mut records = node.sent();
        records.retain(|record| !lost.contains(&record["seq"].as_u64().unwrap()));
        // The schema is ours, and so is the tool: records that are none would prove nothing.
        let text: String = records.iter().map(|record| format!("{record}\n")).collect();
        assert_eq!(tracego_tests::records(&text).len(), records.len());
        store.insert(&records, &format!("node-{at}"));
    }
    inventory(&store);
    store
});

/// Returns the nodes, each with the numbers of records that never arrive.
fn nodes() -> Vec<(Node, Vec<u64>)> {
    let is_job_seal = |record: &Value| record["tracego"]["seal"]["scope"] == "job";
    let decided = serde_json::to_value(samples::start_with_policy_decision(false, None)).unwrap();
    let mut violation = JOB.iter().find(|record| record["body"] == "./app").unwrap().clone();
    violation["tracego"]["policy"] = decided["tracego"]["policy"].clone();
    violation["tracego"].as_object_mut().unwrap().remove("job");
    let mut clone = Node::new("clone-b", 7).with_job().with_heartbeats(0..60);
    clone.id = format!("{:032x}", 6);
    // A restart of the machine is none of two machines.
    let mut again = Node::new("ci-again", 10).with_heartbeats(30..60);
    again.boot = "0000000a-0000-4000-8000-00000000000b".to_owned();
    again.instance = "0000000a-1111-4000-8000-00000000000b".to_owned();
    let mut old = Node::new("ci-again", 10).with_job().with_heartbeats(0..30);
    for record in &mut old.records {
        record["service"]["version"] = json!("0.0.9");
    }
    vec![
        (Node::new("ci-healthy", 1).with_job().with_heartbeats(0..60), vec![]),
        (Node::new("ci-gap", 2).with_job().with_heartbeats(0..60), vec![5, 6, 9]),
        (Node::new("ci-unsealed", 3).with_job().without(is_job_seal).with_heartbeats(0..60), vec![]),
        (Node::new("ci-silent", 4).with_job().with_heartbeats((0..10).chain(40..60)), vec![]),
        (Node::new("ci-gone", 5).with_heartbeats(0..20), vec![]),
        (Node::new("clone-a", 6).with_job().with_heartbeats(0..60), vec![]),
        (clone, vec![]),
        (
            Node::new("ci-loss", 8).with_heartbeats(0..6).with(sample("tracego.lost")).with_heartbeats(6..60),
            vec![],
        ),
        (Node::new("ci-denied", 9).with_heartbeats(0..60).with(violation), vec![]),
        (old, vec![]),
        (again, vec![]),
        // The first records of a run are missing.
        (Node::new("ci-late", 11).with_heartbeats(0..60), vec![1, 2]),
        (
            Node::new("prod-1", 21)
                .with_heartbeats(0..60)
                .with(image(DIGESTS[0]))
                .with_service("/srv/shop", APPROVED, DIGESTS[0])
                .with(image(DIGESTS[0])),
            vec![],
        ),
        (
            Node::new("prod-2", 22)
                .with_heartbeats(0..60)
                .with_service("/srv/shop", APPROVED, DIGESTS[0])
                .with_service("/srv/forged", APPROVED, DIGESTS[1])
                .with_service("/srv/new", UNAPPROVED, DIGESTS[1]),
            vec![],
        ),
    ]
}

/// Fills the tables that the owners of the fleet fill.
fn inventory(store: &Store) {
    let mut rows = Vec::new();
    for (n, name, role) in [
        (1, "ci-healthy", "ci"),
        (21, "prod-1", "production"),
        (22, "prod-2", "production"),
        (99, "ci-never", "ci"),
    ] {
        rows.push(format!("('{n:032x}', '{name}', '{role}', 'eu', 'shop')"));
    }
    store.query(&format!(
        "INSERT INTO nodes (host_id, host_name, role, region, team) VALUES {}",
        rows.join(",")
    ));
    store.query("INSERT INTO repos (repo, team) VALUES ('https://github.com/example/project', 'checkout')");
    store.query(&format!(
        "INSERT INTO approved (main, revision, sha256, committed, approved) VALUES \
         ('example.com/project/cmd/server', '{APPROVED}', '{}', '2026-11-25 01:00:30', '2026-11-25 02:00:00')",
        DIGESTS[0]
    ));
    store.query(&format!(
        "INSERT INTO image_modules (sha256, module, version) VALUES ('{}', 'golang.org/x/crypto', 'v0.9.0'), ('{}', 'golang.org/x/crypto', 'v0.31.0')",
        DIGESTS[0], DIGESTS[1]
    ));
}
