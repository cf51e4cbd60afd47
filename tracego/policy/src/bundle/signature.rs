//! Signed bundles, as `opa sign` makes them.
//!
//! `.signatures.json` holds one JWT (RFC 7515, compact) with the hashes of all other files. Source:
//! `v1/bundle/verify.go` and `sign.go` of OPA 1.x. Beyond those, the expiry time is checked, and hashes that
//! can be forged are refused.

use std::{
    collections::BTreeMap,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    digest::hex,
    error::{BundleProblem, FileProblem},
    files::{BundleFiles, FILES_MAX, SIGNATURES, ignored},
    hash::hash,
    key::{self, SignatureAlgorithm},
};

/// The key and scope that bundles must be signed with.
#[derive(Clone)]
pub struct Trust {
    /// A public key in PEM, or the secret of HS256.
    pub key: Vec<u8>,
    /// Algorithm of the signature.
    pub algorithm: SignatureAlgorithm,
    /// Name of the key; without one, the name in the signature is used.
    pub key_id: Option<String>,
    /// Scope that the signature must have; without one, the signature must have none.
    pub scope: Option<String>,
}

/// Leaves out the key, which may be a secret.
impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Trust");
        shown.field("algorithm", &self.algorithm).field("key_id", &self.key_id).field("scope", &self.scope);
        shown.finish_non_exhaustive()
    }
}

/// The key and claims for signing bundles.
pub struct Signer {
    /// A private key in PEM (PKCS #8), or the secret of HS256.
    pub key: Vec<u8>,
    /// Algorithm of the signature.
    pub algorithm: SignatureAlgorithm,
    /// Name of the key.
    pub key_id: Option<String>,
    /// Scope of the signature.
    pub scope: Option<String>,
    /// Expiry time, in seconds after 1970.
    pub expires: Option<u64>,
}

#[derive(Deserialize)]
struct SignaturesFile {
    #[serde(default)]
    signatures: Vec<String>,
    #[serde(default)]
    plugin: String,
}

#[derive(Deserialize)]
struct JwtHeader {
    alg: String,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct JwtPayload {
    #[serde(default)]
    files: Vec<SignedFile>,
    #[serde(default)]
    scope: String,
    keyid: Option<String>,
    exp: Option<f64>,
}

#[derive(Deserialize, Serialize)]
struct SignedFile {
    name: String,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    algorithm: String,
}

/// Verifies the signature and all files of a bundle. Returns the name of the key; `None` if no signature is
/// required.
pub(super) fn verify(
    files: &BundleFiles,
    trust: Option<&Trust>,
    now: SystemTime,
) -> Result<Option<String>, FileProblem> {
    match (files.get(SIGNATURES), trust) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(BundleProblem::NotSigned.into()),
        (Some(_), None) => Err(BundleProblem::NoKey.of(SIGNATURES)),
        (Some(content), Some(trust)) => {
            let (by, payload) = token(content, trust, now).map_err(|problem| problem.of(SIGNATURES))?;
            covers(files, payload)?;
            Ok(Some(by))
        }
    }
}

fn bad(why: impl fmt::Display) -> BundleProblem {
    BundleProblem::Signature(why.to_string())
}

