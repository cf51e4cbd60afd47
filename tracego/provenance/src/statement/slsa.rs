//! SLSA provenance, versions 0.2 and 1.

use serde_json::Value;

use super::Statement;
use crate::clean_text::clean;

/// Adds what a predicate says of the build. A member of another type is left out.
pub(super) fn add(statement: &mut Statement, predicate: &str) {
    let add = match statement.predicate_type.as_str() {
        "https://slsa.dev/provenance/v1" => version_1,
        "https://slsa.dev/provenance/v0.2" => version_02,
        _ => return,
    };
    if let Ok(predicate) = serde_json::from_str::<Value>(predicate) {
        add(statement, &predicate);
    }
}

/// Returns the text at a place.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty()).map(clean)
}

fn version_1(statement: &mut Statement, predicate: &Value) {
    statement.builder = text(predicate, "/runDetails/builder/id");
    statement.run = text(predicate, "/runDetails/metadata/invocationId");
    let workflow = "/buildDefinition/externalParameters/workflow";
    statement.repository = text(predicate, &format!("{workflow}/repository"));
    statement.reference = text(predicate, &format!("{workflow}/ref"));
    let dependencies = predicate.pointer("/buildDefinition/resolvedDependencies").and_then(Value::as_array);
    let dependencies = dependencies.map_or(&[][..], Vec::as_slice);
    let source = |dependency: &&Value| {
        let uri = text(dependency, "/uri").unwrap_or_default();
        let (repository, _) = source(&uri);
        statement.repository.as_deref().is_none_or(|wanted| wanted == repository)
            && dependency.pointer("/digest/gitCommit").is_some()
    };
    if let Some(dependency) = dependencies.iter().find(source) {
        statement.revision = text(dependency, "/digest/gitCommit");
        let uri = text(dependency, "/uri").unwrap_or_default();
        let (repository, reference) = self::source(&uri);
        statement.repository.get_or_insert_with(|| repository.to_owned());
        statement.reference = statement.reference.take().or_else(|| reference.map(str::to_owned));
    }
}

fn version_02(statement: &mut Statement, predicate: &Value) {
    statement.builder = text(predicate, "/builder/id");
    statement.run = text(predicate, "/metadata/buildInvocationID");
    statement.revision = text(predicate, "/invocation/configSource/digest/sha1");
    if let Some(uri) = text(predicate, "/invocation/configSource/uri") {
        let (repository, reference) = source(&uri);
        statement.repository = Some(repository.to_owned());
        statement.reference = reference.map(str::to_owned);
    }
}

/// Returns the repository and the reference in `git+https://host/owner/name@refs/heads/main`.
fn source(uri: &str) -> (&str, Option<&str>) {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    match uri.split_once("@refs/") {
        Some((repository, _)) => (repository, uri.get(repository.len() + 1..)),
        None => (uri, None),
    }
}
