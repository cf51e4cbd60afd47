//! Programs and ring outlive the agent: no event is missing after a kill, a restart or an upgrade.

mod kills;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use aya::programs::loaded_programs;
use serde_json::Value;
use tempfile::TempDir;
use tracego_common::handover::FORMAT;
use tracego_tests::{ChildGuard, Session, records, wait_until, with_background, with_full_records};

use crate::ConditionalTest;

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("no start is missing however often tracego is killed", kills::kills, missing),
    ("what an older load took is left to it", kills::claims, missing),
    ("a restart has no gap and writes nothing twice", restarts, missing),
    ("events lost by a full ring without a reader are reported", unattended, missing),
    ("a ring of another size is emptied before the new one", resized, missing),
    ("two at once are refused", twice, missing),
    ("detach leaves nothing", detach, missing),
    ("handover none removes what another one left", none, missing),
    ("programs that another version left are removed and reported", foreign, missing),
];

fn missing() -> Option<String> {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    (!known.lines().any(|line| line.ends_with("\tbpf"))).then(|| "this kernel has no bpffs".to_owned())
}

/// A separate BPF file system, and files for records.
struct PinFolder(TempDir);

impl PinFolder {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.bpffs()).unwrap();
        let mount = Command::new("mount").args(["-t", "bpf", "bpf"]).arg(place.bpffs()).status();
        assert!(mount.unwrap().success());
        place
    }

    fn bpffs(&self) -> PathBuf {
        self.0.path().join("bpf")
    }

    fn pins(&self) -> PathBuf {
        self.bpffs().join("tracego")
    }

    fn records(&self) -> PathBuf {
        self.0.path().join("records")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.records()).unwrap_or_default()
    }

    /// Returns the end of a file of this place.
    fn tail(&self, name: &str) -> String {
        let Ok(mut file) = fs::File::open(self.0.path().join(name)) else { return String::new() };
        let behind = file.metadata().unwrap().len().saturating_sub(1 << 20);
        file.seek(SeekFrom::Start(behind)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self, handover: &str, options: &[&str]) -> Command {
        let mut tracego = with_full_records();
        tracego.args(["--output", "json", "--heartbeat", "0", "--handover", handover, "--pin-dir"]);
        tracego.arg(self.pins()).arg("--output-file").arg(self.records()).args(options);
        tracego.stdout(Stdio::null()).stderr(Stdio::piped());
        tracego
    }

    fn start(&self, handover: &str, options: &[&str]) -> ChildGuard {
        ChildGuard(self.command(handover, options).spawn().unwrap())
    }

    /// Starts tracego and waits until its records appear.
    fn ready(&self, handover: &str, options: &[&str]) -> ChildGuard {
        let mut tracego = self.start(handover, options);
        let marker = format!("ready-{}", tracego.0.id());
        wait_until("a record is there", || {
            assert!(tracego.0.try_wait().unwrap().is_none(), "it has ended");
            run(&marker);
            sleep(Duration::from_millis(50));
            self.tail("records").contains(&marker)
        });
        tracego
    }

    /// Writes a configuration with an additional output: a file with a spool. Returns its path.
    fn spooled(&self) -> PathBuf {
        let (config, folder) = (self.0.path().join("tracego.toml"), self.0.path().display());
        let sink = "[[sinks]]\nname = \"file\"\ntype = \"file\"\nsync = \"never\"";
        let text = format!("spool-dir = \"{folder}/spool\"\n{sink}\npath = \"{folder}/spooled\"\n");
        fs::write(&config, text).unwrap();
        config
    }

    fn starts(&self, marker: &str) -> BTreeMap<u64, Vec<String>> {
        starts(&self.text(), marker)
    }
    fn lost(&self) -> Vec<Value> {
        let text = self.text();
        let lost: Vec<&str> = text.lines().filter(|line| line.contains("\"tracego.lost\"")).collect();
        records(&lost.join("\n")).into_iter().map(|record| record["tracego"]["lost"].clone()).collect()
    }
}

impl Drop for PinFolder {
    fn drop(&mut self) {
        // The pinned programs disappear with the file system.
        let _done = Command::new("umount").arg(self.bpffs()).status();
    }
}

