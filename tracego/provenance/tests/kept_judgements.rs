//! Judgements over the life of a store: what is kept, and what a reload changes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use tracego_provenance::{
    LogDemand, NamedKey, Provenance, Settings, Sha256Digest, Signer, Verdict, sha256_of_file,
};

/// A file with a signature by Ed25519 in a store, which is found by the digest in its name.
struct Signed {
    folder: tempfile::TempDir,
    file: PathBuf,
    signature: PathBuf,
    digest: Sha256Digest,
}

impl Signed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
        let public =
            [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], key.public_key().as_ref()].concat();
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(public));
        fs::write(folder.path().join("key.pub"), pem).unwrap();
        let file = folder.path().join("app");
        fs::write(&file, "program").unwrap();
        let digest = sha256_of_file(&file).unwrap();
        let store = folder.path().join("store");
        fs::create_dir(&store).unwrap();
        let signature = store.join(format!("sha256-{digest}.sig"));
        fs::write(&signature, STANDARD.encode(key.sign(b"program").as_ref())).unwrap();
        Self { folder, file, signature, digest }
    }

    fn open(&self) -> Provenance {
        let path = self.folder.path().join("key.pub");
        let key = NamedKey { name: "release".to_owned(), path, log: LogDemand::Optional };
        let store = vec![self.folder.path().join("store")];
        Provenance::open(Settings { store, keys: vec![key], ..Settings::default() }).unwrap()
    }
}

#[test]
fn a_check_that_could_not_be_done_is_done_again() {
    let signed = Signed::new();
    let provenance = signed.open();
    let judgement = provenance.judge(&signed.digest, None);
    assert_eq!(judgement.verdict, Verdict::Unchecked);
    assert!(judgement.error.as_ref().is_some_and(|error| error.contains("ECDSA P-256")), "{judgement:?}");
    let judgement = provenance.judge(&signed.digest, signed.file.as_path());
    assert_eq!((judgement.verdict, judgement.origin.key.as_deref()), (Verdict::Verified, Some("release")));
    // Kept: neither the file nor the signature is read again.
    fs::remove_file(&signed.file).unwrap();
    fs::remove_file(&signed.signature).unwrap();
    assert_eq!(provenance.judge(&signed.digest, None).verdict, Verdict::Verified);
}

#[test]
fn a_file_that_changed_since_it_was_hashed_is_not_verified() {
    let signed = Signed::new();
    fs::write(&signed.file, "another program").unwrap();
    let judgement = signed.open().judge(&signed.digest, signed.file.as_path());
    assert_eq!(judgement.verdict, Verdict::Unchecked);
    assert_eq!(judgement.error.as_deref(), Some("the file has changed since it was hashed"));
}

#[test]
fn a_reload_forgets_what_was_kept() {
    let signed = Signed::new();
    let provenance = signed.open();
    let verdict = || provenance.judge(&signed.digest, signed.file.as_path()).verdict;
    assert_eq!((verdict(), provenance.generation()), (Verdict::Verified, 1));
    assert!(!provenance.reload_if_changed());
    fs::remove_file(&signed.signature).unwrap();
    assert_eq!(verdict(), Verdict::Verified);
    assert!(provenance.reload_if_changed());
    assert_eq!((verdict(), provenance.generation()), (Verdict::Unsigned, 2));
    assert!(provenance.explain(&signed.digest, None).is_empty());
}

#[test]
fn a_bundle_that_is_gone_before_it_is_asked_for_is_unchecked() {
    let signed = Signed::new();
    let provenance = signed.open();
    fs::remove_file(&signed.signature).unwrap();
    let judgement = provenance.judge(&signed.digest, signed.file.as_path());
    assert_eq!(judgement.verdict, Verdict::Unchecked);
    assert!(judgement.error.as_ref().is_some_and(|error| error.contains("reload")), "{judgement:?}");
}

/// A store with bundles of slsa-go, and whom it trusts.
fn slsa(store: &std::path::Path) -> (Provenance, Sha256Digest, String) {
    let signer = Signer {
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        repository: Some("https://github.com/slsa-framework/example-package".to_owned()),
        ..Signer::default()
    };
    let settings = Settings { store: vec![store.to_owned()], signers: vec![signer], ..Settings::default() };
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/sigstore/slsa-go");
    let bundle = fs::read_to_string(data.join("binary-linux-amd64-push-v14.2.intoto.jsonl")).unwrap();
    let digest = "f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066".parse().unwrap();
    (Provenance::open(settings).unwrap(), digest, bundle)
}

#[test]
fn a_bundle_that_is_being_written_again_is_not_there_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (provenance, digest, bundle) = slsa(folder.path());
    let path = folder.path().join("a.sigstore.json");
    fs::write(&path, &bundle).unwrap();
    let half = bundle.get(..bundle.len() / 2).unwrap();
    for written in ["", half, "{}", &bundle.replacen("verificationMaterial", "verificationmaterial", 1)] {
        fs::write(&path, &bundle).unwrap();
        provenance.reload();
        fs::write(&path, written).unwrap();
        let judgement = provenance.judge(&digest, None);
        assert_eq!((judgement.verdict, &judgement.error), (Verdict::Unsigned, &None), "{written:.20}");
        assert!(provenance.explain(&digest, None).is_empty());
        let summary = provenance.summary();
        assert_eq!(summary.skipped.damaged, 1);
        assert!(summary.problems[0].reason.contains("was written since"), "{:?}", summary.problems);
    }
    fs::write(&path, &bundle).unwrap();
    assert!(provenance.reload_if_changed());
    assert_eq!(provenance.judge(&digest, None).verdict, Verdict::Verified);
    assert_eq!(provenance.summary().skipped.damaged, 0);
}

#[test]
fn forged_bundles_in_front_do_not_hide_the_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let (provenance, digest, bundle) = slsa(folder.path());
    let mut forged: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    *forged.pointer_mut("/dsseEnvelope/signatures/0/sig").unwrap() = "AAAA".into();
    let copies = |name: &str, count: usize, text: &str| {
        for number in 0..count {
            fs::write(folder.path().join(format!("{name}{number:04}.sigstore.json")), text).unwrap();
        }
    };
    copies("a", 81, &forged.to_string());
    copies("z", 1, &bundle);
    provenance.reload();
    let judgement = provenance.judge(&digest, None);
    assert_eq!((judgement.verdict, judgement.left_out), (Verdict::Verified, 0));
    // Of somebody who is not trusted.
    forged["verificationMaterial"] = serde_json::json!({"publicKey": {"hint": "somebody"}});
    copies("a", 300, &forged.to_string());
    provenance.reload();
    let judgement = provenance.judge(&digest, None);
    assert_eq!((judgement.verdict, judgement.left_out), (Verdict::Verified, 301 - 64));
    assert_eq!(provenance.explain(&digest, None).len(), 64);
}
