//! The same bundles, verified by tracego and by Sigstore's own verifier in Python.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tracego_provenance::{Sha256Digest, sha256_of_file};
use tracego_tests::python;

use crate::{
    Test,
    keyless::{MADE, Made, SIGNER},
    verified::Verified,
};

pub(crate) const TESTS: &[(&str, Test)] = &[("peer::both_verifiers_agree", both_verifiers_agree)];

static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("sigstore"));

/// Returns why the other verifier cannot be used.
pub(crate) fn missing() -> Option<String> {
    PYTHON.as_ref().err().or(MADE.as_ref().err()).cloned()
}

/// Cases that the suite says to verify, and the other verifier does not: the time of an entry of kind `intoto`, and a
/// timestamp in the last second of its authority.
const APART: [&str; 2] = ["intoto-with-custom-trust-root", "trust-root-tsa-validity-end-inclusive"];

/// A question to both verifiers.
struct Question {
    bundle: PathBuf,
    root: Option<PathBuf>,
    file: Option<PathBuf>,
    digest: Sha256Digest,
    identity: String,
}

impl Question {
    fn asked(&self) -> Value {
        json!({
            "bundle": self.bundle, "root": self.root, "sha256": self.digest.to_string(), "identity": self.identity,
        })
    }

    /// Returns tracego's answer.
    fn answer(&self) -> Verified {
        let file = self.file.as_ref().unwrap();
        let mut options: Vec<&dyn AsRef<OsStr>> = vec![
            &"--store",
            &self.bundle,
            &"--issuer",
            &"https://token.actions.githubusercontent.com",
            &"--identity",
            &self.identity,
            &"--predicate-type",
            &"https://slsa.dev/provenance/v1",
            &"--predicate-type",
            &"something",
        ];
        if let Some(root) = &self.root {
            options.extend([&"--trusted-root" as &dyn AsRef<OsStr>, root]);
        }
        Verified::of(file, &options)
    }
}

/// Cases of the conformance suite that are about a signer.
fn cases() -> Vec<Question> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sigstore/bundle-verify");
    let identity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                    extremely-dangerous-oidc-beacon.yml@refs/heads/main";
    let mut questions = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let case = entry.unwrap().path();
        // The other verifier knows no managed keys, and a root that cannot be used ends tracego before it answers.
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        if !case.is_dir() || name.starts_with("managed-key") || name.contains("missing-validity-start") {
            continue;
        }
        let existing = |path: PathBuf| path.exists().then_some(path);
        let file = existing(case.join("artifact")).unwrap_or(folder.join("a.txt"));
        questions.push(Question {
            bundle: case.join("bundle.sigstore.json"),
            root: existing(case.join("trusted_root.json")),
            digest: sha256_of_file(&file).unwrap(),
            file: Some(file),
            identity: fs::read_to_string(case.join("identity"))
                .map_or(identity.to_owned(), |text| text.trim().to_owned()),
        });
    }
    assert!(questions.len() > 60, "{}", questions.len());
    questions
}

/// Bundles of the tests' own authority, whole and with one bit changed in each signed part.
fn made(made: &Made) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut ask = |bundle: PathBuf, identity: &str| {
        questions.push(Question {
            bundle,
            root: Some(made.path("trusted_root.json")),
            digest: sha256_of_file(&made.file).unwrap(),
            file: Some(made.file.clone()),
            identity: identity.to_owned(),
        });
    };
    let entry = "/verificationMaterial/tlogEntries/0";
    let parts = [
        "/verificationMaterial/certificate/rawBytes".to_owned(),
        format!("{entry}/canonicalizedBody"),
        format!("{entry}/inclusionPromise/signedEntryTimestamp"),
        format!("{entry}/inclusionProof/rootHash"),
    ];
    for (name, own) in [
        ("blob.sigstore.json", ["/messageSignature/signature", "/messageSignature/messageDigest/digest"]),
        ("provenance.sigstore.json", ["/dsseEnvelope/signatures/0/sig", "/dsseEnvelope/payload"]),
    ] {
        ask(made.path(name), SIGNER);
        ask(made.path(name), "https://github.com/acme/shop/other");
        for (number, part) in parts.iter().map(String::as_str).chain(own).enumerate() {
            for place in [1, 2, 3] {
                let mut bundle = made.read(name);
                let text = bundle.pointer_mut(part).unwrap_or_else(|| panic!("{part}"));
                let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
                let at = bytes.len() * place / 4;
                bytes[at] ^= 1;
                *text = STANDARD.encode(bytes).into();
                let path = made.path(&format!("{number}-{place}-{name}"));
                fs::write(&path, bundle.to_string()).unwrap();
                ask(path, SIGNER);
            }
        }
    }
    questions
}

fn both_verifiers_agree() {
    let mut questions = cases();
    questions.extend(made(MADE.as_ref().unwrap()));
    let lines: Vec<String> = questions.iter().map(|question| question.asked().to_string()).collect();
    let python = PYTHON.as_ref().unwrap();
    let answers = python::script(python, "sigstore_peer.py", &[], lines.join("\n").as_bytes());
    let answers: Vec<Value> =
        String::from_utf8(answers).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    let (mut verified, mut apart) = (0, Vec::new());
    for (question, theirs) in questions.iter().zip(&answers) {
        let ours = question.answer();
        let is_verified = ours.verdict() == "verified";
        verified += usize::from(is_verified);
        let is_known =
            APART.iter().any(|name| question.bundle.components().any(|part| part.as_os_str() == *name));
        if (theirs["verified"] != is_verified) != is_known {
            apart.push(format!("{}: {} {theirs}", question.bundle.display(), ours.line));
        }
    }
    assert!(apart.is_empty(), "{apart:#?}");
    assert!(verified > 20 && verified < questions.len() - 70, "{verified} of {}", questions.len());
}
