//! Servers with more than a schema: object storage, a cluster, rights.

use std::path::Path;

use crate::{Test, deployed, real::replay, server::Store};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("old rows move to object storage", old_rows_move_to_object_storage),
    ("questions are asked of a cluster", questions_are_asked_of_a_cluster),
    ("rights are statements that the engine reads", rights_are_statements_that_the_engine_reads),
    ("migrations may be applied again, and replicated", migrations_may_be_applied_again_and_replicated),
];

/// Returns the settings of a server with one shard, itself, and with a folder in place of object storage.
fn configuration(folder: &Path) -> Option<String> {
    let storage = std::fs::read_to_string(deployed("clickhouse/server/storage.xml")).unwrap();
    let (from, to) = (storage.find("<policies>").unwrap(), storage.find("</policies>").unwrap());
    // This machine's disk may be nearly full, which would move new rows, too.
    let policies = storage[from..to].replace("</volumes>", "</volumes><move_factor>0</move_factor>");
    let objects = folder.join("objects");
    Some(format!(
        "<clickhouse><tcp_port>9000</tcp_port>
        <remote_servers><tracego><shard><replica><host>localhost</host><port>9000</port></replica></shard></tracego></remote_servers>
        <storage_configuration><disks><objects><type>object_storage</type><object_storage_type>local</object_storage_type>
        <metadata_type>local</metadata_type><path>{}/</path></objects></disks>{policies}</policies></storage_configuration></clickhouse>",
        objects.display()
    ))
}

/// Returns the statements of a file of SQL.
fn statements(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(deployed("clickhouse").join(name)).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let all = lines.join("\n");
    all.split(";\n").map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

fn old_rows_move_to_object_storage() {
    let store = Store::configured(configuration);
    for statement in statements("retention.sql") {
        store.query(&statement);
    }
    let full = replay(&["--detail", "full"]);
    let mut old = full.clone();
    let then = store.query("SELECT formatDateTime(now() - INTERVAL 20 DAY, '%Y-%m-%dT%H:%i:%S.000000000Z')");
    let now = store.query("SELECT formatDateTime(now(), '%Y-%m-%dT%H:%i:%S.000000000Z')");
    for record in &mut old {
        record["timestamp"] = then[0].clone().into();
    }
    store.insert(&old, "old");
    let disks = "SELECT DISTINCT table, disk_name FROM system.parts WHERE active AND table IN ('starts', 'exits', 'seals') ORDER BY ALL";
    assert_eq!(store.query(disks), ["exits\tobjects", "seals\tdefault", "starts\tobjects"]);
    let mut new = full;
    for record in &mut new {
        record["timestamp"] = now[0].clone().into();
    }
    store.insert(&new, "new");
    let both = ["exits\tdefault", "exits\tobjects", "seals\tdefault", "starts\tdefault", "starts\tobjects"];
    assert_eq!(store.query(disks), both);
}

fn questions_are_asked_of_a_cluster() {
    let store = Store::configured(configuration);
    for statement in statements("distributed.sql") {
        store.query(&statement);
    }
    let full = replay(&["--detail", "full"]);
    store.insert(&full, "one");
    let tables = store.query("SELECT name FROM system.tables WHERE database = 'tracego' AND engine LIKE '%MergeTree' AND name != 'migrations' ORDER BY name");
    let of_all = store.query(
        "SELECT name FROM system.tables WHERE database = 'tracego_all' AND name != 'ingest' ORDER BY name",
    );
    assert_eq!(tables, of_all);
    let files = std::fs::read_dir(deployed("clickhouse/questions")).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        let question = name[3..].trim_end_matches(".sql");
        let days = ["--set", "from=2026-11-24 00:00:00", "--set", "to=2026-11-27 00:00:00"];
        let one = store.ask(question, &days);
        let all = store.ask(question, &[&["--database", "tracego_all"], &days[..]].concat());
        assert_eq!(one, all, "{question}");
        if ["go_run", "first_seen", "job_tree", "lateness", "rates"].contains(&question) {
            assert!(!all.is_empty(), "{question}");
        }
    }
}

fn rights_are_statements_that_the_engine_reads() {
    let store = Store::start();
    let all = [statements("roles.sql"), statements("tenants.sql")].concat();
    assert!(all.len() > 10);
    let tenants = std::fs::read_to_string(deployed("clickhouse/tenants.sql")).unwrap();
    for statement in statements("distributed.sql") {
        let name = statement.split(" AS tracego.").nth(1).and_then(|rest| rest.split(' ').next());
        if let Some(name) = name.filter(|name| *name != "ingest") {
            assert_eq!(tenants.matches(&format!("tracego.{name}")).count(), 2, "policies of {name}");
        }
    }
    for statement in all {
        // The engine in a process has no users: it reads a statement and then says that it has no place for it.
        let (_, answer) = store.statement(&statement);
        let unavailable = ["Code: 511.", "Code: 514.", "Code: 180.", "Code: 497."];
        assert!(unavailable.iter().any(|code| answer.starts_with(code)), "{statement}: {answer}");
    }
    let (_, answer) = store.statement("CREATE ROLE tracego_reader SETTINGZ PROFILES x");
    assert!(answer.starts_with("Code: 62."), "{answer}");
}

fn migrations_may_be_applied_again_and_replicated() {
    let store = Store::start();
    let migrate = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::PYTHON.as_ref().unwrap());
        command.arg(deployed("clickhouse/local.py")).arg("migrate").args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let full = replay(&["--detail", "full"]);
    store.insert(&full, "one");
    let starts = store.number("SELECT count() FROM starts");
    migrate(&["--server", &format!("http://{}", store.address)]);
    assert_eq!(
        store.query("SELECT version FROM migrations FINAL ORDER BY version"),
        ["1", "2", "3", "4", "5", "9"]
    );
    assert_eq!(store.number("SELECT count() FROM starts"), starts);
    store.insert(&full, "two");
    assert_eq!(store.number("SELECT count() FROM starts"), 2 * starts, "each view is there once");
    let replicated = migrate(&["--replicated", "--print"]);
    assert_eq!(
        replicated.matches("ENGINE = ").count(),
        replicated.matches("ENGINE = Replicated").count() + 1
    );
    assert!(!replicated.contains("non_replicated"));
}
