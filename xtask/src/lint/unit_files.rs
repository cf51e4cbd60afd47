//! The systemd unit: understood by systemd, alone and with each drop-in, and as confined as it was.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

const UNIT: &str = "tracego.service";
/// Highest exposure level that `systemd-analyze security` may give, in tenths.
const EXPOSURE_MAX: u32 = 26;

/// Checks the unit. Without systemd-analyze nothing is checked, and a message says so.
pub(super) fn check() -> Result<()> {
    if !shell::succeeds(Command::new("systemd-analyze").arg("--version")) {
        eprintln!("skipped: the check of {UNIT}, because systemd-analyze is not installed here");
        return Ok(());
    }
    let source = shell::root()?.join("deploy/systemd");
    let folder = tempfile::tempdir()?;
    let unit = folder.path().join(UNIT);
    // systemd-analyze wants the program to be there.
    let text = fs::read_to_string(source.join(UNIT))?.replace("/usr/bin/tracego", "/bin/true");
    fs::write(&unit, text)?;
    verify(&unit, "alone")?;
    let mut security = Command::new("systemd-analyze");
    let report = shell::output(security.args(["security", "--offline=true", "--no-pager"]).arg(&unit))?;
    let level = level(&report).context("systemd-analyze security names no exposure level")?;
    ensure!(level <= EXPOSURE_MAX, "{UNIT} is more exposed than {EXPOSURE_MAX} tenths: {level}");
    let parts = folder.path().join(format!("{UNIT}.d"));
    fs::create_dir(&parts)?;
    for entry in fs::read_dir(source.join("drop-ins"))? {
        let path = entry?.path();
        let name = path.file_name().context("a drop-in without a name")?;
        fs::copy(&path, parts.join(name))?;
        verify(&unit, &format!("with {}", name.display()))?;
        fs::remove_file(parts.join(name))?;
    }
    Ok(())
}

/// Fails if systemd has something to say about the unit, even if it would start it.
fn verify(unit: &Path, how: &str) -> Result<()> {
    let out = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(unit).output()?;
    let text = String::from_utf8_lossy(&out.stderr);
    let own: Vec<&str> = text.lines().filter(|line| line.contains("tracego")).collect();
    ensure!(out.status.success() && own.is_empty(), "{UNIT} {how}: {}", own.join("\n"));
    Ok(())
}

/// Returns the exposure level in tenths.
fn level(report: &str) -> Option<u32> {
    let (_, level) = report.rsplit_once("Overall exposure level for tracego.service: ")?;
    level.split_whitespace().next()?.replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_read_from_the_last_line() {
        let report = "✓ UMask=\n\n→ Overall exposure level for tracego.service: 2.6 OK 🙂";
        assert_eq!((level(report), level("nothing")), (Some(26), None));
    }

    #[test]
    fn the_unit_is_right() {
        check().unwrap();
    }
}
