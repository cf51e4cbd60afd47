//! `cargo xtask package`: makes the Debian package, the RPM package and the tarball, with their checksums.
//!
//! Two builds of one commit give the same bytes: all times are that of the commit (SOURCE_DATE_EPOCH), all files
//! belong to root, names are sorted, and no folder of the machine is in the program. Archives are made by dpkg-deb,
//! rpmbuild and GNU tar, which read SOURCE_DATE_EPOCH or take the same as options: the formats are theirs, and no
//! code of our own has to follow them.

mod check;
mod content;
pub(crate) mod deb;
mod maintainer;
mod rpm;
mod staging;
mod tarball;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use time::OffsetDateTime;

use crate::{
    digest,
    dist::{Linkage, Workspace},
    image, shell,
};

/// Options of `cargo xtask package`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A program that was built before, for packages to try out; they are compressed less
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Maintainer to name in the packages, instead of the author in Cargo.toml or that of the last commit
    #[arg(long, value_name = "NAME <ADDRESS>")]
    maintainer: Option<String>,
    /// Number of the packages among those of the same version
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    revision: u16,
    /// Folder of the packages; by default target/package
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Make everything a second time, with a program that is built from a copy of the sources in another folder, and fail
    /// if the bytes differ
    #[arg(long)]
    reproducible: bool,
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
    /// Number among the packages of the version.
    pub(crate) revision: u16,
    /// Maintainer, as `NAME <ADDRESS>`.
    maintainer: String,
    /// Licences of the crates in the program.
    licences: String,
    /// Whether the packages are thrown away, so that they need not be small.
    is_trial: bool,
}

impl Release {
    /// Returns the time of the commit.
    fn time(&self) -> Result<OffsetDateTime> {
        let seconds = self.epoch.parse().with_context(|| format!("no number of seconds: {}", self.epoch))?;
        Ok(OffsetDateTime::from_unix_timestamp(seconds)?)
    }
}

/// Returns the first three letters of a day or a month, as dates of packages have it.
fn short(name: impl std::fmt::Display) -> String {
    name.to_string().chars().take(3).collect()
}

/// Makes the packages.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = match &args.output {
        Some(folder) => std::path::absolute(folder)?,
        None => shell::target()?.join("package"),
    };
    let built = match &args.program {
        Some(program) => std::path::absolute(program)?,
        None => Workspace::own()?.build(Linkage::Shared)?,
    };
    let mut release = release(&built, args.maintainer.as_deref())?;
    release.is_trial = args.program.is_some();
    release.revision = args.revision;
    let made = make(&release, &folder)?;
    if args.reproducible {
        let copy = tempfile::tempdir_in(shell::target()?).context("no temporary folder")?;
        let again = if release.is_trial { release } else { rebuilt(release, copy.path())? };
        for (one, other) in made.iter().zip(&make(&again, &copy.path().join("packages"))?) {
            ensure!(fs::read(one)? == fs::read(other)?, "{}: two builds differ", one.display());
        }
        eprintln!("two builds gave the same bytes");
    }
    made.iter().try_for_each(|path| check::check(path))?;
    made.iter().for_each(|path| eprintln!("{}", path.display()));
    Ok(())
}

/// Returns what the packages of a program share.
pub(crate) fn release(built: &Path, maintainer: Option<&str>) -> Result<Release> {
    let root = shell::root()?;
    let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => epoch,
        Err(_) => shell::output(Command::new("git").current_dir(&root).args(["log", "-1", "--format=%ct"]))?,
    };
    let maintainer = maintainer::find(maintainer)?;
    let folder = shell::target()?.join("package");
    fs::create_dir_all(&folder)?;
    let program = folder.join("tracego");
    strip(built, &program)?;
    let version = shell::output(Command::new(&program).arg("--version"))?;
    let version = version.split(' ').nth(1).context("tracego names no version")?.to_owned();
    let licences = image::licences()?;
    Ok(Release { version, epoch, program, root, revision: 1, maintainer, licences, is_trial: true })
}

/// Returns the release with a program that was built from a copy of the sources.
fn rebuilt(release: Release, folder: &Path) -> Result<Release> {
    let program = folder.join("tracego");
    strip(&Workspace::copy(folder)?.build(Linkage::Shared)?, &program)?;
    ensure!(fs::read(&program)? == fs::read(&release.program)?, "the program differs in another folder");
    Ok(Release { program, ..release })
}

fn strip(from: &Path, to: &Path) -> Result<()> {
    shell::run(Command::new("strip").args(["--strip-all", "-o"]).args([to, from]))
}

/// Makes all packages in a folder. Returns their paths, with that of the checksums last.
fn make(release: &Release, folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut made =
        vec![deb::make(release, folder)?, rpm::make(release, folder)?, tarball::make(release, folder)?];
    made.push(write_checksums(&made, folder)?);
    Ok(made)
}

/// Writes the checksums of files into `SHA256SUMS` in a folder, as sha256sum(1) reads them. Returns its path.
pub(crate) fn write_checksums(files: &[impl AsRef<Path>], folder: &Path) -> Result<PathBuf> {
    let mut sums = String::new();
    for path in files.iter().map(AsRef::as_ref) {
        let name = path.file_name().context("a package without a name")?.to_string_lossy();
        writeln!(sums, "{}  {name}", digest::of_bytes(&fs::read(path)?))?;
    }
    let path = folder.join("SHA256SUMS");
    fs::write(&path, sums)?;
    Ok(path)
}
