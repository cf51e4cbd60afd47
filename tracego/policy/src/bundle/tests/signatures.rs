//! Tests with bundles that are signed with the right key, with another key, or not at all.

use std::time::{Duration, UNIX_EPOCH};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    super::{
        BundleError, BundleOptions, BundleProblem, SignatureAlgorithm, Signer, Trust, bundle, key, load_with,
        sign, signature,
    },
    MODULE, folder, put, rsa,
};

const FILES: [(&str, &str); 4] = [
    (".manifest", r#"{"revision": "1"}"#),
    ("data.json", r#"{"b": 1, "a": [1.50]}"#),
    ("p.rego", MODULE),
    ("README", "text"),
];

fn signer() -> Signer {
    Signer {
        key: b"secret".to_vec(),
        algorithm: SignatureAlgorithm::Hs256,
        key_id: Some("ci".into()),
        scope: None,
        expires: None,
    }
}

fn trust() -> Trust {
    Trust { key: b"secret".to_vec(), algorithm: SignatureAlgorithm::Hs256, key_id: None, scope: None }
}

fn signed(signer: &Signer) -> TempDir {
    let folder = folder(&FILES);
    put(folder.path(), ".signatures.json", &sign(folder.path(), signer).unwrap());
    folder
}

fn load(folder: &TempDir, trust: Option<Trust>) -> Result<super::Bundle, BundleError> {
    load_with(folder.path(), &BundleOptions { trust, allow_writable: true })
}

fn problem(folder: &TempDir) -> (Option<String>, BundleProblem) {
    let error = load(folder, Some(trust())).unwrap_err();
    (error.file, error.problem)
}

/// Returns a token with any header and payload, signed with the secret.
fn token(header: &Value, payload: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(payload));
    let signature = key::sign(SignatureAlgorithm::Hs256, b"secret", message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64.encode(signature))
}

/// Returns the correct payload for [`FILES`].
fn payload() -> Value {
    let text = sign(folder(&FILES).path(), &Signer { key_id: None, ..signer() }).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let token = file["signatures"][0].as_str().unwrap();
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn with(header: &Value, payload: &Value) -> TempDir {
    let folder = folder(&FILES);
    put(folder.path(), ".signatures.json", &json!({"signatures": [token(header, payload)]}).to_string());
    folder
}

fn hs256() -> Value {
    json!({"alg": "HS256"})
}

#[test]
fn what_is_signed_is_loaded_and_says_by_whom() {
    let folder = signed(&signer());
    let bundle = load(&folder, Some(trust())).unwrap();
    assert_eq!(bundle.signed_by.as_deref(), Some("ci"));
    // White space and the order of keys are not signed; the rest is.
    put(folder.path(), "data.json", "{\n  \"a\": [ 1.50 ],\n  \"b\": 1\n}\n");
    assert!(load(&folder, Some(trust())).is_ok());
    put(folder.path(), "data.json", r#"{"a": [1.5], "b": 1}"#);
    assert!(matches!(problem(&folder), (Some(file), BundleProblem::Changed) if file == "data.json"));
    let unnamed = signed(&Signer { key_id: None, ..signer() });
    assert_eq!(load(&unnamed, Some(trust())).unwrap().signed_by.as_deref(), Some("the configured key"));
}

#[test]
fn a_signature_without_a_key_and_a_key_without_a_signature_are_refused() {
    let folder = signed(&signer());
    let error = load(&folder, None).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::NoKey), "{error}");
    std::fs::remove_file(folder.path().join(".signatures.json")).unwrap();
    assert!(matches!(problem(&folder).1, BundleProblem::NotSigned));
    assert_eq!(load(&folder, None).unwrap().signed_by, None);
    let module = folder.path().join("p.rego");
    let error =
        load_with(&module, &BundleOptions { trust: Some(trust()), allow_writable: true }).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::NotSigned), "{error}");
}

