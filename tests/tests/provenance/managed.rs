//! Signatures by keys of openssl.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tracego_provenance::{Sha256Digest, sha256_of, sha256_of_file};
use tracego_tests::tracego;

use crate::{Test, verified::Verified};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("managed::each_form_is_verified_by_its_key_alone", each_form_is_verified_by_its_key_alone),
    ("managed::a_key_may_demand_a_log", a_key_may_demand_a_log),
    ("managed::a_changed_file_or_statement_is_refused", a_changed_file_or_statement_is_refused),
    ("managed::unusable_keys_are_refused_with_a_way_out", unusable_keys_are_refused_with_a_way_out),
];

/// Returns why openssl cannot be used.
pub(crate) fn missing() -> Option<String> {
    let status = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
    (!status.is_ok_and(|status| status.success())).then(|| "openssl is not installed".to_owned())
}

/// Kinds of keys, with the options that make them.
const KINDS: [(&str, &[&str]); 2] = [
    ("p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("ed25519", &["-algorithm", "ED25519"]),
];

fn openssl(arguments: &[&dyn AsRef<OsStr>]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    for argument in arguments {
        command.arg(argument);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A folder with a file and a key.
struct Signed {
    folder: tempfile::TempDir,
    file: PathBuf,
    kind: &'static str,
}

impl Signed {
    fn new(kind: &'static str, how: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app");
        fs::write(&file, format!("the program of {kind}")).unwrap();
        let signed = Self { folder, file, kind };
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"genpkey"];
        arguments.extend(how.iter().map(|word| word as &dyn AsRef<OsStr>));
        let key = signed.path("key");
        arguments.extend([&"-out" as &dyn AsRef<OsStr>, &key]);
        openssl(&arguments);
        fs::write(signed.path("key.pub"), openssl(&[&"pkey", &"-in", &key, &"-pubout"])).unwrap();
        signed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn digest(&self) -> Sha256Digest {
        sha256_of_file(&self.file).unwrap()
    }

    /// Signs bytes as cosign does.
    fn signature(&self, bytes: &[u8]) -> String {
        let (key, message) = (self.path("key"), self.path("message"));
        fs::write(&message, bytes).unwrap();
        let signature = match self.kind {
            "ed25519" => openssl(&[&"pkeyutl", &"-sign", &"-inkey", &key, &"-rawin", &"-in", &message]),
            _ => openssl(&[&"dgst", &"-sha256", &"-sign", &key, &message]),
        };
        STANDARD.encode(signature)
    }

    fn hint(&self) -> String {
        let der = openssl(&[&"pkey", &"-pubin", &"-in", &self.path("key.pub"), &"-outform", &"DER"]);
        STANDARD.encode(sha256_of(&der).0)
    }

    fn bundle(&self, content: &Value) -> Value {
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": self.hint()}, "tlogEntries": []},
        });
        bundle.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
        bundle
    }

    fn envelope(&self) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "app", "digest": {"sha256": self.digest().to_string()}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {"runDetails": {"builder": {"id": "https://builder.example"}}},
        })
        .to_string();
        let kind = "application/vnd.in-toto+json";
        let signed = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
        let sig = self.signature(signed.as_bytes());
        json!({"payloadType": kind, "payload": STANDARD.encode(statement), "signatures": [{"sig": sig}]})
    }

    /// Writes all forms, and returns their names.
    fn forms(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let content = fs::read(&self.file).unwrap();
        let signature = self.signature(&content);
        fs::write(self.path("app.sig"), format!("{signature}\n")).unwrap();
        let digest = STANDARD.encode(self.digest().0);
        let message = json!({"messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": digest}, "signature": signature,
        }});
        fs::write(self.path("message.sigstore.json"), self.bundle(&message).to_string()).unwrap();
        let attestation = self.bundle(&json!({"dsseEnvelope": self.envelope()}));
        fs::write(self.path("attestation.sigstore.json"), attestation.to_string()).unwrap();
        fs::write(self.path("bare.jsonl"), format!("{}\n", self.envelope())).unwrap();
        let provenance = Some("https://slsa.dev/provenance/v1");
        vec![
            ("app.sig", None),
            ("message.sigstore.json", None),
            ("attestation.sigstore.json", provenance),
            ("bare.jsonl", provenance),
        ]
    }

    fn verified(&self, bundle: &str, key: &Path, more: &[&dyn AsRef<OsStr>]) -> Verified {
        let bundle = self.path(bundle);
        let options: [&dyn AsRef<OsStr>; 4] = [&"--store", &bundle, &"--key", &key];
        Verified::of(&self.file, &[&options[..], more].concat())
    }
}

