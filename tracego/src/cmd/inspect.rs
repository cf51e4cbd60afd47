//! The command `tracego inspect`: prints what executables contain.

use std::{
    borrow::Cow,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use serde::Serialize;
use tracego_analyze::{inspect::image::executable, redact::Redactor};
use tracego_golang::{self as golang, Build, Elf, Image, Linkage, Module, Packer};
use tracego_model::text::printable;

use super::code;
use crate::cli::Inspect;

/// A line of output.
#[derive(Serialize)]
struct InspectLine<'a> {
    file: Cow<'a, str>,
    #[serde(flatten)]
    image: &'a Image,
}

/// Prints the contents of each file. Files that cannot be read are named on standard error, and change the
/// exit code.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn inspect(inspect: &Inspect) -> anyhow::Result<ExitCode> {
    let asked = inspect.report;
    let text = !asked.is_json() && (asked.output.is_some() || io::stdout().is_terminal());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut failed = false;
    let mut all = || -> io::Result<()> {
        for file in &inspect.files {
            match read(file) {
                Ok(image) if text => print(file, &image, &mut out)?,
                Ok(image) => {
                    serde_json::to_writer(
                        &mut out,
                        &InspectLine { file: file.to_string_lossy(), image: &image },
                    )?;
                    writeln!(out)?;
                }
                Err(error) => {
                    failed = true;
                    out.flush()?;
                    message!("tracego: inspect {}: {error:#}", file.display());
                }
            }
        }
        out.flush()
    };
    match all() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.context("cannot write to standard output")?,
    }
    Ok(if failed { ExitCode::from(code::RUNNING) } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<Image> {
    let file = executable::file(path)?;
    let mut image = golang::read(&file)?;
    file.verify()?;
    if let Some(build) = &mut image.go {
        redact(build);
    }
    // Of the file's place, not of its content.
    Ok(Image { times: None, ..image })
}

/// Takes secrets out of build settings, as records do: they get there by `-ldflags "-X main.token=…"`.
fn redact(build: &mut Build) {
    let redactor = Redactor::standard();
    for (name, value) in &mut build.settings {
        redactor.variable(name, value);
    }
}

/// Prints a row: a name and its values.
fn row(out: &mut impl Write, name: &str, values: &[&str]) -> io::Result<()> {
    let mut line = String::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        line.push_str(if line.is_empty() { "" } else { "  " });
        line.push_str(&printable(value));
    }
    writeln!(out, "  {name:<14}{line}")
}

fn print(file: &Path, image: &Image, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", printable(&file.to_string_lossy()))?;
    row(out, "size", &[&image.size.to_string()])?;
    row(out, "htlhash", &[&image.htlhash])?;
    match &image.elf {
        Some(elf) => print_elf(elf, out)?,
        None => row(out, "elf", &["not an ELF file"])?,
    }
    if let Some(build) = &image.go {
        print_build(build, out)?;
    }
    for damage in &image.damage {
        row(out, "damaged", &[damage.text()])?;
    }
    for part in &image.inconsistent {
        row(out, "contradicts", &[part.text()])?;
    }
    Ok(())
}

fn print_elf(elf: &Elf, out: &mut impl Write) -> io::Result<()> {
    let bits = format!("{} bit", elf.bits);
    let facts = [
        bits.as_str(),
        elf.machine.name(),
        if elf.big_endian { "big-endian" } else { "little-endian" },
        if elf.pie { "PIE" } else { "" },
        if elf.linkage == Linkage::Static { "static" } else { "dynamic" },
        if elf.stripped { "stripped" } else { "symbols" },
        if elf.debug { "debug information" } else { "" },
    ];
    row(out, "elf", &facts)?;
    if let Some(interpreter) = &elf.interpreter {
        row(out, "interpreter", &[interpreter])?;
    }
    for library in &elf.needed {
        row(out, "needed", &[library])?;
    }
    if elf.packer == Some(Packer::Upx) {
        row(out, "packed", &["UPX"])?;
    }
    for (name, id) in [("GNU build id", &elf.gnu_build_id), ("Go build id", &elf.go_build_id)] {
        if let Some(id) = id {
            row(out, name, &[id])?;
        }
    }
    Ok(())
}

fn print_build(build: &Build, out: &mut impl Write) -> io::Result<()> {
    row(out, "go", &[&build.version])?;
    if !build.path.is_empty() {
        row(out, "path", &[&build.path])?;
    }
    let mains = build.main.iter().map(|module| ("mod", module));
    for (name, module) in mains.chain(build.dependencies.iter().map(|module| ("dep", module))) {
        print_module(name, module, out)?;
    }
    for (key, value) in &build.settings {
        row(out, "build", &[&format!("{key}={value}")])?;
    }
    Ok(())
}

fn print_module(name: &str, module: &Module, out: &mut impl Write) -> io::Result<()> {
    row(out, name, &[&module.path, &module.version, &module.sum])?;
    match &module.replacement {
        Some(other) => row(out, "  =>", &[&other.path, &other.version, &other.sum]),
        None => Ok(()),
    }
}
