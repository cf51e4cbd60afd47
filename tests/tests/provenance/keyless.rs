//! Bundles with a certificate, made for a file by an authority and logs of the tests.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tracego_tests::python::node_script;

use crate::{Test, verified::Verified};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("keyless::a_file_is_proven_to_be_of_a_commit", a_file_is_proven_to_be_of_a_commit),
    ("keyless::one_byte_more_is_another_file", one_byte_more_is_another_file),
    ("keyless::another_signer_is_not_trusted", another_signer_is_not_trusted),
    ("keyless::another_root_or_commit_is_refused", another_root_or_commit_is_refused),
    ("keyless::every_changed_part_is_refused", every_changed_part_is_refused),
    ("keyless::what_cannot_be_dated_is_incomplete", what_cannot_be_dated_is_incomplete),
    ("keyless::the_best_bundle_counts", the_best_bundle_counts),
    ("keyless::a_configuration_says_who_is_trusted", a_configuration_says_who_is_trusted),
];

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const SIGNER: &str = "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main";
pub(crate) const REPOSITORY: &str = "https://github.com/acme/shop";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Bundles about a file, in a folder.
pub(crate) struct Made {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) file: PathBuf,
}

/// The bundles of a file, or why they cannot be made.
pub(crate) static MADE: LazyLock<Result<Made, String>> = LazyLock::new(|| Made::new(SIGNER, REPOSITORY));

impl Made {
    fn new(signer: &str, repository: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("shop");
        fs::write(&file, "the program").map_err(|error| error.to_string())?;
        let path = |path: &Path| path.to_str().unwrap_or_default().to_owned();
        let arguments = [&path(&file), &path(folder.path()), COMMIT, signer, repository];
        node_script("sigstore", "bundles.js", &arguments)?;
        Ok(Self { folder, file })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

fn made() -> &'static Made {
    MADE.as_ref().unwrap()
}

/// Verifies a file by one bundle, with the root of the tests.
fn verified(file: &Path, bundle: &Path, options: &[&dyn AsRef<OsStr>]) -> Verified {
    let root = made().path("trusted_root.json");
    let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"--store", &bundle, &"--trusted-root", &root];
    all.extend(options);
    Verified::of(file, &all)
}

/// Options that name the right signer.
const RIGHT: [&dyn AsRef<OsStr>; 4] = [&"--issuer", &ISSUER, &"--repository", &REPOSITORY];

fn a_file_is_proven_to_be_of_a_commit() {
    let made = made();
    for name in ["provenance.sigstore.json", "blob.sigstore.json", "blob.cosign.bundle"] {
        let answer = verified(&made.file, &made.path(name), &RIGHT);
        assert_eq!(answer.verdict(), "verified", "{name}: {}", answer.line);
        let of = |key: &str| answer.line[key].as_str().unwrap_or_default().to_owned();
        for (key, wanted) in [
            ("signer", SIGNER),
            ("issuer", ISSUER),
            ("repository", REPOSITORY),
            ("ref", "refs/heads/main"),
            ("revision", COMMIT),
            ("run_url", "https://github.com/acme/shop/actions/runs/1/attempts/1"),
            ("runner_environment", "github-hosted"),
            ("log", "rekor"),
        ] {
            assert_eq!(of(key), wanted, "{name}: {key}");
        }
        assert!(of("log_time").ends_with('Z') && answer.line.get("error").is_none(), "{}", answer.line);
        let is_attestation = name.starts_with("provenance");
        assert_eq!(of("predicate_type").is_empty(), !is_attestation, "{name}");
        assert_eq!(of("builder").is_empty(), !is_attestation, "{name}");
    }
    let all: Vec<&dyn AsRef<OsStr>> = vec![
        &"--issuer",
        &ISSUER,
        &"--workflow",
        &"https://github.com/acme/shop/.github/workflows/*@refs/heads/main",
        &"--repository-id",
        &"17",
        &"--runner",
        &"github-hosted",
        &"--commit",
        &COMMIT,
    ];
    assert_eq!(verified(&made.file, &made.path("provenance.sigstore.json"), &all).verdict(), "verified");
}

fn one_byte_more_is_another_file() {
    let made = made();
    let changed = made.path("changed");
    fs::write(&changed, "the program!").unwrap();
    let answer = verified(&changed, &made.path("provenance.sigstore.json"), &RIGHT);
    assert_eq!(answer.verdict(), "unsigned");
}

