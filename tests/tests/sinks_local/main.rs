//! The sinks that write to this machine: on real disks, with real processes that are killed, and with a real
//! journald.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod disks;
mod external_rotation;
mod file;
mod journald;
mod kill;
mod rotation;
mod sealed;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libtest_mimic::Arguments;
use tokio::runtime::{Builder, Runtime};
use tracego_deliver::sink::file::{FileSettings, FileTransport};
use tracego_tests::trial;

type Test = fn();

fn main() {
    let root = (!tracego_tests::is_root()).then_some("needs root to mount");
    let packers = ["gzip", "zstd"].into_iter().find(|name| !is_there(name));
    let packers = packers.map(|name| format!("needs {name}: apt-get install {name}"));
    let mut trials = Vec::new();
    for (name, test) in [file::TESTS, external_rotation::TESTS, sealed::TESTS].concat() {
        trials.push(trial(name, None, test));
    }
    for (name, test) in [rotation::TESTS, kill::TESTS].concat() {
        trials.push(trial(name, packers.clone(), test));
    }
    for (name, test) in disks::TESTS {
        trials.push(trial(name, root.map(str::to_owned), *test));
    }
    let journald = root.map(str::to_owned).or_else(journald::missing);
    for (name, test) in journald::TESTS {
        trials.push(trial(name, journald.clone(), *test));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn is_there(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A file sink, on a runtime of its own.
struct OpenFile {
    file: FileTransport,
    runtime: Runtime,
}

impl OpenFile {
    fn new(settings: &FileSettings) -> Self {
        Self { file: FileTransport::open(settings).unwrap(), runtime: runtime() }
    }

    /// Delivers lines. Returns how many are done, and the reason if not all are.
    fn deliver(&mut self, lines: &[Vec<u8>]) -> (usize, Option<String>) {
        let batch: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let delivered = self.runtime.block_on(self.file.deliver(&batch));
        assert!(delivered.refused.is_empty());
        (delivered.done, delivered.trouble.map(|trouble| trouble.why))
    }

    /// Delivers lines, all of which must be done at once.
    fn all(&mut self, lines: &[Vec<u8>]) {
        assert_eq!(self.deliver(lines), (lines.len(), None));
    }

    /// Delivers one record at a time until its background thread is done.
    fn until(&mut self, done: impl Fn(&FileTransport) -> bool) {
        tracego_tests::wait_until("the thread beside it", || {
            self.runtime.block_on(self.file.deliver(&[b"\n"]));
            done(&self.file)
        });
    }

    fn close(mut self) {
        self.runtime.block_on(self.file.close());
    }
}

/// Returns numbered lines of up to a thousand bytes.
fn lines(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let line = |n: u64| format!("{n:0>width$}\n", width = 8 + (n * 7919 % 900) as usize).into_bytes();
    numbers.map(line).collect()
}

/// Returns the rotated files of a path in the order of their names, without the path itself.
fn rotated(path: &Path) -> Vec<PathBuf> {
    let name = format!("{}.", path.file_name().unwrap().to_str().unwrap());
    let all = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name)).collect();
    all.sort();
    all
}

/// Returns the content of a file, unpacked by independent programs.
fn unpacked(path: &Path) -> Vec<u8> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => "gzip",
        Some("zst") => "zstd",
        _ => return fs::read(path).unwrap(),
    };
    let output = Command::new(program).args(["-d", "-c"]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", path.display());
    output.stdout
}

/// Returns the content of all rotated files, then that of the current one.
fn whole(path: &Path) -> Vec<u8> {
    let mut text: Vec<u8> = rotated(path).iter().flat_map(|path| unpacked(path)).collect();
    text.extend(fs::read(path).unwrap());
    text
}

/// Checks that the files hold exactly these lines, each once and in order.
fn assert_holds(path: &Path, lines: &[Vec<u8>]) {
    assert_text(&whole(path), &lines.concat());
}

fn assert_text(text: &[u8], wanted: &[u8]) {
    if text == wanted {
        return;
    }
    let lines = |text: &[u8]| -> Vec<String> {
        let shown = |line: &[u8]| {
            let end = &line[line.len().saturating_sub(12)..];
            format!("{} bytes …{}", line.len(), String::from_utf8_lossy(end).escape_debug())
        };
        text.split(|&b| b == b'\n').map(shown).collect()
    };
    let (text, wanted) = (lines(text), lines(wanted));
    let same = text.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    let near = |all: &[String]| all.iter().skip(same).take(3).cloned().collect::<Vec<_>>();
    let (got, near) = (near(&text), near(&wanted));
    panic!("{} lines for {}; from {same} on: {got:?} for {near:?}", text.len(), wanted.len());
}
