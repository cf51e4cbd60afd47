//! The missing parts in a statement are those that `tracego verify-log` names in the same file.

use serde_json::{Value, json};

use crate::{Folder, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("completeness::a_whole_log_is_whole", whole),
    ("completeness::any_change_of_a_log_is_in_the_statement", changed),
    ("completeness::a_log_that_was_cut_is_not_complete", cut),
    ("completeness::losses_are_in_the_statement", losses),
    ("completeness::without_a_seal_nothing_is_proven", not_sealed),
    ("completeness::a_key_has_to_have_signed", signed),
    ("completeness::lines_that_are_no_records_are_counted", unread),
];

/// Attests the records and verifies them, and holds the two against each other. Returns the status of `attest`, the part of
/// the statement, and the status of `verify-log`.
fn compare(folder: &Folder, key: Option<&str>) -> (i32, Value, i32) {
    let key_of = |name: &'static str| key.map(|key| [name, key]).into_iter().flatten();
    let attest: Vec<&str> = ["records"].into_iter().chain(key_of("--seal-key")).collect();
    let (status, statement) = folder.statement(&attest);
    let mut verify = folder.command("verify-log");
    let output = verify.args(["--output", "json", "records"]).args(key_of("--key")).output().unwrap();
    let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
    let completeness = statement["predicate"]["tracegoCompletenessV1"].clone();
    assert_eq!(completeness["verifyLog"], verified);
    let code = output.status.code().unwrap();
    let wanted: &[&str] = match code {
        0 => &["whole"],
        1 => &["damaged", "not-sealed"],
        _ => &["unproven"],
    };
    assert!(wanted.contains(&completeness["seal"].as_str().unwrap()), "{code}: {completeness}");
    let is_complete = completeness["isComplete"].as_bool().unwrap();
    assert_eq!(statement["predicate"]["tracegoResultV1"]["isComplete"], is_complete);
    assert_eq!(status == 0, is_complete, "{completeness}");
    // A log that is not whole is never complete, but for one that claims nothing.
    assert!(code == 0 || !is_complete || completeness["seal"] == "not-sealed", "{completeness}");
    (status, completeness, code)
}

fn whole() {
    let folder = Folder::sealed();
    let (status, completeness, _) = compare(&folder, None);
    assert_eq!(
        (status, &completeness["seal"], &completeness["isComplete"]),
        (0, &json!("whole"), &json!(true))
    );
    assert_eq!((&completeness["lost"], &completeness["unreadLines"]), (&json!({}), &json!(0)));
    let [run] = completeness["runs"].as_array().unwrap().as_slice() else { panic!("{completeness}") };
    let last = completeness["verifyLog"]["runs"][0]["last_seq"].clone();
    assert_eq!((&run["firstSeq"], &run["lastSeq"]), (&json!(1), &last));
    assert_eq!(completeness["sealLink"], completeness["verifyLog"]["head"]["link"]);
    // The seals of a replay count events as those of the original run.
    let seals = folder.read("records");
    let hooked: u64 = seals
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| record["tracego"]["seal"]["scope"] == "run")
        .map(|record| record["tracego"]["seal"]["hooked"].as_u64().unwrap())
        .sum();
    assert!(hooked > 0 && completeness["hooked"] == hooked, "{hooked}: {completeness}");
    let sum = std::process::Command::new("sha256sum").arg(folder.path("records")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let digest = sum.split_whitespace().next().unwrap();
    assert_eq!(completeness["files"], json!([{ "name": "records", "digest": { "sha256": digest } }]));
}

fn changed() {
    let folder = Folder::sealed();
    let log = folder.read("records");
    let lines: Vec<&str> = log.lines().collect();
    let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    // Each line in turn is removed, doubled, or changed.
    for at in (0..lines.len()).step_by(5) {
        let mut removed = lines.clone();
        removed.remove(at);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        let other = lines[at].replacen("2026", "2025", 1);
        let mut different = lines.clone();
        different[at] = &other;
        for changed in [removed, doubled, different] {
            folder.write("records", text(&changed).as_bytes());
            let (status, completeness, code) = compare(&folder, None);
            assert_eq!((status, &completeness["isComplete"], code), (4, &json!(false), 1), "line {at}");
        }
    }
}

