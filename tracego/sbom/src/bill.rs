//! A bill of materials: programs and modules with references, and what depends on what. All formats are written from it.

use std::{cmp::Ordering, collections::BTreeMap};

use ring::digest;
use tracego_golang::Module;
use tracego_model::{clock::Time, input::digest::Sha256Digest};

use crate::{
    inventory::SoftwareInventory,
    program::{self, GoProgram, ListedProgram, ModuleList, ProgramKind},
    purl, serial,
    vulnerability::ModuleVulnerability,
};

/// Whether the list of the modules of a program is all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModuleCompleteness {
    /// All modules are listed.
    Complete,
    /// Modules are missing.
    Incomplete,
    /// The rest of the program is not known: it may be C, or the program is none of Go.
    Unknown,
}

/// A program of a bill.
#[derive(Clone, Debug)]
pub struct BillProgram<'a> {
    /// Reference, unique in the bill.
    pub reference: String,
    /// Name: the main module, the main package, or the file name.
    pub name: &'a str,
    /// Version of the main module.
    pub version: Option<&'a str>,
    /// Package URL of the main module.
    pub purl: Option<String>,
    /// The program itself.
    pub program: &'a ListedProgram,
    /// Indices of the libraries in it.
    pub depends_on: Vec<usize>,
    /// Completeness of these.
    pub completeness: ModuleCompleteness,
}

/// A module in programs.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct BillLibrary {
    /// Path of the module, or the folder that replaced one.
    pub name: String,
    /// Version; `None` for a working tree or a folder.
    pub version: Option<String>,
    /// Checksum as in go.sum.
    pub sum: Option<String>,
    /// The module that it replaces, with version.
    pub replaces: Option<String>,
    /// Whether it is the standard library.
    pub is_stdlib: bool,
    /// Package URL; `None` for a folder.
    pub purl: Option<String>,
    /// Reference, unique in the bill.
    pub reference: String,
}

/// A bill of materials.
#[derive(Clone, Debug)]
pub struct BillOfMaterials<'a> {
    /// The inventory.
    pub inventory: &'a SoftwareInventory,
    /// The programs, sorted.
    pub programs: Vec<BillProgram<'a>>,
    /// The modules, sorted.
    pub libraries: Vec<BillLibrary>,
    /// Sentences about the missing parts.
    pub missing: Vec<String>,
    /// Known vulnerabilities; `None` if nobody looked.
    pub vulnerabilities: Option<Vec<ModuleVulnerability>>,
    /// Time of the bill, in RFC 3339; `None` if nothing says one.
    pub created: Option<String>,
    /// Version of tracego.
    pub tool_version: &'a str,
}

