//! Executables with fs-verity, on a file system of the test.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{ChildGuard, wait_until, with_full_records, written_records};

use crate::{ConditionalTest, Test, digests::sha256, metrics};

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("a content with fs-verity is hashed once, and has its digest", once as Test, missing)];

/// `FS_IOC_ENABLE_VERITY` (linux/fsverity.h).
const ENABLE: libc::c_ulong = 0x4080_6685;

/// `struct fsverity_enable_arg`.
#[repr(C)]
struct Enabling {
    version: u32,
    algorithm: u32,
    block_size: u32,
    others: [u32; 29],
}

/// An ext4 file system with fs-verity.
struct VerityDisk {
    folder: TempDir,
    is_mounted: bool,
}

impl VerityDisk {
    fn make() -> Result<Self, String> {
        let mut disk = Self { folder: tempfile::tempdir().unwrap(), is_mounted: false };
        let image = disk.folder.path().join("image");
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        fs::create_dir(disk.mount()).unwrap();
        let options = ["-q", "-F", "-b", "4096", "-O", "verity"].map(OsStr::new);
        done(Command::new("mkfs.ext4").args(options).arg(&image))?;
        done(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.mount()))?;
        disk.is_mounted = true;
        Ok(disk)
    }

    fn mount(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    /// Writes a program, with fs-verity if it is asked for. Returns its path.
    fn program(&self, name: &str, is_fixed: bool) -> io::Result<PathBuf> {
        let path = self.mount().join(name);
        fs::copy("/bin/true", &path)?;
        if is_fixed {
            let file = File::open(&path)?;
            let enabling = Enabling { version: 1, algorithm: 1, block_size: 4096, others: [0; 29] };
            // SAFETY: the kernel reads the structure, which has the size that the request states.
            if unsafe { libc::ioctl(file.as_raw_fd(), ENABLE, &raw const enabling) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(path)
    }
}

impl Drop for VerityDisk {
    fn drop(&mut self) {
        if self.is_mounted {
            let _gone = Command::new("umount").arg("-l").arg(self.mount()).status();
        }
    }
}

fn done(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

fn missing() -> Option<String> {
    let trial = VerityDisk::make().and_then(|disk| {
        disk.program("trial", true).map_err(|error| format!("fs-verity cannot be enabled: {error}"))
    });
    trial.err()
}

/// Returns the digest that fsverity-utils compute, if they are installed.
fn computed(path: &Path) -> Option<String> {
    let output = Command::new("fsverity").arg("digest").arg(path).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned())
}

fn once() {
    let disk = VerityDisk::make().unwrap();
    // Names that no other test has, and that a filter for one of them takes.
    let name = format!("tgv{}", std::process::id());
    let folders = ["one", "other", "plain"].map(|folder| {
        fs::create_dir(disk.mount().join(folder)).unwrap();
        format!("{folder}/{name}")
    });
    let [one, other] = [0, 1].map(|at: usize| disk.program(&folders[at], true).unwrap());
    let plain = disk.program(&folders[2], false).unwrap();
    let (out, socket) = (disk.folder.path().join("out"), disk.folder.path().join("metrics"));
    let mut command = with_full_records();
    command.args(["--comm", &name, "--heartbeat", "0", "--output", "json"]);
    command.arg("--listen").arg(format!("unix:{}", socket.display()));
    let errors = disk.folder.path().join("errors");
    command.arg("--output-file").arg(&out).stderr(File::create(&errors).unwrap());
    let _tracego = ChildGuard(command.spawn().unwrap());
    wait_until("tracego watches", || fs::read_to_string(&errors).unwrap().contains("ready"));
    let hashed = || {
        let text = metrics::on_unix(&socket, "/metrics").map_or(String::new(), |answer| answer.body);
        let row = text.lines().find_map(|line| line.strip_prefix("tracego_digests_hashed_total "));
        row.map(|count| count.parse::<u64>().unwrap())
    };
    let digest_of = |path: &Path| -> Value {
        assert!(Command::new(path).status().unwrap().success());
        let found = || {
            let all = written_records(&out);
            let is_of = |record: &&Value| {
                record["process"]["executable"]["path"] == path.to_str().unwrap()
                    && !record["tracego"]["executable"]["digest"]["sha256"].is_null()
            };
            all.iter().rfind(is_of).map(|record| record["tracego"]["executable"].clone())
        };
        wait_until("a digest", || found().is_some());
        found().unwrap()
    };
    let (first, second, third) = (digest_of(&one), digest_of(&other), digest_of(&plain));
    let content = sha256(Path::new("/bin/true"));
    for file in [&first, &second, &third] {
        assert_eq!(
            (&file["digest"]["sha256"], &file["digest"]["state"]),
            (&Value::from(content.clone()), &Value::Null)
        );
    }
    assert_ne!(first["inode"], second["inode"]);
    assert_eq!(first["fsverity"], second["fsverity"], "{first:#}");
    let text = first["fsverity"].as_str().unwrap_or_else(|| panic!("{first:#}"));
    assert!(text.starts_with("sha256:") && text.len() == 71, "{text}");
    if let Some(computed) = computed(&plain) {
        assert_eq!(text, computed);
    }
    assert!(third["fsverity"].is_null(), "{third:#}");
    // Of three files, that without fs-verity is the second one that is read.
    wait_until("the counter", || hashed() == Some(2));
}
