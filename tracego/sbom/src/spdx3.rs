//! SPDX 3.0.1, in JSON-LD.

use serde::Serialize;

use crate::{
    bill::{BillOfMaterials, BillProgram, ModuleCompleteness},
    spdx2::{NO_TIME, comment, program_comment},
};

/// Name of the creation information in a document.
const CREATION: &str = "_:creation";

#[derive(Serialize)]
struct GraphDocument<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@graph")]
    graph: Vec<GraphElement<'a>>,
}

/// An element of the graph. Members that its type does not have are left out.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct GraphElement<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "@id", skip_serializing_if = "Option::is_none")]
    blank_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spdx_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_info: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    created_by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verified_using: Vec<GraphHash<'a>>,
    #[serde(rename = "software_primaryPurpose", skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(rename = "software_packageVersion", skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(rename = "software_packageUrl", skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(rename = "software_sourceInfo", skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile_conformance: Vec<&'static str>,
    #[serde(rename = "software_sbomType", skip_serializing_if = "Vec::is_empty")]
    bill_type: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    root_element: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    element: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationship_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<&'static str>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct GraphHash<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    algorithm: &'static str,
    hash_value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

/// Returns the document of a bill.
///
/// # Errors
/// Fails if a text cannot be encoded.
pub fn document(bill: &BillOfMaterials<'_>) -> serde_json::Result<Vec<u8>> {
    let content = serde_json::to_vec(&graph(bill, ""))?;
    let prefix = format!("https://spdx.org/spdxdocs/tracego-{}#", BillOfMaterials::uuid_of(&content));
    let mut bytes = serde_json::to_vec_pretty(&graph(bill, &prefix))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn graph<'a>(bill: &'a BillOfMaterials<'_>, prefix: &str) -> GraphDocument<'a> {
    let id = |name: &str, at: usize| format!("{prefix}{name}-{at}");
    let agent = format!("{prefix}agent");
    let element = |kind: &'static str, spdx_id: String| GraphElement {
        kind,
        spdx_id: Some(spdx_id),
        creation_info: Some(CREATION),
        ..GraphElement::default()
    };
    let mut elements = vec![GraphElement {
        name: Some(format!("tracego {}", bill.tool_version)),
        ..element("SoftwareAgent", agent.clone())
    }];
    let roots: Vec<String> = (0..bill.programs.len()).map(|at| id("program", at)).collect();
    for (at, of) in bill.programs.iter().enumerate() {
        let package = element("software_Package", id("program", at));
        elements.push(program(of, package));
    }
    for (at, of) in bill.libraries.iter().enumerate() {
        let sum = of.sum.as_deref().map(|value| GraphHash {
            kind: "Hash",
            algorithm: "other",
            hash_value: value,
            comment: Some("checksum of the module in go.sum"),
        });
        elements.push(GraphElement {
            name: Some(of.name.clone()),
            verified_using: sum.into_iter().collect(),
            purpose: Some("library"),
            version: of.version.as_deref(),
            purl: of.purl.as_deref(),
            source_info: of.replaces.as_ref().map(|path| format!("replaces {path}")),
            ..element("software_Package", id("module", at))
        });
    }
    for (at, of) in bill.programs.iter().enumerate() {
        let to: Vec<String> = of.depends_on.iter().map(|at| id("module", *at)).collect();
        let is_empty = to.is_empty();
        elements.push(GraphElement {
            from: Some(id("program", at)),
            relationship_type: Some("dependsOn"),
            // The specification has an individual for "none", and one for "nobody knows".
            to: match (is_empty, of.completeness) {
                (false, _) => to,
                (true, ModuleCompleteness::Complete) => {
                    vec!["https://spdx.org/rdf/3.0.1/terms/Core/NoneElement".to_owned()]
                }
                (true, _) => vec!["https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement".to_owned()],
            },
            completeness: Some(match of.completeness {
                ModuleCompleteness::Complete => "complete",
                ModuleCompleteness::Incomplete => "incomplete",
                ModuleCompleteness::Unknown => "noAssertion",
            }),
            ..element("Relationship", id("depends", at))
        });
    }
    let all = |elements: &[GraphElement<'_>]| elements.iter().filter_map(|one| one.spdx_id.clone()).collect();
    let kinds = [(bill.inventory.has_files, "analyzed"), (bill.inventory.has_runs, "runtime")];
    let bill_element = GraphElement {
        name: Some(bill.name()),
        comment: comment(bill),
        profile_conformance: vec!["core", "software"],
        bill_type: kinds.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect(),
        root_element: roots,
        element: all(&elements),
        ..element("software_Sbom", format!("{prefix}bill"))
    };
    elements.push(bill_element);
    let document = GraphElement {
        name: Some(bill.name()),
        profile_conformance: vec!["core", "software"],
        root_element: vec![format!("{prefix}bill")],
        element: all(&elements),
        ..element("SpdxDocument", format!("{prefix}document"))
    };
    let creation = GraphElement {
        kind: "CreationInfo",
        blank_id: Some(CREATION),
        spec_version: Some("3.0.1"),
        created: Some(bill.created.as_deref().unwrap_or(NO_TIME)),
        created_by: vec![agent],
        ..GraphElement::default()
    };
    let mut graph = vec![creation, document];
    graph.extend(elements);
    GraphDocument { context: "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", graph }
}

fn program<'a>(of: &'a BillProgram<'_>, package: GraphElement<'a>) -> GraphElement<'a> {
    let digest = of.program.sha256.as_deref().map(|value| GraphHash {
        kind: "Hash",
        algorithm: "sha256",
        hash_value: value,
        comment: None,
    });
    let revision = of.program.go().and_then(|go| go.revision.as_ref());
    GraphElement {
        name: Some(of.name.to_owned()),
        comment: program_comment(of),
        verified_using: digest.into_iter().collect(),
        purpose: Some("application"),
        version: of.version,
        purl: of.purl.as_deref(),
        source_info: revision.map(|revision| format!("built from commit {revision}")),
        ..package
    }
}
