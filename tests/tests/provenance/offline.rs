//! Verification without a network.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use tracego_tests::tracego;

use crate::{Test, verified::Verified};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("offline::a_process_without_network_verifies", a_process_without_network_verifies)];

/// A command in a network namespace without routes.
fn isolated() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user", "--"]);
    command
}

/// Returns why no network namespace can be made.
pub(crate) fn missing() -> Option<String> {
    let status = isolated().arg("true").stderr(Stdio::null()).status();
    (!status.is_ok_and(|status| status.success())).then(|| "unshare --net is not possible here".to_owned())
}

fn a_process_without_network_verifies() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sigstore/bundle-verify/happy-path-v0.3");
    let file = case.with_file_name("a.txt");
    let bundle = case.join("bundle.sigstore.json");
    let options: [&dyn AsRef<OsStr>; 6] = [
        &"--store",
        &bundle,
        &"--issuer",
        &"https://token.actions.githubusercontent.com",
        &"--repository",
        &"https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon",
    ];
    let mut command = isolated();
    command.arg(tracego());
    let answer = Verified::by(&mut command, &file, &options);
    assert_eq!(answer.verdict(), "verified", "{}", answer.line);
}
