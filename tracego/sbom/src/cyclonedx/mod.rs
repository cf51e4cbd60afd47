//! CycloneDX 1.6 and 1.7, in JSON.
//!
//! ```text
//! document       the members of a document
//! vulnerability  known vulnerabilities of its components
//! ```

mod document;
mod vulnerability;

use std::borrow::Cow;

use document::{
    CycloneCommit, CycloneComponent, CycloneComposition, CycloneDependency, CycloneDocument, CycloneEvidence,
    CycloneHash, CycloneLifecycle, CycloneMetadata, CycloneOccurrence, CyclonePedigree, CycloneProperty,
    CycloneTools,
};

use crate::{
    bill::{BillLibrary, BillOfMaterials, BillProgram, ModuleCompleteness},
    program::{ModuleList, Occurrence, ProgramKind},
};

/// Reference of the component that all programs belong to.
const ROOT: &str = "programs";

/// The versions that are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CycloneVersion {
    /// 1.6.
    V1_6,
    /// 1.7.
    V1_7,
}

/// Returns the document of a bill.
///
/// # Errors
/// Fails if a text cannot be encoded.
pub fn document(bill: &BillOfMaterials<'_>, version: CycloneVersion) -> serde_json::Result<Vec<u8>> {
    let name = bill.name();
    let mut document = unnumbered(bill, version, &name);
    let content = serde_json::to_vec(&document)?;
    document.serial_number = format!("urn:uuid:{}", BillOfMaterials::uuid_of(&content));
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn unnumbered<'a>(
    bill: &'a BillOfMaterials<'_>,
    version: CycloneVersion,
    name: &'a str,
) -> CycloneDocument<'a> {
    let (schema, spec_version) = match version {
        CycloneVersion::V1_6 => ("http://cyclonedx.org/schema/bom-1.6.schema.json", "1.6"),
        CycloneVersion::V1_7 => ("http://cyclonedx.org/schema/bom-1.7.schema.json", "1.7"),
    };
    let inventory = bill.inventory;
    let mut lifecycles = Vec::new();
    if inventory.has_files {
        lifecycles.push(CycloneLifecycle { phase: "post-build" });
    }
    if inventory.has_runs {
        lifecycles.push(CycloneLifecycle { phase: "operations" });
    }
    let tool = CycloneComponent {
        kind: "application",
        name: "tracego",
        version: Some(bill.tool_version),
        ..CycloneComponent::default()
    };
    let root = CycloneComponent { kind: "platform", reference: ROOT, name, ..CycloneComponent::default() };
    let missing =
        bill.missing.iter().map(|text| CycloneProperty { name: "tracego:missing", value: text.into() });
    let others = (inventory.others() > 0).then(|| CycloneProperty {
        name: "tracego:programs_not_of_go",
        value: inventory.others().to_string().into(),
    });
    let metadata = CycloneMetadata {
        timestamp: bill.created.as_deref(),
        lifecycles,
        tools: CycloneTools { components: [tool] },
        component: root,
        properties: missing.chain(others).collect(),
    };
    let programs = bill.programs.iter().map(program);
    CycloneDocument {
        schema,
        bom_format: "CycloneDX",
        spec_version,
        serial_number: String::new(),
        version: 1,
        metadata,
        components: programs.chain(bill.libraries.iter().map(library)).collect(),
        dependencies: dependencies(bill),
        compositions: compositions(bill),
        vulnerabilities: bill.vulnerabilities.as_deref().map(vulnerability::all),
    }
}