fn each_form_is_verified_by_its_key_alone() {
    let other = Signed::new("p256", KINDS[0].1);
    for (kind, how) in KINDS {
        let signed = Signed::new(kind, how);
        let key = signed.path("key.pub");
        for (form, predicate) in signed.forms() {
            let answer = signed.verified(form, &key, &[]);
            assert_eq!(answer.verdict(), "verified", "{kind} {form}: {}", answer.line);
            assert_eq!(
                (&answer.line["log"], answer.line["predicate_type"].as_str()),
                (&json!("none"), predicate)
            );
            assert_eq!(answer.line["key"].as_str(), key.to_str());
            let answer = signed.verified(form, &other.path("key.pub"), &[]);
            let wanted = match form {
                "app.sig" => "bad-signature",
                "bare.jsonl" => "incomplete",
                _ => "untrusted-signer",
            };
            assert_eq!(answer.verdict(), wanted, "{kind} {form}: {}", answer.line);
            let store = signed.path(form);
            let answer = Verified::of(&signed.file, &[&"--store", &store]);
            assert_ne!(answer.verdict(), "verified", "{kind} {form}");
        }
        // Several keys: each is tried.
        let mut keys: Vec<&dyn AsRef<OsStr>> = vec![&"--key"];
        let first = other.path("key.pub");
        keys.push(&first);
        assert_eq!(signed.verified("app.sig", &key, &keys).verdict(), "verified");
        // A signature beside the file is found without a store.
        fs::remove_file(signed.path("message.sigstore.json")).unwrap();
        assert_eq!(Verified::of(&signed.file, &[&"--key", &key]).verdict(), "verified");
    }
}

fn a_key_may_demand_a_log() {
    let signed = Signed::new(KINDS[0].0, KINDS[0].1);
    for (form, _) in signed.forms() {
        let answer = signed.verified(form, &signed.path("key.pub"), &[&"--require-log"]);
        assert_eq!(answer.verdict(), "incomplete", "{form}");
        assert!(answer.error().contains("requires one"), "{form}: {}", answer.error());
    }
}

fn a_changed_file_or_statement_is_refused() {
    for (kind, how) in KINDS {
        let signed = Signed::new(kind, how);
        let forms = signed.forms();
        let key = signed.path("key.pub");
        let mut bundle: Value =
            serde_json::from_slice(&fs::read(signed.path("attestation.sigstore.json")).unwrap()).unwrap();
        let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let payload = String::from_utf8(payload).unwrap().replace("builder.example", "builder.evil");
        bundle["dsseEnvelope"]["payload"] = STANDARD.encode(payload).into();
        fs::write(signed.path("changed.sigstore.json"), bundle.to_string()).unwrap();
        let answer = signed.verified("changed.sigstore.json", &key, &[]);
        assert_eq!(answer.verdict(), "bad-signature", "{kind}: {}", answer.line);
        fs::write(&signed.file, "another program").unwrap();
        for (form, _) in forms {
            let wanted = if form == "app.sig" { "bad-signature" } else { "unsigned" };
            assert_eq!(signed.verified(form, &key, &[]).verdict(), wanted, "{kind} {form}");
        }
    }
}

fn unusable_keys_are_refused_with_a_way_out() {
    let signed = Signed::new(KINDS[0].0, KINDS[0].1);
    let rsa = Signed::new("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let p384 = Signed::new("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    for (key, wanted) in [
        (signed.path("key"), "openssl pkey -in KEY -pubout"),
        (rsa.path("key.pub"), "ECDSA P-256 or Ed25519"),
        (p384.path("key.pub"), "ECDSA P-256 or Ed25519"),
        (signed.path("app"), "not a public key in PEM"),
        (signed.path("missing"), "missing: No such file"),
    ] {
        let output = Command::new(tracego())
            .args(["provenance", "verify", "--key"])
            .arg(&key)
            .arg(&signed.file)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(wanted) && stderr.contains("keys: "), "{stderr}");
    }
}
