//! The manifest of a bundle, `.manifest`, in OPA's format.
//!
//! Source: `v1/bundle/bundle.go` of OPA 1.x (`Manifest`, `validateAndInjectDefaults`) and the section on
//! bundles of its documentation. Unknown members are ignored, as in OPA.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{BundleProblem, FileProblem};

/// The version of Rego that a module is written in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum RegoVersion {
    /// Version before OPA 1.0: `deny[msg] { … }`.
    V0,
    /// Version since OPA 1.0: `deny contains msg if { … }`.
    #[default]
    V1,
}

/// The manifest of a bundle.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Revision of the policy, chosen by its owner.
    pub revision: Option<String>,
    /// Roots of packages and data, as paths with slashes; the empty root is everywhere.
    pub roots: Vec<String>,
    /// Version of Rego of the modules; `None` if not declared.
    pub rego_version: Option<RegoVersion>,
    /// Version of Rego of single files, by patterns in which `*` also matches slashes.
    pub file_rego_versions: BTreeMap<String, RegoVersion>,
    /// Additional data of the owner.
    pub metadata: Value,
    patterns: Vec<(GlobMatcher, RegoVersion)>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            revision: None,
            roots: vec![String::new()],
            rego_version: None,
            file_rego_versions: BTreeMap::new(),
            metadata: Value::Null,
            patterns: Vec::new(),
        }
    }
}

/// The manifest as written in the file.
#[derive(Deserialize)]
struct RawManifest {
    revision: Option<String>,
    roots: Option<Vec<String>>,
    rego_version: Option<i64>,
    #[serde(default)]
    file_rego_versions: BTreeMap<String, i64>,
    #[serde(default)]
    metadata: Value,
}

/// Maximum number of roots and of patterns: each is compared with each file.
const LISTED_MAX: usize = 256;

/// Maximum size of a pattern in bytes. A longer one could exceed what the library compiles, and it would
/// panic.
const PATTERN_MAX: usize = 256;

impl Manifest {
    /// Parses a manifest.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, FileProblem> {
        let bad = |why: String| FileProblem::from(BundleProblem::Manifest(why));
        let raw: RawManifest = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        let mut roots = raw.roots.unwrap_or_else(|| vec![String::new()]);
        if roots.len() > LISTED_MAX || raw.file_rego_versions.len() > LISTED_MAX {
            return Err(bad(format!("there are more than {LISTED_MAX} roots or file_rego_versions")));
        }
        for root in &mut roots {
            *root = root.trim_matches('/').to_owned();
        }
        for (at, one) in roots.iter().enumerate() {
            if let Some(other) =
                roots[at + 1..].iter().find(|&other| within(one, other) || within(other, one))
            {
                return Err(BundleProblem::Roots(one.clone(), other.clone()).into());
            }
        }
        let mut file_rego_versions = BTreeMap::new();
        let mut patterns = Vec::new();
        for (pattern, version) in raw.file_rego_versions {
            let rego = rego(version).map_err(bad)?;
            if pattern.len() > PATTERN_MAX {
                return Err(bad(format!(
                    "a pattern of file_rego_versions has more than {PATTERN_MAX} bytes"
                )));
            }
            let glob = Glob::new(&pattern).map_err(|error| bad(format!("file_rego_versions: {error}")))?;
            patterns.push((glob.compile_matcher(), rego));
            file_rego_versions.insert(pattern, rego);
        }
        Ok(Self {
            revision: raw.revision.filter(|revision| !revision.is_empty()),
            roots,
            rego_version: raw.rego_version.map(rego).transpose().map_err(bad)?,
            file_rego_versions,
            metadata: raw.metadata,
            patterns,
        })
    }

    /// Returns the serial number of the bundle, `serial` in the metadata. The owner raises it with each release.
    #[must_use]
    pub fn serial(&self) -> Option<u64> {
        self.metadata.get("serial")?.as_u64()
    }

    /// Returns the version of Rego that the manifest declares for a file. OPA takes any of the patterns that
    /// match; here all of them must agree.
    pub(super) fn rego(&self, file: &str) -> Result<Option<RegoVersion>, BundleProblem> {
        let path = format!("/{file}");
        let mut found = None;
        for (_, rego) in self.patterns.iter().filter(|(glob, _)| glob.is_match(&path) || glob.is_match(file))
        {
            if found.is_some_and(|found| found != *rego) {
                return Err(BundleProblem::Manifest(
                    "two patterns of file_rego_versions match the file and disagree".to_owned(),
                ));
            }
            found = Some(*rego);
        }
        Ok(found.or(self.rego_version))
    }

    /// Whether a path with slashes is under one of the roots.
    pub(super) fn permits(&self, path: &str) -> bool {
        self.roots.iter().any(|root| within(path, root))
    }

    /// Whether one of the roots is under a path.
    pub(super) fn has_root_below(&self, path: &str) -> bool {
        self.roots.iter().any(|root| within(root, path))
    }

    /// Returns the roots for display.
    pub(super) fn roots_text(&self) -> String {
        self.roots.iter().map(|root| format!("{root:?}")).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a path is a root or lies under one.
fn within(path: &str, root: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn rego(version: i64) -> Result<RegoVersion, String> {
    match version {
        0 => Ok(RegoVersion::V0),
        1 => Ok(RegoVersion::V1),
        other => Err(format!("there is no version {other} of Rego; it is 0 or 1")),
    }
}
