//! The dependencies between tracego's own crates: a star, in which no crate knows its neighbours.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Own crates that each crate may depend on. Dev-dependencies are free.
const ALLOWED: [(&str, &[&str]); 20] = [
    ("tracego-common", &[]),
    ("tracego-ebpf", &["tracego-common"]),
    ("tracego-golang", &["tracego-common"]),
    ("tracego-spool", &["tracego-common"]),
    ("tracego-confine", &[]),
    ("tracego-model", &["tracego-common", "tracego-golang"]),
    ("tracego-kubernetes", &["tracego-confine", "tracego-model"]),
    ("tracego-probe", &["tracego-common", "tracego-confine", "tracego-golang", "tracego-model"]),
    ("tracego-analyze", &["tracego-common", "tracego-confine", "tracego-golang", "tracego-model"]),
    ("tracego-policy", &["tracego-common", "tracego-confine", "tracego-golang", "tracego-model"]),
    (
        "tracego-deliver",
        &["tracego-common", "tracego-confine", "tracego-golang", "tracego-model", "tracego-spool"],
    ),
    ("tracego-scan", &["tracego-analyze", "tracego-golang", "tracego-model"]),
    ("tracego-report", &["tracego-golang", "tracego-model"]),
    ("tracego-provenance", &["tracego-model"]),
    ("tracego-top", &["tracego-model", "tracego-report"]),
    ("tracego-sbom", &["tracego-golang", "tracego-model", "tracego-report"]),
    ("tracego-attest", &["tracego-golang", "tracego-model", "tracego-report"]),
    ("tracego", &PARTS),
    ("tracego-tests", &ALL),
    ("xtask", &[]),
];
/// The crates that tracego consists of.
const PARTS: [&str; 16] = [
    "tracego-common",
    "tracego-confine",
    "tracego-golang",
    "tracego-spool",
    "tracego-model",
    "tracego-kubernetes",
    "tracego-probe",
    "tracego-analyze",
    "tracego-policy",
    "tracego-deliver",
    "tracego-scan",
    "tracego-report",
    "tracego-provenance",
    "tracego-top",
    "tracego-sbom",
    "tracego-attest",
];
/// tracego and the crates that it consists of.
const ALL: [&str; 17] = [
    "tracego",
    "tracego-common",
    "tracego-confine",
    "tracego-golang",
    "tracego-spool",
    "tracego-model",
    "tracego-kubernetes",
    "tracego-probe",
    "tracego-analyze",
    "tracego-policy",
    "tracego-deliver",
    "tracego-scan",
    "tracego-report",
    "tracego-provenance",
    "tracego-top",
    "tracego-sbom",
    "tracego-attest",
];

/// The part of `cargo metadata` that is read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: String,
}

/// A crate of the workspace.
#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
    /// Folder of its sources, relative to the root of the workspace.
    #[serde(skip)]
    pub(super) sources: String,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; absent for a normal dependency.
    kind: Option<String>,
    /// Folder of a crate of the workspace; absent for a crate of a registry.
    path: Option<String>,
}

/// Returns the packages in the output of `cargo metadata`.
pub(super) fn packages(metadata: &str) -> Result<Vec<Package>> {
    let mut metadata: Metadata =
        serde_json::from_str(metadata).context("the output of cargo metadata is not as expected")?;
    for package in &mut metadata.packages {
        let manifest = Path::new(&package.manifest_path).strip_prefix(&metadata.workspace_root)?;
        package.sources = format!("{}/", manifest.with_file_name("src").display());
    }
    Ok(metadata.packages)
}

/// Returns one message for each dependency that the table does not allow, and for each crate without an
/// entry.
pub(super) fn violations(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some((_, allowed)) = ALLOWED.iter().find(|(entry, _)| entry == name) else {
            found.push(format!("{name}: a crate without an entry in the table of allowed dependencies"));
            continue;
        };
        let own = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in own.filter(|dependency| dependency.kind.as_deref() != Some("dev")) {
            if !allowed.contains(&dependency.name.as_str()) {
                found.push(format!("{name} may not depend on {}", dependency.name));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the violations of one crate with one dependency.
    fn of(name: &str, dependency: &str, kind: &str, path: &str) -> Vec<String> {
        let metadata = format!(
            r#"{{"workspace_root": "/", "packages": [{{"name": "{name}", "manifest_path": "/a/Cargo.toml", "dependencies":
            [{{"name": "{dependency}", "kind": {kind}, "path": {path}}}]}}]}}"#
        );
        violations(&packages(&metadata).unwrap())
    }

    #[test]
    fn an_edge_of_the_star_passes() {
        assert!(of("tracego-policy", "tracego-model", "null", r#""/m""#).is_empty());
        assert!(of("tracego", "tracego-policy", "null", r#""/m""#).is_empty());
    }

    #[test]
    fn an_edge_between_neighbours_or_back_is_refused() {
        for kind in ["null", r#""build""#] {
            assert_eq!(
                of("tracego-policy", "tracego-analyze", kind, r#""/m""#),
                ["tracego-policy may not depend on tracego-analyze"]
            );
            assert_eq!(of("tracego-model", "tracego", kind, r#""/m""#).len(), 1);
        }
    }

    #[test]
    fn tests_and_other_peoples_crates_are_free() {
        assert!(of("tracego-policy", "tracego-analyze", r#""dev""#, r#""/m""#).is_empty());
        assert!(of("tracego-policy", "serde", "null", "null").is_empty());
    }

    #[test]
    fn a_new_crate_needs_an_entry() {
        assert_eq!(of("tracego-new", "serde", "null", "null").len(), 1);
    }
}
