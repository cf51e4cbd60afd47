//! Kernels without a field, simulated by marking it as absent on this one.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tracego_common::{event::field, settings::event};
use tracego_probe::btf::fields::OPTIONAL;
use tracego_tests::records;

use crate::{
    Test,
    agent::{options, session},
    exec_edge_cases::tracefs,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("without an optional kernel field its value is reported as unavailable", each),
    ("without all optional kernel fields the rest is there", all),
];

/// Fields whose absence is tested: bit, place in the record, and name as unavailable.
const VALUES: [(u64, &str, &str); 6] = [
    (field::AUDIT, "/tracego/audit", "tracego.audit"),
    (field::SECCOMP, "/tracego/seccomp", "tracego.seccomp"),
    (field::NO_NEW_PRIVS, "/tracego/no_new_privs", "tracego.no_new_privs"),
    (field::CTIME, "/tracego/executable/ctime", "tracego.executable.ctime"),
    (field::CGROUP, "/process/linux", "process.linux.cgroup"),
    (field::TTY, "/process/interactive", "tracego.tty"),
];

/// Returns the record of a program start on a kernel without these fields, with every program loaded.
fn start(without: &[&str]) -> Value {
    let mut options = options(1 << 20, Duration::ZERO);
    options.load.without = without.iter().map(|&name| name.to_owned()).collect();
    options.load.settings.events |= event::EXEC_FAILED;
    let mut shell = 0;
    let (report, text) = session(options, async |_| {
        // The second exec fails in a child too.
        let script = "/bin/true; /nonexistent; exit 0";
        let mut child = Command::new("/bin/sh").args(["-c", script]).stderr(Stdio::null()).spawn().unwrap();
        shell = child.id();
        assert!(child.wait().unwrap().success());
    });
    assert!(report.ledger.balanced(), "{}", report.ledger);
    // Other tests of this process start programs at the same time.
    let all = records(&text);
    let kind = |kind: &str| {
        let name = format!("tracego.process.{kind}");
        all.iter().filter(move |r| r["event_name"] == name && r["process"]["parent_pid"] == shell)
    };
    assert_eq!(kind("start").count(), 1);
    assert_eq!((kind("fork").count(), kind("exit").count()), (2, 2));
    let start = kind("start").next().unwrap();
    assert_eq!(start["process"]["executable"]["name"], "true");
    start.clone()
}

fn check(record: &Value, lost: u64) {
    for (bit, at, _) in VALUES {
        // Without a login there is no value on any kernel.
        if bit != field::AUDIT || lost & bit != 0 {
            assert_eq!(record.pointer(at).is_none(), lost & bit != 0, "{at} in {record:#}");
        }
    }
    // Without its change time, a file cannot be verified to be the executed one.
    let unread = &record["tracego"]["executable"]["unread"];
    assert_eq!(*unread == "unverified", lost & field::CTIME != 0, "{record:#}");
    let names: Vec<Value> =
        VALUES.iter().filter(|(bit, ..)| lost & bit != 0).map(|(.., name)| (*name).into()).collect();
    let said = &record["tracego"]["completeness"]["unavailable"];
    let mut said: Vec<Value> = said.as_array().cloned().unwrap_or_default();
    said.sort_by_key(Value::to_string);
    let mut wanted = names;
    wanted.sort_by_key(Value::to_string);
    assert_eq!(said, wanted, "{record:#}");
}

fn each() {
    tracefs();
    for (bit, ways) in OPTIONAL {
        check(&start(&ways.concat()), bit);
    }
}

fn all() {
    tracefs();
    let without: Vec<&str> = OPTIONAL.iter().flat_map(|(_, ways)| ways.concat()).collect();
    let lost = OPTIONAL.iter().fold(0, |bits, (bit, _)| bits | bit);
    check(&start(&without), lost);
}
