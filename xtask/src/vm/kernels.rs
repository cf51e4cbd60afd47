//! Debian's kernels, downloaded once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// A kernel that can be booted.
pub(super) struct Kernel {
    /// The release, as `uname -r` prints it.
    pub(super) release: String,
    /// Folder of the kernel and of its guest's output.
    pub(super) folder: PathBuf,
    /// Path of the bootable image.
    pub(super) image: PathBuf,
}

/// Returns the newest kernel of a series (`6.1`) from this Debian's archives, and downloads it if needed.
pub(super) fn newest(series: &str) -> Result<Kernel> {
    let list = shell::output(Command::new("apt-cache").args([
        "search",
        "--names-only",
        "^linux-image-6.*-cloud-amd64$",
    ]))?;
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    let release = choose(names, series).with_context(|| {
        format!(
            "this Debian offers no linux-image-{series}.*-cloud-amd64: add its backports and `apt-get update`"
        )
    })?;
    let folder = shell::target()?.join("vm").join(&release);
    let image = folder.join("boot").join(format!("vmlinuz-{release}"));
    if !image.exists() {
        fetch(&release, &folder)?;
        ensure!(image.exists(), "the package of {release} has no {}", image.display());
    }
    Ok(Kernel { release, folder, image })
}

/// Returns the newest release of the series among package names, compared by their numbers.
fn choose<'a>(names: impl Iterator<Item = &'a str>, series: &str) -> Option<String> {
    let releases = names.filter_map(|name| name.strip_prefix("linux-image-"));
    let of_series = releases.filter(|release| {
        release
            .strip_prefix(series)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    of_series.max_by_key(|release| numbers(release)).map(str::to_owned)
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// Downloads the package and unpacks it, without installing it.
fn fetch(release: &str, folder: &Path) -> Result<()> {
    let package = format!("linux-image-{release}");
    eprintln!("fetching {package} (30 MB) into {}, to boot it", folder.display());
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // apt's own download user has no access to this folder.
    let download = ["-o", "APT::Sandbox::User=root", "download", &package];
    shell::run(Command::new("apt-get").args(download).current_dir(folder))?;
    let packages = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = packages.filter(|path| path.extension().is_some_and(|end| end == "deb")).max();
    let package = package.context("apt-get downloaded no package")?;
    shell::run(Command::new("dpkg").arg("-x").args([&package, folder]))?;
    fs::remove_file(&package)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_told_by_numbers() {
        let names = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.12-cloud-amd64",
            "linux-image-6.12.100+deb12-cloud-amd64",
            "linux-image-6.12.9+deb12-cloud-amd64",
        ];
        assert_eq!(choose(names.into_iter(), "6.1").unwrap(), "6.1.0-56-cloud-amd64");
        assert_eq!(choose(names.into_iter(), "6.12").unwrap(), "6.12.100+deb12-cloud-amd64");
        assert_eq!(choose(names.into_iter(), "5.10"), None);
    }
}
