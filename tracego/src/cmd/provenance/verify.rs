//! The command `tracego provenance verify`.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use serde::Serialize;
use tracego_provenance::{Judgement, Provenance, Verdict};

use super::{HashedFile, rows, trust};
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
                message!("tracego: {}: {error:#}", path.display());
                code = code::RUNNING;
            }
        }
    }
    let (paths, files): (Vec<&Path>, Vec<HashedFile>) = files.into_iter().unzip();
    let provenance = trust::open(&asked.trust, settings, &files)?;
    for problem in provenance.summary().problems {
        message!("tracego: {}: {}", problem.path.display(), problem.reason);
    }
    for (path, file) in paths.into_iter().zip(&files) {
        let judgement = judged(&provenance, file, asked.commit.as_deref());
        if judgement.verdict != Verdict::Verified && code == 0 {
            code = code::UNPROVEN;
        }
        let printed = print(&mut out, path, file, &judgement, is_json);
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
    judgement: &Judgement,
    is_json: bool,
) -> io::Result<()> {
    if is_json {
        let line = VerifyLine { file: path.to_string_lossy(), sha256: file.digest.to_string(), judgement };
        serde_json::to_writer(&mut *out, &line)?;
        return writeln!(out);
    }
    writeln!(out, "{}: {}", path.display(), judgement.verdict.name())?;
    writeln!(out, "  {:<15}sha256:{}", "digest", file.digest)?;
    for (name, value) in rows(judgement) {
        writeln!(out, "  {name:<15}{value}")?;
    }
    if judgement.verdict == Verdict::Unsigned {
        let fix = "gh attestation download FILE --repo OWNER/NAME beside the file, or --store";
        writeln!(out, "  {:<15}{fix}", "fix")?;
    }
    Ok(())
}
