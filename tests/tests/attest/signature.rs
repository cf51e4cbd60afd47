//! Signatures, as securesystemslib verifies them.

use serde_json::Value;
use tracego_tests::python;

use crate::{Folder, PYTHON, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("signature::of_both_kinds_of_keys_are_verified", verified),
    ("signature::of_a_changed_envelope_is_refused", changed),
];

/// The kinds of keys, as OpenSSL makes them.
const KINDS: [(&str, &[&str]); 2] =
    [("p256", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("ed25519", &["ed25519"])];

/// Verifies an envelope or a bundle with a public key.
fn verify(folder: &Folder, document: &str, key: &str) -> Value {
    let key = folder.path(&format!("{key}.pub"));
    let printed =
        python::script(PYTHON.as_ref().unwrap(), "attest.py", &[key.to_str().unwrap()], document.as_bytes());
    serde_json::from_slice(&printed).unwrap()
}

fn verified() {
    let folder = Folder::sealed();
    let (_, statement) = folder.statement(&["records"]);
    for (name, algorithm) in KINDS {
        folder.key(name, algorithm);
        for form in ["bundle", "envelope"] {
            let arguments = ["--subject", "app", "--key", name, "--format", form, "-o", "signed", "records"];
            let (status, stdout, told) = folder.attest(&arguments);
            assert!(status == 0 && stdout.is_empty(), "{told}");
            let document = folder.read("signed");
            assert_eq!(document.lines().count(), 1);
            let result = verify(&folder, &document, name);
            assert_eq!(result["type"], "application/vnd.in-toto+json", "{result}");
            assert_eq!((&result["hint_fits"], &result["payload"]), (&true.into(), &statement));
            if form == "bundle" {
                let bundle: Value = serde_json::from_str(&document).unwrap();
                assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
                assert_eq!(bundle["verificationMaterial"]["tlogEntries"], serde_json::json!([]));
            }
        }
    }
}

fn changed() {
    let folder = Folder::sealed();
    for (name, algorithm) in KINDS {
        folder.key(name, algorithm);
        let (_, document, _) =
            folder.attest(&["--subject", "app", "--key", name, "--format", "envelope", "records"]);
        let good: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(verify(&folder, &document, name).get("error"), None);
        // Another payload, another type, another key.
        let mut payload = good.clone();
        let text = good["payload"].as_str().unwrap();
        let at = text.len() / 2;
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        payload["payload"] = format!("{}{other}{}", &text[..at], &text[at + 1..]).into();
        let mut kind = good;
        kind["payloadType"] = "application/json".into();
        for wrong in [payload, kind] {
            assert!(verify(&folder, &wrong.to_string(), name)["error"].is_string(), "{name}");
        }
    }
    let (_, document, _) = folder.attest(&["--subject", "app", "--key", "p256", "records"]);
    folder.key("other", KINDS[0].1);
    assert!(verify(&folder, &document, "other")["error"].is_string());
}
