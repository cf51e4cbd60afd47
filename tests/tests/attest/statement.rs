//! The statement and the predicate have what their specifications require.

use serde_json::{Value, json};

use crate::{Folder, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("statement::has_what_the_specification_requires", required),
    ("statement::names_the_job_and_its_findings", job),
    ("statement::lists_the_processes_that_were_chosen", processes),
    ("statement::is_about_all_subjects", subjects),
    ("statement::never_overwrites_its_inputs", inputs_stay),
    ("statement::carries_another_predicate", other_predicate),
    ("statement::is_about_one_job", one_job),
    ("statement::has_digests_of_executables", digests),
    ("statement::has_digests_of_configuration_and_policies", configuration),
];

/// The required members of Statement v1 and of runtime-trace v0.1, with their types.
fn schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let uri = json!({ "type": "string", "pattern": "^[a-zA-Z][a-zA-Z0-9+.-]*:.+" });
    let descriptor = json!({ "type": "object", "anyOf": [
        { "required": ["uri"] }, { "required": ["digest"] }, { "required": ["content"] },
    ] });
    let process = json!({ "type": "object", "required": ["eventType", "processBinary", "arguments", "privileged"],
        "properties": { "eventType": { "const": "process" }, "processBinary": text,
            "arguments": { "type": "array", "items": { "type": "string" } },
            "privileged": { "type": ["boolean", "null"] } } });
    let time =
        json!({ "type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$" });
    json!({
        "type": "object",
        "required": ["_type", "subject", "predicateType", "predicate"],
        "additionalProperties": false,
        "properties": {
            "_type": { "const": "https://in-toto.io/Statement/v1" },
            "subject": { "type": "array", "minItems": 1, "items": { "type": "object", "required": ["digest"],
                "properties": { "digest": { "type": "object", "minProperties": 1,
                    "properties": { "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" } } } } } },
            "predicateType": { "const": "https://in-toto.io/attestation/runtime-trace/v0.1" },
            "predicate": {
                "type": "object",
                "required": ["monitor", "monitoredProcess", "monitorLog"],
                "propertyNames": { "pattern": "^[^.$]+$" },
                "properties": {
                    "monitor": { "type": "object", "required": ["type"], "properties": {
                        "type": uri, "configSource": descriptor, "tracePolicy": { "type": "object" } } },
                    "monitoredProcess": { "type": "object", "required": ["hostID", "type", "event"],
                        "properties": { "hostID": uri, "type": uri, "event": text } },
                    "monitorLog": { "type": "object",
                        "anyOf": [{ "required": ["process"] }, { "required": ["fileAccess"] }],
                        // An empty list would say that there was no network.
                        "not": { "required": ["network"] },
                        "properties": { "process": { "type": "array", "items": process },
                            "fileAccess": { "type": "array", "minItems": 1, "items": descriptor } } },
                    "metadata": { "type": "object",
                        "properties": { "buildStartedOn": time, "buildFinishedOn": time } },
                },
            },
        },
    })
}

