//! Digests of what is executed, against those that are computed from the files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tracego_tests::{Session, go};

use crate::{ConditionalTest, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a digest is that of the file, and is known the second time", once as Test),
    ("a file that is removed while it runs is hashed", removed),
    ("what replaces a file that ended at once is never taken for it", replaced),
    ("files that are too large, and all files on request, are not hashed", bounded),
    ("a hasher that dies costs digests, and no record", killed),
    ("a file that is not hashed when tracego ends says so", ended),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("all executables of a go build, test and run are hashed", build as Test, || {
        go::toolchain(go::GO_1_27).err()
    }),
    ("an image that is mounted in the place of another is hashed", images, || {
        let tool = Command::new("mksquashfs").arg("-version").output();
        tool.err().map(|error| format!("needs mksquashfs, of the package squashfs-tools: {error}"))
    }),
];

fn images() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut content = fs::read("/bin/sleep").unwrap();
    let mut wanted = Vec::new();
    for image in ["one", "two"] {
        fs::create_dir(at(image)).unwrap();
        let file = at(image).join("program");
        fs::write(&file, &content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        wanted.push(sha256(&file));
        content.extend(*b"more");
        // The same times in both, as in images that are built reproducibly.
        let mut make = Command::new("mksquashfs");
        make.arg(at(image)).arg(at(image).with_extension("squashfs"));
        make.args("-quiet -no-progress -mkfs-time 1700000000 -all-time 1700000000".split(' '));
        let output = make.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    fs::create_dir(at("mount")).unwrap();
    let run = "mount -o loop,ro $image.squashfs mount && mount/program 1 && umount mount";
    let script = format!("for image in one two one; do {run} || exit; done");
    let session = Session::run(&[], &["sh", "-c", &script], |tracego| {
        tracego.current_dir(folder.path());
    });
    assert!(session.output.status.success(), "{}", session.stderr());
    let found = settled(&session, "program");
    let of = |image: usize| (Some(wanted[image].as_str()), None);
    assert_eq!(found, [of(0), of(1), of(0)]);
}

pub(crate) fn sha256(file: &Path) -> String {
    Sha256::digest(fs::read(file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns digest and state of a record.
fn digest(record: &Value) -> (Option<&str>, Option<&str>) {
    let digest = &record["tracego"]["executable"]["digest"];
    (digest["sha256"].as_str(), digest["state"].as_str())
}

/// Returns digest and state of each start with a name, after the records that follow it.
fn settled<'a>(session: &'a Session, name: &str) -> Vec<(Option<&'a str>, Option<&'a str>)> {
    let is_same = |one: &Value, other: &Value| {
        let path = |record: &Value| record["process"]["executable"]["path"].clone();
        one["tracego"]["exec_id"] == other["tracego"]["exec_id"] && path(one) == path(other)
    };
    let later: Vec<_> =
        session.records.iter().filter(|record| record["event_name"] == "tracego.executable").collect();
    let starts = session.of("start").filter(|start| start["process"]["executable"]["name"] == name);
    starts
        .map(|start| match digest(start) {
            (None, Some("pending")) => {
                let found: Vec<_> = later.iter().filter(|record| is_same(record, start)).collect();
                assert_eq!(found.len(), 1, "{found:#?} for {start:#}");
                digest(found[0])
            }
            known => known,
        })
        .collect()
}

/// Copies a program, whose file then has been left alone for a while.
fn program(folder: &Path, name: &str) -> PathBuf {
    let copy = folder.join(name);
    fs::copy("/bin/true", &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    copy
}

fn once() {
    let folder = tempfile::tempdir().unwrap();
    let copy = program(folder.path(), "once");
    let script = format!("{0}; sleep 1; {0}; {0}", copy.display());
    let session = Session::run(&[], &["sh", "-c", &script], |_| {});
    let wanted = sha256(&copy);
    assert_eq!(settled(&session, "once"), [(Some(&*wanted), None); 3], "{}", session.stderr());
    let at_once: Vec<_> = session
        .of("start")
        .filter(|start| start["process"]["executable"]["name"] == "once")
        .map(|start| digest(start).0)
        .collect();
    assert_eq!(at_once[1..], [Some(&*wanted), Some(&*wanted)]);
}

fn removed() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("gone");
    fs::copy("/bin/sleep", &copy).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    let wanted = sha256(&copy);
    let script = format!("{0} 0.5 & rm {0}; wait", copy.display());
    let session = Session::run(&[], &["sh", "-c", &script], |_| {});
    let [(found, state)] = settled(&session, "gone")[..] else { panic!("{:#?}", session.records) };
    assert_eq!(found, Some(&*wanted), "{state:?}");
    // Whether the file was removed before or while it was hashed is chance.
    assert!(matches!(state, None | Some("unproven")), "{state:?}");
}

/// Writes other bytes into a file as soon as its process has ended: in the same tick of the clock of change times, or
/// before it is hashed.
fn replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::copy("/bin/true", &first).unwrap();
    fs::copy("/bin/false", &second).unwrap();
    let other = sha256(&second);
    let script = format!(
        "cd {}; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
             cat first > fast; chmod 755 fast; ./fast; cat second > fast; touch -r first fast; done",
        folder.path().display()
    );
    let session = Session::run(&[], &["sh", "-c", &script], |_| {});
    let all = settled(&session, "fast");
    assert_eq!(all.len(), 20, "{}", session.stderr());
    for (found, state) in all {
        assert!(state.is_some() || found != Some(&other), "{found:?} {state:?}");
    }
}

fn bounded() {
    let folder = tempfile::tempdir().unwrap();
    let copy = program(folder.path(), "large");
    let session = Session::run(&["--digest-max-size", "1K"], &[&copy], |_| {});
    assert_eq!(settled(&session, "large"), [(None, Some("too-large"))]);
    let session = Session::run(&["--digest=false"], &[&copy], |_| {});
    assert!(session.last()["tracego"]["executable"]["digest"].is_null(), "{:#}", session.last());
}

fn killed() {
    let folder = tempfile::tempdir().unwrap();
    let copy = program(folder.path(), "copy");
    let script = format!(
        "hasher=$(pgrep -x tracego-hasher -P $(pgrep -o -x tracego-files -P $PPID)) && kill -9 $hasher; {}; exit 0",
        copy.display()
    );
    let session = Session::run(&[], &["sh", "-c", &script], |_| {});
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    // The hasher counts as lost after half a minute, and the run ends before.
    assert_eq!(settled(&session, "copy"), [(None, Some("tracego-ended"))], "{}", session.stderr());
}

fn ended() {
    let folder = tempfile::tempdir().unwrap();
    let copy = program(folder.path(), "slow");
    // At this rate, the file takes a minute: longer than tracego waits at its end.
    fs::OpenOptions::new().write(true).open(&copy).unwrap().set_len(64 << 20).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    let session = Session::run(&["--digest-rate", "1M"], &[&copy], |_| {});
    assert_eq!(settled(&session, "slow"), [(None, Some("tracego-ended"))], "{}", session.stderr());
    let pending = session.of("start").filter(|start| digest(start).1 == Some("pending")).count();
    let followers =
        session.records.iter().filter(|record| record["event_name"] == "tracego.executable").count();
    assert_eq!(pending, followers, "{:#?}", session.records);
}

fn build() {
    let home = tempfile::tempdir().unwrap();
    let root = go::toolchain(go::GO_1_27).unwrap();
    let module = home.path().join("module");
    fs::create_dir(&module).unwrap();
    let write = |name: &str, text: &str| fs::write(module.join(name), text).unwrap();
    write("go.mod", "module example.com/hashed\n\ngo 1.21\n");
    // What `go run` builds is gone as soon as it has ended, so it has to live until tracego has seen it.
    write(
        "main.go",
        "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(50 * time.Millisecond) }\n",
    );
    write("main_test.go", "package main\n\nimport \"testing\"\n\nfunc TestMain1(t *testing.T) { main() }\n");
    let script = "go build -o built . && ./built && go test . && go run .";
    let session = Session::run(&[], &["sh", "-c", script], |tracego| {
        let path = format!("{}/bin:/usr/bin:/bin", root.display());
        tracego.current_dir(&module).envs(go::environment(&root, home.path())).env("PATH", path);
    });
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    let names: BTreeSet<&str> =
        session.of("start").filter_map(|start| start["process"]["executable"]["name"].as_str()).collect();
    let mut digests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in &names {
        for (found, state) in settled(&session, name) {
            assert!(found.is_some(), "{name} has no digest: {state:?}");
            digests.entry(name).or_default().extend(found);
        }
    }
    assert!(
        names.contains("compile") && names.contains("link") && names.contains("hashed.test"),
        "{names:?}"
    );
    assert_eq!(digests["built"], BTreeSet::from([&*sha256(&module.join("built"))]));
    for tool in ["compile", "link"] {
        let file = root.join("pkg/tool").join(format!("linux_{}", go_arch())).join(tool);
        assert_eq!(digests[tool], BTreeSet::from([&*sha256(&file)]), "{tool}");
    }
}

fn go_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
