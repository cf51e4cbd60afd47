//! The questions, asked about the simulated fleet. Each has to find what is wrong, and nothing else.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::{
    Test, deployed,
    nodes::{APPROVED, DIGESTS, FLEET, UNAPPROVED},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("there are sixteen questions, each with a test", there_are_sixteen_questions_each_with_a_test),
    ("go_run", go_run),
    ("unapproved", unapproved),
    ("first_seen", first_seen),
    ("gaps", gaps),
    ("silent", silent),
    ("unsealed_jobs", unsealed_jobs),
    ("lead_time", lead_time),
    ("losses", losses),
    ("decisions", decisions),
    ("modules", modules),
    ("job_tree", job_tree),
    ("rare", rare),
    ("versions", versions),
    ("lateness", lateness),
    ("rates", rates),
    ("cloned_ids", cloned_ids),
];

/// Asks about the hours of the simulated fleet, which end at 04:00.
fn ask(question: &str, set: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["--set", "from=2026-11-25 00:00:00"];
    if !set.iter().any(|one| one.starts_with("to=")) {
        arguments.extend(["--set", "to=2026-11-25 04:00:00"]);
    }
    arguments.extend(set.iter().flat_map(|one| ["--set", one]));
    FLEET.ask(question, &arguments)
}

/// Returns some members of each row.
fn members(rows: &[Value], names: &[&str]) -> Vec<Value> {
    rows.iter().map(|row| names.iter().map(|name| row[*name].clone()).collect()).collect()
}

