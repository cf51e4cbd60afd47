//! The command `tracego provenance ls`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use tracego_provenance::{BundleForm, ListedBundle, Provenance, Settings, StoreListing};

use super::{counted, shown};
use crate::{
    cli::{ProvenanceLs, UsageError},
    cmd::{code, plain_output::PlainOutput},
    config::ProvenanceSettings,
};

/// Prints each bundle of the store.
pub(super) fn list(asked: &ProvenanceLs, settings: &ProvenanceSettings) -> anyhow::Result<ExitCode> {
    let store = if asked.store.is_empty() { &settings.trust.store } else { &asked.store };
    // Nothing is verified, so nothing else has to be usable.
    let settings = Settings { store: store.clone(), ..Settings::default() };
    let listing = Provenance::open(settings).map_err(|error| UsageError::of(error.into()))?.listing();
    let is_json = asked.report.is_json();
    let mut out = PlainOutput::stdout(is_json);
    let printed = if is_json { print_json(&mut out, &listing) } else { print_text(&mut out, &listing) };
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed?,
    }
    Ok(if listing.summary.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(code::RUNNING) })
}

fn print_json(out: &mut impl Write, listing: &StoreListing) -> io::Result<()> {
    serde_json::to_writer(&mut *out, listing)?;
    writeln!(out)
}

fn print_text(out: &mut impl Write, listing: &StoreListing) -> io::Result<()> {
    for bundle in &listing.bundles {
        let line = bundle.line.map(|line| format!(":{line}")).unwrap_or_default();
        writeln!(out, "{}{line}", shown(&bundle.path))?;
        for (name, value) in rows(bundle) {
            writeln!(out, "  {name:<11}{value}")?;
        }
    }
    let summary = &listing.summary;
    let skipped = &summary.skipped;
    let count = counted(summary.documents, "bundle");
    writeln!(out, "{count}, as they claim it; tracego provenance verify checks it")?;
    for (count, what) in [
        (skipped.other_files, "files about something else"),
        (skipped.damaged, "damaged"),
        (skipped.beyond_limits, "beyond the limits"),
    ] {
        if count > 0 {
            writeln!(out, "{count} {what}")?;
        }
    }
    for problem in &summary.problems {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        writeln!(out, "  {}{line}: {}", shown(&problem.path), problem.reason)?;
    }
    Ok(())
}

fn rows(bundle: &ListedBundle) -> Vec<(&'static str, String)> {
    let form = match bundle.form {
        BundleForm::Bundle => None,
        BundleForm::BareEnvelope => Some("an envelope alone"),
        BundleForm::CosignBundle => Some("an older bundle of cosign"),
        BundleForm::BareSignature => Some("a signature alone"),
    };
    let mut rows: Vec<(&str, String)> = form.into_iter().map(|form| ("form", form.to_owned())).collect();
    rows.extend(bundle.digests.iter().map(|digest| ("digest", format!("sha256:{digest}"))));
    if bundle.digest_count > bundle.digests.len() {
        rows.push(("digest", format!("and {} more", bundle.digest_count - bundle.digests.len())));
    }
    for (name, value) in [
        ("statement", &bundle.predicate_type),
        ("signer", &bundle.signer),
        ("commit", &bundle.revision),
        ("problem", &bundle.problem),
    ] {
        rows.extend(value.clone().map(|value| (name, value)));
    }
    rows
}
