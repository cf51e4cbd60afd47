//! Keys that do not sign are refused, each with its own way out.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use crate::{Folder, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("keys::of_the_wrong_kind_are_refused", wrong_kind),
    ("keys::that_others_can_read_are_refused", readable),
];

fn refused(folder: &Folder, key: &str) -> String {
    let (status, stdout, told) = folder.attest(&["--subject", "app", "--key", key, "records"]);
    assert!(status == 2 && stdout.is_empty(), "{key}: {told}");
    assert!(told.starts_with(&format!("tracego: --key {key}: ")), "{told}");
    told
}

fn wrong_kind() {
    let folder = Folder::sealed();
    folder.key("rsa", &["RSA"]);
    folder.key("p384", &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    folder.key("x25519", &["x25519"]);
    folder.key("p256", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let convert = |arguments: &[&str], to: &str| {
        let output = Command::new("openssl").args(arguments).current_dir(folder.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::set_permissions(folder.path(to), fs::Permissions::from_mode(0o600)).unwrap();
    };
    convert(&["ec", "-in", "p256", "-out", "sec1"], "sec1");
    convert(&["pkey", "-in", "p256", "-aes256", "-passout", "pass:abcd", "-out", "locked"], "locked");
    fs::set_permissions(folder.path("p256.pub"), fs::Permissions::from_mode(0o600)).unwrap();
    folder.write("empty", b"");
    fs::set_permissions(folder.path("empty"), fs::Permissions::from_mode(0o600)).unwrap();
    for (key, reason) in [
        ("rsa", "an RSA key"),
        ("p384", "another curve"),
        ("x25519", "unknown kind"),
        ("sec1", "openssl pkcs8 -topk8"),
        ("locked", "encrypted"),
        ("p256.pub", "a public key"),
        ("empty", "openssl genpkey"),
        ("gone", "No such file"),
    ] {
        assert!(refused(&folder, key).contains(reason), "{key}: {}", refused(&folder, key));
    }
}

fn readable() {
    let folder = Folder::sealed();
    folder.key("p256", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    for mode in [0o640, 0o604, 0o620, 0o777] {
        fs::set_permissions(folder.path("p256"), fs::Permissions::from_mode(mode)).unwrap();
        let told = refused(&folder, "p256");
        assert!(told.contains("chmod 600") && told.contains(&format!("{mode:o}")), "{told}");
    }
    fs::set_permissions(folder.path("p256"), fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(folder.attest(&["--subject", "app", "--key", "p256", "records"]).0, 0);
}
