//! The command `tracego provenance explain`.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use serde_json::json;
use tracego_provenance::{Provenance, Sha256Digest, StepOutcome, Verdict, sha256_of};

use super::{HashedFile, counted, on_command_line, shown, trust};
use crate::{
    cli::ProvenanceExplain,
    cmd::{code, plain_output::PlainOutput},
    config::ProvenanceSettings,
};

/// Prints the checks of each bundle about a file or a digest.
pub(super) fn explain(asked: &ProvenanceExplain, settings: &ProvenanceSettings) -> anyhow::Result<ExitCode> {
    let digest = asked.subject.strip_prefix("sha256:").and_then(|digits| digits.parse::<Sha256Digest>().ok());
    let file = match digest {
        Some(_) => None,
        None => match HashedFile::read(Path::new(&asked.subject)) {
            Ok(file) => Some(file),
            Err(error) => {
                let subject = shown(Path::new(&asked.subject));
                message!("tracego: {subject}: {error:#}; name a file, or sha256: and 64 digits");
                return Ok(ExitCode::from(code::RUNNING));
            }
        },
    };
    let digest = digest.or_else(|| file.as_ref().map(|file| file.digest)).unwrap_or(sha256_of(&[]));
    let path = file.as_ref().map(|file| file.path.clone());
    let provenance = trust::open(&asked.trust, settings, &Vec::from_iter(file))?;
    let is_verified = provenance.judge(&digest, path.as_deref()).verdict == Verdict::Verified;
    let is_json = asked.report.is_json();
    let mut out = PlainOutput::stdout(is_json);
    let printed = if is_json {
        print_json(&mut out, &provenance, &digest, path.as_deref())
    } else {
        print_text(&mut out, &provenance, &digest, path.as_deref(), asked.trust.config.is_some())
    };
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed?,
    }
    Ok(if is_verified { ExitCode::SUCCESS } else { ExitCode::from(code::UNPROVEN) })
}

fn print_json(
    out: &mut impl Write,
    provenance: &Provenance,
    digest: &Sha256Digest,
    path: Option<&Path>,
) -> io::Result<()> {
    let roots = provenance.root_ages(SystemTime::now());
    let roots = roots.iter().map(|root| json!({"path": root.path, "age_seconds": root.age.as_secs()}));
    let whole = json!({
        "file": path,
        "sha256": digest,
        "judgement": *provenance.judge(digest, path),
        "bundles": provenance.explain(digest, path),
        "trusted_roots": roots.collect::<Vec<_>>(),
        "signers": provenance.settings().signers.len(),
        "keys": provenance.settings().keys.len(),
        "store": provenance.summary(),
    });
    writeln!(out, "{whole}")
}

fn print_text(
    out: &mut impl Write,
    provenance: &Provenance,
    digest: &Sha256Digest,
    path: Option<&Path>,
    has_configuration: bool,
) -> io::Result<()> {
    let judgement = provenance.judge(digest, path);
    if let Some(path) = path {
        writeln!(out, "{}", shown(path))?;
    }
    writeln!(out, "sha256:{digest}: {}", judgement.verdict.name())?;
    let explained = provenance.explain(digest, path);
    for bundle in &explained {
        writeln!(out, "\n{}: {}", shown(&bundle.bundle), bundle.judgement.verdict.name())?;
        for step in &bundle.steps {
            let outcome = match step.outcome {
                StepOutcome::Holds => "holds",
                StepOutcome::Fails => "FAILS",
                StepOutcome::NotReached => "not reached",
                StepOutcome::NotNeeded => "not needed",
            };
            writeln!(
                out,
                "  {outcome:<13}{:<17}{}",
                step.check,
                on_command_line(&step.detail, has_configuration)
            )?;
        }
        let is_new = |error: &&String| bundle.steps.iter().all(|step| step.detail != **error);
        if let Some(error) = bundle.judgement.error.as_ref().filter(is_new) {
            writeln!(out, "  {:<13}{}", "error", on_command_line(error, has_configuration))?;
        }
    }
    writeln!(out)?;
    if let Some(text) = super::left_out(&judgement) {
        writeln!(out, "left out: {text}")?;
    }
    trusted(out, provenance)?;
    if explained.is_empty() {
        let fix =
            "gh attestation download FILE --repo OWNER/NAME writes the bundle of a file that GitHub built";
        writeln!(out, "no bundle in the store is about this digest; {fix}")?;
    }
    Ok(())
}

/// Prints what the judgement was made with.
fn trusted(out: &mut impl Write, provenance: &Provenance) -> io::Result<()> {
    let days = |age: Duration| age.as_secs() / 86_400;
    for root in provenance.root_ages(SystemTime::now()) {
        let name = root.path.map_or("the public-good root in tracego".to_owned(), |path| shown(&path));
        writeln!(out, "trusted root: {name}, {} days old", days(root.age))?;
    }
    let settings = provenance.settings();
    writeln!(out, "signers: {}, keys: {}", settings.signers.len(), settings.keys.len())?;
    let summary = provenance.summary();
    let (bundles, digests) = (counted(summary.documents, "bundle"), counted(summary.digests, "digest"));
    writeln!(out, "store: {bundles} about {digests}")?;
    for problem in summary.problems {
        writeln!(out, "  {}: {}", shown(&problem.path), problem.reason)?;
    }
    Ok(())
}
