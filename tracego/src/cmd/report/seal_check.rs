//! The seals of the files of a report.

use std::path::{Path, PathBuf};

use tracego_attest::runtime_trace::LogVerdict;
use tracego_deliver::seal::{
    key::PublicKey,
    verify::{Kind, Options},
};
use tracego_report::history::{RunHistory, SealVerdict};

use crate::{cli::wrong_usage, cmd::verify};

/// Checks the seals of the files, if there are any.
///
/// # Errors
/// Fails if the key cannot be read.
pub(super) fn check(history: &mut RunHistory, files: &[PathBuf], key: Option<&Path>) -> anyhow::Result<()> {
    let key = match key {
        Some(path) => match PublicKey::read(path) {
            Ok(key) => Some(key),
            Err(error) => wrong_usage!("--key {}: {error:#}", path.display()),
        },
        None => None,
    };
    history.completeness.seal = if !history.completeness.has_seals {
        match key {
            None => SealVerdict::NotSealed,
            Some(_) => SealVerdict::Damaged("the records have no seals".to_owned()),
        }
    } else if files.iter().any(|file| file.as_os_str() == "-") {
        SealVerdict::Unchecked("standard input can be read only once".to_owned())
    } else {
        verdict(files, key)
    };
    Ok(())
}

fn verdict(files: &[PathBuf], key: Option<PublicKey>) -> SealVerdict {
    let signed = key.is_some();
    let options = Options { key, ..Options::default() };
    let report = match verify::verified(files, &options) {
        Ok(report) => report,
        Err(error) => return SealVerdict::Unchecked(format!("{error:#}")),
    };
    let records = report.records;
    match (verify::verdict(&report), report.damage) {
        (_, Some(damage)) => SealVerdict::Damaged(damage.to_string()),
        (LogVerdict::NotSealed, None) => {
            SealVerdict::Damaged(format!("no run is sealed ({:?})", Kind::Removed))
        }
        (LogVerdict::Whole, None) => SealVerdict::Whole { records, signed },
        (LogVerdict::Unproven | LogVerdict::Damaged | LogVerdict::Unchecked, None) => {
            SealVerdict::Unproven { records }
        }
    }
}
