//! `tracego provenance ls` and `explain`, and what `tracego config check` says of the table.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tracego_tests::tracego;

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("store::damage_is_listed_beside_what_is_there", damage_is_listed_beside_what_is_there),
    ("store::the_check_that_fails_is_explained", the_check_that_fails_is_explained),
    ("store::a_configuration_is_checked", a_configuration_is_checked),
];

/// The program that the bundles of `slsa-go` are about.
const DIGEST: &str = "f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066";

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sigstore").join(name)
}

/// Runs tracego. Returns its exit code and both outputs.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(tracego()).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn damage_is_listed_beside_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().to_str().unwrap();
    let good = data("slsa-go/binary-linux-amd64-push-v14.2.intoto.jsonl");
    fs::copy(good, folder.path().join("good.jsonl")).unwrap();
    let (code, stdout, _) = run(&["provenance", "ls", "--store", store, "--output", "json"]);
    let listed: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &listed["bundles"][0]["digests"][0]), (0, &Value::from(DIGEST)));
    assert_eq!(listed["bundles"][0]["revision"], "4d329c75e7ec1725f7c9ce917a8799d408d06be3");
    fs::write(folder.path().join("bad.sigstore.json"), "{\"mediaType\": \"\u{1b}[31m").unwrap();
    let (code, stdout, _) = run(&["provenance", "ls", "--store", store]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("1 damaged") && stdout.contains("bad.sigstore.json: "), "{stdout}");
    assert!(stdout.contains(DIGEST) && !stdout.contains('\u{1b}'), "{stdout}");
}

fn the_check_that_fails_is_explained() {
    let subject = format!("sha256:{DIGEST}");
    let text = fs::read_to_string(data("slsa-go/binary-linux-amd64-push-v14.2.intoto.jsonl")).unwrap();
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let hash = "/verificationMaterial/tlogEntries/0/inclusionProof/hashes/0";
    *bundle.pointer_mut(hash).unwrap() = format!("{}=", "A".repeat(43)).into();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.sigstore.json"), bundle.to_string()).unwrap();
    let store = folder.path().to_str().unwrap();
    let (code, stdout, _) = run(&["provenance", "explain", &subject, "--store", store]);
    assert_eq!(code, 6, "{stdout}");
    let line =
        |check: &str| stdout.lines().find(|line| line.get(15..).is_some_and(|rest| rest.starts_with(check)));
    assert!(line("log ").unwrap().contains("FAILS"), "{stdout}");
    // The others are checked without the log.
    for check in ["time", "certificate", "certificate log", "signature"] {
        assert!(line(check).unwrap().contains("holds"), "{check}: {stdout}");
    }
    let (code, stdout, _) =
        run(&["provenance", "explain", &format!("sha256:{}", "0".repeat(64)), "--store", store]);
    assert_eq!(code, 6);
    assert!(
        stdout.contains("no bundle in the store is about this digest; gh attestation download"),
        "{stdout}"
    );
    let (code, _, stderr) = run(&["provenance", "explain", "sha256:12"]);
    assert!(code == 1 && stderr.contains("64 digits"), "{stderr}");
}

fn a_configuration_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tracego.toml");
    let file = path.to_str().unwrap();
    let check = |text: &str| {
        fs::write(&path, format!("[provenance]\n{text}")).unwrap();
        let (code, stdout, stderr) = run(&["config", "check", file]);
        (code, format!("{stdout}{stderr}"))
    };
    let issuer = "[[provenance.signers]]\nissuer = \"https://token.actions.githubusercontent.com\"\n";
    for (text, code, wanted) in [
        ("store = \"/no/such/store\"", 0, "warning: provenance.store: /no/such/store: "),
        ("store = []\nmax-root-age = \"1s\"", 0, "warning: provenance.trusted-root: the root in tracego is"),
        ("max-root-age = \"1s\"", 0, "nobody is trusted; add [[provenance.signers]]"),
        (issuer, 2, "tracego.toml:2: provenance.signers 1: names nobody"),
        ("scope = { paths = [\"/srv/**\"] }", 2, "tracego.toml:2: provenance.scope: nothing could ever be"),
        ("store = \"/s\"\nscope = {}", 2, "tracego.toml:3: provenance.scope: demands nothing"),
        (
            "store = \"/s\"\n[enforce]\nfindings = [\"TG019\"]",
            0,
            "tracego.toml:4: enforce.findings: TG019 stops nothing",
        ),
        ("stor = 1", 2, "tracego.toml:2: provenance: unknown key 'stor'; did you mean 'store'?"),
        ("trusted-root = \"/no/such/root\"", 2, "/no/such/root"),
        ("[[provenance.keys]]\nname = \"a\"\nkey = \"/no/such/key\"", 2, "/no/such/key"),
    ] {
        let (found, said) = check(text);
        assert!(found == code && said.contains(wanted), "{text}: {found} {said}");
        assert_eq!(said.matches(wanted).count(), 1, "{text}: {said}");
    }
}