#[test]
fn the_files_are_exactly_the_ones_that_were_signed() {
    for (name, text) in FILES {
        let folder = signed(&signer());
        put(folder.path(), name, &format!("{} ", text.replace('1', "2").replace('e', "f")));
        assert!(matches!(problem(&folder), (Some(file), BundleProblem::Changed) if file == name), "{name}");
        std::fs::remove_file(folder.path().join(name)).unwrap();
        assert!(matches!(problem(&folder), (Some(file), BundleProblem::Missing) if file == name), "{name}");
    }
    let folder = signed(&signer());
    put(folder.path(), "more/q.rego", MODULE);
    assert!(matches!(problem(&folder), (Some(file), BundleProblem::NotCovered) if file == "more/q.rego"));
    // Hidden files are never used, signed or not.
    let folder = signed(&signer());
    put(folder.path(), ".gitignore", "x");
    assert!(load(&folder, Some(trust())).is_ok());
    let mut more = payload();
    let list = more["files"].as_array_mut().unwrap();
    list.push(json!({"name": ".regal/config.yaml", "hash": "00", "algorithm": "SHA-256"}));
    assert!(load(&with(&hs256(), &more), Some(trust())).is_ok());
}

#[test]
fn a_file_that_is_named_twice_in_the_signature_is_refused() {
    let mut twice = payload();
    let list = twice["files"].as_array_mut().unwrap();
    let mut again = list[0].clone();
    again["name"] = json!(format!("/{}", again["name"].as_str().unwrap()));
    list.push(again);
    let (file, problem) = problem(&with(&hs256(), &twice));
    assert!(problem.to_string().contains("twice"), "{problem}");
    assert_eq!(file.as_deref(), Some(".signatures.json"));
}

#[test]
fn a_signature_ends_when_it_says_so() {
    let files = |expires| {
        let folder = signed(&Signer { expires: Some(expires), ..signer() });
        super::super::folder::read(folder.path(), super::super::folder::AllowedWriters::Any).unwrap()
    };
    let options = BundleOptions { trust: Some(trust()), allow_writable: true };
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    assert!(bundle("b", &files(1000), &options, at(999)).is_ok());
    for now in [1000, 5000] {
        let fault = bundle("b", &files(1000), &options, at(now)).unwrap_err();
        assert!(matches!(fault.problem, BundleProblem::Expired(1000)), "{}", fault.problem);
    }
    for exp in [json!("soon"), json!([1])] {
        let mut wrong = payload();
        wrong["exp"] = exp;
        assert!(matches!(problem(&with(&hs256(), &wrong)).1, BundleProblem::Signature(_)));
    }
    let mut past = payload();
    past["exp"] = json!(-1e300);
    assert!(matches!(problem(&with(&hs256(), &past)).1, BundleProblem::Expired(0)));
}

#[test]
fn the_scope_is_the_one_that_is_configured() {
    let folder = signed(&Signer { scope: Some("prod".into()), ..signer() });
    assert!(load(&folder, Some(Trust { scope: Some("prod".into()), ..trust() })).is_ok());
    for scope in [None, Some("test".to_owned())] {
        let error = load(&folder, Some(Trust { scope, ..trust() })).unwrap_err();
        assert!(error.to_string().contains("scope \"prod\""), "{error}");
    }
    let plain = signed(&signer());
    assert!(load(&plain, Some(Trust { scope: Some("prod".into()), ..trust() })).is_err());
}

#[test]
fn a_token_that_chooses_its_own_algorithm_is_refused() {
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "RS256"}),
        json!({"alg": "hs256"}),
        json!({"alg": "HS512"}),
        json!({}),
        json!({"alg": "HS256", "crit": ["exp"]}),
        json!([]),
    ] {
        let (file, problem) = problem(&with(&header, &payload()));
        assert!(matches!(problem, BundleProblem::Signature(_)), "{header}: {problem}");
        assert_eq!(file.as_deref(), Some(".signatures.json"));
    }
    // The public key as a secret: anyone who knows it could sign.
    let public = es256().1;
    let folder = signed(&signer());
    let error = load(&folder, Some(Trust { key: public, ..trust() })).unwrap_err();
    assert!(error.to_string().contains("HS256 takes a secret"), "{error}");
    let error = load(&folder, Some(Trust { key: Vec::new(), ..trust() })).unwrap_err();
    assert!(error.to_string().contains("empty"), "{error}");
}

