//! Advisories by the module that they are about.

use std::{collections::HashMap, sync::Arc};

use super::{
    advisory::{Advisory, AdvisoryError, AffectedPackage},
    version::ModuleVersion,
};

/// The ecosystem whose advisories are used.
const ECOSYSTEM: &str = "Go";

/// The use of an advisory that was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AdvisoryUse {
    /// The advisory is about Go modules.
    Used,
    /// The advisory was withdrawn.
    Withdrawn,
    /// The advisory is about no Go module.
    OtherEcosystem,
}

/// Advisories about Go modules.
#[derive(Debug, Default)]
pub struct OsvDatabase {
    by_module: HashMap<String, Vec<(Arc<AdvisoryFacts>, AffectedPackage)>>,
    count: u64,
}

/// The facts of an advisory that reports show.
#[derive(Debug)]
pub(super) struct AdvisoryFacts {
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    pub(super) summary: String,
    pub(super) severities: Vec<String>,
}

/// The result of looking up a module.
pub(super) struct AdvisoryMatch<'a> {
    pub(super) facts: &'a AdvisoryFacts,
    /// Whether the version is affected; `None` if it cannot be compared.
    pub(super) is_affected: Option<bool>,
    /// First later version with a fix.
    pub(super) fixed: Option<String>,
}

impl OsvDatabase {
    /// Adds the bytes of an advisory.
    ///
    /// # Errors
    /// Fails if the bytes are no advisory.
    pub fn add(&mut self, bytes: &[u8]) -> Result<AdvisoryUse, AdvisoryError> {
        let advisory = Advisory::parse(bytes)?;
        if advisory.withdrawn.is_some() {
            return Ok(AdvisoryUse::Withdrawn);
        }
        let facts = Arc::new(AdvisoryFacts {
            id: advisory.id,
            aliases: advisory.aliases,
            summary: advisory.summary,
            severities: advisory.severity.into_iter().map(|severity| severity.score).collect(),
        });
        let mut used = AdvisoryUse::OtherEcosystem;
        for affected in advisory.affected {
            let Some(package) = &affected.package else { continue };
            if package.ecosystem == ECOSYSTEM {
                used = AdvisoryUse::Used;
                let name = package.name.clone();
                self.by_module.entry(name).or_default().push((Arc::clone(&facts), affected));
            }
        }
        self.count += u64::from(used == AdvisoryUse::Used);
        Ok(used)
    }

    /// Returns the number of advisories about Go modules.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the advisories about a module that may hold for a version, each once, by id. `version` is `None` for a
    /// working tree.
    pub(super) fn find(&self, module: &str, version: Option<&ModuleVersion>) -> Vec<AdvisoryMatch<'_>> {
        let mut found: Vec<AdvisoryMatch<'_>> = Vec::new();
        for (facts, affected) in self.by_module.get(module).into_iter().flatten() {
            let is_affected = version.map_or(Some(None), |version| holds(affected, version).map(Some));
            let is_affected = is_affected.flatten();
            if is_affected == Some(false) {
                continue;
            }
            let fixed = version
                .and_then(|version| affected.ranges.iter().filter_map(|range| range.fix_of(version)).min());
            let fixed = fixed.map(|fixed| fixed.to_string());
            match found.iter_mut().find(|known| known.facts.id == facts.id) {
                Some(known) if known.is_affected.is_none() && is_affected.is_some() => {
                    (known.is_affected, known.fixed) = (is_affected, fixed);
                }
                Some(_) => {}
                None => found.push(AdvisoryMatch { facts, is_affected, fixed }),
            }
        }
        found.sort_by(|a, b| a.facts.id.cmp(&b.facts.id));
        found
    }
}

/// Whether a version is affected; `None` if a version in the advisory cannot be read.
fn holds(affected: &AffectedPackage, version: &ModuleVersion) -> Option<bool> {
    let listed = affected.versions.iter().filter_map(|text| ModuleVersion::parse(text));
    if listed.into_iter().any(|listed| listed == *version) {
        return Some(true);
    }
    let mut result = Some(false);
    for range in affected.ranges.iter().filter(|range| range.is_of_versions()) {
        match range.holds(version) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}