fn there_are_sixteen_questions_each_with_a_test() {
    let files = fs::read_dir(deployed("clickhouse/questions")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let asked: BTreeSet<String> = files.map(|name| name[3..].trim_end_matches(".sql").to_owned()).collect();
    let tested: BTreeSet<String> = TESTS[1..].iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(asked, tested);
    let document = fs::read_to_string(deployed("../docs/fleet.md")).unwrap();
    for name in &asked {
        assert!(document.contains(&format!("| `{name}` |")), "docs/fleet.md has no row for {name}");
    }
    assert_eq!(asked.len(), 16);
}

fn go_run() {
    let rows = ask("go_run", &[]);
    // Seven machines ran the job, two of them with one host id.
    assert_eq!(
        members(&rows, &["team", "repo", "jobs"]),
        [json!(["checkout", "https://github.com/example/project", 1])]
    );
    assert_eq!(rows[0]["runs"], 7);
    assert_eq!(rows[0]["commands"], json!(["go run ./cmd/server"]));
    assert_eq!(ask("go_run", &["rule=TG999"]), [] as [Value; 0]);
    assert_eq!(ask("go_run", &["from=2026-11-25 03:00:00"]), [] as [Value; 0]);
}

fn unapproved() {
    let rows = ask("unapproved", &["main=example.com/%"]);
    let found = members(&rows, &["exe", "revision", "sha256", "nodes", "some"]);
    assert_eq!(
        found,
        [
            json!(["/srv/forged", APPROVED, DIGESTS[1], 1, ["prod-2"]]),
            json!(["/srv/new", UNAPPROVED, DIGESTS[1], 1, ["prod-2"]]),
        ]
    );
    assert_eq!(ask("unapproved", &["main=example.org/%"]), [] as [Value; 0]);
}

fn first_seen() {
    let rows = ask("first_seen", &[]);
    assert!(rows.iter().any(|row| row["exe"] == "/srv/ci/project/app" && row["nodes"] == 7), "{rows:?}");
    assert_eq!(ask("first_seen", &["from=2026-11-25 03:30:00"]), [] as [Value; 0]);
}

fn gaps() {
    let rows = ask("gaps", &[]);
    assert_eq!(
        members(&rows, &["host_name", "inside", "before", "missing"]),
        [json!(["ci-gap", 3, 0, 3]), json!(["ci-late", 0, 2, 2])]
    );
}

fn silent() {
    let rows = ask("silent", &[]);
    assert_eq!(
        members(&rows, &["host_name", "longest", "still", "never"]),
        [
            json!(["ci-never", rows[0]["longest"], 1, 1]),
            json!(["ci-gone", 41 * 60, 1, 0]),
            json!(["ci-silent", 31 * 60, 0, 0]),
        ]
    );
    assert_eq!(rows[2]["longest_since"], "2026-11-25 03:09:00.000000000");
    // An hour later, all are silent.
    assert!(ask("silent", &["to=2026-11-25 05:00:00"]).len() > 10);
}

fn unsealed_jobs() {
    let rows = ask("unsealed_jobs", &[]);
    let mut found = members(&rows, &["host_name", "arrived", "sealed", "problem"]);
    found.sort_by_key(Value::to_string);
    assert_eq!(
        found,
        [json!(["ci-gap", 34, 37, "records are missing"]), json!(["ci-unsealed", 37, 0, "no seal"])]
    );
    // A job may still run.
    assert_eq!(ask("unsealed_jobs", &["grace=86400"]), [] as [Value; 0]);
}

fn lead_time() {
    let rows = ask("lead_time", &[]);
    assert_eq!(
        members(&rows, &["main", "releases", "median_hours", "worst"]),
        [json!(["example.com/project/cmd/server", 1, 2, APPROVED])]
    );
}

fn losses() {
    let rows = ask("losses", &[]);
    assert_eq!(
        members(&rows, &["host_name", "place", "reason", "lost", "jobs"]),
        [
            json!(["ci-loss", "kernel or pipeline", "no_scratch", 85_002, 0]),
            json!(["ci-loss", "kernel or pipeline", "ring_full", 85_001, 0]),
        ]
    );
}

fn decisions() {
    let rows = ask("decisions", &[]);
    assert_eq!(
        members(&rows, &["origin", "action", "bundle", "digest", "rule", "team", "decisions", "nodes"]),
        [
            json!([
                "policy",
                "violation",
                "bundle-name",
                "sha256:0a0a0a0a0a0a",
                "violation-1",
                "checkout",
                1,
                1
            ]),
            json!([
                "policy",
                "violation",
                "bundle-name",
                "sha256:0a0a0a0a0a0a",
                "violation-2",
                "checkout",
                1,
                1
            ]),
            json!([
                "policy",
                "warning",
                "bundle-name",
                "sha256:0a0a0a0a0a0a",
                "violation-3",
                "checkout",
                1,
                1
            ]),
        ]
    );
}

fn modules() {
    let rows = ask("modules", &[]);
    assert_eq!(
        members(&rows, &["version", "known_from", "exe", "nodes"]),
        [json!(["v0.9.0", "bill of materials", "/srv/shop", 2])]
    );
    assert_eq!(ask("modules", &["below=v0.31.1"]).len(), 3);
    assert_eq!(ask("modules", &["below=v0.9.0"]), [] as [Value; 0]);
    // What an executable says itself, on all nodes that ran it.
    let stated = |module: &str, below: &str| {
        let rows = ask("modules", &[&format!("module={module}"), &format!("below={below}")]);
        members(&rows, &["version", "known_from", "exe", "nodes"])
    };
    assert_eq!(stated("golang.org/x/net", "v0.17.1"), [json!(["v0.17.0", "executable", "/srv/shop", 2])]);
    assert_eq!(stated("golang.org/x/net", "v0.17.0"), [] as [Value; 0]);
    // A replaced module is what replaced it; the code of a folder has no version.
    assert_eq!(stated("example.com/fork", "v0.3.0"), [json!(["v0.2.0", "executable", "/srv/shop", 2])]);
    assert_eq!(stated("example.com/old", "v9.0.0"), [] as [Value; 0]);
    assert_eq!(stated("example.com/local", "v9.0.0"), [] as [Value; 0]);
    let local = FLEET.query("SELECT version, replaces, replaces_version FROM stated_modules FINAL WHERE module = 'example.com/local'");
    assert_eq!(local, ["(devel)\texample.com/local\tv0.1.0"]);
    // v0.31.0-rc.1 comes before v0.31.0.
    assert_eq!(ask("modules", &["below=v0.31.0-rc.1"]).len(), 1);
}

fn job_tree() {
    let rows = ask("job_tree", &["job=42/%"]);
    let commands: Vec<&str> = rows.iter().map(|row| row["tree"].as_str().unwrap()).collect();
    assert_eq!(commands[0], "make ci");
    assert!(commands.contains(&"    go run ./cmd/server"), "{commands:#?}");
    assert_eq!(rows.len(), 17);
    assert!(rows.iter().all(|row| row["code"] == 0), "{rows:?}");
    assert_eq!(ask("job_tree", &["job=no-such-job"]), [] as [Value; 0]);
}

fn rare() {
    let rows = ask("rare", &[]);
    let mut found = members(&rows, &["exe", "nodes", "some"]);
    found.sort_by_key(Value::to_string);
    assert_eq!(found, [json!(["/srv/forged", 1, ["prod-2"]]), json!(["/srv/new", 1, ["prod-2"]])]);
    assert_eq!(ask("rare", &["nodes=2"]).len(), 3);
}

fn versions() {
    let at = |to: &str| members(&ask("versions", &[to]), &["version", "nodes"]);
    // One node was upgraded at half past three.
    let [before, after] = [at("to=2026-11-25 03:29:59"), at("to=2026-11-25 04:00:00")];
    assert_eq!((before.len(), before[1].clone()), (2, json!(["0.0.9", 1])));
    assert_eq!(after.len(), 1);
}

fn lateness() {
    let rows = ask("lateness", &[]);
    assert_eq!(rows.len(), 10, "{rows:?}");
    let healthy = rows.iter().find(|row| row["host_name"] == "ci-healthy").unwrap();
    assert_eq!(healthy["starts"], 17);
    let worst = healthy["worst_ms"].as_f64().unwrap();
    assert!(worst > 0.0 && worst < 60_000.0, "{worst}");
}

fn rates() {
    let rows = ask("rates", &["from=2026-11-25 03:00:00", "step=60"]);
    assert_eq!(
        members(&rows, &["time", "role", "starts", "nodes"]),
        [json!(["2026-11-25 03:00:00", "production", 4, 2])]
    );
    let rows = ask("rates", &["step=3600"]);
    assert_eq!(
        members(&rows, &["role", "starts"]),
        [json!(["ci", 17]), json!(["unknown", rows[1]["starts"]]), json!(["production", 4])]
    );
}

fn cloned_ids() {
    let rows = ask("cloned_ids", &[]);
    assert_eq!(members(&rows, &["host_id", "machines"]), [json!([format!("{:032x}", 6), 2])]);
    let mut names: Vec<&str> =
        rows[0]["names"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["clone-a", "clone-b"]);
}
