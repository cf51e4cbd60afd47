//! SPDX 2.3, in JSON.

use serde::Serialize;

use crate::{
    bill::{BillLibrary, BillOfMaterials, BillProgram, ModuleCompleteness},
    program::{ModuleList, ProgramKind},
};

/// The time of a document about which nothing says one: the format requires a time.
pub(crate) const NO_TIME: &str = "1970-01-01T00:00:00Z";
const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxDocument<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: SpdxCreation<'a>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    packages: Vec<SpdxPackage<'a>>,
    relationships: Vec<SpdxRelationship>,
}

#[derive(Serialize)]
struct SpdxCreation<'a> {
    created: &'a str,
    creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<&'a str>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<SpdxChecksum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: &'static str,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<SpdxReference<'a>>,
    primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxChecksum<'a> {
    algorithm: &'static str,
    checksum_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxReference<'a> {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxRelationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

/// Returns the document of a bill.
///
/// # Errors
/// Fails if a text cannot be encoded.
pub fn document(bill: &BillOfMaterials<'_>) -> serde_json::Result<Vec<u8>> {
    let programs = bill.programs.iter().enumerate().map(|(at, of)| program(at, of));
    let libraries = bill.libraries.iter().enumerate().map(|(at, of)| library(at, of));
    let mut document = SpdxDocument {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: bill.name(),
        document_namespace: String::new(),
        creation_info: SpdxCreation {
            created: bill.created.as_deref().unwrap_or(NO_TIME),
            creators: [format!("Tool: tracego-{}", bill.tool_version)],
        },
        comment: comment(bill),
        packages: programs.chain(libraries).collect(),
        relationships: relationships(bill),
    };
    let content = serde_json::to_vec(&document)?;
    document.document_namespace =
        format!("https://spdx.org/spdxdocs/tracego-{}", BillOfMaterials::uuid_of(&content));
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Returns the comment of a document: what it is about, and what is missing.
pub(crate) fn comment(bill: &BillOfMaterials<'_>) -> String {
    let mut lines = Vec::new();
    if bill.inventory.has_runs {
        lines.push("The programs that ran, as tracego recorded them.".to_owned());
    }
    let others = bill.inventory.others();
    if others > 0 {
        lines.push(format!("{others} programs are none of Go; their parts are not known."));
    }
    lines.extend(bill.missing.iter().map(|text| format!("Missing: {text}.")));
    lines.join("\n")
}

fn program_id(at: usize) -> String {
    format!("SPDXRef-Program-{at}")
}

fn library_id(at: usize) -> String {
    format!("SPDXRef-Module-{at}")
}

fn purl(url: Option<&str>) -> Vec<SpdxReference<'_>> {
    let of = |url| SpdxReference {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: url,
    };
    url.into_iter().map(of).collect()
}

fn program<'a>(at: usize, of: &'a BillProgram<'_>) -> SpdxPackage<'a> {
    let digest = of.program.sha256.as_deref();
    let revision = of.program.go().and_then(|go| go.revision.as_ref());
    SpdxPackage {
        id: program_id(at),
        name: of.name,
        version_info: of.version,
        package_file_name: Some(of.program.path()).filter(|path| !path.is_empty()),
        download_location: NO_ASSERTION,
        files_analyzed: false,
        checksums: digest
            .into_iter()
            .map(|value| SpdxChecksum { algorithm: "SHA256", checksum_value: value })
            .collect(),
        source_info: revision.map(|revision| format!("built from commit {revision}")),
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
        comment: program_comment(of),
        external_refs: purl(of.purl.as_deref()),
        primary_package_purpose: "APPLICATION",
    }
}

/// Returns the comment of a program: where it ran, and what is missing.
pub(crate) fn program_comment(of: &BillProgram<'_>) -> String {
    let program = of.program;
    let mut lines = Vec::new();
    match &program.kind {
        ProgramKind::Other => lines.push("Not a Go program; its parts are not known.".to_owned()),
        ProgramKind::Unread => lines.push("The executable could not be read.".to_owned()),
        ProgramKind::Go(go) => match go.modules {
            ModuleList::Known(_) => {}
            ModuleList::Counted(count) => lines.push(format!("{count} modules are not listed.")),
            ModuleList::Unavailable => lines.push("The modules are not known.".to_owned()),
        },
    }
    if program.starts > 0 {
        lines.push(format!("Started {} times.", program.starts));
    }
    if program.is_unproven {
        lines.push("The digest is unproven: the file may have held other bytes when it ran.".to_owned());
    }
    lines.extend(program.places.all().map(|(kind, place)| format!("Ran in {kind} {place}")));
    if program.places.has_more {
        lines.push("Ran in more places than are named.".to_owned());
    }
    for occurrence in &program.occurrences {
        let Some(context) = occurrence.context() else { continue };
        lines.push(format!("{} ran as {context}", occurrence.path));
    }
    lines.join("\n")
}

fn library(at: usize, of: &BillLibrary) -> SpdxPackage<'_> {
    let sum = of.sum.as_ref().map(|sum| format!("go.sum {sum}"));
    let replaces = of.replaces.as_ref().map(|path| format!("replaces {path}"));
    let info: Vec<String> = sum.into_iter().chain(replaces).collect();
    SpdxPackage {
        id: library_id(at),
        name: &of.name,
        version_info: of.version.as_deref(),
        package_file_name: None,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        checksums: Vec::new(),
        source_info: (!info.is_empty()).then(|| info.join(", ")),
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
        comment: String::new(),
        external_refs: purl(of.purl.as_deref()),
        primary_package_purpose: "LIBRARY",
    }
}

fn relationships(bill: &BillOfMaterials<'_>) -> Vec<SpdxRelationship> {
    let mut all = Vec::new();
    let mut add = |from: String, kind: &'static str, to: String, comment: Option<&'static str>| {
        all.push(SpdxRelationship {
            spdx_element_id: from,
            relationship_type: kind,
            related_spdx_element: to,
            comment,
        });
    };
    for (at, of) in bill.programs.iter().enumerate() {
        add(DOCUMENT.to_owned(), "DESCRIBES", program_id(at), None);
        for library in &of.depends_on {
            add(program_id(at), "DEPENDS_ON", library_id(*library), None);
        }
        let comment = match of.completeness {
            ModuleCompleteness::Complete => continue,
            ModuleCompleteness::Incomplete => "modules are missing",
            ModuleCompleteness::Unknown => "nothing says what else is in the program",
        };
        add(program_id(at), "DEPENDS_ON", NO_ASSERTION.to_owned(), Some(comment));
    }
    all
}