#[test]
fn a_file_of_signatures_that_is_not_as_it_should_be_is_refused() {
    let good = token(&hs256(), &payload());
    let (head, tail) = good.split_at(good.len() / 2);
    for text in [
        "",
        "{}",
        "[]",
        r#"{"signatures": []}"#,
        r#"{"signatures": [1]}"#,
        r#"{"signatures": [""]}"#,
        r#"{"signatures": ["a.b.c"]}"#,
        r#"{"signatures": ["a"]}"#,
        &json!({"signatures": [good, good]}).to_string(),
        &json!({"signatures": [good], "plugin": "mine"}).to_string(),
        &json!({"signatures": [format!("{head} {tail}")]}).to_string(),
        &json!({"signatures": [format!("{good}=")]}).to_string(),
        &json!({"signatures": [format!("{good}.x")]}).to_string(),
    ] {
        let folder = folder(&FILES);
        put(folder.path(), ".signatures.json", text);
        let (file, problem) = problem(&folder);
        assert!(matches!(problem, BundleProblem::Signature(_)), "{text}: {problem}");
        assert_eq!(file.as_deref(), Some(".signatures.json"));
    }
    for wrong in [json!({"files": {}}), json!([]), json!({"files": [{}]})] {
        load(&with(&hs256(), &wrong), Some(trust())).unwrap_err();
    }
}

#[test]
fn hashes_that_can_be_forged_or_are_unknown_are_refused() {
    for algorithm in ["MD5", "SHA-1", "MD6", "", "sha256"] {
        let mut weak = payload();
        weak["files"][0]["algorithm"] = json!(algorithm);
        let problem = problem(&with(&hs256(), &weak)).1;
        assert!(matches!(problem, BundleProblem::Signature(_)), "{algorithm}: {problem}");
    }
}

fn pem(label: &str, base64: &str) -> Vec<u8> {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n").into()
}

#[test]
fn rs256_signs_and_its_key_checks() {
    let made =
        Signer { key: pem("PRIVATE KEY", rsa::PRIVATE), algorithm: SignatureAlgorithm::Rs256, ..signer() };
    let folder = signed(&made);
    let trust = |key| Some(Trust { key, algorithm: SignatureAlgorithm::Rs256, key_id: None, scope: None });
    let loaded = load(&folder, trust(pem("PUBLIC KEY", rsa::PUBLIC))).unwrap();
    assert_eq!(loaded.signed_by.as_deref(), Some("ci"));
    put(folder.path(), "p.rego", "package main");
    assert!(load(&folder, trust(pem("PUBLIC KEY", rsa::PUBLIC))).is_err());
    let error = sign(folder.path(), &Signer { algorithm: SignatureAlgorithm::Es256, ..made }).unwrap_err();
    assert!(error.to_string().contains("not on P-256"), "{error}");
}

/// Returns a key pair on P-256 in PEM: the private and the public key.
fn es256() -> (Vec<u8>, Vec<u8>) {
    let random = SystemRandom::new();
    let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let private = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(how, private.as_ref(), &random).unwrap();
    let head = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    let info = [&BASE64_STANDARD.decode(head).unwrap()[..26], pair.public_key().as_ref()].concat();
    let pem = |label: &str, der: &[u8]| pem(label, &BASE64_STANDARD.encode(der));
    (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &info))
}

#[test]
fn es256_signs_and_only_its_own_key_checks() {
    let (private, public) = es256();
    let made = Signer { key: private.clone(), algorithm: SignatureAlgorithm::Es256, ..signer() };
    let folder = signed(&made);
    let with = |key: Vec<u8>| {
        load(&folder, Some(Trust { key, algorithm: SignatureAlgorithm::Es256, key_id: None, scope: None }))
    };
    assert_eq!(with(public).unwrap().signed_by.as_deref(), Some("ci"));
    assert!(with(es256().1).unwrap_err().to_string().contains("does not fit the key"));
    for wrong in [
        private,
        b"secret".to_vec(),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_vec(),
    ] {
        assert!(matches!(with(wrong).unwrap_err().problem, BundleProblem::Key(_)));
    }
    for (algorithm, key) in
        [(SignatureAlgorithm::Rs256, made.key.clone()), (SignatureAlgorithm::Es256, b"secret".to_vec())]
    {
        let error = sign(folder.path(), &Signer { key, algorithm, ..signer() }).unwrap_err();
        assert!(matches!(error.problem, BundleProblem::Key(_)), "{error}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let trust = signature::Trust { key: b"hunter2".to_vec(), ..trust() };
    let shown = format!("{:?}", BundleOptions { trust: Some(trust), allow_writable: false });
    assert!(shown.contains("Hs256") && !shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
}
