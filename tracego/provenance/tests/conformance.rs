//! All cases of Sigstore's conformance suite, each through a store and as a single bundle.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use tracego_provenance::{Judgement, NamedKey, Provenance, Settings, Signer, Verdict, sha256_of};

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const WORKFLOW: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                        extremely-dangerous-oidc-beacon.yml@refs/heads/main";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/sigstore")
}

/// Text of a file of a case.
fn text(case: &Path, name: &str) -> Option<String> {
    fs::read_to_string(case.join(name)).ok().map(|text| text.trim().to_owned())
}

/// Settings that trust what a case names.
fn settings(case: &Path) -> Settings {
    let existing = |path: PathBuf| path.exists().then_some(path);
    let signer = Signer {
        issuer: text(case, "issuer").unwrap_or(ISSUER.to_owned()),
        identity: Some(text(case, "identity").unwrap_or(WORKFLOW.to_owned())),
        ..Signer::default()
    };
    let key = |path| NamedKey { name: "case".to_owned(), path, log: Default::default() };
    let mut settings = Settings {
        store: vec![case.to_owned()],
        trusted_root: existing(case.join("trusted_root.json")).into_iter().collect(),
        signers: vec![signer],
        keys: existing(case.join("key.pub")).map(key).into_iter().collect(),
        ..Settings::default()
    };
    // The suite has statements of other kinds.
    settings.predicate_types.push("something".to_owned());
    settings
}

/// Returns the judgement of a case through the index of its folder, and of its bundle alone.
fn judged(case: &Path) -> Result<[Judgement; 2], String> {
    let provenance = Provenance::open(settings(case)).map_err(|error| error.to_string())?;
    let own = case.join("artifact");
    let path = if own.exists() { own } else { data().join("bundle-verify/a.txt") };
    let digest = sha256_of(&fs::read(&path).unwrap());
    let through_store = Judgement::clone(&provenance.judge(&digest, path.as_path()));
    let alone = provenance.judge_bundle_file(&case.join("bundle.sigstore.json"), &digest, path.as_path());
    Ok([through_store, alone])
}

#[test]
fn all_cases_of_the_suite_are_judged_as_it_says() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(data().join("bundle-verify")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    let (mut checks, mut verified, mut refused_roots, mut wrong) = (0, 0, 0, Vec::new());
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let judgements = judged(case).unwrap_or_else(|error| {
            // A root or a key that cannot be used refuses its case at the start.
            refused_roots += 1;
            [(); 2].map(|()| Judgement { error: Some(error.clone()), ..Judgement::of(Verdict::Unchecked) })
        });
        for judgement in judgements {
            checks += 1;
            let is_verified = judgement.verdict == Verdict::Verified;
            verified += usize::from(is_verified);
            if is_verified == name.ends_with("_fail") {
                wrong.push(format!("{name}: {} {:?}", judgement.verdict.name(), judgement.error));
            }
            if is_verified {
                assert!(
                    judgement.error.is_none()
                        && judgement.origin.signer.is_some() != judgement.origin.key.is_some()
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((checks, verified, refused_roots), (140, 42, 2));
}

#[test]
fn another_file_is_not_verified_by_any_case() {
    for entry in fs::read_dir(data().join("bundle-verify")).unwrap() {
        let case = entry.unwrap().path();
        let Ok(provenance) = Provenance::open(settings(&case)) else { continue };
        let bundle = case.join("bundle.sigstore.json");
        let other = sha256_of(b"another file");
        let judgement = provenance.judge_bundle_file(&bundle, &other, None);
        assert_ne!(judgement.verdict, Verdict::Verified, "{}", case.display());
        assert_eq!(provenance.judge(&other, None).verdict, Verdict::Unsigned, "{}", case.display());
    }
}

#[test]
fn without_the_signer_nothing_is_verified() {
    let mut judged = 0;
    for entry in fs::read_dir(data().join("bundle-verify")).unwrap() {
        let case = entry.unwrap().path();
        let mut settings = settings(&case);
        settings.keys.clear();
        if let Some(signer) = settings.signers.first_mut() {
            signer.identity = Some("https://github.com/acme/shop".to_owned());
        }
        let Ok(provenance) = Provenance::open(settings) else { continue };
        let path = case.join("artifact");
        let path = if path.exists() { path } else { data().join("bundle-verify/a.txt") };
        let digest = sha256_of(&fs::read(&path).unwrap());
        let judgement = provenance.judge(&digest, path.as_path());
        assert_ne!(judgement.verdict, Verdict::Verified, "{}", case.display());
        judged += usize::from(judgement.verdict == Verdict::UntrustedSigner);
    }
    assert!(judged >= 22, "{judged}");
}
