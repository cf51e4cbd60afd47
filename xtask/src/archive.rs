//! Debian's packages: those of this machine's lists, and those of other releases through lists of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{cpu::Cpu, shell};

/// Releases of Debian that have kernels, beside that of this machine.
const SUITES: [(&str, &[&str]); 2] = [
    (
        "http://deb.debian.org/debian",
        &["bullseye", "bookworm", "bookworm-updates", "bookworm-backports", "trixie", "trixie-backports"],
    ),
    ("http://deb.debian.org/debian-security", &["bullseye-security", "bookworm-security", "trixie-security"]),
];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Age at which lists are fetched again.
const OLD: Duration = Duration::from_secs(7 * 24 * 3600);

/// A set of lists of packages.
pub(crate) struct Archive {
    /// Options of apt that choose the lists; none for this machine's.
    options: Vec<String>,
}

impl Archive {
    /// Returns the lists that this machine has.
    pub(crate) fn of_machine() -> Self {
        Self { options: Vec::new() }
    }

    /// Returns lists of all releases for a CPU, in a folder of their own. Fetches them if they are old. The lists of this
    /// machine stay as they are.
    pub(crate) fn of_releases(cpu: Cpu) -> Result<Self> {
        let folder = shell::target()?.join("vm").join(format!("lists-{}", cpu.debian()));
        for below in ["lists/partial", "cache/archives/partial"] {
            let below = folder.join(below);
            fs::create_dir_all(&below).with_context(|| format!("cannot make {}", below.display()))?;
        }
        let (sources, status) = (folder.join("sources.list"), folder.join("status"));
        fs::write(&sources, sources_list())?;
        fs::write(&status, "")?;
        let archive = Self { options: options(&folder, cpu) };
        let fetched = folder.join("fetched");
        let age = fs::metadata(&fetched).and_then(|file| file.modified()).ok();
        if age.and_then(|time| time.elapsed().ok()).is_none_or(|age| age > OLD) {
            eprintln!("fetching Debian's lists of packages (60 MB) into {}", folder.display());
            shell::run(archive.apt("apt-get").arg("update"))?;
            fs::write(&fetched, "")?;
        }
        Ok(archive)
    }

    fn apt(&self, command: &str) -> Command {
        let mut apt = Command::new(command);
        apt.args(self.options.iter().flat_map(|option| ["-o", option]));
        apt
    }

    /// Returns the names of all packages that begin with a text.
    pub(crate) fn names(&self, start: &str) -> Result<Vec<String>> {
        let names = shell::output(self.apt("apt-cache").args(["pkgnames", start]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Downloads a package and unpacks it into a folder, without installing it. `name` may have a version (`a=1`).
    pub(crate) fn unpack(&self, name: &str, to: &Path) -> Result<()> {
        let folder = tempfile::tempdir_in(shell::target()?).context("no temporary folder")?;
        // apt's own download user has no access to this folder.
        let download = ["-o", "APT::Sandbox::User=root", "download", name];
        shell::run(self.apt("apt-get").args(download).current_dir(folder.path()))?;
        let mut packages = fs::read_dir(folder.path())?.filter_map(|entry| Some(entry.ok()?.path()));
        let package = packages.find(|path| path.extension().is_some_and(|end| end == "deb"));
        let package: PathBuf = package.with_context(|| format!("apt-get downloaded no {name}"))?;
        fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        shell::run(Command::new("dpkg").arg("-x").args([&package, to]))
    }
}

fn sources_list() -> String {
    let line = |uri: &str, suite: &str| format!("deb [signed-by={KEYRING}] {uri} {suite} main\n");
    SUITES.iter().flat_map(|(uri, suites)| suites.iter().map(|suite| line(uri, suite))).collect()
}

fn options(folder: &Path, cpu: Cpu) -> Vec<String> {
    let at = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("Dir::Etc::SourceList={}", at("sources.list")),
        "Dir::Etc::SourceParts=/dev/null".to_owned(),
        "Dir::Etc::Preferences=/dev/null".to_owned(),
        "Dir::Etc::PreferencesParts=/dev/null".to_owned(),
        format!("Dir::State::Lists={}", at("lists")),
        format!("Dir::State::Status={}", at("status")),
        format!("Dir::Cache={}", at("cache")),
        "Acquire::Languages=none".to_owned(),
        // Bullseye is not supported any more.
        "Acquire::Check-Valid-Until=false".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
        format!("APT::Architecture={}", cpu.debian()),
        format!("APT::Architectures::={}", cpu.debian()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_this_machine_is_written() {
        let options = options(Path::new("/x"), Cpu::Arm64);
        for key in ["Dir::State::Lists", "Dir::Cache", "Dir::State::Status", "Dir::Etc::SourceList"] {
            assert!(options.iter().any(|option| option.starts_with(&format!("{key}=/x/"))), "{options:?}");
        }
        assert!(options.contains(&"APT::Architecture=arm64".to_owned()));
        assert!(sources_list().lines().all(|line| line.starts_with("deb [signed-by=/usr/share/keyrings/")));
    }
}
