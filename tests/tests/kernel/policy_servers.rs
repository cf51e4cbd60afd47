//! Policies from a server, in an agent that runs with all of its limits: new bundles decide without a restart.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tracego_tests::{
    ChildGuard,
    bundle_server::{BundleServer, ServedBundle, signed_bundle},
    wait_until, with_full_records, written_records,
};

use crate::{Test, metrics::of as of_metric, sinks::metrics};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("policies of a server: a new bundle decides without a restart, and heartbeats name it", follows),
    ("policies of a server: without it, the last good bundle decides", without_server),
];

/// Starts tracego with the policy of the server.
fn start(folder: &Path, server: &BundleServer) -> ChildGuard {
    let path = |name: &str| folder.join(name);
    let mut command = with_full_records();
    command.args(["--policy", &server.url()]).args(server.options()).arg("--policy-cache").arg(path("cache"));
    command.args([
        "--policy-poll-min",
        "1",
        "--policy-poll-max",
        "1",
        "--policy-wait",
        "5",
        "--heartbeat",
        "0",
    ]);
    command.args([
        "--policy-time-limit",
        "5000",
        "--enforce",
        "kill",
        "--output",
        "json",
        "--config",
        "none",
    ]);
    command.arg("--listen").arg(format!("unix:{}", path("metrics").display()));
    let (output, errors) =
        (fs::File::create(path("records")).unwrap(), fs::File::create(path("errors")).unwrap());
    let running = ChildGuard(command.stdout(output).stderr(errors).spawn().unwrap());
    wait_until("the programs are attached", || {
        metrics(folder, "/readyz").contains("\"programs\",\"ok\":true")
    });
    running
}

/// Starts a program with this argument until the decision about it is the wanted one, by the bundle of this revision.
fn decided(folder: &Path, argument: &str, allow: bool, revision: &str) {
    wait_until(&format!("{argument} {allow} {revision}"), || {
        // A program that is refused is killed.
        let _status = Command::new("/bin/true").arg(argument).status().unwrap();
        written_records(&folder.join("records")).iter().any(|record| {
            let policy = &record["tracego"]["policy"];
            record["process"]["command_args"][1] == argument
                && policy["allow"] == allow
                && policy["bundles"][0]["revision"] == revision
        })
    });
}

/// Returns the source in the newest heartbeat, and the revision of the policy beside it.
fn beat(folder: &Path) -> (Value, Value) {
    let records = written_records(&folder.join("records"));
    let beat = records.iter().rfind(|record| record["event_name"] == "tracego.heartbeat");
    let configuration = beat.map(|beat| beat["tracego"]["configuration"].clone()).unwrap_or_default();
    (configuration["policy_sources"][0].clone(), configuration["policies"][0].clone())
}

fn follows() {
    let (folder, server) = (tempfile::tempdir().unwrap(), BundleServer::start());
    let folder = folder.path();
    let (one, two) = (format!("one-{}", std::process::id()), format!("two-{}", std::process::id()));
    server.serve(signed_bundle(&one, 1));
    let mut running = start(folder, &server);
    decided(folder, &one, false, "r1");
    decided(folder, &two, true, "r1");
    let count = |result: &str| {
        let labels = format!("{{url=\"{}\",result=\"{result}\"}}", server.url());
        of_metric(&metrics(folder, "/metrics"), &format!("tracego_policy_source_requests_total{labels}"))
    };
    wait_until("the server says that there is no other bundle", || count("unchanged") > 0);
    // The kernel side remembered the decision about `one`, which is not what the new bundle says.
    server.serve(signed_bundle(&two, 2));
    decided(folder, &two, false, "r2");
    decided(folder, &one, true, "r2");
    let (source, policy) = beat(folder);
    assert_eq!((&source["serial"], &source["etag"]), (&2.into(), &"\"2\"".into()), "{source}");
    assert_eq!((&policy["revision"], &policy["digest"]), (&"r2".into(), &source["digest"]), "{policy}");
    assert!(
        source["since"].is_string() && source["checked"].is_string() && source["error"].is_null(),
        "{source}"
    );
    // An older one is reported, and changes nothing.
    server.serve(signed_bundle(&one, 1));
    wait_until("a heartbeat reports the refusal", || {
        beat(folder).0["error"].as_str().is_some_and(|error| error.contains("older (serial 1)"))
    });
    assert_eq!(beat(folder).0["serial"], 2);
    assert!(metrics(folder, "/metrics").contains("tracego_policy_source_current{url="), "no metric");
    assert!(count("refused") > 0 && count("changed") == 1);
    // One that does not compile, and a good one behind it.
    let wrong = "package tracego.process\n\ndeny contains \"no\" if http.send({})\n";
    let manifest = "{\"metadata\": {\"serial\": 3}}";
    let archive =
        tracego_tests::bundle_server::bundle_archive(wrong, manifest, Some("the secret of the bundles"));
    server.serve(ServedBundle::Archive(archive, "\"3\"".into()));
    wait_until("a heartbeat reports the mistake", || {
        beat(folder).0["error"].as_str().is_some_and(|error| error.contains("http.send"))
    });
    server.serve(signed_bundle(&one, 4));
    decided(folder, &one, false, "r4");
    wait_until("the error is over", || beat(folder).0["error"].is_null());
    let errors = fs::read_to_string(folder.join("errors")).unwrap();
    assert!(errors.contains("a policy was put in force"), "{errors}");
    // The limits of the agent are in force, and did not hinder it.
    assert!(metrics(folder, "/metrics").contains("tracego_confined 1"), "{errors}");
    assert!(running.0.try_wait().unwrap().is_none(), "{errors}");
}

fn without_server() {
    let (folder, server) = (tempfile::tempdir().unwrap(), BundleServer::start());
    let folder = folder.path();
    let one = format!("last-{}", std::process::id());
    server.serve(signed_bundle(&one, 5));
    drop(start(folder, &server));
    server.serve(ServedBundle::Status(503, "retry-after: 1\r\n"));
    let _running = start(folder, &server);
    decided(folder, &one, false, "r5");
    wait_until("a heartbeat reports the server", || {
        beat(folder).0["error"].as_str().is_some_and(|error| error.contains("503"))
    });
    assert_eq!(beat(folder).0["unconfirmed"], true);
    let errors = fs::read_to_string(folder.join("errors")).unwrap();
    assert!(errors.contains("starts with the last good bundle"), "{errors}");
    server.serve(signed_bundle(&one, 5));
    wait_until("the server confirms it", || beat(folder).0["unconfirmed"].is_null());
}
