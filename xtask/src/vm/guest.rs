//! One boot of a kernel in the emulator.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::boot_variant::BootVariant;
use super::kernels::Kernel;

/// Time limit until the first program of the guest runs; an idle machine takes 10 seconds.
const BOOT: Duration = Duration::from_secs(120);

/// The result of a boot.
pub(super) struct BootRun {
    /// Report that the guest's first process wrote for xtask.
    pub(super) report: String,
    /// Time until the first output of the guest's first process.
    pub(super) boot: Duration,
    /// Time from start to end.
    pub(super) total: Duration,
    /// The time limit that was exceeded, if any.
    pub(super) timed_out: Option<&'static str>,
}

/// Boots a kernel and waits until it powers off, or until `limit` is over. With `few`, only the tests marked
/// as few run.
pub(super) fn boot(
    kernel: &Kernel,
    machine: BootVariant,
    few: bool,
    initramfs: &Path,
    limit: Duration,
) -> Result<BootRun> {
    let name = match machine {
        BootVariant::Plain => "console".to_owned(),
        other => format!("console-{}", other.name()),
    };
    let (console, said) =
        (kernel.folder.join(format!("{name}.log")), kernel.folder.join(format!("{name}.said")));
    eprintln!("booting Linux {}; its console is in {}", kernel.release, console.display());
    for file in [&console, &said] {
        fs::write(file, "").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let (emulator, _) = kernel.cpu.emulator();
    let mut qemu = Command::new(emulator);
    qemu.args(kernel.cpu.machine()).args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "2G"]);
    qemu.args(["-nodefaults", "-display", "none", "-nic", "none", "-no-reboot"]);
    qemu.arg("-kernel").arg(&kernel.image).arg("-initrd").arg(initramfs);
    qemu.arg("-append").arg(format!(
        "console={} panic=-1 {}{}",
        kernel.cpu.console(),
        machine.parameters(),
        if few { " few=1" } else { "" }
    ));
    qemu.args(["-serial", &format!("file:{}", console.display())]);
    qemu.arg("-chardev").arg(format!("file,id=said,path={}", said.display()));
    qemu.args(["-device", kernel.cpu.second_serial()]);
    let start = Instant::now();
    let qemu = qemu.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {emulator}"))?;
    let mut guest = Guest(qemu);
    let mut boot = None;
    let timed_out = loop {
        if guest.0.try_wait()?.is_some() {
            break None;
        }
        if boot.is_none() && fs::metadata(&said)?.len() > 0 {
            boot = Some(start.elapsed());
        }
        if boot.is_none() && start.elapsed() > BOOT {
            break Some("the boot took too long");
        }
        if start.elapsed() > limit {
            break Some("the tests took too long");
        }
        sleep(Duration::from_millis(100));
    };
    drop(guest);
    let report = String::from_utf8_lossy(&fs::read(said)?).into_owned();
    Ok(BootRun { report, boot: boot.unwrap_or_default(), total: start.elapsed(), timed_out })
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
