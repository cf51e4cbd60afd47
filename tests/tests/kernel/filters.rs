//! The user's filters.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use tracego_tests::{Session, args, watch, with_full_records};

use crate::{ConditionalTest, Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("filters: uid, comm", filters),
    ("a filter by user holds for forks and ends", uid),
    ("a filter by task name holds for forks and ends", comm),
    ("what a filter leaves out is still an ancestor and a job", context),
    ("a folder that is no v2 cgroup is refused", no_cgroup),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("a filter by cgroup keeps the group and what is below", cgroup, cgroup_needs)];

fn filters() {
    let session = Session::run(
        &["--uid", "65534"],
        &["/bin/sh", "-c", "/bin/true; setpriv --reuid 65534 /bin/true"],
        |_| {},
    );
    assert_eq!(session.of("start").count(), 1);
    assert_eq!(session.last()["process"]["real_user"]["id"], 65534);
    let session = Session::run(&["--comm", "victim"], &[VICTIM, "spawn"], |_| {});
    assert_eq!(session.of("start").count(), 1);
}

/// Returns the kinds of the records and their task names.
fn kinds(session: &Session) -> Vec<(&str, &str)> {
    session
        .records
        .iter()
        .filter(|r| r["event_name"] != "tracego.executable")
        .map(|r| (r["event_name"].as_str().unwrap(), r["process"]["command"].as_str().unwrap()))
        .map(|(kind, command)| (kind.rsplit('.').next().unwrap(), command))
        .collect()
}

fn uid() {
    let script = "/bin/true; setpriv --reuid 65534 /bin/sh -c '/bin/true; exit'; exit";
    let session = Session::run(&["--uid", "65534", "-e", "exit,fork"], &["/bin/sh", "-c", script], |_| {});
    // The shell was forked by root, before setpriv changed the user.
    assert_eq!(kinds(&session), [("fork", "sh"), ("exit", "true"), ("exit", "sh")]);
    let all = &session.records;
    assert!(all.iter().all(|r| r["process"]["real_user"]["id"] == 65534), "{all:#?}");
    assert_eq!(all[0]["tracego"]["exec_id"], all[1]["tracego"]["exec_id"]);
    assert_eq!(all[0]["process"]["parent_pid"], all[2]["process"]["pid"]);
    // Programs are known even though their starts are not written.
    assert!(all[1]["process"]["executable"]["path"].as_str().unwrap().ends_with("/true"));
}

fn comm() {
    let session = Session::run(&["--comm", "victim", "-e", "exit,fork"], &[VICTIM, "storm", "5"], |_| {});
    // A child has its parent's name until it executes a program.
    let mut wanted = vec![("fork", "victim"); 5];
    wanted.push(("exit", "victim"));
    assert_eq!(kinds(&session), wanted);
    let session = Session::run(&["--comm", "true", "-e", "exit,fork"], &[VICTIM, "storm", "5"], |_| {});
    assert_eq!(kinds(&session), [("exit", "true"); 5]);
}

fn context() {
    let script = "env -i /bin/true; exit";
    let session = Session::run(&["--comm", "true"], &["/bin/sh", "-c", script], |command| {
        command.env("CI_JOB_ID", "9");
    });
    assert_eq!(session.of("start").count(), 1);
    let record = session.last();
    assert_eq!(record["cicd"]["pipeline"]["task"]["run"]["id"], "9", "{record:#}");
    let ancestors = record["tracego"]["ancestors"].as_array().unwrap();
    assert!(ancestors[0]["command"].as_str().unwrap() == "sh", "{record:#}");
}

/// Folders of cgroups, removed on drop.
struct CgroupFolders(Vec<PathBuf>);

impl CgroupFolders {
    /// Creates a group, one below it and one beside it.
    fn make() -> io::Result<Self> {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
        let root = roots.iter().find(|root| root.join("cgroup.procs").exists());
        let root = root.ok_or_else(|| io::Error::other("no cgroup v2 tree is mounted"))?;
        let top = root.join(format!("tracego-test-{}", std::process::id()));
        let mut groups = Self(Vec::new());
        for path in [top.clone(), top.join("below"), top.with_extension("beside")] {
            fs::create_dir(&path)?;
            groups.0.push(path);
        }
        Ok(groups)
    }
}

impl Drop for CgroupFolders {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // A group that still has a process cannot be removed.
            if let Err(error) = fs::remove_dir(path) {
                eprintln!("{}: {error}", path.display());
            }
        }
    }
}

fn cgroup_needs() -> Option<String> {
    CgroupFolders::make().err().map(|error| format!("no cgroup can be made: {error}"))
}

fn cgroup() {
    let groups = CgroupFolders::make().unwrap();
    let [top, below, beside] = &groups.0[..] else { unreachable!() };
    let tracego = watch(&["--cgroup", top.to_str().unwrap(), "-e", "execve,exit,fork"]);
    // The shell starts outside and moves itself.
    let enter = |group: Option<&Path>, name: &str| {
        let procs = group.map_or("/dev/null".into(), |group| group.join("cgroup.procs"));
        let status = Command::new("/bin/sh")
            .args(["-c", "echo $$ > \"$0\" && /bin/true \"$1\"; exit"])
            .arg(procs)
            .arg(name)
            .status();
        assert!(status.unwrap().success());
    };
    enter(Some(top), "inside");
    enter(None, "outside");
    enter(Some(beside), "beside");
    enter(Some(below), "below");
    tracego.terminate();
    let session = Session::of_output(tracego.output());
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    let starts: Vec<_> = session.of("start").map(args).collect();
    assert_eq!(starts, [["/bin/true", "inside"], ["/bin/true", "below"]]);
    let life = [("fork", "sh"), ("start", "true"), ("exit", "true"), ("exit", "sh")];
    assert_eq!(kinds(&session), [life, life].concat());
    let ids: Vec<_> = session.of("start").map(|r| &r["tracego"]["exec_id"]).collect();
    assert_eq!(session.of("fork").map(|r| &r["tracego"]["exec_id"]).collect::<Vec<_>>(), ids);
}

fn no_cgroup() {
    let dir = tempfile::tempdir().unwrap();
    let error = |path: &Path, code: i32| {
        let output = with_full_records().arg("--cgroup").arg(path).args(["--duration", "1"]).output();
        let output = output.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        stderr.strip_prefix(&format!("tracego: --cgroup {}: ", path.display())).unwrap().to_owned()
    };
    let elsewhere = "not in the cgroup v2 tree (below /sys/fs/cgroup/unified or /sys/fs/cgroup)\n";
    assert_eq!(error(dir.path(), 2), elsewhere);
    assert_eq!(error(&dir.path().join("none"), 2), "No such file or directory (os error 2)\n");
    // A file in a group's folder is not a group and would match no process.
    for root in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new) {
        let file = root.join("cgroup.procs");
        if file.exists() {
            assert_eq!(error(&file, 2), "not a cgroup: name its folder\n");
        }
    }
    // The hierarchies of version 1 are beside the tree of version 2, or missing.
    if Path::new("/sys/fs/cgroup/pids").is_dir() {
        assert_eq!(error(Path::new("/sys/fs/cgroup/pids"), 2), elsewhere);
    }
}