fn program<'a>(of: &'a BillProgram<'_>) -> CycloneComponent<'a> {
    let program = of.program;
    let go = program.go();
    let mut properties = Vec::new();
    let mut add = |name, value: Cow<'a, str>| properties.push(CycloneProperty { name, value });
    if program.starts > 0 {
        add("tracego:starts", program.starts.to_string().into());
    }
    if program.is_unproven {
        add("tracego:digest", "unproven".into());
    }
    for (kind, place) in program.places.all() {
        let name = match kind {
            "host" => "tracego:host",
            "container" => "tracego:container",
            _ => "tracego:job",
        };
        add(name, place.into());
    }
    if program.places.has_more {
        add("tracego:places", "more than are named".into());
    }
    if let Some(identity) = &program.identity {
        add("tracego:htlhash", identity.htlhash.as_str().into());
    }
    match &program.kind {
        ProgramKind::Go(go) => {
            if !go.package.is_empty() {
                add("tracego:go:package", go.package.as_str().into());
            }
            match go.modules {
                ModuleList::Known(_) => {}
                ModuleList::Counted(count) => add("tracego:go:modules_not_listed", count.to_string().into()),
                ModuleList::Unavailable => add("tracego:go:modules", "unavailable".into()),
            }
            if let Some(modified) = go.modified {
                add("tracego:go:vcs_modified", modified.to_string().into());
            }
            if go.is_contradicted {
                add("tracego:go:contradicted", "true".into());
            }
        }
        ProgramKind::Other => add("tracego:program", "not of Go".into()),
        ProgramKind::Unread => add("tracego:program", "could not be read".into()),
    }
    let revision = go.and_then(|go| go.revision.as_deref());
    CycloneComponent {
        kind: "application",
        reference: &of.reference,
        name: of.name,
        version: of.version,
        hashes: program.sha256.iter().map(|digest| CycloneHash { alg: "SHA-256", content: digest }).collect(),
        purl: of.purl.as_deref(),
        pedigree: revision.map(|uid| CyclonePedigree { commits: [CycloneCommit { uid }] }),
        evidence: Some(CycloneEvidence { occurrences: program.occurrences.iter().map(occurrence).collect() }),
        properties,
    }
}

fn occurrence(of: &Occurrence) -> CycloneOccurrence<'_> {
    CycloneOccurrence { location: &of.path, additional_context: of.context() }
}

fn library(of: &BillLibrary) -> CycloneComponent<'_> {
    let sum = of.sum.as_deref().map(|sum| CycloneProperty { name: "tracego:go:sum", value: sum.into() });
    let replaces = of.replaces.as_deref();
    let replaces = replaces.map(|path| CycloneProperty { name: "tracego:go:replaces", value: path.into() });
    CycloneComponent {
        kind: "library",
        reference: &of.reference,
        name: &of.name,
        version: of.version.as_deref(),
        purl: of.purl.as_deref(),
        properties: sum.into_iter().chain(replaces).collect(),
        ..CycloneComponent::default()
    }
}

fn dependencies<'a>(bill: &'a BillOfMaterials<'_>) -> Vec<CycloneDependency<'a>> {
    let root = CycloneDependency {
        reference: ROOT,
        depends_on: bill.programs.iter().map(|program| &*program.reference).collect(),
    };
    let programs = bill.programs.iter().map(|program| CycloneDependency {
        reference: &program.reference,
        depends_on: program
            .depends_on
            .iter()
            .filter_map(|at| bill.libraries.get(*at))
            .map(|library| &*library.reference)
            .collect(),
    });
    std::iter::once(root).chain(programs).collect()
}

/// Returns which lists of dependencies are whole.
fn compositions<'a>(bill: &'a BillOfMaterials<'_>) -> Vec<CycloneComposition<'a>> {
    let names = [
        (ModuleCompleteness::Complete, "complete"),
        (ModuleCompleteness::Incomplete, "incomplete"),
        (ModuleCompleteness::Unknown, "unknown"),
    ];
    let of = |(wanted, aggregate): (ModuleCompleteness, &'static str)| {
        let root = (bill.program_completeness() == wanted).then_some(ROOT);
        let programs = bill.programs.iter().filter(|program| program.completeness == wanted);
        let dependencies: Vec<&str> =
            root.into_iter().chain(programs.map(|program| &*program.reference)).collect();
        (!dependencies.is_empty()).then_some(CycloneComposition { aggregate, dependencies })
    };
    names.into_iter().filter_map(of).collect()
}
