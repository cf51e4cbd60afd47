//! The command `tracego attest`: writes statements about what ran, and signs them.
//!
//! ```text
//! record_trace  files of records → the predicate
//! key_file      the file of the private key
//! ```

mod key_file;
mod record_trace;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use serde_json::value::RawValue;
use tracego_attest::{
    bundle::Bundle,
    dsse::Envelope,
    runtime_trace::RUNTIME_TRACE,
    signing_key::SigningKey,
    statement::Statement,
    subject::{self, Subject},
};
use tracego_model::text::printable;

use super::{file_digest, file_identity::refuse_overwriting, plain_output::PlainOutput};
use crate::cli::{Attest, AttestForm, wrong_usage};

/// Maximum size of a predicate in bytes.
const PREDICATE_MAX: u64 = 256 << 20;

/// Writes the attestation.
///
/// # Errors
/// Fails if the key, a subject or a predicate cannot be read, or if the attestation cannot be written.
pub(super) fn attest(asked: &Attest, is_quiet: bool) -> anyhow::Result<ExitCode> {
    refuse_overwriting(asked.file.iter().map(|path| ("--output", path.as_path())), inputs(asked))?;
    let is_signed = matches!(asked.format, AttestForm::Bundle | AttestForm::Envelope);
    let key = match (&asked.key, is_signed) {
        (Some(path), true) => Some(key_file::read(path)?),
        (None, true) => {
            wrong_usage!("--key is missing: it signs; --format statement or predicate is not signed")
        }
        (Some(_), false) => wrong_usage!("--key: --format statement and predicate are not signed"),
        (None, false) => None,
    };
    let subjects = subjects(asked)?;
    let (predicate, kind, status) = match (&asked.predicate, &asked.predicate_type) {
        (Some(path), Some(kind)) => (predicate(path)?, kind.as_str(), ExitCode::SUCCESS),
        _ => {
            let trace = record_trace::read(asked, is_quiet)?;
            (trace.predicate, RUNTIME_TRACE, ExitCode::from(trace.status))
        }
    };
    if !kind.contains(':') || kind.chars().any(|c| c.is_control() || c == ' ') {
        wrong_usage!("--predicate-type {kind}: not a URI");
    }
    let document = document(asked.format, &subjects, kind, &predicate, key.as_ref())?;
    write(asked.file.as_deref(), &document)?;
    Ok(status)
}

/// Returns all files that are read, with their names in errors.
fn inputs(asked: &Attest) -> impl Iterator<Item = (&str, &Path)> {
    let of_option = [
        ("--key", asked.key.as_deref()),
        ("--seal-key", asked.seal_key.as_deref()),
        ("--predicate", asked.predicate.as_deref()),
    ];
    let of_option = of_option.into_iter().filter_map(|(name, path)| Some((name, path?)));
    let subjects = asked.subject.iter().map(|path| ("--subject", path.as_path()));
    let records = asked.files.iter().map(|path| ("a file of records", path.as_path()));
    subjects.chain(records).chain(of_option)
}

/// Returns the artifacts that the statement is about.
fn subjects(asked: &Attest) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::with_capacity(asked.subject.len() + asked.subject_digest.len());
    for path in &asked.subject {
        let digest = match file_digest::of_path(path) {
            Ok(digest) => digest,
            Err(error) => wrong_usage!("--subject {}: {error:#}", path.display()),
        };
        let name = path.file_name().unwrap_or(path.as_os_str());
        subjects.push(Subject::new(name.to_string_lossy().into_owned(), digest));
    }
    subjects.extend(asked.subject_digest.iter().cloned());
    let subjects = match subject::distinct(subjects) {
        Ok(subjects) => subjects,
        Err(error) => wrong_usage!("--subject: {error}"),
    };
    match (asked.format, subjects.is_empty()) {
        (AttestForm::Predicate, false) => {
            wrong_usage!("--subject: a predicate has none; its signer names them")
        }
        (AttestForm::Predicate, true) | (_, false) => Ok(subjects),
        (_, true) => wrong_usage!("--subject or --subject-digest is missing: what is the statement about?"),
    }
}

/// Reads a predicate that something else made.
fn predicate(path: &Path) -> anyhow::Result<Box<RawValue>> {
    let read = fs::metadata(path).and_then(|meta| {
        if meta.len() > PREDICATE_MAX {
            return Err(io::Error::other(format!("more than {PREDICATE_MAX} bytes")));
        }
        fs::read(path)
    });
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) => wrong_usage!("--predicate {}: {error}", path.display()),
    };
    match serde_json::from_slice::<Box<RawValue>>(&bytes) {
        Ok(predicate) if predicate.get().starts_with('{') => Ok(predicate),
        Ok(_) => wrong_usage!("--predicate {}: not a JSON object", path.display()),
        Err(error) => {
            wrong_usage!("--predicate {}: no JSON: {}", path.display(), printable(&error.to_string()))
        }
    }
}

fn document(
    form: AttestForm,
    subjects: &[Subject],
    kind: &str,
    predicate: &RawValue,
    key: Option<&SigningKey>,
) -> anyhow::Result<Vec<u8>> {
    if form == AttestForm::Predicate {
        return Ok(serde_json::to_vec(predicate)?);
    }
    let statement = serde_json::to_vec(&Statement::new(subjects, kind, predicate))?;
    let Some(key) = key else { return Ok(statement) };
    let envelope = Envelope::sign(&statement, key)?;
    Ok(match form {
        AttestForm::Bundle => serde_json::to_vec(&Bundle::new(envelope, key))?,
        _ => serde_json::to_vec(&envelope)?,
    })
}

/// Writes the document as one line, so that several can stand in a file.
fn write(path: Option<&Path>, document: &[u8]) -> anyhow::Result<()> {
    let Some(path) = path else {
        let mut out = PlainOutput::stdout(true);
        let done = out.write_all(document).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
        return match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done.context("cannot write to standard output"),
        };
    };
    let mut file = match File::create(path) {
        Ok(file) => file,
        Err(error) => wrong_usage!("cannot write {}: {error}", path.display()),
    };
    let written = file.write_all(document).and_then(|()| file.write_all(b"\n"));
    written.with_context(|| format!("cannot write {}", path.display()))
}
