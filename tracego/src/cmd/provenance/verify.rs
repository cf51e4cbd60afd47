//! The command `tracego provenance verify`.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use serde::Serialize;
use tracego_provenance::{Judgement, Provenance, Verdict};

use super::{HashedFile, beside, on_command_line, rows, shown, trust};
use crate::{
    cli::ProvenanceVerify,
    cmd::{code, plain_output::PlainOutput},
    config::ProvenanceSettings,
};

/// A line of JSON.
#[derive(Serialize)]
struct VerifyLine<'a> {
    file: std::borrow::Cow<'a, str>,
    sha256: String,
    #[serde(flatten)]
    judgement: &'a Judgement,
    /// Files beside this one that do not count, each with the reason.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    beside: &'a [String],
}

/// Prints the verdict of each file.
pub(super) fn verify(asked: &ProvenanceVerify, settings: &ProvenanceSettings) -> anyhow::Result<ExitCode> {
    let is_json = asked.report.is_json();
    let mut out = PlainOutput::stdout(is_json);
    let mut code = 0;
    let mut files = Vec::new();
    for path in &asked.files {
        match HashedFile::read(path) {
            Ok(file) => files.push((path.as_path(), file)),
            Err(error) => {
                message!("tracego: {}: {error:#}", shown(path));
                code = code::RUNNING;
            }
        }
    }
    let (paths, files): (Vec<&Path>, Vec<HashedFile>) = files.into_iter().unzip();
    let provenance = trust::open(&asked.trust, settings, &files)?;
    for problem in provenance.summary().problems {
        message!("tracego: {}: {}", shown(&problem.path), problem.reason);
    }
    for (path, file) in paths.into_iter().zip(&files) {
        let mut judgement = judged(&provenance, file, asked.commit.as_deref());
        let has_configuration = asked.trust.config.is_some();
        judgement.error = judgement.error.map(|error| on_command_line(&error, has_configuration));
        let is_alone = judgement.verdict != Verdict::Verified && trust::uses_beside(&asked.trust, settings);
        let remarks = if is_alone { beside::remarks(file, &provenance.listing()) } else { Vec::new() };
        if judgement.verdict != Verdict::Verified && code == 0 {
            code = code::UNPROVEN;
        }
        let printed = print(&mut out, path, file, (&judgement, &remarks), is_json);
        match printed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            printed => printed?,
        }
    }
    Ok(ExitCode::from(code))
}

/// Returns the judgement of a file, which has to be built from the commit that is asked for.
fn judged(provenance: &Provenance, file: &HashedFile, commit: Option<&str>) -> Judgement {
    let mut judgement = Judgement::clone(&provenance.judge(&file.digest, file.path.as_path()));
    let found = judgement.origin.revision.as_deref();
    if let Some(wanted) =
        commit.filter(|wanted| judgement.verdict == Verdict::Verified && found != Some(*wanted))
    {
        let found = found.map_or("names no commit".to_owned(), |found| format!("is of commit {found}"));
        judgement.error = Some(format!("the signed origin {found}, not {wanted}"));
        judgement.verdict = Verdict::UntrustedSigner;
    }
    judgement
}

fn print(
    out: &mut impl Write,
    path: &Path,
    file: &HashedFile,
    (judgement, beside): (&Judgement, &[String]),
    is_json: bool,
) -> io::Result<()> {
    if is_json {
        let (name, sha256) = (path.to_string_lossy(), file.digest.to_string());
        let line = VerifyLine { file: name, sha256, judgement, beside };
        serde_json::to_writer(&mut *out, &line)?;
        return writeln!(out);
    }
    writeln!(out, "{}: {}", shown(path), judgement.verdict.name())?;
    writeln!(out, "  {:<15}sha256:{}", "digest", file.digest)?;
    for (name, value) in rows(judgement) {
        writeln!(out, "  {name:<15}{value}")?;
    }
    for remark in beside {
        writeln!(out, "  {:<15}{remark}", "beside")?;
    }
    if judgement.verdict == Verdict::Unsigned {
        let fix = "gh attestation download FILE --repo OWNER/NAME beside the file, or --store";
        writeln!(out, "  {:<15}{fix}", "fix")?;
    }
    Ok(())
}
