//! Elasticsearch sinks to a store that answers for each record, and fails at some.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use super::{
    Test,
    receiver::{Answer, ReceivedRequest, Receiver, answer},
    replay::{ReplayFolder, record},
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a store gets each record once though every third answer is dropped", third_answer),
    ("records that a store is too busy for are sent again alone", busy),
    ("a record with a mapping error is a dead letter with the reason of the store", mapping),
    ("a store that refuses every record costs none", refusing),
    ("a bulk request has a data stream, and credentials in a header alone", dressed),
];

/// The documents of a store by identifier, and how often each was sent.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<BTreeMap<String, (Value, usize)>>>);

impl Store {
    /// Answers a bulk request. `status` chooses the status of an item by its identifier and its number among
    /// those that the store has ever seen.
    fn answer(&self, seen: &ReceivedRequest, status: impl Fn(usize, usize) -> u16) -> Answer {
        let mut documents = self.0.lock().unwrap();
        let items: Vec<Value> = actions(seen)
            .into_iter()
            .map(|(id, document)| {
                let next = documents.len();
                let known = documents.entry(id).or_insert((json!({ "number": next }), 0));
                known.1 += 1;
                let number = known.0["number"].as_u64().unwrap() as usize;
                let status = match known.0.get("document") {
                    Some(_) => 409,
                    None => status(number, known.1),
                };
                if status == 201 {
                    known.0["document"] = document;
                }
                item(status)
            })
            .collect();
        let errors = items.iter().any(|item| item["create"]["status"] != 201);
        answer("200 OK", "", &json!({ "took": 1, "errors": errors, "items": items }).to_string())
    }

    /// Returns the identifiers of the documents.
    fn ids(&self) -> BTreeSet<String> {
        let documents = self.0.lock().unwrap();
        documents
            .iter()
            .filter(|(_, (known, _))| known.get("document").is_some())
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Returns how often the record with each number was sent.
    fn tries(&self) -> BTreeMap<u64, usize> {
        let documents = self.0.lock().unwrap();
        documents.values().map(|(known, tries)| (known["number"].as_u64().unwrap(), *tries)).collect()
    }
}

/// Returns the item of an answer.
fn item(status: u16) -> Value {
    let error = |kind: &str, reason: &str| json!({ "type": kind, "reason": reason });
    match status {
        201 => json!({ "create": { "status": 201 } }),
        409 => {
            json!({ "create": { "status": 409, "error": error("version_conflict_engine_exception", "exists") } })
        }
        400 => {
            json!({ "create": { "status": 400, "error": error("document_parsing_exception", "failed to parse [a]") } })
        }
        _ => {
            json!({ "create": { "status": status, "error": error("es_rejected_execution_exception", "full") } })
        }
    }
}

/// Returns the identifiers and documents in a request.
fn actions(seen: &ReceivedRequest) -> Vec<(String, Value)> {
    let body = seen.body();
    assert!(body.ends_with('\n'));
    let lines: Vec<Value> = body.lines().map(record).collect();
    let pair = |pair: &[Value]| (pair[0]["create"]["_id"].as_str().unwrap().to_owned(), pair[1].clone());
    lines.chunks_exact(2).map(pair).collect()
}

fn keys(port: u16, more: &str) -> String {
    format!(
        "type = \"elasticsearch\"\nurl = \"http://127.0.0.1:{port}\"\nbatch-wait = \"1ms\"\ndrain = \"2m\"\n{more}"
    )
}

fn third_answer() {
    let store = Store::default();
    let (documents, requests) = (store.clone(), AtomicUsize::new(0));
    let receiver = Receiver::new(move |seen| {
        let answer = documents.answer(seen, |_, _| 201);
        match requests.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Answer::Close,
            _ => answer,
        }
    });
    let (output, all) = ReplayFolder::new(&keys(receiver.port, "batch-records = 2")).run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(store.tries().values().any(|tries| *tries > 1), "no record came twice");
    assert_eq!(store.ids(), all.into_iter().collect());
}

fn busy() {
    let store = Store::default();
    let documents = store.clone();
    let receiver = Receiver::new(move |seen| {
        documents.answer(seen, |number, tries| match number % 5 {
            1 if tries < 3 => 429,
            3 if tries < 2 => 503,
            _ => 201,
        })
    });
    let (output, all) = ReplayFolder::new(&keys(receiver.port, "")).run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    for (number, tries) in store.tries() {
        let expected = match number % 5 {
            1 => 3,
            3 => 2,
            _ => 1,
        };
        assert_eq!(tries, expected, "{number}: {:?}", store.tries());
    }
    assert_eq!(store.ids(), all.into_iter().collect());
}

fn mapping() {
    let store = Store::default();
    let documents = store.clone();
    let receiver = Receiver::new(move |seen| {
        documents.answer(seen, |number, tries| match number {
            4 | 9 => 400,
            6 if tries < 2 => 503,
            _ => 201,
        })
    });
    let dead = tempfile::tempdir().unwrap();
    let path = dead.path().join("dead");
    let (output, all) = ReplayFolder::new(&keys(receiver.port, &format!("dead-letters = {path:?}"))).run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("lost refused 2"), "{stderr}");
    let letters = std::fs::read_to_string(&path).unwrap();
    let letters: Vec<Value> = letters.lines().map(record).collect();
    assert_eq!(letters.len(), 2);
    for letter in &letters {
        assert_eq!(letter["why"], "400: document_parsing_exception: failed to parse [a]");
        assert!(letter["record"]["event"]["id"].is_string(), "{letter}");
    }
    let mut ids = store.ids();
    ids.extend(letters.iter().map(|letter| letter["record"]["event"]["id"].as_str().unwrap().to_owned()));
    assert_eq!(ids, all.into_iter().collect());
    // Those that were taken did not come again with the one that was not.
    let tries = store.tries();
    assert!(tries.iter().all(|(number, tries)| *tries == 1 || [6, 9].contains(number)), "{tries:?}");
}

fn refusing() {
    let store = Store::default();
    let documents = store.clone();
    let receiver = Receiver::new(move |seen| documents.answer(seen, |_, _| 400));
    let keys = keys(receiver.port, "").replace("2m", "1s");
    let (output, all) = ReplayFolder::new(&keys).run();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains(&format!("lost stopped {}", all.len())) && !stderr.contains("refused"),
        "{stderr}"
    );
    assert!(stderr.contains("the receiver has taken no record yet"), "{stderr}");
}

fn dressed() {
    let store = Store::default();
    let documents = store.clone();
    let receiver = Receiver::new(move |seen| documents.answer(seen, |_, _| 201));
    let secrets = tempfile::tempdir().unwrap();
    let key = secrets.path().join("key");
    std::fs::write(&key, "aGk6aHVzaA==\n").unwrap();
    let more = format!("api-key = {{ file = {key:?} }}\ndata-stream = \"logs-audit-prod\"");
    let (output, all) = ReplayFolder::new(&keys(receiver.port, &more)).run();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(store.ids().len(), all.len());
    for seen in receiver.seen() {
        assert!(seen.line.starts_with("POST /logs-audit-prod/_bulk?filter_path="), "{}", seen.line);
        assert_eq!(seen.headers["authorization"], "ApiKey aGk6aHVzaA==");
        assert_eq!(
            (&*seen.headers["content-type"], &*seen.headers["content-encoding"]),
            ("application/x-ndjson", "gzip")
        );
        // Data streams need the time of each document, and take `create` alone.
        assert!(actions(&seen).iter().all(|(_, document)| document["@timestamp"].is_string()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("aGk6"), "{stderr}");
}