impl<'a> BillOfMaterials<'a> {
    /// Creates the bill of an inventory. `epoch`: the time in seconds since 1970 instead of that of the last record.
    #[must_use]
    pub fn new(inventory: &'a SoftwareInventory, epoch: Option<i64>, tool_version: &'a str) -> Self {
        let mut libraries: BTreeMap<BillLibrary, usize> = BTreeMap::new();
        let mut programs: Vec<(BillProgram<'_>, Vec<BillLibrary>)> = Vec::new();
        for program in &inventory.programs {
            let needed = needed(program);
            for library in &needed {
                libraries.entry(library.clone()).or_default();
            }
            programs.push((bill_program(program), needed));
        }
        programs.sort_by(|(a, _), (b, _)| order(a, b));
        for (place, at) in libraries.values_mut().enumerate() {
            *at = place;
        }
        let programs = programs
            .into_iter()
            .map(|(mut program, needed)| {
                program.depends_on =
                    needed.iter().filter_map(|library| libraries.get(library)).copied().collect();
                program.depends_on.sort_unstable();
                program.depends_on.dedup();
                program
            })
            .collect();
        let mut libraries: Vec<BillLibrary> = libraries.into_keys().collect();
        set_references(&mut libraries);
        let time = epoch.map(|seconds| Time(seconds.saturating_mul(1_000_000_000))).or(inventory.last);
        Self {
            inventory,
            programs,
            libraries,
            missing: inventory.missing(),
            vulnerabilities: None,
            created: time.map(|time| format!("{}Z", time.text().get(..19).unwrap_or_default())),
            tool_version,
        }
    }

    /// Returns the name of the bill: the jobs, or what was given.
    #[must_use]
    pub fn name(&self) -> String {
        match self.inventory.jobs.as_slice() {
            [] if self.inventory.has_runs => "programs that ran".to_owned(),
            [] => "executables".to_owned(),
            [job] => format!("job {job}"),
            [first, ..] => format!("job {first} and {} others", self.inventory.jobs.len() - 1),
        }
    }

    /// Returns the completeness of the list of programs.
    #[must_use]
    pub fn program_completeness(&self) -> ModuleCompleteness {
        if self.inventory.gaps.sentences().is_empty() {
            ModuleCompleteness::Complete
        } else {
            ModuleCompleteness::Incomplete
        }
    }

    /// Returns the identifier of a document: the UUIDv5 of its content without the identifier.
    pub(crate) fn uuid_of(content: &[u8]) -> String {
        let digest = Sha256Digest::try_from(digest::digest(&digest::SHA256, content).as_ref());
        // A SHA-256 of ring has 32 bytes.
        let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
        serial::uuid(&format!("https://tracego/sbom/{digest}"))
    }
}

fn order(a: &BillProgram<'_>, b: &BillProgram<'_>) -> Ordering {
    let key = |of: &BillProgram<'_>| (of.name.to_owned(), of.program.path().to_owned(), of.reference.clone());
    key(a).cmp(&key(b))
}

fn bill_program(program: &ListedProgram) -> BillProgram<'_> {
    let go = program.go();
    let main = go.and_then(|go| go.main.as_ref()).map(program::built);
    let named = go.map(GoProgram::name).filter(|name| !name.is_empty());
    let file_name = program.path().rsplit('/').next().unwrap_or_default();
    let reference = match (&program.sha256, &program.identity) {
        (Some(digest), _) => format!("sha256:{digest}"),
        (None, Some(identity)) => format!("htlhash:{} {}", identity.htlhash, program.path()),
        (None, None) => format!("path:{}", program.path()),
    };
    BillProgram {
        reference,
        name: named.unwrap_or(if file_name.is_empty() { "unnamed" } else { file_name }),
        version: main.and_then(program::version),
        purl: main.and_then(purl::of_module),
        program,
        depends_on: Vec::new(),
        completeness: match &program.kind {
            ProgramKind::Go(go) if program.lacks_modules() || go.is_contradicted => {
                ModuleCompleteness::Incomplete
            }
            ProgramKind::Go(go) if !go.may_have_c => ModuleCompleteness::Complete,
            ProgramKind::Unread => ModuleCompleteness::Incomplete,
            ProgramKind::Go(_) | ProgramKind::Other => ModuleCompleteness::Unknown,
        },
    }
}

/// Returns the modules of a program, with the standard library.
fn needed(program: &ListedProgram) -> Vec<BillLibrary> {
    let Some(go) = program.go() else { return Vec::new() };
    let mut needed: Vec<BillLibrary> = match &go.modules {
        ModuleList::Known(modules) => modules.iter().map(library).collect(),
        ModuleList::Counted(_) | ModuleList::Unavailable => Vec::new(),
    };
    if !go.version.is_empty() {
        let version = go.stdlib_version();
        needed.push(BillLibrary {
            name: "stdlib".to_owned(),
            version: Some(version.unwrap_or(&go.version).to_owned()),
            sum: None,
            replaces: None,
            is_stdlib: true,
            purl: Some(purl::package_url("stdlib", version)),
            reference: String::new(),
        });
    }
    needed
}

fn library(module: &Module) -> BillLibrary {
    let built = program::built(module);
    let of = |module: &Module| match program::version(module) {
        Some(version) => format!("{}@{version}", module.path),
        None => module.path.clone(),
    };
    BillLibrary {
        name: built.path.clone(),
        version: program::version(built).map(str::to_owned),
        sum: Some(built.sum.clone()).filter(|sum| !sum.is_empty()),
        replaces: module.replacement.as_ref().map(|_| of(module)),
        is_stdlib: false,
        purl: purl::of_module(built),
        reference: String::new(),
    }
}

/// Gives each library its package URL as reference, or its name, with a number where several would have the same.
fn set_references(libraries: &mut [BillLibrary]) {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for library in libraries {
        let base = library.purl.clone().unwrap_or_else(|| {
            let replaces = library.replaces.as_deref().unwrap_or_default();
            format!("folder:{} {replaces}", library.name)
        });
        let count = known.entry(base.clone()).or_default();
        *count += 1;
        library.reference = if *count == 1 { base } else { format!("{base}~{count}") };
    }
}
