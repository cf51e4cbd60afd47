//! Checks of the outputs, without opening any.

use std::path::Path;

use anyhow::Context as _;
use tracego_deliver::{
    format::selection::FieldChoice,
    seal::key::Key,
    sink::{
        file::has_folder,
        settings::{SinkKind, check_machine},
    },
};

use super::{file_identity::FileIdentity, output};
use crate::{
    cli::{OutputForm, RecordOptions, UsageError, wrong_usage},
    config::{RunSettings, ownership},
};

/// Checks that only root and the user of this process can change policies and keys.
///
/// # Errors
/// Fails if another user can; the text names the path and the command to type.
pub(super) fn check_owners(options: &RecordOptions, settings: &RunSettings) -> anyhow::Result<()> {
    let policies = &options.policies;
    let named = policies.paths().map(|path| ("--policy", path));
    let keys = policies.trusted_files();
    let own = options.seal_key.iter().filter(|_| options.seal).map(|path| ("--seal-key", path));
    let of_sinks = settings.sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::File(file) => Some(("seal-key", file.seal_key.as_ref()?)),
        _ => None,
    });
    let trust = &settings.provenance.trust;
    let roots = trust.trusted_root.iter().map(|path| ("provenance.trusted-root", path));
    let signing = trust.keys.iter().map(|key| ("provenance.keys", &key.path));
    for (name, path) in named.chain(keys).chain(own).chain(of_sinks).chain(roots).chain(signing) {
        ownership::check_path(path).with_context(|| name.to_owned()).map_err(UsageError::of)?;
    }
    Ok(())
}

/// Checks that only root and the user of this process can change the spool and the last good policies. Not part of
/// `config check`, which root runs for the service, whose folders belong to the service's user.
///
/// # Errors
/// Fails if another user can; the text names the path and the command to type.
pub(super) fn check_spool_owner(options: &RecordOptions) -> anyhow::Result<()> {
    let spool = options.spool_dir.iter().map(|path| ("--spool-dir", path.as_path()));
    let cache = options.policies.cache().map(|path| ("--policy-cache", path));
    for (name, path) in spool.chain(cache) {
        ownership::check_path(path).context(name).map_err(UsageError::of)?;
    }
    Ok(())
}

/// Checks the outputs without opening any.
///
/// # Errors
/// Fails if two sinks have the same name, two outputs the same file, if `--seal` has nothing to seal, or if a folder,
/// group or key is missing.
pub(super) fn check(
    options: &RecordOptions,
    settings: &RunSettings,
    is_for_messages: bool,
) -> anyhow::Result<()> {
    check_owners(options, settings)?;
    let sinks = output::sinks(options, settings)?;
    let is_direct = output::has_direct(options, &sinks, is_for_messages);
    output::check_aggregate(options.aggregate, &options.events)?;
    if options.seal && !is_direct {
        wrong_usage!(
            "--seal: seals standard output or --output-file; add one of --output json and --output-file"
        );
    }
    if is_direct {
        let format = output::format(options, false, false)?;
        output::check_seal(options, format)?;
        output::selection(options, format)?;
    } else if options.output != Some(OutputForm::Otlp) {
        let choice = FieldChoice::of(options.fields.as_deref(), options.drop.as_deref());
        if let Some(key) = choice.ok().flatten().map(FieldChoice::key) {
            wrong_usage!(
                "--{key}: chooses the members that standard output or --output-file writes; add one of --output json \
                 and --output-file, or write {key} into the table of a sink"
            );
        }
    }
    if let Some(key) = options.seal_key.as_deref().filter(|_| options.seal) {
        Key::check(key).with_context(|| format!("--seal-key {}", key.display()))?;
    }
    let files = sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::File(file) => Some((format!("sink {}", sink.name), file.path.as_path())),
        _ => None,
    });
    let log = options.policies.decision_log();
    let own = [("--output-file", options.output_file.as_deref()), ("--decision-log", log)];
    let own: Vec<_> = own.into_iter().filter_map(|(name, path)| Some((name, path?))).collect();
    let all = own.iter().map(|&(name, path)| (name.to_owned(), path)).chain(files);
    let mut known: Vec<(String, FileIdentity)> = Vec::new();
    for (name, path) in all {
        if path == Path::new("-") {
            wrong_usage!(
                "{name}: - is not standard output here; name a file (./- for one of that name), or leave the option \
                 out"
            );
        }
        if path.is_dir() {
            wrong_usage!("{name}: {} is a folder; name a file", path.display());
        }
        // A device or a FIFO may be shared.
        let is_shared = path.metadata().is_ok_and(|about| !about.is_file());
        let identity = FileIdentity::of(path);
        if let Some((other, _)) = known.iter().find(|(_, known)| *known == identity && !is_shared) {
            wrong_usage!("{name}: {other} writes to {} already; give each its own file", path.display());
        }
        known.push((name, identity));
    }
    for (name, path) in own {
        if !path.exists() {
            has_folder(path).with_context(|| format!("{name} {}", path.display()))?;
        }
    }
    for sink in &sinks {
        check_machine(sink).map_err(anyhow::Error::msg).with_context(|| format!("sink {}", sink.name))?;
    }
    match &options.spool_dir {
        Some(folder) if !sinks.is_empty() => {
            check_spool(folder).with_context(|| format!("--spool-dir {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Checks that the folder is one, or can be made in one.
fn check_spool(folder: &Path) -> anyhow::Result<()> {
    let folder = std::path::absolute(folder)?;
    let there = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        anyhow::bail!("{} is not a folder", there.display());
    }
    Ok(())
}
