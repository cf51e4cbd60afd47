//! `cargo xtask image`: writes an image of a static tracego as an OCI archive, without a container engine.
//!
//! ```text
//! program   the static program, and the crates in it
//! licences  the texts of the licences of all crates in it
//! sbom      its crates, for scanners (CycloneDX)
//! layer     the files of the image
//! archive   layers, configurations and manifests → the archive
//! ```
//!
//! Two builds of one commit give the same bytes: times are those of the commit, and no path of the machine is in the
//! program.

mod archive;
mod layer;
mod licences;
mod program;
mod sbom;

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use self::{
    archive::{Archive, Platform},
    layer::Layer,
};
use crate::{
    dist::{Linkage, Workspace},
    shell,
};

/// Maximum size of the archive, in bytes for each platform.
const SIZE_MAX: usize = 12_000_000;
/// Place of the archive, from the root of the workspace.
const OUTPUT: &str = "target/image/tracego.oci.tar";
/// The user of the image: no user of the machine.
pub(crate) const USER: u32 = 65_532;

/// Options of `cargo xtask static`.
#[derive(clap::Args)]
pub(crate) struct StaticArgs {}

/// Options of `cargo xtask image`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A static program for x86-64 that was built before; by default, it is built
    #[arg(long, value_name = "FILE")]
    amd64: Option<PathBuf>,
    /// A static program for arm64, for an image of both
    #[arg(long, value_name = "FILE")]
    arm64: Option<PathBuf>,
    /// Archive to write
    #[arg(long, value_name = "FILE", default_value = OUTPUT)]
    output: PathBuf,
}

/// Builds the static program, and prints its path.
pub(crate) fn run_static(_args: &StaticArgs) -> Result<()> {
    let program = build()?;
    eprintln!("{}", program.display());
    Ok(())
}

/// Builds the static program. Returns its path.
fn build() -> Result<PathBuf> {
    let program = Workspace::own()?.build(Linkage::Static)?;
    program::read(&program, Platform::Amd64)?;
    Ok(program)
}

/// Writes the archive.
pub(crate) fn run(args: &Args) -> Result<()> {
    let _path = write(args)?;
    Ok(())
}

/// Builds the program and writes the archive of its image. Returns its path.
pub(crate) fn make() -> Result<PathBuf> {
    write(&Args { amd64: None, arm64: None, output: OUTPUT.into() })
}

/// Writes the archive. Returns its path.
fn write(args: &Args) -> Result<PathBuf> {
    let source = ImageSource::of_commit()?;
    let amd64 = match &args.amd64 {
        Some(program) => program.clone(),
        None => build()?,
    };
    let mut programs = vec![(Platform::Amd64, amd64)];
    programs.extend(args.arm64.clone().map(|program| (Platform::Arm64, program)));
    let metadata = program::metadata()?;
    let licences = licences::text(&metadata)?;
    let mut archive = Archive::default();
    for (platform, program) in &programs {
        let binary = program::read(program, *platform)?;
        let sbom = sbom::text(&metadata, &source)?;
        let layer = layer(&binary, &licences, &sbom, source.time)?;
        archive.add(*platform, &layer, &source)?;
    }
    let bytes = archive.bytes(&source)?;
    ensure!(
        bytes.len() <= SIZE_MAX * programs.len(),
        "the archive has {} bytes; at most {SIZE_MAX} are allowed for each platform",
        bytes.len()
    );
    let output = shell::root()?.join(&args.output);
    fs::create_dir_all(output.parent().context("no folder for the archive")?)?;
    fs::write(&output, &bytes).with_context(|| format!("cannot write {}", output.display()))?;
    eprintln!("{}: {} bytes, SHA-256 {}", output.display(), bytes.len(), crate::digest::of_bytes(&bytes));
    Ok(output)
}

/// Returns the licences of all crates in the program.
pub(crate) fn licences() -> Result<String> {
    licences::text(&program::metadata()?)
}

/// Makes the files of the image.
fn layer(program: &[u8], licences: &str, sbom: &str, time: u64) -> Result<Layer> {
    let root = shell::root()?;
    let mut layer = Layer::new(time);
    layer.file("etc/group", 0o644, format!("root:x:0:\ntracego:x:{USER}:\n").as_bytes())?;
    // Engines replace it; without it, a plain runtime knows no localhost.
    layer.file("etc/hosts", 0o644, b"127.0.0.1 localhost\n::1 localhost\n")?;
    let users = format!("root:x:0:0:root:/:/nonexistent\ntracego:x:{USER}:{USER}:tracego:/:/nonexistent\n");
    layer.file("etc/passwd", 0o644, users.as_bytes())?;
    layer.folder("proc")?;
    layer.folder("sys")?;
    layer.program("usr/bin/tracego", program)?;
    for name in ["LICENSE-APACHE", "LICENSE-GPL-2.0", "LICENSE-MIT"] {
        let text = fs::read(root.join(name)).with_context(|| format!("cannot read {name}"))?;
        layer.file(&format!("usr/share/doc/tracego/{name}"), 0o644, &text)?;
    }
    layer.file("usr/share/doc/tracego/THIRD-PARTY-LICENSES", 0o644, licences.as_bytes())?;
    layer.file("usr/share/doc/tracego/sbom.cdx.json", 0o644, sbom.as_bytes())?;
    layer.finish()
}

/// The commit that an image is made from.
pub(crate) struct ImageSource {
    /// Version of the program.
    pub(crate) version: String,
    /// Commit, marked where the working tree has changes.
    pub(crate) revision: String,
    /// Seconds since 1970: SOURCE_DATE_EPOCH, or the time of the commit.
    pub(crate) time: u64,
}

impl ImageSource {
    fn of_commit() -> Result<Self> {
        let root = shell::root()?;
        let git = |args: &[&str]| shell::output(Command::new("git").args(args).current_dir(&root));
        let mut revision = git(&["rev-parse", "HEAD"])?;
        if !git(&["status", "--porcelain"])?.is_empty() {
            revision.push_str("-changed");
        }
        let time = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(time) => time,
            Err(_) => git(&["log", "-1", "--format=%ct"])?,
        };
        let time = time.parse().with_context(|| format!("not a number of seconds: {time}"))?;
        Ok(Self { version: env!("CARGO_PKG_VERSION").to_owned(), revision, time })
    }

    /// Returns the time as RFC 3339 has it.
    pub(crate) fn created(&self) -> Result<String> {
        let time = i64::try_from(self.time).context("the time is too late")?;
        let time = time::OffsetDateTime::from_unix_timestamp(time)?;
        Ok(time.format(&time::format_description::well_known::Rfc3339)?)
    }
}
