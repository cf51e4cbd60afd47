//! The members of a CycloneDX document that are written.

use serde::Serialize;

/// The document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CycloneDocument<'a> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) bom_format: &'static str,
    pub(super) spec_version: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) serial_number: String,
    pub(super) version: u32,
    pub(super) metadata: CycloneMetadata<'a>,
    pub(super) components: Vec<CycloneComponent<'a>>,
    pub(super) dependencies: Vec<CycloneDependency<'a>>,
    pub(super) compositions: Vec<CycloneComposition<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vulnerabilities: Option<Vec<CycloneVulnerability<'a>>>,
}

#[derive(Serialize)]
pub(super) struct CycloneMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<&'a str>,
    pub(super) lifecycles: Vec<CycloneLifecycle>,
    pub(super) tools: CycloneTools<'a>,
    pub(super) component: CycloneComponent<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<CycloneProperty<'a>>,
}

#[derive(Serialize)]
pub(super) struct CycloneLifecycle {
    pub(super) phase: &'static str,
}

#[derive(Serialize)]
pub(super) struct CycloneTools<'a> {
    pub(super) components: [CycloneComponent<'a>; 1],
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CycloneComponent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "str::is_empty")]
    pub(super) reference: &'a str,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<CycloneHash<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pedigree: Option<CyclonePedigree<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<CycloneEvidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<CycloneProperty<'a>>,
}

#[derive(Serialize)]
pub(super) struct CycloneHash<'a> {
    pub(super) alg: &'static str,
    pub(super) content: &'a str,
}

#[derive(Serialize)]
pub(super) struct CyclonePedigree<'a> {
    pub(super) commits: [CycloneCommit<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct CycloneCommit<'a> {
    pub(super) uid: &'a str,
}

#[derive(Serialize)]
pub(super) struct CycloneEvidence<'a> {
    pub(super) occurrences: Vec<CycloneOccurrence<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CycloneOccurrence<'a> {
    pub(super) location: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_context: Option<String>,
}

#[derive(Serialize)]
pub(super) struct CycloneProperty<'a> {
    pub(super) name: &'static str,
    pub(super) value: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CycloneDependency<'a> {
    #[serde(rename = "ref")]
    pub(super) reference: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<&'a str>,
}

#[derive(Serialize)]
pub(super) struct CycloneComposition<'a> {
    pub(super) aggregate: &'static str,
    pub(super) dependencies: Vec<&'a str>,
}

#[derive(Serialize)]
pub(super) struct CycloneVulnerability<'a> {
    pub(super) id: &'a str,
    pub(super) source: CycloneSource,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<CycloneReference<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ratings: Vec<CycloneRating<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recommendation: Option<String>,
    pub(super) affects: Vec<CycloneAffected<'a>>,
}

#[derive(Serialize)]
pub(super) struct CycloneSource {
    pub(super) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

#[derive(Serialize)]
pub(super) struct CycloneReference<'a> {
    pub(super) id: &'a str,
    pub(super) source: CycloneSource,
}

#[derive(Serialize)]
pub(super) struct CycloneRating<'a> {
    pub(super) method: &'static str,
    pub(super) vector: &'a str,
}

#[derive(Serialize)]
pub(super) struct CycloneAffected<'a> {
    #[serde(rename = "ref")]
    pub(super) reference: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) versions: Vec<CycloneAffectedVersion<'a>>,
}

#[derive(Serialize)]
pub(super) struct CycloneAffectedVersion<'a> {
    pub(super) version: &'a str,
    pub(super) status: &'static str,
}
