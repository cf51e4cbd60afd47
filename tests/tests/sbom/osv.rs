//! Known vulnerabilities of modules that ran.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{Test, components, cyclonedx, replay, sbom};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("osv::vulnerable_modules_are_found", found), ("osv::a_folder_that_says_nothing_is_refused", refused)];

fn advisory(folder: &Path, id: &str, module: &str, events: Value, more: Value) {
    let mut advisory = json!({
        "id": id, "summary": format!("about {module}"),
        "affected": [{ "package": { "ecosystem": "Go", "name": module }, "ranges": [{ "type": "SEMVER", "events": events }] }],
    });
    for (name, value) in more.as_object().unwrap() {
        advisory[name] = value.clone();
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(format!("{id}.json")), advisory.to_string()).unwrap();
}

/// Returns a folder of advisories about the programs of the tests.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let all = json!([{ "introduced": "0" }]);
    let fixed = |version: &str| json!([{ "introduced": "0" }, { "fixed": version }]);
    let more = json!({ "aliases": ["CVE-2026-1", "GHSA-aaaa"],
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }] });
    advisory(&at.join("go"), "GO-2026-0001", "stdlib", fixed("1.27.4"), more);
    advisory(at, "GO-2026-0002", "example.com/Upper/dep/v3", fixed("3.1.1"), json!({}));
    advisory(at, "GO-2026-0003", "example.com/Upper/dep/v3", fixed("3.1.0"), json!({}));
    advisory(
        at,
        "GO-2026-0004",
        "example.com/old",
        all.clone(),
        json!({ "withdrawn": "2026-01-01T00:00:00Z" }),
    );
    advisory(at, "GO-2026-0005", "example.com/hello", all.clone(), json!({}));
    advisory(at, "GO-2026-0006", "toolchain", fixed("1.27.4"), json!({}));
    let npm = json!({ "affected": [{ "package": { "ecosystem": "npm", "name": "stdlib" }, "versions": ["1.27.3"] }] });
    advisory(at, "GHSA-npm", "x", all, npm);
    folder
}

fn ids(bill: &Value) -> Vec<(&str, &str)> {
    let all = bill["vulnerabilities"].as_array().unwrap().iter();
    all.map(|one| {
        let status = one["affects"][0]["versions"][0]["status"].as_str().unwrap();
        (one["id"].as_str().unwrap(), status)
    })
    .collect()
}

fn found() {
    let advisories = folder();
    let osv = ["--osv", advisories.path().to_str().unwrap()];
    let records = tempfile::tempdir().unwrap();
    let file = records.path().join("records");
    replay("go", "lean", &file);
    // The capture has Go 1.27.3: programs of the toolchain, and a program with its standard library.
    let (status, bill) = cyclonedx(&osv, &[&file]);
    assert_eq!((status, ids(&bill)), (5, vec![("GO-2026-0001", "affected"), ("GO-2026-0006", "affected")]));
    let first = &bill["vulnerabilities"][0];
    assert_eq!(first["affects"][0]["ref"], "pkg:golang/stdlib@1.27.3");
    assert_eq!(first["references"][0]["id"], "CVE-2026-1");
    assert_eq!(first["ratings"][0]["method"], "CVSSv31");
    assert_eq!(first["recommendation"], "Update to 1.27.4 or later.");
    let tools = components(&bill, "application").len() - 4;
    assert_eq!(bill["vulnerabilities"][1]["affects"].as_array().unwrap().len(), tools);
    let (status, stdout, _) = sbom(&[&osv[..], &["--format", "text"]].concat(), &[&file]);
    let text = String::from_utf8(stdout).unwrap();
    assert_eq!(status, 5);
    assert!(
        text.contains("  stdlib go1.27.3: GO-2026-0001 (CVE-2026-1, GHSA-aaaa)\n    about stdlib\n"),
        "{text}"
    );
    // Without the folder nobody looked, which is not the same as nothing found.
    assert_eq!(cyclonedx(&[], &[&file]).1.get("vulnerabilities"), None);
    if let Ok(programs) = crate::programs::PROGRAMS.as_ref() {
        let (status, bill) = cyclonedx(&osv, &[&programs.program("plain")]);
        let wanted =
            [("GO-2026-0001", "affected"), ("GO-2026-0002", "affected"), ("GO-2026-0005", "unknown")];
        assert_eq!((status, ids(&bill)), (5, wanted.to_vec()));
    }
}

fn refused() {
    let folder = tempfile::tempdir().unwrap();
    let osv = ["--osv", folder.path().to_str().unwrap()];
    let own = std::env::current_exe().unwrap();
    let (status, _, stderr) = sbom(&osv, &[&own]);
    assert!(status == 2 && stderr.contains("no advisory about Go modules"), "{stderr}");
    advisory(folder.path(), "GO-1", "example.com/a", json!([{ "introduced": "0" }]), json!({}));
    fs::write(folder.path().join("broken.json"), "{\"id\":").unwrap();
    let (status, bill) = cyclonedx(&osv, &[&own]);
    assert_eq!((status, &bill["vulnerabilities"]), (1, &json!([])));
    let (_, _, stderr) = sbom(&osv, &[&own]);
    assert!(stderr.contains("broken.json: no OSV advisory"), "{stderr}");
    let gone = folder.path().join("gone");
    assert_eq!(sbom(&["--osv", gone.to_str().unwrap()], &[&own]).0, 2);
}