fn another_signer_is_not_trusted() {
    let made = made();
    let bundle = made.path("provenance.sigstore.json");
    let options: [(&str, Vec<&dyn AsRef<OsStr>>, &str); 6] = [
        ("nobody", vec![], "no signer is named"),
        ("issuer", vec![&"--issuer", &"https://gitlab.com", &"--repository", &REPOSITORY], "issuer is"),
        (
            "repository",
            vec![&"--issuer", &ISSUER, &"--repository", &"https://github.com/acme/other"],
            "repository is",
        ),
        ("id", vec![&"--issuer", &ISSUER, &"--repository-id", &"18"], "repository-id is 17"),
        (
            "workflow",
            vec![&"--issuer", &ISSUER, &"--workflow", &"https://github.com/acme/shop/*@refs/tags/*"],
            "workflow is",
        ),
        (
            "runner",
            vec![&"--issuer", &ISSUER, &"--repository", &REPOSITORY, &"--runner", &"self-hosted"],
            "runner is github-hosted",
        ),
    ];
    for (name, options, wanted) in options {
        let answer = verified(&made.file, &bundle, &options);
        assert_eq!(answer.verdict(), "untrusted-signer", "{name}");
        assert!(answer.error().contains(wanted), "{name}: {}", answer.error());
        assert_eq!(answer.line["revision"], COMMIT, "{name}");
    }
    let called = Made::new(SIGNER, "https://github.com/evil/fork").unwrap();
    let workflow: [&dyn AsRef<OsStr>; 6] = [
        &"--trusted-root",
        &called.path("trusted_root.json"),
        &"--issuer",
        &ISSUER,
        &"--workflow",
        &"https://github.com/acme/shop/*",
    ];
    let bundle = called.path("provenance.sigstore.json");
    let answer =
        Verified::of(&called.file, &[&[&"--store" as &dyn AsRef<OsStr>, &bundle], &workflow[..]].concat());
    assert_eq!(answer.verdict(), "untrusted-signer");
    assert!(answer.error().contains("was called for https://github.com/evil/fork"), "{}", answer.error());
}

fn another_root_or_commit_is_refused() {
    let made = made();
    let other = Made::new(SIGNER, REPOSITORY).unwrap();
    for root in [Some(other.path("trusted_root.json")), None] {
        let bundle = made.path("provenance.sigstore.json");
        let mut options: Vec<&dyn AsRef<OsStr>> = vec![&"--store", &bundle];
        if let Some(root) = &root {
            options.extend([&"--trusted-root" as &dyn AsRef<OsStr>, root]);
        }
        options.extend(RIGHT);
        let answer = Verified::of(&made.file, &options);
        assert_eq!(answer.verdict(), "bad-signature", "{root:?}");
        assert!(answer.error().contains("gh attestation trusted-root"), "{}", answer.error());
        // What is not proven is not said.
        assert!(
            answer.line.get("revision").is_none() && answer.line.get("signer").is_none(),
            "{}",
            answer.line
        );
    }
    let commit: [&dyn AsRef<OsStr>; 2] = [&"--commit", &"f".repeat(40)];
    let options = [&RIGHT[..], &commit[..]].concat();
    let answer = verified(&made.file, &made.path("provenance.sigstore.json"), &options);
    assert_eq!(answer.verdict(), "untrusted-signer");
    assert!(answer.error().contains(&format!("is of commit {COMMIT}")), "{}", answer.error());
}

/// Changes one bit in the middle of a text in base64.
fn flip(text: &mut Value) {
    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    *text = STANDARD.encode(bytes).into();
}

