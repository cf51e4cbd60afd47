//! The command `tracego provenance`: which build a file comes from.

mod beside;
mod explain;
mod listing;
mod trust;
mod verify;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

use anyhow::Context as _;
use tracego_model::text::printable;
use tracego_provenance::{Judgement, LogEvidence, Provenance, Sha256Digest, sha256_of_file};

use crate::{
    cli::{ProvenanceAction, ProvenanceCommand},
    config::ProvenanceSettings,
};

/// Runs the command.
///
/// # Errors
/// Fails if what is trusted cannot be used, or if standard output cannot be written.
pub(super) fn provenance(
    asked: &ProvenanceCommand,
    settings: &ProvenanceSettings,
) -> anyhow::Result<ExitCode> {
    match &asked.action {
        ProvenanceAction::Verify(asked) => verify::verify(asked, settings),
        ProvenanceAction::Ls(asked) => listing::list(asked, settings),
        ProvenanceAction::Explain(asked) => explain::explain(asked, settings),
    }
}

/// Checks that roots and keys of the configuration can be used, and prints warnings about its store and about roots that
/// are too old.
///
/// # Errors
/// Fails if a root or a key cannot be used.
pub(super) fn check(settings: &ProvenanceSettings) -> anyhow::Result<()> {
    opened(settings).map(|_| ())
}

/// Opens what the configuration trusts, with the same warnings. Returns `None` where it trusts nothing.
///
/// # Errors
/// Fails as [`check`] does.
pub(super) fn opened(
    settings: &ProvenanceSettings,
) -> anyhow::Result<Option<(ProvenanceSettings, Arc<Provenance>)>> {
    if !settings.is_set() {
        return Ok(None);
    }
    let provenance = Provenance::open(settings.trust.clone()).context("provenance")?;
    for problem in provenance.summary().problems {
        message!("warning: provenance.store: {}: {}", shown(&problem.path), problem.reason);
    }
    for root in provenance.root_ages(SystemTime::now()) {
        if settings.max_root_age.is_some_and(|most| root.age > most) {
            let name = root.path.map_or("the root in tracego".to_owned(), |path| path.display().to_string());
            message!(
                "warning: provenance.trusted-root: {name} is {} days old; write a new one with gh attestation \
                 trusted-root",
                root.age.as_secs() / 86_400
            );
        }
    }
    if settings.trust.signers.is_empty() && settings.trust.keys.is_empty() {
        message!("warning: provenance: nobody is trusted; add [[provenance.signers]] or [[provenance.keys]]");
    }
    Ok(Some((settings.clone(), Arc::new(provenance))))
}

/// A file with its digest.
struct HashedFile {
    path: PathBuf,
    digest: Sha256Digest,
}

impl HashedFile {
    /// Hashes a file. Its path is made absolute, as the store has it.
    fn read(path: &Path) -> anyhow::Result<Self> {
        let digest = sha256_of_file(path)?;
        Ok(Self { path: path.canonicalize()?, digest })
    }
}

/// Returns a path as it is printed: a name is chosen by others, and may have an end of a line in it.
fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// Returns the remedy of an error in words of the command line, where no configuration is used.
fn on_command_line(error: &str, has_configuration: bool) -> String {
    if has_configuration {
        return error.to_owned();
    }
    error
        .replace("[[provenance.signers]]", "--issuer URL --repository URL")
        .replace("in [[provenance.keys]]", "with --key FILE")
        .replace("[[provenance.keys]]", "--key FILE")
}

/// Returns a number with its noun.
fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns a sentence about bundles that were not looked at, if there are any.
fn left_out(judgement: &Judgement) -> Option<String> {
    let bundles = counted(judgement.left_out, "bundle");
    let text = format!("{bundles} about this digest: too many; remove what does not belong into the store");
    (judgement.left_out > 0).then_some(text)
}

/// Returns the rows of a judgement: a name and its value.
fn rows(judgement: &Judgement) -> Vec<(&'static str, String)> {
    let origin = &judgement.origin;
    let log = match judgement.log {
        LogEvidence::Rekor => "rekor",
        LogEvidence::None => "none",
    };
    let time = judgement.log_time.as_deref().map(|time| format!(", {time}")).unwrap_or_default();
    let is_signed = origin.signer.is_some() || origin.key.is_some();
    let all = [
        ("signer", origin.signer.clone()),
        ("issuer", origin.issuer.clone()),
        ("key", origin.key.clone()),
        ("repository", origin.repository.clone()),
        ("ref", origin.reference.clone()),
        ("commit", origin.revision.clone()),
        ("stated commit", origin.statement_revision.clone()),
        ("builder", origin.builder.clone()),
        ("run", origin.run_url.clone()),
        ("runner", origin.runner_environment.clone()),
        ("statement", origin.predicate_type.clone()),
        ("log", is_signed.then(|| format!("{log}{time}"))),
        ("bundle", judgement.bundle.as_deref().map(shown)),
        ("error", judgement.error.clone()),
        ("left out", left_out(judgement)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(shown(Path::new("a\nb: verified\u{1b}[31m")).lines().count(), 1);
    }

    #[test]
    fn the_remedy_is_one_of_the_command_line() {
        let error = "nobody is trusted; add [[provenance.signers]]";
        assert_eq!(on_command_line(error, true), error);
        assert_eq!(on_command_line(error, false), "nobody is trusted; add --issuer URL --repository URL");
    }
}
