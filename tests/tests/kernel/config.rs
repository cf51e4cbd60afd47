//! Options from a file and from the environment.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use serde_json::Value;
use tracego_tests::{Session, with_full_records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a file gives options and a flag wins over it", file),
    ("a variable wins over the file", variable),
    ("a mistake in the file starts nothing", mistake),
    ("where each option comes from is shown", shown),
    ("config check refuses what a start refuses", checked),
    ("a variable that no option has is warned about", unknown),
];

/// Runs /bin/true with a configuration and further options.
fn with(text: &str, options: &[&str], variable: Option<(&str, &str)>) -> Session {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tracego.toml");
    fs::write(&path, text).unwrap();
    let all = [&["--config", path.to_str().unwrap()], options].concat();
    Session::run(&all, &["/bin/true"], |command| {
        command.envs(variable);
    })
}

fn file() {
    let text = "event = [\"execve\", \"exit\"]\nenv = [\"GIT_COMMIT=abc123f\", \"CI_JOB_ID=1\"]";
    let session = with(text, &["--env", "CI_JOB_ID=2"], None);
    assert_eq!(session.of("exit").count(), 1);
    let record = session.last();
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], "abc123f");
    assert_eq!(record["cicd"]["pipeline"]["task"]["run"]["id"], "2");
    assert_eq!(with(text, &["-e", "execve"], None).of("exit").count(), 0);
}

fn variable() {
    let session = with("event = \"execve\"", &[], Some(("TRACEGO_EVENT", "execve,exit")));
    assert_eq!(session.of("exit").count(), 1);
}

fn mistake() {
    let session = with("outptu = \"json\"", &[], None);
    assert_eq!((session.output.status.code(), session.records.len()), (Some(2), 0));
    let said = session.stderr();
    assert!(said.contains("tracego.toml:1: unknown key 'outptu'; did you mean 'output'?"), "{said}");
}

fn shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracego.toml");
    fs::write(
        &file,
        "heartbeat = 5\n[[sinks]]\ntype = \"otlp\"\nheaders = { authorization = \"Bearer hush\" }\n",
    )
    .unwrap();
    let mut command = with_full_records();
    command.args(["config", "show", "--json", "--", "--ring-size", "4M", "--config"]).arg(&file);
    let output = command.env("TRACEGO_UID", "7").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hush"), "{text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    let options: BTreeMap<&str, (&str, &str)> = shown["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| {
            let text = |key: &str| option[key].as_str().unwrap_or_default();
            (text("name"), (option["values"][0].as_str().unwrap_or_default(), text("origin")))
        })
        .collect();
    assert_eq!(options["ring-size"], ("4M", "command line"));
    assert_eq!(options["uid"], ("7", "TRACEGO_UID"));
    assert_eq!(options["heartbeat"], ("5", file.to_str().unwrap()));
    assert_eq!(options["event"], ("execve", "default"));
    assert_eq!(shown["tables"]["sinks"][0]["type"], "otlp");
}

fn checked() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    for (name, mode) in [("loose", 0o644), ("no-key", 0o600)] {
        fs::write(dir.path().join(name), "no key").unwrap();
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(dir.path().join("s")).unwrap();
    symlink("s", dir.path().join("link")).unwrap();
    fs::write(dir.path().join("p.rego"), "package main\n\ndeny contains \"no\" if input.x\n").unwrap();
    fs::write(dir.path().join("never.rego"), "package main\n\ndeny := \"no\"\n").unwrap();
    let sink = |more: &str| format!("[[sinks]]\ntype = \"file\"\n{more}\n");
    let two = |a: &str, b: &str| {
        let one = |name: &str, path: &str| sink(&format!("name = \"{name}\"\npath = \"{root}/{path}\""));
        one("a", a) + &one("b", b)
    };
    let path = format!("path = \"{root}/log\"");
    let wrong = [
        "decision-log = \"ROOT/log\"".to_owned(),
        "policy = \"ROOT/p.rego\"\ndecision-log = \"ROOT/no/log\"".to_owned(),
        "policy = \"ROOT/p.rego\"\ndecision-log = \"ROOT/log\"\ndecision-log-mask = \"/input/nothing\""
            .to_owned(),
        "policy = \"ROOT/never.rego\"".to_owned(),
        "output-file = \"ROOT/no/log\"".to_owned(),
        "output-file = \"-\"".to_owned(),
        "output-file = \"ROOT/log\"\npolicy = \"ROOT/p.rego\"\ndecision-log = \"ROOT/s/../log\"".to_owned(),
        "output = \"json\"\nseal = true\nseal-key = \"ROOT/loose\"".to_owned(),
        "output = \"json\"\nseal = true\nseal-key = \"ROOT/no-key\"".to_owned(),
        "output = \"json\"\nseal = true\nseal-key = \"ROOT/absent\"".to_owned(),
        "otlp-traces = true\notlp-endpoint = \"http://[::1\"".to_owned(),
        "otlp-metrics = true\notlp-endpoint = \"http://[::1\"".to_owned(),
        format!("spool-dir = \"ROOT/loose/spool\"\n{}", sink(&path)),
        sink(&format!("{path}\nseal = true\nseal-key = \"ROOT/loose\"")),
        sink(&format!("{path}\nseal = true\nseal-key = \"ROOT/absent\"")),
        sink(&format!("{path}\ngroup = \"no-such-group\"")),
        sink("path = \"ROOT/no/log\""),
        sink("path = \"ROOT/s\""),
        sink("path = \"/dev/null\"\nrotate-bytes = \"1M\""),
        two("log", "s/../log"),
        two("s/log", "link/log"),
        two("log", "./log"),
    ];
    let config = dir.path().join("tracego.toml");
    let ended = |args: &[&str]| {
        let output = with_full_records().args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let config = (config.clone(), config.to_str().unwrap().to_owned());
    for text in wrong {
        let text = text.replace("ROOT", root);
        fs::write(&config.0, &text).unwrap();
        let (check, stderr) = ended(&["config", "check", &config.1]);
        assert_eq!(check, Some(2), "{text}: {stderr}");
        let (start, stderr) = ended(&["--config", &config.1, "--duration", "1"]);
        assert_eq!(start, Some(2), "{text}: {stderr}");
    }
    // A check makes nothing.
    fs::write(&config.0, two("log", "s/log").replace("ROOT", root)).unwrap();
    let (check, stderr) = ended(&["config", "check", &config.1]);
    assert_eq!(check, Some(0), "{stderr}");
    assert!(!dir.path().join("log").exists() && !dir.path().join("s/log").exists());
}

fn unknown() {
    let warned = |name: &str, value: &str| with("", &[], Some((name, value))).stderr().to_owned();
    assert!(warned("TRACEGO_FAILON", "low").contains("did you mean TRACEGO_FAIL_ON?"));
    assert!(!warned("TRACEGO_FAIL_ON", "low").contains("TRACEGO_FAIL"));
    let wrong = warned("TRACEGO_RING_SIZE", "5000");
    assert!(wrong.contains("invalid value '5000' for 'TRACEGO_RING_SIZE'"), "{wrong}");
    assert!(wrong.contains("Usage: tracego run") || !wrong.contains("Usage:"), "{wrong}");
}
