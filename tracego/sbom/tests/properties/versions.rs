//! The order of versions: that of the crate semver, which is not ours.

use std::cmp::Ordering;

use proptest::prelude::*;
use semver::Version;
use tracego_sbom::osv::{ModuleVersion, OsvDatabase};

/// A version, often close to others, or a pseudo-version of Go.
fn version() -> impl Strategy<Value = String> {
    let number = prop_oneof![Just("0".to_owned()), "[1-9][0-9]{0,3}"];
    let part = prop_oneof!["[a-z]{1,3}", "0|[1-9][0-9]{0,3}", "0[a-z-]{1,3}", "[0-9]{1,2}[a-z-]"];
    let parts = prop::collection::vec(part, 0..4).prop_map(|parts| parts.join("."));
    let pseudo = "(0\\.|rc\\.1\\.0\\.)?20[12][0-9]0[1-9]1[0-9]{7}-[0-9a-f]{12}";
    let pre = prop_oneof![3 => parts, 1 => pseudo];
    let build = prop_oneof![Just(""), Just("+incompatible"), Just("+dirty")];
    (number.clone(), number.clone(), number, pre, build).prop_map(|(major, minor, patch, pre, build)| {
        let dash = if pre.is_empty() { "" } else { "-" };
        format!("{major}.{minor}.{patch}{dash}{pre}{build}")
    })
}

fn ours(text: &str) -> ModuleVersion {
    ModuleVersion::parse(text).unwrap_or_else(|| panic!("{text} is refused"))
}

/// Returns the order by the crate semver, which also orders by build metadata; Go does not.
fn theirs(a: &str, b: &str) -> Ordering {
    let parse = |text: &str| {
        let mut version = Version::parse(text).unwrap();
        version.build = semver::BuildMetadata::EMPTY;
        version
    };
    parse(a).cmp(&parse(b))
}

proptest! {
    #[test]
    fn the_order_is_that_of_semver(a in version(), b in version()) {
        prop_assert_eq!(ours(&a).cmp(&ours(&b)), theirs(&a, &b), "{} {}", a, b);
        prop_assert_eq!(ours(&format!("v{a}")), ours(&a));
        prop_assert_eq!(ours(&ours(&a).to_string()), ours(&a));
    }

    #[test]
    fn what_semver_refuses_is_refused(text in "v?[0-9a.+-]{0,12}") {
        let bare = text.strip_prefix('v').unwrap_or(&text);
        // Go takes versions that are cut, and semver no number above 64 bits.
        let is_cut = bare.split(['-', '+']).next().unwrap_or_default().split('.').count() < 3;
        if !is_cut {
            prop_assert_eq!(ModuleVersion::parse(&text).is_some(), Version::parse(bare).is_ok(), "{}", text);
        }
    }

    #[test]
    fn a_range_is_between_its_ends(at in version(), introduced in version(), fixed in version()) {
        let advisory = serde_json::json!({ "id": "GO-1", "affected": [{
            "package": { "ecosystem": "Go", "name": "example.com/a" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": introduced }, { "fixed": fixed }] }],
        }] });
        let mut database = OsvDatabase::default();
        database.add(advisory.to_string().as_bytes()).unwrap();
        let is_in = theirs(&at, &introduced).is_ge() && theirs(&at, &fixed).is_lt();
        let reopened = theirs(&fixed, &introduced).is_le() && theirs(&at, &introduced).is_ge();
        prop_assert_eq!(found(&database, &at), is_in || reopened);
    }
}

/// Whether an advisory about `example.com/a` holds for a version: that of the main module of a program that ran.
fn found(database: &OsvDatabase, version: &str) -> bool {
    let record = serde_json::json!({
        "schema": "tracego/2", "event_name": "tracego.process.start", "timestamp": "2026-11-25T02:00:00Z",
        "process": { "pid": 7, "executable": { "path": "/a", "build_id": { "htlhash": "00" } },
            "runtime": { "name": "go", "version": "go1.27.3" } },
        "tracego": { "go": { "build": { "path": "example.com/a", "dependencies": 0,
            "module": { "path": "example.com/a", "version": version } } } },
    });
    let mut reader = tracego_sbom::record::ProgramReader::new(None);
    reader.take(record.to_string().as_bytes(), "records", 1).unwrap();
    let inventory = reader.finish();
    let bill = tracego_sbom::bill::BillOfMaterials::new(&inventory, None, "1.0.0");
    !database.vulnerabilities(&bill).is_empty()
}
