//! Manifests of Kubernetes, their patches, and values of Helm.

use std::rc::Rc;

use super::{
    DocumentKind,
    yaml::{self, Node},
};
use crate::{
    command::CommandReader,
    extract::{Context, Extract, Inclusion},
    setting::Setting,
    text::Text,
    word::Word,
    written_file::WrittenFile,
};

/// Maximum depth of YAML in texts of YAML.
const MAX_INNER: usize = 3;

/// Reads manifests of Kubernetes, Tekton and Argo Workflows.
pub(super) fn read_kubernetes(documents: &[Rc<Node>], extract: &mut Extract) {
    for document in documents {
        let group = document.get("apiVersion").and_then(|version| version.value()).unwrap_or_default();
        let kind = document.get("kind").and_then(|kind| kind.value()).unwrap_or_default();
        let is_pipeline = group.starts_with("tekton.dev/")
            || group.starts_with("argoproj.io/") && kind.contains("Workflow")
            || kind == "ProwJob";
        let setting = if is_pipeline { Setting::Ci } else { Setting::Production };
        let context = Context { setting, unit: None, folder: None };
        if matches!(kind.as_str(), "ConfigMap" | "Secret") {
            read_files(document, &context, extract);
        }
        read_containers(document, 0, &context, extract);
    }
}

/// Reads the commands, scripts and variables of all mappings.
fn read_containers(document: &Node, depth: usize, context: &Context, extract: &mut Extract) {
    document.each_mapping(&mut |mapping| {
        let list = |key: &str| {
            mapping.get(key).filter(|value| !value.elements().is_empty()).map(|value| value.words())
        };
        let mut reader = CommandReader::new(context, extract);
        let arguments = list("args").unwrap_or_default();
        let mut words = list("command").unwrap_or_default();
        // A script as command often executes its arguments.
        if !words.is_empty() && arguments.first().is_some_and(Word::is_go_command) {
            reader.read_words(arguments.clone());
        }
        words.extend(arguments);
        reader.read_words(words);
        for script in ["script", "source", "buildCommand"].iter().filter_map(|key| mapping.get(key)?.text()) {
            reader.read_script(script);
        }
        for entry in mapping.get("env").map(|env| env.elements()).unwrap_or_default() {
            if let (Some(name), Some(value)) =
                (entry.get("name").and_then(|name| name.value()), entry.get("value").and_then(|v| v.text()))
            {
                reader.declare(&name, &Word::known(value.clone()));
            }
        }
        // Values of Helm in an Application of Argo CD, and patches of kustomize.
        for text in ["values", "patch"].iter().filter_map(|key| mapping.get(key)?.text()) {
            read_inner(text, depth + 1, context, extract);
        }
        true
    });
}

/// Reads YAML in a text.
fn read_inner(text: &Text, depth: usize, context: &Context, extract: &mut Extract) {
    if depth <= MAX_INNER && text.bytes().contains(&b'\n') && extract.spend(text.len()) {
        for document in yaml::parse_text(text) {
            read_patch(&document, depth, context, extract);
        }
    }
}

/// Reads the files that a ConfigMap or a Secret holds: scripts, units and crontabs.
fn read_files(document: &Node, context: &Context, extract: &mut Extract) {
    for files in ["data", "stringData"].iter().filter_map(|key| document.get(key)) {
        for (name, content) in files.entries() {
            let (Some(name), Some(content)) = (name.value(), content.text()) else { continue };
            match WrittenFile::of(&name, content) {
                Some(WrittenFile::Script) => CommandReader::new(context, extract).read_script(content),
                Some(written) => extract.write(written, content),
                None => {}
            }
        }
    }
}

/// Reads a file of kustomize, or a patch: operations of RFC 6902, or a part of a manifest.
pub(super) fn read_kustomization(documents: &[Rc<Node>], extract: &mut Extract) {
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    for document in documents {
        read_patch(document, 0, &context, extract);
        let patches = ["patches", "patchesJson6902", "patchesStrategicMerge"]
            .iter()
            .filter_map(|key| document.get(key));
        for patch in patches.flat_map(|patches| patches.elements().to_vec()) {
            let path = patch.get("path").and_then(|path| path.value());
            let own = patch.value().filter(|text| !text.contains('\n'));
            if let Some(path) = path.or(own) {
                extract.include(Inclusion { path, kind: DocumentKind::Kustomization });
            } else if let Some(text) = patch.text() {
                read_inner(text, 1, &context, extract);
            }
        }
    }
}

fn read_patch(document: &Node, depth: usize, context: &Context, extract: &mut Extract) {
    read_containers(document, depth, context, extract);
    let operations = document.elements();
    let path = |operation: &Node| operation.get("path").and_then(|path| path.value()).unwrap_or_default();
    for operation in operations.iter().take(1024) {
        let path_here = path(operation);
        let Some(value) = operation.get("value") else { continue };
        if let Some(container) = path_here.strip_suffix("/command") {
            let mut words = value.words();
            let arguments =
                operations.iter().take(64).find(|other| path(other) == format!("{container}/args"));
            words.extend(
                arguments
                    .and_then(|arguments| arguments.get("value"))
                    .map(|value| value.words())
                    .unwrap_or_default(),
            );
            CommandReader::new(context, extract).read_words(words);
        } else if path_here.ends_with("/args") && value.words().first().is_some_and(Word::is_go_command) {
            CommandReader::new(context, extract).read_words(value.words());
        }
    }
}

/// Reads values of a Helm chart: commands and arguments that are lists.
pub(super) fn read_values(documents: &[Rc<Node>], extract: &mut Extract) {
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    documents.iter().for_each(|document| read_containers(document, 0, &context, extract));
}

/// Whether a document is a manifest of Kubernetes.
pub(super) fn is_kubernetes(document: &Node) -> bool {
    document.get("apiVersion").is_some() && document.get("kind").is_some()
}
