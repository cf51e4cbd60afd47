//! Signers, keys and roots of the command line and of the configuration.

use std::path::PathBuf;

use tracego_model::text::printable;
use tracego_provenance::{LogDemand, NamedKey, Provenance, Settings, Signer};

use super::HashedFile;
use crate::{
    cli::{TrustOptions, UsageError},
    config::ProvenanceSettings,
};

/// Ends of the names of bundles beside a file.
const BESIDE: [&str; 7] =
    [".sigstore.json", ".sigstore", ".jsonl", ".intoto.jsonl", ".bundle", ".cosign.bundle", ".sig"];

/// Opens what is trusted. Without a store, the bundles beside the files are one.
///
/// # Errors
/// Fails if a root, a signer or a key cannot be used.
pub(super) fn open(
    options: &TrustOptions,
    settings: &ProvenanceSettings,
    files: &[HashedFile],
) -> anyhow::Result<Provenance> {
    let mut trust = chosen(options, settings);
    if trust.store.is_empty() {
        trust.store = files.iter().flat_map(beside).collect();
    }
    Provenance::open(trust).map_err(|error| UsageError(printable(&error.to_string())).into())
}

/// Returns the settings of the configuration, with what the command line gives in place of theirs.
fn chosen(options: &TrustOptions, settings: &ProvenanceSettings) -> Settings {
    let mut trust = settings.trust.clone();
    let replace = |list: &mut Vec<PathBuf>, given: &Vec<PathBuf>| {
        if !given.is_empty() {
            list.clone_from(given);
        }
    };
    replace(&mut trust.store, &options.store);
    replace(&mut trust.trusted_root, &options.trusted_root);
    if !options.predicate_type.is_empty() {
        trust.predicate_types.clone_from(&options.predicate_type);
    }
    if let Some(issuer) = &options.issuer {
        trust.signers = vec![Signer {
            issuer: issuer.clone(),
            repository: options.repository.clone(),
            repository_id: options.repository_id.clone(),
            workflow: options.workflow.clone(),
            identity: options.identity.clone(),
            runner: options.runner.clone(),
        }];
    }
    if !options.key.is_empty() {
        let log = if options.require_log { LogDemand::Required } else { LogDemand::Optional };
        let named = |path: &PathBuf| NamedKey { name: path.display().to_string(), path: path.clone(), log };
        trust.keys = options.key.iter().map(named).collect();
    }
    trust
}

/// Whether the bundles beside the files are the store.
pub(super) fn uses_beside(options: &TrustOptions, settings: &ProvenanceSettings) -> bool {
    chosen(options, settings).store.is_empty()
}

/// Returns the bundles beside a file that are there.
fn beside(file: &HashedFile) -> Vec<PathBuf> {
    let is_bundle = |path: &PathBuf| path.is_file();
    names_beside(file).filter(is_bundle).collect()
}

/// Returns the names that bundles beside a file may have.
pub(super) fn names_beside(file: &HashedFile) -> impl Iterator<Item = PathBuf> {
    let of_name = BESIDE.iter().map(|end| {
        let mut name = file.path.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    });
    let digest = &file.digest;
    let of_digest = [format!("sha256:{digest}.jsonl"), format!("sha256-{digest}.jsonl")];
    let of_digest = of_digest.into_iter().map(|name| file.path.with_file_name(name));
    of_name.chain(of_digest).collect::<Vec<_>>().into_iter()
}
