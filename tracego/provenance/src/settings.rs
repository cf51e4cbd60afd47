//! Signers, keys and roots that are trusted, and where signatures are.

use std::path::PathBuf;

use crate::{key::NamedKey, signer::Signer, statement::DEFAULT_PREDICATE_TYPES};

/// Settings of a [`Provenance`](crate::Provenance). The default trusts nobody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Folders and files with bundles.
    pub store: Vec<PathBuf>,
    /// Files with trust roots; none for the public-good root in this program.
    pub trusted_root: Vec<PathBuf>,
    /// Identities that may vouch for a build; the first that matches counts.
    pub signers: Vec<Signer>,
    /// Keys that may vouch for a build.
    pub keys: Vec<NamedKey>,
    /// Predicates that say where a file was built; other attestations are ignored, and counted.
    pub predicate_types: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: Vec::new(),
            trusted_root: Vec::new(),
            signers: Vec::new(),
            keys: Vec::new(),
            predicate_types: DEFAULT_PREDICATE_TYPES.map(str::to_owned).to_vec(),
        }
    }
}
