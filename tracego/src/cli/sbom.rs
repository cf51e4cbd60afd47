//! The options of `tracego sbom`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The options of `tracego sbom`.
///
/// Ids of options begin with `report-`, so that neither variables nor keys of the configuration stand for them: those are
/// about records.
#[derive(Args, Debug)]
pub struct Sbom {
    /// Format of the bill.
    #[arg(id = "report-format", long = "format", value_enum, value_name = "FORMAT")]
    #[arg(default_value = "cyclonedx-1.6")]
    pub format: SbomFormat,
    /// File to write instead of standard output.
    #[arg(id = "report-file", long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Take the programs of this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id.
    #[arg(id = "report-job", long = "job", value_name = "ID")]
    pub job: Option<String>,
    /// Read the executables that records name, if they are still there: records have no list of modules, and may have no
    /// digest.
    ///
    /// An executable is used only if its inode, its change time and its short hash are those in the record.
    #[arg(id = "report-read-executables", long = "read-executables")]
    pub read_executables: bool,
    /// Folder of advisories in the format of OSV: name the modules with known vulnerabilities, and end with 5 if there are
    /// any.
    #[arg(id = "report-osv", long = "osv", value_name = "DIR")]
    pub osv: Option<PathBuf>,
    /// Files of records, in any order, also compressed with gzip or zstd, and executables; - is standard input.
    #[arg(id = "report-records", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The formats of a bill of materials.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SbomFormat {
    /// CycloneDX 1.6 in JSON
    #[value(name = "cyclonedx-1.6")]
    CycloneDx1_6,
    /// CycloneDX 1.7 in JSON
    #[value(name = "cyclonedx-1.7")]
    CycloneDx1_7,
    /// SPDX 2.3 in JSON
    #[value(name = "spdx-2.3")]
    Spdx2_3,
    /// SPDX 3.0.1 in JSON-LD
    #[value(name = "spdx-3.0.1")]
    Spdx3_0_1,
    /// A list for people
    Text,
}