/// Returns the starts of a marker by number, with the id of every record of each.
fn starts(text: &str, marker: &str) -> BTreeMap<u64, Vec<String>> {
    // A kill may cut a write(2); the cut record is written again.
    let whole = |line: &&str| line.contains(marker) && serde_json::from_str::<Value>(line).is_ok();
    let lines: Vec<&str> = text.lines().filter(whole).collect();
    let mut starts: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for record in records(&lines.join("\n")) {
        let arg = record["process"]["command_args"][1].as_str().unwrap_or_default();
        if let Some(number) = arg.strip_prefix(marker) {
            let uid = record["log"]["record"]["uid"].as_str().unwrap().to_owned();
            starts.entry(number.parse().unwrap()).or_default().push(uid);
        }
    }
    starts
}

fn run(marker: &str) {
    assert!(Command::new("/bin/true").arg(marker).status().unwrap().success());
}

/// Stops tracego in order. Returns its standard error and exit code.
fn end(tracego: ChildGuard) -> (String, Option<i32>) {
    tracego.terminate();
    let output = Session::of_output(tracego.output());
    (output.stderr(), output.output.status.code())
}

/// Returns the BPF programs that a process holds.
fn programs(pid: u32) -> BTreeSet<u32> {
    let all = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap().flatten();
    let text = all.filter_map(|fd| fs::read_to_string(fd.path()).ok());
    let ids = text.filter_map(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("prog_id:"))?.trim().parse();
        line.ok()
    });
    ids.collect()
}

fn are_gone(programs: &BTreeSet<u32>) -> bool {
    // A worker of the kernel drops the last reference a moment later.
    let left = || loaded_programs().flatten().filter(|info| programs.contains(&info.id())).count();
    (0..100).any(|_| {
        left() == 0 || {
            sleep(Duration::from_millis(20));
            false
        }
    })
}

/// Runs `work` while another thread starts marked programs. Returns how many were started.
fn starting(marker: &str, work: impl FnOnce()) -> u64 {
    let mut count = 0;
    let step = || {
        run(&format!("{marker}{count}"));
        count += 1;
        // The ring must hold the events that arrive while it is not read.
        sleep(Duration::from_millis(1));
    };
    with_background(step, work);
    count
}