fn every_changed_part_is_refused() {
    let made = made();
    let entry = "/verificationMaterial/tlogEntries/0";
    let parts = [
        "/verificationMaterial/certificate/rawBytes".to_owned(),
        "/dsseEnvelope/signatures/0/sig".to_owned(),
        format!("{entry}/canonicalizedBody"),
        format!("{entry}/inclusionPromise/signedEntryTimestamp"),
        format!("{entry}/inclusionProof/rootHash"),
    ];
    for part in &parts {
        let mut bundle = made.read("provenance.sigstore.json");
        flip(bundle.pointer_mut(part).unwrap_or_else(|| panic!("{part}")));
        let path = made.path("flipped.sigstore.json");
        fs::write(&path, bundle.to_string()).unwrap();
        let answer = verified(&made.file, &path, &RIGHT);
        assert_eq!(answer.verdict(), "bad-signature", "{part}: {}", answer.line);
    }
    // The commit in the statement, without another signature.
    let mut bundle = made.read("provenance.sigstore.json");
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace(COMMIT, &"f".repeat(40));
    bundle["dsseEnvelope"]["payload"] = STANDARD.encode(payload).into();
    let path = made.path("flipped.sigstore.json");
    fs::write(&path, bundle.to_string()).unwrap();
    assert_eq!(verified(&made.file, &path, &RIGHT).verdict(), "bad-signature");
    fs::remove_file(&path).unwrap();
}

fn what_cannot_be_dated_is_incomplete() {
    let made = made();
    let answer = verified(&made.file, &made.path("bare.intoto.jsonl"), &RIGHT);
    assert_eq!(answer.verdict(), "incomplete");
    assert!(answer.error().contains("gh attestation download"), "{}", answer.error());
    let mut bundle = made.read("provenance.sigstore.json");
    bundle["verificationMaterial"]["tlogEntries"] = Value::Array(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undated.sigstore.json");
    fs::write(&path, bundle.to_string()).unwrap();
    let answer = verified(&made.file, &path, &RIGHT);
    assert_eq!(answer.verdict(), "incomplete");
    assert!(answer.error().contains("gh attestation download"), "{}", answer.error());
    // A signature of cosign with its certificate beside it.
    let file = folder.path().join("shop");
    fs::copy(&made.file, &file).unwrap();
    fs::copy(made.path("blob.sig"), folder.path().join("shop.sig")).unwrap();
    fs::copy(made.path("blob.pem"), folder.path().join("shop.pem")).unwrap();
    let answer = verified(&file, &folder.path().join("shop.sig"), &RIGHT);
    assert_eq!(answer.verdict(), "incomplete");
    assert!(answer.error().contains("gh attestation download"), "{}", answer.error());
}

fn the_best_bundle_counts() {
    let made = made();
    let folder = tempfile::tempdir().unwrap();
    let mut bad = made.read("provenance.sigstore.json");
    flip(bad.pointer_mut("/dsseEnvelope/signatures/0/sig").unwrap());
    fs::write(folder.path().join("a.sigstore.json"), bad.to_string()).unwrap();
    let answer = verified(&made.file, folder.path(), &RIGHT);
    assert_eq!(answer.verdict(), "bad-signature");
    fs::copy(made.path("bare.intoto.jsonl"), folder.path().join("b.jsonl")).unwrap();
    let answer = verified(&made.file, folder.path(), &RIGHT);
    assert_eq!(answer.verdict(), "incomplete");
    assert_eq!(answer.line["others"][0]["verdict"], "bad-signature");
    fs::copy(made.path("provenance.sigstore.json"), folder.path().join("c.sigstore.json")).unwrap();
    let answer = verified(&made.file, folder.path(), &RIGHT);
    assert_eq!(answer.verdict(), "verified");
    assert_eq!(answer.line["others"].as_array().unwrap().len(), 2, "{}", answer.line);
}

fn a_configuration_says_who_is_trusted() {
    let made = made();
    let config = made.path("tracego.toml");
    let text = format!(
        "[provenance]\nstore = \"{}\"\ntrusted-root = \"{}\"\n[[provenance.signers]]\nissuer = \"{ISSUER}\"\nrepository \
         = \"{REPOSITORY}\"\n",
        made.path("provenance.sigstore.json").display(),
        made.path("trusted_root.json").display()
    );
    fs::write(&config, text).unwrap();
    let answer = Verified::of(&made.file, &[&"--config", &config]);
    assert_eq!(answer.verdict(), "verified", "{}", answer.line);
    let other: [&dyn AsRef<OsStr>; 4] =
        [&"--issuer", &ISSUER, &"--repository", &"https://github.com/acme/other"];
    let answer =
        Verified::of(&made.file, &[&[&"--config" as &dyn AsRef<OsStr>, &config], &other[..]].concat());
    assert_eq!(answer.verdict(), "untrusted-signer");
}
