//! The command `tracego sbom`: writes bills of materials.
//!
//! ```text
//! executable_file  executables: digest and modules
//! osv_folder       a folder of advisories
//! ```

mod executable_file;
mod osv_folder;

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use tracego_deliver::seal::verify::Line;
use tracego_sbom::{
    bill::BillOfMaterials,
    cyclonedx::{self, CycloneVersion},
    inventory::SoftwareInventory,
    record::ProgramReader,
    spdx2, spdx3, text,
    vulnerability::{self, MatchState},
};

use super::{
    code,
    file_identity::refuse_overwriting,
    plain_output::PlainOutput,
    report::input::{self, RecordReader},
};
use crate::cli::{Sbom, SbomFormat, wrong_usage};

/// Variable with the time of a reproducible build, in seconds since 1970.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

impl RecordReader for ProgramReader {
    fn take_line(&mut self, line: &Line) {
        let _named = self.take(&line.bytes, &line.file, line.number);
    }

    fn unreadable(&mut self, file: &str, line: u64, reason: String) {
        self.unreadable(file, line, reason);
    }

    fn records(&self) -> u64 {
        self.records()
    }
}

/// Reads records and executables, and writes their bill of materials.
///
/// # Errors
/// Fails if the bill cannot be written, or if the folder of advisories cannot be read.
pub(super) fn sbom(asked: &Sbom, is_quiet: bool) -> anyhow::Result<ExitCode> {
    let inputs = asked.files.iter().map(|path| ("a file to read", path.as_path()));
    refuse_overwriting(asked.file.iter().map(|path| ("--output", path.as_path())), inputs)?;
    let epoch = epoch()?;
    let database = asked.osv.as_deref().map(osv_folder::read).transpose()?;
    let inventory = inventory(asked, is_quiet)?;
    let mut bill = BillOfMaterials::new(&inventory, epoch, env!("CARGO_PKG_VERSION"));
    bill.vulnerabilities = database.as_ref().map(|folder| folder.database.vulnerabilities(&bill));
    let advisories = database.as_ref().map_or(0, |folder| folder.database.count());
    write(&bill, advisories, asked)?;
    if asked.format != SbomFormat::Text {
        report(&bill, advisories, is_quiet)?;
    }
    let found = bill.vulnerabilities.iter().flatten();
    let is_vulnerable = found.into_iter().any(|one| one.state == MatchState::Affected);
    let unread = inventory.gaps.unread + database.map_or(0, |folder| folder.unread);
    Ok(match () {
        () if is_vulnerable => ExitCode::from(code::FINDINGS),
        () if unread > 0 => ExitCode::from(code::RUNNING),
        () if !bill.missing.is_empty() => ExitCode::from(code::INCOMPLETE),
        () => ExitCode::SUCCESS,
    })
}

/// Returns the time that bills have instead of that of the last record.
fn epoch() -> anyhow::Result<Option<i64>> {
    let Some(text) = std::env::var_os(EPOCH).filter(|text| !text.is_empty()) else { return Ok(None) };
    // Behind the year 9999 there is no form of a time.
    let seconds = text.to_str().and_then(|text| text.parse::<i64>().ok());
    match seconds.filter(|seconds| (0..=9_223_372_036).contains(seconds)) {
        Some(seconds) => Ok(Some(seconds)),
        None => wrong_usage!("{EPOCH}={}: not a number of seconds since 1970", text.display()),
    }
}

fn inventory(asked: &Sbom, is_quiet: bool) -> anyhow::Result<SoftwareInventory> {
    let (executables, records): (Vec<PathBuf>, Vec<PathBuf>) =
        asked.files.iter().cloned().partition(|path| is_elf(path));
    let mut reader = ProgramReader::new(asked.job.clone());
    input::read(&records, is_quiet, &mut reader);
    let mut inventory = reader.finish();
    if let Some(job) = asked.job.as_ref().filter(|_| inventory.programs.is_empty()) {
        wrong_usage!("--job {job}: the records have no program of such a job");
    }
    for path in &executables {
        executable_file::add(&mut inventory, path);
    }
    if asked.read_executables {
        executable_file::complete(&mut inventory);
    }
    inventory.merge();
    for problem in inventory.gaps.problems.iter().take(5) {
        message!("tracego: {problem}");
    }
    let more = inventory.gaps.unread.saturating_sub(5);
    if more > 0 {
        message!("tracego: and {more} more lines or files that could not be read");
    }
    Ok(inventory)
}

/// Whether a file is an executable, and not one of records.
fn is_elf(path: &Path) -> bool {
    let mut head = [0; 4];
    // A FIFO would be emptied; it is never an executable.
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == *b"\x7fELF"
}

fn write(bill: &BillOfMaterials<'_>, advisories: u64, asked: &Sbom) -> anyhow::Result<()> {
    let Some(path) = &asked.file else {
        let mut out = PlainOutput::stdout(asked.format != SbomFormat::Text);
        return match to(bill, advisories, asked.format, &mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done.context("cannot write to standard output"),
        };
    };
    let file = match File::create(path) {
        Ok(file) => file,
        Err(error) => wrong_usage!("cannot write {}: {error}", path.display()),
    };
    let mut out = BufWriter::new(file);
    let written = to(bill, advisories, asked.format, &mut out).and_then(|()| out.flush());
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn to(
    bill: &BillOfMaterials<'_>,
    advisories: u64,
    format: SbomFormat,
    out: &mut impl Write,
) -> io::Result<()> {
    let document = match format {
        SbomFormat::CycloneDx1_6 => cyclonedx::document(bill, CycloneVersion::V1_6),
        SbomFormat::CycloneDx1_7 => cyclonedx::document(bill, CycloneVersion::V1_7),
        SbomFormat::Spdx2_3 => spdx2::document(bill),
        SbomFormat::Spdx3_0_1 => spdx3::document(bill),
        SbomFormat::Text => return text::write(bill, advisories, out),
    };
    out.write_all(&document?)
}

/// Prints on standard error what the bill says about itself: vulnerabilities, programs of other languages, and the missing
/// parts.
fn report(bill: &BillOfMaterials<'_>, advisories: u64, is_quiet: bool) -> anyhow::Result<()> {
    if let Some(found) = &bill.vulnerabilities {
        let mut table = Vec::new();
        vulnerability::write_table(found, advisories, &mut table).context("the table of vulnerabilities")?;
        for line in String::from_utf8_lossy(&table).lines() {
            message!("{}", tracego_model::text::printable(line));
        }
    }
    if is_quiet {
        return Ok(());
    }
    let others = bill.inventory.others();
    let modules = bill.libraries.iter().filter(|library| !library.is_stdlib).count();
    let programs = bill.inventory.programs.len();
    message!("tracego: programs: {programs}, none of Go: {others}; modules: {modules}");
    for missing in &bill.missing {
        message!("tracego: missing: {missing}");
    }
    let is_helped = bill
        .inventory
        .programs
        .iter()
        .any(|program| program.starts > 0 && (program.sha256.is_none() || program.lacks_modules()));
    if is_helped {
        message!("tracego: --read-executables reads them from the executables that are still there");
    }
    Ok(())
}
