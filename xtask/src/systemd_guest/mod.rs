//! `cargo xtask systemd`: the Debian package in a machine with systemd as its first process, in an emulator.
//!
//! The root file system is Debian's, made once by mmdebstrap and kept in `target/systemd-guest`. The guest
//! follows the ways of docs/deploy.md, runs `check.sh` and powers off. Each check is one line of output.

mod image;
mod ways;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    dist::{Linkage, Workspace},
    package, shell, test, toolchain,
};

/// The emulator and its package.
const QEMU: (&str, &str) = ("qemu-system-x86_64", "qemu-system-x86");
/// Security modules of Debian, and bpf, which refuses program starts.
const MODULES: &str = "landlock,lockdown,yama,apparmor,bpf";
/// Last line of a report that is complete.
const DONE: &str = "done";

/// Options of `cargo xtask systemd`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install the program that ships, instead of the one that tests build anyway
    #[arg(long)]
    shipped: bool,
    /// Time limit in seconds
    #[arg(long, default_value_t = 900)]
    limit: u64,
}

/// Makes the package, boots the guest and prints its checks. Fails if one fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = shell::target()?.join("systemd-guest");
    fs::create_dir_all(&folder)?;
    toolchain::install_command(QEMU.0, QEMU.1, "it emulates the machine")?;
    let program = if args.shipped {
        Workspace::own()?.build(Linkage::Shared)?
    } else {
        test::build()?;
        shell::target()?.join("debug/tracego")
    };
    let mut release = package::release(&program, None)?;
    let first = package::deb::make(&release, &folder)?;
    release.revision += 1;
    let second = package::deb::make(&release, &folder)?;
    let document = fs::read_to_string(shell::root()?.join("docs/deploy.md")).context("docs/deploy.md")?;
    let machine = image::make(&folder, [&first, &second], &ways::script(&document)?)?;
    let report = boot(&machine, &folder, Duration::from_secs(args.limit))?;
    let failed = report.lines().filter(|line| line.starts_with("FAIL ")).count();
    let passed = report.lines().filter(|line| line.starts_with("ok ")).count();
    ensure!(
        report.lines().any(|line| line == DONE),
        "the guest did not end its checks: {}",
        folder.display()
    );
    ensure!(failed == 0 && passed > 0, "{failed} checks failed");
    eprintln!("{passed} checks passed");
    Ok(())
}

/// Boots the machine until it powers off, and prints its report as it comes. Returns the report.
fn boot(machine: &image::Machine, folder: &Path, limit: Duration) -> Result<String> {
    let (console, report) = (folder.join("console.log"), folder.join("report"));
    for file in [&console, &report] {
        fs::write(file, "").with_context(|| format!("cannot write {}", file.display()))?;
    }
    eprintln!("booting Debian with systemd; its console is in {}", console.display());
    let mut qemu = Command::new(QEMU.0);
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max,la57=off", "-smp", "2", "-m", "1500M"]);
    qemu.args(["-nodefaults", "-display", "none", "-nic", "none", "-no-reboot"]);
    qemu.arg("-kernel").arg(&machine.kernel).arg("-initrd").arg(&machine.initrd);
    qemu.arg("-append").arg(format!("root=/dev/vda rw console=ttyS0 panic=-1 lsm={MODULES}"));
    qemu.args(["-drive", &format!("file={},if=virtio,format=raw,cache=unsafe", machine.disk.display())]);
    for file in [&console, &report] {
        qemu.args(["-serial", &format!("file:{}", file.display())]);
    }
    let mut guest = Guest(qemu.stdin(Stdio::null()).spawn().context("cannot start qemu")?);
    let (start, mut printed) = (Instant::now(), 0);
    loop {
        let ended = guest.0.try_wait()?.is_some();
        let text = String::from_utf8_lossy(&fs::read(&report)?).replace('\r', "");
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text.get(printed..whole).unwrap_or_default().lines() {
            eprintln!("{line}");
        }
        printed = whole;
        if ended {
            return Ok(text);
        }
        if start.elapsed() > limit {
            bail!(
                "the guest took longer than {} s; its console is in {}",
                limit.as_secs(),
                console.display()
            );
        }
        sleep(Duration::from_millis(200));
    }
}

/// An emulator process that is killed on drop.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // Errors mean that the emulator has already ended, as it should.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}
