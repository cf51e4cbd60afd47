//! Properties of every bill, shared with the fuzz target.

use std::collections::HashSet;

use serde_json::Value;
use tracego_sbom::{
    bill::{BillOfMaterials, ModuleCompleteness},
    cyclonedx::{self, CycloneVersion},
    inventory::SoftwareInventory,
    osv::OsvDatabase,
    record::ProgramReader,
    spdx2, spdx3, text,
};

/// Checks the lines of one input, each as a record and as an advisory.
pub(super) fn any(input: &[u8]) {
    let mut reader = ProgramReader::new(None);
    let mut database = OsvDatabase::default();
    let mut refused = 0;
    for (n, line) in input.split(|&byte| byte == b'\n').enumerate() {
        refused += u64::from(reader.take(line, "records.json", n as u64 + 1).is_err());
        let _is_used = database.add(line);
    }
    let inventory = reader.finish();
    assert_eq!(inventory.gaps.unread, refused);
    bill(&inventory, &database);
}

/// Checks the bill of an inventory, and its vulnerabilities.
pub(super) fn bill(inventory: &SoftwareInventory, database: &OsvDatabase) {
    let mut bill = BillOfMaterials::new(inventory, None, "1.0.0");
    let found = database.vulnerabilities(&bill);
    assert!(found.is_sorted());
    bill.vulnerabilities = Some(found);
    for of in &bill.programs {
        // A list that somebody could think whole is one that is.
        assert!(of.completeness != ModuleCompleteness::Complete || !of.program.lacks_modules());
        assert!(!of.program.lacks_modules() || !bill.missing.is_empty());
        assert!(of.program.sha256.is_some() || !bill.missing.is_empty());
    }
    let is_incomplete = bill.program_completeness() == ModuleCompleteness::Incomplete;
    assert!(inventory.gaps.unread == 0 || is_incomplete);
    formats(&bill);
}

fn formats(bill: &BillOfMaterials<'_>) {
    for version in [CycloneVersion::V1_6, CycloneVersion::V1_7] {
        let bytes = cyclonedx::document(bill, version).unwrap();
        assert_eq!(bytes, cyclonedx::document(bill, version).unwrap());
        cyclonedx(&serde_json::from_slice(&bytes).unwrap());
    }
    let spdx: Value = serde_json::from_slice(&spdx2::document(bill).unwrap()).unwrap();
    let ids: Vec<&str> = list(&spdx["packages"]).iter().filter_map(|one| one["SPDXID"].as_str()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    let graph: Value = serde_json::from_slice(&spdx3::document(bill).unwrap()).unwrap();
    assert!(list(&graph["@graph"]).len() >= 4 + ids.len());
    let mut lines = Vec::new();
    text::write(bill, 0, &mut lines).unwrap();
}

/// Checks that references are unique and lead somewhere.
fn cyclonedx(document: &Value) {
    let mut known = HashSet::from([document["metadata"]["component"]["bom-ref"].as_str().unwrap()]);
    for component in list(&document["components"]) {
        assert!(known.insert(component["bom-ref"].as_str().unwrap()), "{component}");
        assert!(!component["name"].as_str().unwrap().is_empty(), "{component}");
    }
    for dependency in list(&document["dependencies"]) {
        let to = list(&dependency["dependsOn"]).iter().chain([&dependency["ref"]]);
        assert!(to.into_iter().all(|to| known.contains(to.as_str().unwrap())), "{dependency}");
    }
    for vulnerability in list(&document["vulnerabilities"]) {
        let affected = list(&vulnerability["affects"]);
        assert!(!affected.is_empty());
        assert!(affected.iter().all(|one| known.contains(one["ref"].as_str().unwrap())), "{vulnerability}");
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