fn token(content: &[u8], trust: &Trust, now: SystemTime) -> Result<(String, JwtPayload), BundleProblem> {
    let file: SignaturesFile = serde_json::from_slice(content).map_err(bad)?;
    if !matches!(file.plugin.as_str(), "" | "_default") {
        return Err(bad("the signature is for a plugin of OPA; sign the bundle without one"));
    }
    let [token] = &*file.signatures else {
        return Err(bad(format!("the file has {} signatures instead of one", file.signatures.len())));
    };
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| bad("the signature is not a JWT"))?;
    let (header, payload) = message.split_once('.').ok_or_else(|| bad("the signature is not a JWT"))?;
    let decode =
        |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| bad("the signature is not a JWT"));
    let header: JwtHeader = serde_json::from_slice(&decode(header)?).map_err(bad)?;
    if header.alg != trust.algorithm.name() {
        let why = format!("the signature is not {}, which is configured", trust.algorithm.name());
        return Err(bad(why));
    }
    if header.crit.is_some() {
        return Err(bad("the signature needs an extension of JWT that is not supported"));
    }
    if !key::verifies(trust.algorithm, &trust.key, message.as_bytes(), &decode(signature)?)? {
        return Err(bad("the signature does not fit the key: it was made with another key, or was changed"));
    }
    let payload: JwtPayload = serde_json::from_slice(&decode(payload)?).map_err(bad)?;
    if payload.scope != trust.scope.as_deref().unwrap_or("") {
        return Err(bad(format!(
            "the signature is for the scope {:?}, not the one configured",
            payload.scope
        )));
    }
    if let Some(exp) = payload.exp {
        let now = now.duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        if now >= exp {
            // The conversion from a float saturates.
            return Err(BundleProblem::Expired(exp as u64));
        }
    }
    let named = [trust.key_id.as_ref(), header.kid.as_ref(), payload.keyid.as_ref()];
    let by = named.into_iter().flatten().find(|name| !name.is_empty());
    Ok((by.map_or_else(|| "the configured key".to_owned(), Clone::clone), payload))
}

/// Checks that the files are exactly those that were signed. Hidden files are never read, so it does not
/// matter whether they were signed.
fn covers(files: &BundleFiles, payload: JwtPayload) -> Result<(), FileProblem> {
    if payload.files.len() > FILES_MAX {
        return Err(BundleProblem::Many.of(SIGNATURES));
    }
    let mut signed = BTreeMap::new();
    for file in payload.files {
        let name = file.name.strip_prefix('/').unwrap_or(&file.name).to_owned();
        if !ignored(&name) && signed.insert(name.clone(), file).is_some() {
            return Err(bad(format!("the signature names {name:?} twice")).of(SIGNATURES));
        }
    }
    for (name, content) in files.iter().filter(|(name, _)| *name != SIGNATURES) {
        let Some(file) = signed.remove(name) else {
            return Err(BundleProblem::NotCovered.of(name));
        };
        let found = hash(name, content, &file.algorithm).map_err(|problem| problem.of(name))?;
        if !file.hash.eq_ignore_ascii_case(&hex(&found)) {
            return Err(BundleProblem::Changed.of(name));
        }
    }
    match signed.pop_first() {
        Some((name, _)) => Err(BundleProblem::Missing.of(&super::error::printable(name.as_bytes()))),
        None => Ok(()),
    }
}

/// Returns the content of `.signatures.json` for the files.
pub(super) fn sign(files: &BundleFiles, signer: &Signer) -> Result<String, FileProblem> {
    const ALGORITHM: &str = "SHA-256";
    let mut signed = Vec::new();
    for (name, content) in files.iter().filter(|(name, _)| *name != SIGNATURES) {
        let hash = hash(name, content, ALGORITHM).map_err(|problem| problem.of(name))?;
        signed.push(SignedFile { name: name.to_owned(), hash: hex(&hash), algorithm: ALGORITHM.to_owned() });
    }
    let mut header = json!({"alg": signer.algorithm.name(), "typ": "JWT"});
    let mut payload = json!({"files": signed});
    if let Some(id) = &signer.key_id {
        header["kid"] = json!(id);
        payload["keyid"] = json!(id);
    }
    if let Some(scope) = &signer.scope {
        payload["scope"] = json!(scope);
    }
    if let Some(expires) = signer.expires {
        payload["exp"] = json!(expires);
    }
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let message =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.to_string().as_bytes()));
    let signature = key::sign(signer.algorithm, &signer.key, message.as_bytes())?;
    let token = format!("{message}.{}", encode(&signature));
    Ok(format!("{:#}\n", json!({"signatures": [token]})))
}
