//! Reloads of the configuration while records flow.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tracego_tests::{ChildGuard, ports::free_port, records, wait_until, with_background, with_full_records};

use crate::{
    Test,
    sinks::{mark, marked, marks, metrics, start},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("settings change under load and nothing is lost or there twice", reload),
    ("a configuration that cannot be is refused whole", refused),
    ("a configuration that changes is reloaded without a signal", watched),
    ("a sink that holds up everything can be changed, and does not hold up the end", blocked),
];

fn hang_up(running: &ChildGuard) {
    let pid = i32::try_from(running.0.id()).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGHUP) }, 0);
}

/// Exchanges the configuration as Kubernetes does with files of a volume; no signal is sent.
fn watched() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let exchange = |name: &str, heartbeat: &str| {
        let text = format!("config-watch = true\nprofile = \"{heartbeat}\"\n");
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("tracego.toml"), text).unwrap();
        symlink(name, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    exchange("..1", "ci");
    symlink("..data/tracego.toml", path("tracego.toml")).unwrap();
    let mut command = with_full_records();
    command.arg("--config").arg(path("tracego.toml")).args(["--heartbeat", "0", "--listen"]);
    command.arg(format!("unix:{}", path("metrics").display()));
    let errors = fs::File::create(path("errors")).unwrap();
    let output = fs::File::create(path("records")).unwrap();
    let command = command.args(["--comm", "nothing", "--output", "json"]).stdout(output).stderr(errors);
    let _running = ChildGuard(command.spawn().unwrap());
    wait_until("the programs are attached", || {
        metrics(folder.path(), "/readyz").contains("\"programs\",\"ok\":true")
    });
    let count = |result: &str| {
        let name = format!("tracego_config_reloads_total{{result=\"{result}\"}}");
        crate::metrics::of(&metrics(folder.path(), "/metrics"), &name)
    };
    assert_eq!([count("taken"), count("refused")], [0, 0]);
    exchange("..2", "production");
    wait_until("a change is taken", || count("taken") == 1);
    exchange("..3", "nothing");
    wait_until("a mistake is refused", || count("refused") == 1);
    assert!(metrics(folder.path(), "/metrics").contains("tracego_config_current 0"));
    exchange("..4", "auto");
    wait_until("the next change is taken", || count("taken") == 2);
    let errors = fs::read_to_string(path("errors")).unwrap();
    assert!(errors.contains("the configuration was refused") && errors.contains("'nothing'"), "{errors}");
    // Each change is in a heartbeat, although --heartbeat is 0; what was refused is not.
    let sum = |name: &str| {
        let text = fs::read(path(name).join("tracego.toml")).unwrap();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let named = || {
        let text = fs::read_to_string(path("records")).unwrap();
        let beats = records(&text).into_iter().filter(|record| record["event_name"] == "tracego.heartbeat");
        beats.map(|beat| beat["tracego"]["configuration"]["sha256"].clone()).collect::<Vec<_>>()
    };
    wait_until("a heartbeat names the last change", || named().len() == 2);
    assert_eq!(named(), [sum("..2"), sum("..4")]);
    let info = format!("tracego_config_info{{sha256=\"{}\"}} 1", sum("..4"));
    assert!(metrics(folder.path(), "/metrics").contains(&info), "{info}");
}

/// Replaces the configuration atomically, and waits until it is taken or refused.
pub(crate) fn change(running: &ChildGuard, folder: &Path, config: &str, result: &str) {
    let name = format!("tracego_config_reloads_total{{result=\"{result}\"}}");
    let count = || crate::metrics::of(&metrics(folder, "/metrics"), &name);
    let before = count();
    fs::write(folder.join("new.toml"), config).unwrap();
    fs::rename(folder.join("new.toml"), folder.join("tracego.toml")).unwrap();
    hang_up(running);
    wait_until(result, || count() > before);
}

/// Waits for so many marks; on a timeout, reports what is known about the missing ones.
fn arrived(count: usize, all: impl Fn() -> Vec<usize>, folder: &Path) {
    let start = Instant::now();
    while all().len() < count {
        if start.elapsed() > Duration::from_secs(60) {
            let there = all();
            let missing: Vec<_> = (0..count).filter(|n| !there.contains(n)).collect();
            panic!("{missing:?} of {count} have not arrived\n{}", metrics(folder, "/metrics"));
        }
        sleep(Duration::from_millis(20));
    }
}

fn reload() {
    let folder = tempfile::tempdir().unwrap();
    let marked = marked("reload");
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str, more: &str| {
        format!(
            "[[sinks]]\nname = \"{name}\"\ntype = \"file\"\npath = \"{}\"\n{more}\n{marked}\n",
            path(name).display()
        )
    };
    // In turn: only the filter, the thread of the queue, another sink, another order.
    let configs = [
        file("a", ""),
        file("a", "events = [\"tracego.process.*\"]"),
        file("a", "keep = 7\nrotate-bytes = \"1G\"") + &file("b", ""),
        file("b", "") + &file("a", "queue-bytes = \"64M\""),
        "[rules.TG007]\nenabled = false\n".to_owned() + &file("a", ""),
    ];
    let running = start(folder.path(), &configs[0]);
    let count = AtomicUsize::new(0);
    let next = || {
        mark("reload", count.fetch_add(1, Ordering::Relaxed));
        // A reload queues behind waiting records: more starts than the agent can process would let that queue
        // grow for ever.
        sleep(Duration::from_millis(5));
    };
    with_background(next, || {
        for n in 1..=15 {
            change(&running, folder.path(), &configs[n % configs.len()], "taken");
            sleep(Duration::from_millis(100));
        }
        // An external rotation: the open file is written under its new name until the signal.
        fs::rename(path("a"), path("a.1")).unwrap();
        change(&running, folder.path(), &configs[0], "taken");
        sleep(Duration::from_millis(300));
    });
    let count = count.into_inner();
    let all = || [marks(&path("a.1")), marks(&path("a"))].concat();
    arrived(count, all, folder.path());
    let text = metrics(folder.path(), "/metrics");
    assert!(text.contains("tracego_config_current 1"), "{text}");
    running.terminate();
    let output = running.output();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(stderr.matches("the configuration was reloaded").count(), 16, "{stderr}");
    assert_eq!(all(), (0..count).collect::<Vec<_>>(), "{stderr}");
    // The second sink existed only at times; its records are in order and not repeated.
    let b = marks(&path("b"));
    assert!(!b.is_empty() && b.is_sorted_by(|one, next| one < next), "{b:?}");
}

fn refused() {
    let folder = tempfile::tempdir().unwrap();
    let marked = marked("refused");
    let path = |name: &str| folder.path().join(name);
    let good =
        format!("[[sinks]]\nname = \"a\"\ntype = \"file\"\npath = \"{}\"\n{marked}\n", path("a").display());
    let running = start(folder.path(), &good);
    mark("refused", 0);
    let bad = [
        good.replace("path =", "pth ="),
        good.replace("type = \"file\"", "type = \"fil\""),
        good.clone() + &good,
        good.clone() + "[[sinks]]\ntype = \"otlp\"\nendpoint = \"ftp://x\"\n",
        good.replace("where = \"", "where = \"("),
        good.clone() + "[rules.TG099]\n",
    ];
    for (n, bad) in bad.iter().enumerate() {
        change(&running, folder.path(), bad, "refused");
        let check = with_full_records().args(["config", "check"]).arg(path("tracego.toml")).output().unwrap();
        assert_eq!(check.status.code(), Some(2), "{bad}\n{check:?}");
        assert!(metrics(folder.path(), "/metrics").contains("tracego_config_current 0"));
        mark("refused", n + 1);
    }
    change(&running, folder.path(), &("ring-size = \"2M\"\n".to_owned() + &good), "taken");
    assert!(metrics(folder.path(), "/metrics").contains("tracego_config_current 1"));
    wait_until("all have arrived", || marks(&path("a")).len() == bad.len() + 1);
    running.terminate();
    let output = running.output();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    for words in ["pth", "'fil' is unknown", "is used twice", "endpoint", "where: ", "TG099", "ring-size"] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    assert_eq!(stderr.matches("the previous one stays in force").count(), bad.len(), "{stderr}");
}

fn blocked() {
    const MARKS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let marked = marked("blocked");
    let path = folder.path().join("a");
    let file = format!("type = \"file\"\npath = \"{}\"\n", path.display());
    let nobody = format!("type = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\n", free_port());
    let sink = |own: &str| {
        format!(
            "[[sinks]]\nname = \"a\"\non-full = \"block\"\nqueue-bytes = \"64K\"\ndrain = \"1s\"\n{own}{marked}\n"
        )
    };
    let running = start(folder.path(), &sink(&nobody));
    let given = || {
        let name = "tracego_sink_records_total{sink=\"a\",stage=\"given\"}";
        crate::metrics::of(&metrics(folder.path(), "/metrics"), name)
    };
    let block = |from: usize| {
        (from..from + MARKS).for_each(|n| mark("blocked", n));
        wait_until("nothing goes on", || {
            let before = given();
            sleep(Duration::from_millis(500));
            before == given()
        });
        // The counts of a sink go on when its receiver changes.
        assert!(given() < (from + MARKS) as u64, "there was room for all");
    };
    block(0);
    change(&running, folder.path(), &sink(&file), "taken");
    wait_until("all have arrived", || marks(&path).len() == MARKS);
    change(&running, folder.path(), &sink(&nobody), "taken");
    block(MARKS);
    // This reload has to wait; the test does not wait for it.
    hang_up(&running);
    sleep(Duration::from_millis(500));
    running.terminate();
    let output = running.output();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // What the dead receiver did not take stays in the spool, also beyond its bound.
    assert!(stderr.contains("still in the spool") && !stderr.contains("lost stopped"), "{stderr}");
    assert_eq!(marks(&path), (0..MARKS).collect::<Vec<_>>(), "{stderr}");
}