fn check(statement: &Value) {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(statement).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn required() {
    let folder = Folder::sealed();
    for name in ["go", "job", "arguments"] {
        std::fs::remove_file(folder.path("records")).unwrap();
        folder.replay(name, &[]);
        for choice in ["all", "distinct", "findings"] {
            check(&folder.statement(&["records", "--processes", choice]).1);
        }
    }
}

fn job() {
    let folder = Folder::sealed();
    let (status, statement) = folder.statement(&["records"]);
    let predicate = &statement["predicate"];
    assert_eq!(status, 0);
    assert_eq!(
        predicate["monitoredProcess"],
        json!({
            "hostID": "https://github.com",
            "type": "https://actions.github.io/buildtypes/workflow/v1",
            "event": "https://github.com/example/project/actions/runs/42/attempts/1",
        })
    );
    assert_eq!(predicate["tracegoJobV1"]["attributes"]["commit"], "0123456789abcdef0123456789abcdef01234567");
    assert_eq!(
        predicate["tracegoResultV1"],
        json!({ "result": "detected", "findings": { "high": 2 }, "stopped": 0, "isComplete": true })
    );
    let findings = predicate["tracegoFindingsV1"].as_array().unwrap();
    let ids: Vec<_> = findings.iter().map(|found| found["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["TG001", "TG002"]);
    assert_eq!(predicate["metadata"]["buildStartedOn"], "2026-11-25T02:11:46.003673602Z");
    assert_eq!(predicate["monitor"]["tracePolicy"]["notRecorded"], json!(["network"]));
    // Sealed records without any program: nothing is attested.
    std::fs::remove_file(folder.path("records")).unwrap();
    folder.write("records", b"\n");
    let (status, _, told) = folder.attest(&["--subject", "app", "--format", "statement", "records"]);
    assert!(status == 2 && told.contains("no program start"), "{told}");
}

fn processes() {
    let folder = Folder::sealed();
    let of = |choice: &str| {
        let statement = folder.statement(&["records", "--processes", choice]).1;
        statement["predicate"]["monitorLog"]["process"].as_array().unwrap().clone()
    };
    let all = of("all");
    // 17 starts, of which 10 are tools of Go.
    let tools: u64 = all
        .iter()
        .flat_map(|process| process["goTools"].as_object().into_iter().flatten())
        .map(|(_, count)| count.as_u64().unwrap())
        .sum();
    assert_eq!((all.len(), tools), (7, 10));
    let run = all.iter().find(|process| process["pid"] == 10552).unwrap();
    assert_eq!((&run["findings"], &run["parentPid"]), (&json!(["TG001"]), &json!(10498)));
    let found: Vec<_> = of("findings").iter().map(|process| process["pid"].clone()).collect();
    assert_eq!(found.len(), 2);
    let distinct = of("distinct");
    assert!(distinct.iter().all(|process| process.get("pid").is_none() && process["starts"].is_u64()));
    let starts: u64 = distinct.iter().map(|process| process["starts"].as_u64().unwrap()).sum();
    assert_eq!(starts, 7);
    // The same program twice is one with two starts.
    let lines = folder.read("records");
    let again: String = lines
        .lines()
        .filter(|line| line.contains("tracego.process.start") && line.contains("\"make\""))
        .map(|line| format!("{}\n", line.replace("10497", "20497").replace("02:11:46", "02:11:47")))
        .collect();
    folder.write("records", format!("{lines}{}", again.replace("532079", "999999")).as_bytes());
    let (_, statement) = folder.statement(&["records", "--processes", "distinct"]);
    let twice = &statement["predicate"]["monitorLog"]["process"][0];
    assert_eq!((&twice["processBinary"], &twice["starts"]), (&json!("/usr/bin/make"), &json!(2)));
}

fn subjects() {
    let folder = Folder::sealed();
    let digest = "ab".repeat(32);
    let named = format!("sha256:{digest}=registry.example.com/shop");
    let (_, statement) = folder.statement(&["--subject-digest", &named, "records"]);
    let subjects = statement["subject"].as_array().unwrap();
    assert_eq!(subjects[1], json!({ "name": "registry.example.com/shop", "digest": { "sha256": digest } }));
    assert_eq!(subjects[0]["name"], "app");
    let sum = std::process::Command::new("sha256sum").arg(folder.path("app")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert!(sum.starts_with(subjects[0]["digest"]["sha256"].as_str().unwrap()));
    let refused = |arguments: &[&str]| {
        let (status, _, told) = folder.attest(arguments);
        assert_eq!(status, 2, "{told}");
        told
    };
    assert!(refused(&["--format", "statement", "records"]).contains("--subject"));
    assert!(refused(&["--subject", "gone", "--format", "statement", "records"]).contains("gone"));
    assert!(refused(&["--subject", ".", "--format", "statement", "records"]).contains("--subject ."));
    assert!(refused(&["--subject", "app", "--format", "predicate", "records"]).contains("signer"));
    assert!(refused(&["--subject", "app", "records"]).contains("--key is missing"));
    assert!(refused(&["--subject-digest", "sha256:0=a", "--format", "statement", "records"]).contains("64"));
    assert!(refused(&["--subject", "app", "--format", "statement", "-"]).contains("twice"));
}

fn other_predicate() {
    let folder = Folder::sealed();
    let bill = folder.command("sbom").arg("records").output().unwrap().stdout;
    folder.write("bill.json", &bill);
    let given = ["--predicate", "bill.json", "--predicate-type", "https://cyclonedx.org/bom"];
    let (status, statement) = folder.statement(&given);
    assert_eq!((status, &statement["predicateType"]), (0, &json!("https://cyclonedx.org/bom")));
    assert_eq!(statement["predicate"], serde_json::from_slice::<Value>(&bill).unwrap());
    for wrong in ["[]", "{", "1"] {
        folder.write("bill.json", wrong.as_bytes());
        let all = [&["--subject", "app", "--format", "statement"], &given[..]].concat();
        assert_eq!(folder.attest(&all).0, 2, "{wrong}");
    }
    assert_eq!(folder.attest(&["--subject", "app", "--predicate", "bill.json"]).0, 2);
    // The predicate alone is what a statement has.
    let (_, predicate, _) = folder.attest(&["--format", "predicate", "records"]);
    assert_eq!(
        serde_json::from_str::<Value>(&predicate).unwrap(),
        folder.statement(&["records"]).1["predicate"]
    );
}

fn one_job() {
    let folder = Folder::sealed();
    std::fs::rename(folder.path("records"), folder.path("other")).unwrap();
    folder.replay("job", &[]);
    let (status, _, told) = folder.attest(&["--subject", "app", "--format", "statement", "records", "other"]);
    assert!(status == 2 && told.contains("2 jobs") && told.contains("1234/1/build"), "{told}");
    let (_, statement) = folder.statement(&["records", "other", "--job", "1234/1/build"]);
    assert_eq!(statement["predicate"]["tracegoJobV1"]["id"], "1234/1/build");
}

fn digests() {
    let folder = Folder::sealed();
    let log = folder.read("records");
    assert_eq!(folder.statement(&["records"]).1["predicate"]["monitorLog"].get("fileAccess"), None);
    // As records say digests: in the record of the executable.
    let digest = "cd".repeat(32);
    let with = format!("\"executable\":{{\"digest\":{{\"sha256\":\"{digest}\"}},\"inode\":893259,");
    folder.write("records", log.replace("\"executable\":{\"inode\":893259,", &with).as_bytes());
    let (_, statement) = folder.statement(&["records"]);
    let files = statement["predicate"]["monitorLog"]["fileAccess"].as_array().unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(
        (&files[0]["name"], &files[0]["digest"]["sha256"]),
        (&json!("/opt/go/bin/go"), &json!(digest))
    );
    assert!(files[0]["annotations"]["digest"].as_str().unwrap().contains("after the start"));
    check(&statement);
}

fn configuration() {
    let folder = Folder::sealed();
    let predicate = |options: &[&str]| {
        std::fs::remove_file(folder.path("records")).unwrap();
        folder.replay("go", options);
        let statement = folder.statement(&["records"]).1;
        check(&statement);
        statement["predicate"].clone()
    };
    let sha256 = |file: &str| {
        let sum = std::process::Command::new("sha256sum").arg(folder.path(file)).output().unwrap();
        String::from_utf8(sum.stdout).unwrap()[..64].to_owned()
    };
    // Without a seal no record says what was in force, and an empty list would say that there was nothing.
    let unknown = predicate(&[]);
    assert_eq!(unknown.get("tracegoConfigurationsV1"), None);
    let monitor = &unknown["monitor"];
    assert_eq!((monitor.get("configSource"), monitor["tracePolicy"].get("policies")), (None, None));
    // Neither a file nor a policy.
    let none = predicate(&["--seal"]);
    assert_eq!(none["monitor"].get("configSource"), None);
    assert_eq!(none["monitor"]["tracePolicy"]["policies"], json!([]));
    folder.write("tracego.toml", b"heartbeat = 5\n");
    folder.write("other.toml", b"heartbeat = 6\n");
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/policies");
    let options = ["--seal", "--config", "tracego.toml", "--policy", policies];
    let one = predicate(&options);
    let digest = sha256("tracego.toml");
    let source = json!({ "name": "tracego.toml", "digest": { "sha256": digest } });
    assert_eq!(one["monitor"]["configSource"], source);
    let policies = one["monitor"]["tracePolicy"]["policies"].as_array().unwrap();
    assert_eq!((policies.len(), &policies[0]["name"]), (1, &json!("policies")));
    // The digest is that on the decisions.
    let log = folder.read("records");
    let decided = log.lines().find_map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["tracego"]["policy"]["bundles"][0]["digest"].as_str().map(str::to_owned)
    });
    let digest = policies[0]["digest"]["sha256"].as_str().unwrap();
    assert_eq!(decided, Some(format!("sha256:{digest}")));
    let all = one["tracegoConfigurationsV1"].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["isKnown"], &all[0]["configSource"]), (1, &json!(true), &source));
    // A change while the job ran.
    let mut beat: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    beat["event_name"] = "tracego.heartbeat".into();
    beat["timestamp"] = "2026-11-25T02:11:46.500000000Z".into();
    beat["tracego"]["configuration"]["sha256"] = sha256("other.toml").into();
    beat["tracego"]["configuration"]["files"] =
        json!([{ "path": "other.toml", "sha256": sha256("other.toml") }]);
    folder.write("records", format!("{log}{beat}\n").as_bytes());
    let changed = folder.statement(&["records"]).1["predicate"].clone();
    assert_eq!(changed["monitor"].get("configSource"), None);
    assert_eq!(changed["monitor"]["tracePolicy"]["policies"], one["monitor"]["tracePolicy"]["policies"]);
    let all = changed["tracegoConfigurationsV1"].as_array().unwrap();
    let names: Vec<_> = all.iter().map(|one| one["configSource"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["tracego.toml", "other.toml"]);
    assert_eq!(all[1]["from"], "2026-11-25T02:11:46.500000000Z");
}

fn inputs_stay() {
    let folder = Folder::sealed();
    std::fs::hard_link(folder.path("records"), folder.path("hard")).unwrap();
    std::os::unix::fs::symlink("app", folder.path("soft")).unwrap();
    let before = (folder.read("records"), folder.read("app"));
    for output in ["records", "hard", "app", "soft"] {
        let (status, _, told) =
            folder.attest(&["--subject", "app", "--format", "statement", "-o", output, "records"]);
        assert!(status == 2 && told.contains(&format!("--output {output}: would overwrite")), "{told}");
        assert_eq!((folder.read("records"), folder.read("app")), before, "{output}");
    }
    let again = ["--subject", "app", "--subject", "app", "records"];
    assert_eq!(folder.statement(&again).1["subject"].as_array().unwrap().len(), 1);
}
