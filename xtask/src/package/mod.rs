//! `cargo xtask package`: makes the Debian package and the tarball, with their checksums.
//!
//! Two builds of one commit give the same bytes: all times are that of the commit (SOURCE_DATE_EPOCH), all files
//! belong to root, and names are sorted. Archives are made by dpkg-deb and GNU tar, which read SOURCE_DATE_EPOCH or
//! take the same as options: both formats are theirs, and no code of our own has to follow them.

pub(crate) mod deb;
mod staging;
mod tarball;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::{shell, test, toolchain};

/// Profile that `cargo xtask test` builds anyway, with the same selection of packages.
const DEV: &str = "dev";

/// Options of `cargo xtask package`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build profile of the program: dist is the one that ships
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Make everything twice, and fail if the bytes differ
    #[arg(long)]
    reproducible: bool,
    /// Check the Debian package with lintian
    #[arg(long)]
    lint: bool,
}

/// The parts that all packages of a build share.
pub(crate) struct Release {
    /// Version of the program.
    pub(crate) version: String,
    /// Time of the commit, in seconds since 1970.
    pub(crate) epoch: String,
    /// The program without symbols.
    pub(crate) program: PathBuf,
    /// Root folder of the workspace.
    pub(crate) root: PathBuf,
    /// Options of dpkg-deb for the compression.
    compression: &'static [&'static str],
}

/// Makes the packages in `target/package`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = shell::target()?.join("package");
    let release = release(&args.profile)?;
    let made = make(&release, &folder)?;
    if args.reproducible {
        let again = make(&release, &folder.join("again"))?;
        for (one, other) in made.iter().zip(&again) {
            ensure!(fs::read(one)? == fs::read(other)?, "{}: two builds differ", one.display());
        }
        fs::remove_dir_all(folder.join("again"))?;
        eprintln!("two builds gave the same bytes");
    }
    if args.lint {
        for package in made.iter().filter(|path| path.extension().is_some_and(|end| end == "deb")) {
            lintian(package)?;
        }
    }
    made.iter().for_each(|path| eprintln!("{}", path.display()));
    Ok(())
}

/// Builds the program, and returns what its packages share.
pub(crate) fn release(profile: &str) -> Result<Release> {
    let root = shell::root()?;
    let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => epoch,
        Err(_) => shell::output(Command::new("git").current_dir(&root).args(["log", "-1", "--format=%ct"]))?,
    };
    let target = shell::target()?;
    let built = if profile == DEV {
        test::build()?;
        target.join("debug/tracego")
    } else {
        shell::run(shell::cargo()?.args([
            "build",
            "--locked",
            "--package",
            "tracego",
            "--profile",
            profile,
        ]))?;
        target.join(profile).join("tracego")
    };
    let folder = target.join("package");
    fs::create_dir_all(&folder)?;
    let program = folder.join("tracego");
    shell::run(Command::new("strip").args(["--strip-all", "-o"]).args([&program, &built]))?;
    let version = shell::output(Command::new(&program).arg("--version"))?;
    let version = version.split(' ').nth(1).context("tracego names no version")?.to_owned();
    // What is tried out and thrown away need not be small.
    let compression: &[&str] = if profile == DEV { &["-Zgzip", "-z1"] } else { &["-Zxz"] };
    Ok(Release { version, epoch, program, root, compression })
}

/// Makes all packages in a folder. Returns their paths, with that of the checksums last.
fn make(release: &Release, folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut made = vec![deb::make(release, folder)?, tarball::make(release, folder)?];
    let mut sums = String::new();
    for path in &made {
        let name = path.file_name().context("a package without a name")?.to_string_lossy();
        writeln!(sums, "{:x}  {name}", Sha256::digest(fs::read(path)?))?;
    }
    let path = folder.join("SHA256SUMS");
    fs::write(&path, sums)?;
    made.push(path);
    Ok(made)
}

fn lintian(package: &Path) -> Result<()> {
    toolchain::install_command("lintian", "lintian", "it checks the Debian package")?;
    let mut command = Command::new("lintian");
    command.args(["--allow-root", "--fail-on", "error,warning"]).arg(package);
    shell::run(&mut command)
}
