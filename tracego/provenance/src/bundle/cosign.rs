//! The bundle that `cosign sign-blob --bundle` wrote before there were Sigstore bundles.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use crate::digest::Sha256Digest;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CosignBundle {
    base64_signature: String,
    /// The certificate or the public key in PEM, in base64.
    cert: Option<String>,
    rekor_bundle: RekorBundle,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RekorBundle {
    signed_entry_timestamp: String,
    payload: RekorPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RekorPayload {
    body: String,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

/// The entry of the log, as far as it says what was signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: String,
    api_version: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

fn entry(bundle: &CosignBundle) -> Option<(Entry, Sha256Digest)> {
    let body = STANDARD.decode(&bundle.rekor_bundle.payload.body).ok()?;
    let entry: Entry = serde_json::from_slice(&body).ok()?;
    let hash = &entry.spec.data.hash;
    let digest = (hash.algorithm == "sha256").then(|| hash.value.parse().ok()).flatten()?;
    Some((entry, digest))
}

/// Returns the digest that a bundle says to be about.
pub(super) fn subject(json: &[u8]) -> Option<Sha256Digest> {
    entry(&serde_json::from_slice(json).ok()?).map(|(_, digest)| digest)
}

/// Returns a bundle in the form of Sigstore's version 0.1, whose proof of the log is a promise as in this one.
pub(crate) fn upgraded(json: &[u8]) -> Result<String, String> {
    let bundle: CosignBundle = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let (entry, digest) = entry(&bundle).ok_or("its log entry is not about a file with a SHA-256 digest")?;
    let pem = bundle.cert.as_ref().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let pem = String::from_utf8_lossy(&pem);
    let material = match sigstore_verify::types::DerCertificate::from_pem(&pem) {
        Ok(certificate) => {
            json!({"x509CertificateChain": {"certificates": [{"rawBytes": certificate.to_base64()}]}})
        }
        Err(_) => json!({"publicKey": {"hint": ""}}),
    };
    let payload = &bundle.rekor_bundle.payload;
    let log_id = (0..payload.log_id.len() / 2)
        .map(|at| payload.log_id.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect::<Option<Vec<u8>>>()
        .ok_or("its log id is not hexadecimal")?;
    let mut upgraded = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {"tlogEntries": [{
            "logIndex": payload.log_index.to_string(),
            "logId": {"keyId": STANDARD.encode(log_id)},
            "kindVersion": {"kind": entry.kind, "version": entry.api_version},
            "integratedTime": payload.integrated_time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": bundle.rekor_bundle.signed_entry_timestamp},
            "canonicalizedBody": payload.body,
        }]},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest.0)},
            "signature": bundle.base64_signature,
        },
    });
    if let (Some(to), Some(from)) = (
        upgraded.pointer_mut("/verificationMaterial").and_then(|material| material.as_object_mut()),
        material.as_object(),
    ) {
        to.extend(from.clone());
    }
    Ok(upgraded.to_string())
}
