//! The command `tracego policy sign`.

use std::{
    fs,
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use tracego_policy::bundle::{self, Signer};

use crate::cli::PolicySign;

/// Number of seconds in a day.
const DAY: u64 = 24 * 60 * 60;

pub(super) fn sign(asked: &PolicySign, out: &mut impl Write) -> anyhow::Result<bool> {
    let PolicySign { bundle: folder, key, algorithm, key_id, days } = asked;
    if !folder.is_dir() {
        bail!("{}: only folders can be signed; make the archive afterwards", folder.display());
    }
    let key = fs::read(key).with_context(|| format!("--key {}", key.display()))?;
    let expires = days.map(|days| SystemTime::now() + Duration::from_secs(DAY * u64::from(days)));
    let expires = expires.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let signer = Signer { key, algorithm: *algorithm, key_id: key_id.clone(), scope: None, expires };
    let text = bundle::sign(folder, &signer)?;
    // A concurrent reader of the bundle gets either the old or the new signature.
    let (path, new) = (folder.join(bundle::SIGNATURES), folder.join(format!("{}.new", bundle::SIGNATURES)));
    fs::write(&new, text).with_context(|| format!("cannot write {}", new.display()))?;
    fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(out, "{}", path.display())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use tracego_policy::bundle::{BundleOptions, SignatureAlgorithm, Trust};

    #[test]
    fn what_is_signed_is_loaded_with_the_key_and_not_when_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let key = tempfile::NamedTempFile::new().unwrap();
        fs::write(&key, "secret").unwrap();
        fs::write(folder.path().join("p.rego"), "package main\n\ndeny contains \"no\" if false\n").unwrap();
        let asked = |bundle: &Path| PolicySign {
            bundle: bundle.to_owned(),
            key: key.path().to_owned(),
            algorithm: SignatureAlgorithm::Hs256,
            key_id: Some("ci".to_owned()),
            days: Some(1),
        };
        let mut said = Vec::new();
        // Twice: an existing signature must not matter.
        for _ in 0..2 {
            sign(&asked(folder.path()), &mut said).unwrap();
        }
        assert!(String::from_utf8(said).unwrap().contains(".signatures.json"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let trust = Trust {
            key: b"secret".to_vec(),
            algorithm: SignatureAlgorithm::Hs256,
            key_id: None,
            scope: None,
        };
        let options = BundleOptions { trust: Some(trust), allow_writable: true };
        let loaded = bundle::load_with(folder.path(), &options).unwrap();
        assert_eq!(loaded.signed_by.as_deref(), Some("ci"));
        fs::write(folder.path().join("p.rego"), "package main\n\ndeny contains \"no\" if true\n").unwrap();
        assert!(bundle::load_with(folder.path(), &options).is_err());
        let error = sign(&asked(&folder.path().join("p.rego")), &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("only folders"), "{error}");
    }
}
