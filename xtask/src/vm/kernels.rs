//! Debian's kernels, downloaded once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{archive::Archive, cpu::Cpu, shell};

/// A kernel that can be booted.
pub(super) struct Kernel {
    /// The release, as `uname -r` prints it.
    pub(super) release: String,
    pub(super) cpu: Cpu,
    /// Folder of the kernel and of its guest's output.
    pub(super) folder: PathBuf,
    /// Path of the bootable image.
    pub(super) image: PathBuf,
}

/// Starts of the names of packages with an image: since 6.19 `linux-image-*` only depends on `linux-binary-*`.
const PACKAGES: [&str; 2] = ["linux-binary-", "linux-image-"];

/// Returns the newest kernel of a series (`6.1`), and downloads it if needed. This machine's lists of packages come
/// first, since they are already there.
pub(super) fn newest(series: &str, cpu: Cpu) -> Result<Kernel> {
    let machine = Archive::of_machine();
    let (archive, release) = match (cpu, found(&machine, series, cpu)?) {
        (Cpu::Amd64, Some(release)) => (machine, release),
        _ => {
            let releases = Archive::of_releases(cpu)?;
            let release = found(&releases, series, cpu)?;
            (
                releases,
                release.with_context(|| format!("Debian offers no kernel {series} for {}", cpu.debian()))?,
            )
        }
    };
    let folder = shell::target()?.join("vm").join(&release);
    let image = match image(&folder, &release) {
        Some(image) => image,
        None => fetch(&archive, &release, &folder)?,
    };
    Ok(Kernel { release, cpu, folder, image })
}

/// Returns the newest release of a series in the lists.
fn found(archive: &Archive, series: &str, cpu: Cpu) -> Result<Option<String>> {
    let names = PACKAGES.map(|start| archive.names(start)).into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(choose(names.iter().map(String::as_str), series, cpu))
}

/// Returns the newest release of the series among package names, compared by their numbers.
fn choose<'a>(names: impl Iterator<Item = &'a str>, series: &str, cpu: Cpu) -> Option<String> {
    let end = format!("-cloud-{}", cpu.debian());
    let releases = names.filter_map(|name| PACKAGES.iter().find_map(|start| name.strip_prefix(start)));
    let of_series = releases.filter(|release| {
        release.ends_with(&end)
            && release
                .strip_prefix(series)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    of_series.max_by_key(|release| numbers(release)).map(str::to_owned)
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// Returns the image of a kernel that is unpacked in a folder.
fn image(folder: &Path, release: &str) -> Option<PathBuf> {
    let places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    places.into_iter().map(|place| folder.join(place)).find(|image| image.exists())
}

/// Downloads the packages of a kernel until one has its image.
fn fetch(archive: &Archive, release: &str, folder: &Path) -> Result<PathBuf> {
    for start in PACKAGES {
        let package = format!("{start}{release}");
        if !archive.names(&package)?.contains(&package) {
            continue;
        }
        eprintln!("fetching {package} (30 MB) into {}, to boot it", folder.display());
        archive.unpack(&package, folder)?;
        if let Some(image) = image(folder, release) {
            return Ok(image);
        }
    }
    bail!("no package of {release} has its image")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_told_by_numbers() {
        let names = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.1.0-57-cloud-arm64",
            "linux-image-6.1.0-58-cloud-amd64-dbg",
            "linux-image-6.1.0-59-amd64",
            "linux-image-6.12-cloud-amd64",
            "linux-image-6.12.100+deb12-cloud-amd64",
            "linux-image-6.12.9+deb12-cloud-amd64",
            "linux-binary-7.3.4+deb13-cloud-amd64",
            "linux-image-7.3.4+deb13-cloud-amd64",
            "linux-image-7.3.2+deb13-cloud-amd64",
        ];
        let newest = |series, cpu| choose(names.into_iter(), series, cpu);
        assert_eq!(newest("6.1", Cpu::Amd64).unwrap(), "6.1.0-56-cloud-amd64");
        assert_eq!(newest("6.1", Cpu::Arm64).unwrap(), "6.1.0-57-cloud-arm64");
        assert_eq!(newest("6.12", Cpu::Amd64).unwrap(), "6.12.100+deb12-cloud-amd64");
        assert_eq!(newest("7.3", Cpu::Amd64).unwrap(), "7.3.4+deb13-cloud-amd64");
        assert_eq!(newest("5.10", Cpu::Amd64), None);
    }

    #[test]
    fn an_image_is_found_in_both_places() {
        for place in ["boot/vmlinuz-7.3", "usr/lib/modules/7.3/vmlinuz"] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(image(folder.path(), "7.3"), None);
            let path = folder.path().join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(image(folder.path(), "7.3"), Some(path));
        }
    }
}
