//! The data of a bundle: one document made from all files named `data.json`, `data.yaml` or `data.yml`, each
//! at the place of its folder.

use serde_json::{Map, Value};

use super::{
    error::{BundleProblem, FileProblem},
    files::{BundleFiles, VALUES_MAX, is_data},
    manifest::Manifest,
};

/// Maximum nesting of objects and lists in YAML; the same as in serde_json.
const NESTED_MAX: usize = 127;

/// Maximum number of events that YAML aliases may repeat. BundleFiles written by people repeat little.
const REPEATED_MAX: usize = 1 << 16;

/// Merges the data of all files.
pub(super) fn data(files: &BundleFiles, manifest: &Manifest) -> Result<Value, FileProblem> {
    let (mut all, mut values) = (Map::new(), 0);
    for (name, content) in files.iter().filter(|(name, _)| is_data(name)) {
        let at = |problem: BundleProblem| problem.of(name);
        let mut value = parse(name, content).map_err(at)?;
        values += count(&value);
        if values > VALUES_MAX {
            return Err(at(BundleProblem::Values));
        }
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        roots(&value, folder, manifest).map_err(at)?;
        for part in folder.rsplit('/').filter(|part| !part.is_empty()) {
            value = Value::Object(Map::from_iter([(part.to_owned(), value)]));
        }
        let Value::Object(value) = value else {
            return Err(at(BundleProblem::NoObject));
        };
        merge(&mut all, value, "").map_err(at)?;
    }
    Ok(Value::Object(all))
}

fn parse(name: &str, content: &[u8]) -> Result<Value, BundleProblem> {
    if name.ends_with(".json") {
        serde_json::from_slice(content).map_err(|error| BundleProblem::Data(error.to_string()))
    } else {
        yaml(content)
    }
}

/// Parses one YAML document. The limits on aliases keep a small file small.
///
/// `yes` and `on` are true, as in OPA. A number with a leading zero is a text: it is octal for OPA but not
/// for YAML 1.2, so its author has to be explicit.
pub(super) fn yaml(content: &[u8]) -> Result<Value, BundleProblem> {
    let text = std::str::from_utf8(content).map_err(|error| BundleProblem::Utf8(error.valid_up_to()))?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: NESTED_MAX,
            max_documents: 1,
            max_nodes: VALUES_MAX,
            max_aliases: 1024,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPEATED_MAX },
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| BundleProblem::Data(error.to_string()))
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum(),
        _ => 0,
    }
}

/// Checks that all of a value lies under the roots. Above a root there may only be objects.
fn roots(value: &Value, path: &str, manifest: &Manifest) -> Result<(), BundleProblem> {
    if manifest.permits(path) {
        return Ok(());
    }
    match value {
        Value::Object(object) if manifest.has_root_below(path) => {
            object.iter().try_for_each(|(key, value)| roots(value, &join(path, key), manifest))
        }
        _ => Err(BundleProblem::DataOutside(format!("/{path}"), manifest.roots_text())),
    }
}

/// Appends a key to a path. A slash in the key is escaped, because it is no folder.
pub(super) fn join(path: &str, key: &str) -> String {
    let key = key.replace('/', "%2F");
    if path.is_empty() { key } else { format!("{path}/{key}") }
}

/// Merges an object into another. Only objects may come from several files.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>, path: &str) -> Result<(), BundleProblem> {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (None, value) => {
                into.insert(key, value);
            }
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from, &format!("{path}/{key}"))?,
            _ => return Err(BundleProblem::Overlap(format!("{path}/{key}"))),
        }
    }
    Ok(())
}