fn cut() {
    let folder = Folder::sealed();
    let log = folder.read("records");
    let ends: Vec<usize> = log.match_indices('\n').map(|(at, _)| at + 1).collect();
    // At the end of a line without its last seal, and within lines.
    for end in ends.iter().skip(20).step_by(7).flat_map(|end| [*end, end + 30]) {
        if end >= log.len() {
            continue;
        }
        folder.write("records", &log.as_bytes()[..end]);
        let (status, completeness, _) = compare(&folder, None);
        // A torn line is one that could not be read.
        let torn = log.as_bytes()[end - 1] != b'\n';
        assert_eq!((status, &completeness["isComplete"]), (if torn { 1 } else { 4 }, &json!(false)), "{end}");
        if !torn {
            assert_eq!(completeness["verifyLog"]["runs"][0]["closed"], false);
        }
    }
}

fn losses() {
    let folder = Folder::sealed();
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.replay("go", &[]);
    let lost = json!({
        "schema": "tracego/2", "event_name": "tracego.lost", "timestamp": "2026-11-25T02:00:00Z", "seq": 1000,
        "service": { "instance": { "id": "x" } }, "log": { "record": { "uid": "x" } },
        "tracego": { "lost": { "ring_full": 7 } },
    });
    folder.write("records", format!("{}{lost}\n", folder.read("records")).as_bytes());
    let (status, completeness, _) = compare(&folder, None);
    assert_eq!((status, &completeness["lost"]), (4, &json!({ "ring_full": 7 })));
}

fn not_sealed() {
    let folder = Folder::sealed();
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.replay("go", &[]);
    let (status, completeness, code) = compare(&folder, None);
    assert_eq!((status, &completeness["seal"], code), (0, &json!("not-sealed"), 1));
    assert_eq!((completeness.get("sealLink"), completeness.get("hooked")), (None, None));
}

fn signed() {
    if crate::OPENSSL.is_err() {
        return;
    }
    let folder = Folder::sealed();
    folder.key("seal", &["ed25519"]);
    folder.key("other", &["ed25519"]);
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.replay("go", &["--seal", "--seal-key", "seal"]);
    let (status, completeness, code) = compare(&folder, Some("seal.pub"));
    assert_eq!((status, code, &completeness["seal"]), (0, 0, &json!("whole")));
    assert_eq!(completeness["sealKeys"].as_array().unwrap().len(), 1);
    let (status, completeness, code) = compare(&folder, Some("other.pub"));
    assert_eq!((status, code, &completeness["seal"]), (4, 1, &json!("damaged")));
    // Records without a seal are none of a log that somebody signed.
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.replay("go", &[]);
    let (status, completeness, code) = compare_unsealed(&folder);
    assert_eq!((status, code, &completeness["seal"]), (4, 1, &json!("not-sealed")));
    // Without its last seal, the end of a signed log is not proven.
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.replay("go", &["--seal", "--seal-key", "seal"]);
    let log = folder.read("records");
    let end = log.trim_end().rfind('\n').unwrap() + 1;
    folder.write("records", &log.as_bytes()[..end]);
    let (status, completeness, code) = compare(&folder, Some("seal.pub"));
    assert_eq!((status, code, &completeness["seal"]), (4, 6, &json!("unproven")));
}

/// Compares with a key, on a log without seals: not complete, although it claims nothing.
fn compare_unsealed(folder: &Folder) -> (i32, Value, i32) {
    let (status, statement) = folder.statement(&["records", "--seal-key", "seal.pub"]);
    let mut verify = folder.command("verify-log");
    let code = verify.args(["--key", "seal.pub", "records"]).output().unwrap().status.code().unwrap();
    (status, statement["predicate"]["tracegoCompletenessV1"].clone(), code)
}

fn unread() {
    let folder = Folder::sealed();
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.replay("go", &[]);
    folder.write("records", format!("{}no record\n", folder.read("records")).as_bytes());
    let (status, statement) = folder.statement(&["records"]);
    let completeness = &statement["predicate"]["tracegoCompletenessV1"];
    assert_eq!(
        (status, &completeness["unreadLines"], &completeness["isComplete"]),
        (1, &json!(1), &json!(false))
    );
}