fn restarts() {
    let place = PinFolder::new();
    let marker = format!("restart-{}-", std::process::id());
    let mut tracego = place.ready("always", &[]);
    let count = starting(&marker, || {
        for _ in 0..8 {
            sleep(Duration::from_millis(200));
            let (stderr, code) =
                end(std::mem::replace(&mut tracego, ChildGuard(Command::new("true").spawn().unwrap())));
            assert_eq!(code, Some(0), "{stderr}");
            assert!(stderr.contains(" = 0 lost") && !stderr.contains("BALANCE"), "{stderr}");
            sleep(Duration::from_millis(50));
            tracego = place.ready("always", &[]);
        }
    });
    let last = format!("{marker}{count}");
    run(&last);
    wait_until("the last record is there", || place.text().contains(&last));
    let (stderr, _) = end(tracego);
    assert!(stderr.contains(" inherited = 0 lost") && !stderr.contains("BALANCE"), "{stderr}");
    let starts = place.starts(&marker);
    assert!((0..=count).all(|number| starts.contains_key(&number)), "of {count}: {:?}", starts.keys());
    let twice: Vec<_> = starts.iter().filter(|(_, uids)| uids.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(place.pins().exists(), "it is kept");
}

fn unattended() {
    let place = PinFolder::new();
    let marker = format!("unattended-{}-", std::process::id());
    let options = ["--ring-size", "64K"];
    let (stderr, _) = end(place.ready("always", &options));
    assert!(!stderr.contains("BALANCE"), "{stderr}");
    let before = place.lost().len();
    for number in 0..300 {
        run(&format!("{marker}{number}"));
    }
    let (stderr, code) = end(place.ready("crash", &options));
    assert!(!stderr.contains("BALANCE"), "{stderr}");
    assert_eq!(code, Some(4), "{stderr}");
    let lost = place.lost();
    let told: u64 = lost[before..].iter().map(|lost| lost["ring_full"].as_u64().unwrap_or(0)).sum();
    // A start, an end and a process are three events.
    let found = place.starts(&marker).len() as u64;
    assert!(found > 0 && told > (300 - found), "{found} found, {told} reported lost");
    assert!(stderr.contains(&format!("; ring_full {told}")), "{told} in {lost:?}; {stderr}");
}

fn resized() {
    let place = PinFolder::new();
    let marker = format!("resized-{}-", std::process::id());
    for (size, at) in [("1M", 0), ("2M", 1), ("4M", 2), ("4M", 3)] {
        let tracego = place.ready("always", &["--ring-size", size]);
        run(&format!("{marker}{}", 2 * at));
        let (stderr, code) = end(tracego);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!stderr.contains("BALANCE"), "{stderr}");
        run(&format!("{marker}{}", 2 * at + 1));
    }
    end(place.ready("crash", &["--ring-size", "1M"]));
    let starts = place.starts(&marker);
    assert_eq!(starts.keys().copied().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    assert!(starts.values().all(|uids| uids.len() == 1), "{starts:?}");
    assert!(!place.pins().exists());
}

fn twice() {
    let place = PinFolder::new();
    let tracego = place.ready("crash", &[]);
    let second = place.command("always", &[]).output().unwrap();
    let stderr = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("another tracego runs with --pin-dir"), "{stderr}");
    let detach =
        Command::new(tracego_tests::tracego()).args(["detach", "--pin-dir"]).arg(place.pins()).output();
    assert_eq!(detach.unwrap().status.code(), Some(3));
    // An agent without handover leaves the pins alone, whatever its options are.
    let other = place.ready("none", &[]);
    end(other);
    assert!(place.pins().exists());
    let (stderr, code) = end(tracego);
    assert_eq!(code, Some(0), "{stderr}");
}

/// Stops a tracego that leaves its programs attached. Returns their ids.
fn left(place: &PinFolder) -> BTreeSet<u32> {
    let tracego = place.ready("always", &[]);
    let programs = programs(tracego.0.id());
    assert!(programs.len() >= 3, "{programs:?}");
    end(tracego);
    let there = loaded_programs().flatten().filter(|info| programs.contains(&info.id())).count();
    assert_eq!(there, 3, "{programs:?}");
    run("left");
    programs
}

fn detach() {
    let place = PinFolder::new();
    let programs = left(&place);
    let command = || {
        let mut tracego = with_full_records();
        tracego.args(["detach", "--pin-dir"]).arg(place.pins());
        tracego.output().unwrap()
    };
    let output = command();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.starts_with("3 programs detached; "), "{output:?}");
    assert!(!said.contains("; 0 records"), "{said}");
    assert!(!place.pins().exists() && are_gone(&programs));
    assert_eq!(String::from_utf8_lossy(&command().stdout).trim(), "nothing is attached");
}

fn none() {
    let place = PinFolder::new();
    let programs = left(&place);
    let tracego = place.ready("none", &[]);
    assert!(!place.pins().exists() && are_gone(&programs));
    let (stderr, _) = end(tracego);
    assert!(stderr.contains("removed the programs of another tracego"), "{stderr}");
}

fn foreign() {
    let place = PinFolder::new();
    let programs = left(&place);
    let format = |number: u32| place.pins().join(format!("format-{number}"));
    fs::rename(format(FORMAT), format(999)).unwrap();
    let tracego = place.ready("crash", &[]);
    assert!(!format(999).exists() && are_gone(&programs));
    let (stderr, code) = end(tracego);
    assert!(stderr.contains("another version of tracego") && !stderr.contains("BALANCE"), "{stderr}");
    assert_eq!(code, Some(4), "{stderr}");
    let lost: Vec<u64> = place.lost().iter().filter_map(|lost| lost["discarded"].as_u64()).collect();
    assert!(lost.len() == 1 && lost[0] >= 3, "{lost:?}");
    assert!(stderr.contains(&format!("; discarded {}", lost[0])), "{stderr}");
    assert!(!Path::new(&place.pins()).exists());
}
