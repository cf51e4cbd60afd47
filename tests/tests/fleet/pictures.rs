//! The pictures of the dashboards in `docs/fleet.md`: they show the faults of a simulated fleet, and are of the
//! dashboards as they are.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};

use crate::{PYTHON, Test, deployed, real::replay};

pub(crate) const DRAWN: &[(&str, Test)] =
    &[("pictures are what the dashboards draw", pictures_are_what_the_dashboards_draw)];
pub(crate) const KEPT: &[(&str, Test)] =
    &[("pictures are of the present dashboards and show the faults", pictures_show_the_faults)];

/// Bytes that a picture may have.
const LIMIT: u64 = 100_000;

/// The planted faults that each dashboard names.
const SHOWN: [(&str, &[&str]); 4] = [
    ("tracego-ci-red-lines", &["TG001", "TG002", "go-run", "TGP002", "violation"]),
    ("tracego-completeness", &["ci-gap", "ci-unsealed", "ci-clone-a, ci-clone-b"]),
    ("tracego-fleet-health", &["ci-gone", "ci-late", "ci-losses", "ring_full", "0.0.9"]),
    ("tracego-production-runs", &["/srv/unapproved", "prod-unapproved"]),
];

/// Returns the folder of the committed pictures.
fn pictures() -> PathBuf {
    deployed("../docs/pictures")
}

/// Returns the texts that a picture shows.
fn texts(picture: &str) -> Vec<&str> {
    let after = picture.split("<text ").skip(1);
    after.filter_map(|rest| Some(rest.split_once('>')?.1.split_once("</text>")?.0)).collect()
}

fn pictures_show_the_faults() {
    let document = fs::read_to_string(deployed("../docs/fleet.md")).unwrap();
    for (name, faults) in SHOWN {
        let dashboard = fs::read(deployed("grafana").join(format!("{name}.json"))).unwrap();
        let file = pictures().join(format!("{name}.svg"));
        let picture = fs::read_to_string(&file).unwrap();
        let mut digest = String::new();
        for byte in Sha256::digest(&dashboard) {
            write!(digest, "{byte:02x}").unwrap();
        }
        let wanted = format!("<metadata>sha256:{digest}</metadata>");
        assert!(picture.contains(&wanted), "{name}: the dashboard has changed: cargo xtask pictures");
        assert!(fs::metadata(&file).unwrap().len() < LIMIT, "{name}: too big");
        let texts = texts(&picture);
        for fault in faults {
            let is_shown = texts.iter().any(|text| text.trim_end_matches('…') == *fault);
            assert!(is_shown, "{name} does not show {fault}: {texts:?}");
        }
        assert!(!picture.contains("<script"), "{name}");
        assert!(document.contains(&format!("pictures/{name}.svg")), "docs/fleet.md does not show {name}");
    }
    // A dashboard without a picture is missing from the document.
    let dashboards = fs::read_dir(deployed("grafana")).unwrap();
    assert_eq!(dashboards.count(), SHOWN.len());
}

fn pictures_are_what_the_dashboards_draw() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.json");
    let text: String = replay(&["--detail", "full"]).iter().map(|record| format!("{record}\n")).collect();
    fs::write(&records, text).unwrap();
    let drawn = folder.path().join("drawn");
    fs::create_dir(&drawn).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/fleet/pictures.py");
    let mut command = Command::new(PYTHON.as_ref().unwrap());
    command.arg("-B").arg(script).arg(folder.path().join("store")).arg(&records).arg(&drawn);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (name, _) in SHOWN {
        let file = pictures().join(format!("{name}.svg"));
        let fresh = fs::read_to_string(drawn.join(format!("{name}.svg"))).unwrap();
        if std::env::var_os("TRACEGO_BLESS").is_some() {
            fs::create_dir_all(pictures()).unwrap();
            fs::write(&file, &fresh).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        let line = fresh.lines().zip(kept.lines()).find(|(fresh, kept)| fresh != kept);
        assert!(fresh == kept, "{name} differs: cargo xtask pictures: {line:?}");
    }
}
