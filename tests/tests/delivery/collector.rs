//! The OpenTelemetry Collector reads the files of a file sink.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;
use tracego_tests::{ChildGuard, python, wait_until, with_full_records};

use crate::{
    contract::golden,
    receivers::{PYTHON, Receiver},
};

pub(crate) const TESTS: &[(&str, fn())] =
    &[("the OpenTelemetry Collector reads the records of a file", reads)];

static COLLECTOR: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let python = python::environment("otelcol")?;
    let library = python.ancestors().nth(2).unwrap_or(Path::new("/")).join("lib");
    let pythons = fs::read_dir(&library).map_err(|error| error.to_string())?.flatten();
    let program = "site-packages/otel_collector/bin/otelcol-contrib_linux_amd64";
    let found = pythons.map(|python| python.path().join(program)).find(|path| path.exists());
    found.ok_or_else(|| "the package has no collector".to_owned())
});

pub(crate) fn missing() -> Option<String> {
    COLLECTOR.as_ref().err().or(PYTHON.as_ref().err()).cloned()
}

/// Returns a configuration for lines of JSON, as the collector's documentation shows it.
fn config(file: &Path, port: u16) -> String {
    format!(
        "receivers:\n  filelog:\n    include: [{}]\n    start_at: beginning\n    poll_interval: 100ms\n    operators:\n    \
         - type: json_parser\n      timestamp:\n        parse_from: attributes.timestamp\n        layout_type: gotime\n        \
         layout: '2006-01-02T15:04:05.999999999Z'\nexporters:\n  otlphttp:\n    endpoint: http://127.0.0.1:{port}\n\
         service:\n  telemetry:\n    metrics:\n      level: none\n  pipelines:\n    logs:\n      receivers: [filelog]\n      \
         exporters: [otlphttp]\n",
        file.display()
    )
}

fn reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let receiver = Receiver::new(folder.path());
    let mut keeper = Command::new(PYTHON.as_ref().unwrap());
    keeper.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/keeper.py"));
    let _keeper = ChildGuard(keeper.arg(receiver.port.to_string()).arg(path("kept")).spawn().unwrap());
    wait_until("the receiver", || TcpStream::connect(("127.0.0.1", receiver.port)).is_ok());
    let sink = format!("[[sinks]]\ntype = \"file\"\npath = \"{}\"\n", path("records.json").display());
    fs::write(path("tracego.toml"), sink).unwrap();
    fs::write(path("collector.yaml"), config(&path("records.json"), receiver.port)).unwrap();
    let program = COLLECTOR.as_ref().unwrap();
    // A wheel does not mark files as executable.
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut collector = Command::new(program);
    collector.arg("--config").arg(path("collector.yaml")).stdout(Stdio::null()).stderr(Stdio::null());
    let _collector = ChildGuard(collector.spawn().unwrap());
    let mut replay = with_full_records();
    replay.args(["replay", "-e", "execve,exit,fork", "--config"]).arg(path("tracego.toml"));
    assert!(replay.arg(golden("go.capture")).status().unwrap().success());
    let text = fs::read_to_string(path("records.json")).unwrap();
    let kept = || -> Vec<Value> {
        let lines = fs::read_to_string(path("kept")).unwrap_or_default();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    wait_until("the collector has sent all", || kept().len() >= text.lines().count());
    let kept = kept();
    assert_eq!(kept.len(), text.lines().count());
    for (record, line) in kept.iter().zip(text.lines()) {
        assert_eq!(record["body"], line);
        let written: Value = serde_json::from_str(line).unwrap();
        let names: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        let read: Vec<&str> = record["names"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(names.iter().all(|name| read.contains(name)), "{names:?} {read:?}");
        let time = record["time"].as_u64().unwrap();
        let seconds = written["timestamp"].as_str().unwrap().rsplit('.').next().unwrap();
        let nanos: u64 = seconds.trim_end_matches('Z').parse().unwrap();
        assert_eq!(time % 1_000_000_000, nanos);
    }
}
