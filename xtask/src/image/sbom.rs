//! The crates in the program, as scanners read them: CycloneDX 1.5.

use anyhow::Result;
use serde_json::{Value, json};

use super::{ImageSource, licences::word, program};

/// Returns the list of crates, sorted by name.
pub(super) fn text(metadata: &Value, source: &ImageSource) -> Result<String> {
    let mut components = Vec::new();
    for package in program::packages(metadata)? {
        let (name, version) = (word(package, "name")?, word(package, "version")?);
        if name == "tracego" {
            continue;
        }
        let purl = format!("pkg:cargo/{name}@{version}");
        let mut component = json!({
            "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
        });
        if let (Some(licence), Some(component)) = (package["license"].as_str(), component.as_object_mut()) {
            // Old manifests separate licences by a slash.
            let expression = licence.replace('/', " OR ");
            component.insert("licenses".to_owned(), json!([{ "expression": expression }]));
        }
        components.push(component);
    }
    let main = format!("pkg:cargo/tracego@{}", source.version);
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": source.created()?,
            "component": {
                "type": "application", "bom-ref": main, "name": "tracego", "version": source.version, "purl": main,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
            "properties": [{ "name": "tracego:revision", "value": source.revision }],
        },
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&bom)? + "\n")
}
