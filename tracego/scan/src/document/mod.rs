//! Kinds of files, and their readers.

mod ci;
mod compose;
mod dockerfile;
mod editor;
mod exec_form;
mod expression;
mod go_source;
mod jenkinsfile;
mod justfile;
mod lines;
mod makefile;
mod manifest;
mod other_source;
mod package;
mod quoted;
mod script_file;
mod taskfile;
mod tasks;
mod toml_file;
mod yaml;

pub use crate::kind::{CiFile, DocumentKind};

use crate::{
    extract::{Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
    written_file::WrittenFile,
};

/// Reads a file of a kind.
#[must_use]
pub fn read(kind: DocumentKind, file: &SourceFile) -> Extract {
    read_with(kind, file, &[])
}

/// Reads a file of a kind. `others` are files that it includes, or that include it.
#[must_use]
pub fn read_with(kind: DocumentKind, file: &SourceFile, others: &[&SourceFile]) -> Extract {
    let mut extract = Extract::default();
    match kind {
        DocumentKind::Dockerfile => dockerfile::read(file, &mut extract),
        DocumentKind::Makefile => makefile::read(file, others, &mut extract),
        DocumentKind::Justfile => justfile::read(file, &mut extract),
        DocumentKind::Unit => {
            lines::read_unit(&Text::part(file.bytes(), 0..file.bytes().len()), &mut extract)
        }
        DocumentKind::Procfile => lines::read_procfile(file, &mut extract),
        DocumentKind::Crontab => lines::read_crontab(file, &mut extract),
        DocumentKind::Jenkinsfile => jenkinsfile::read(file, &mut extract),
        DocumentKind::Markdown => script_file::read_markdown(file, &mut extract),
        DocumentKind::Bazel => tasks::read_bazel(file.bytes(), &mut extract),
        DocumentKind::Toml => toml_file::read(file, &mut extract),
        DocumentKind::GoSource => go_source::read(file, &mut extract),
        DocumentKind::Python => other_source::read(file, &quoted::PYTHON, Setting::Helper, &mut extract),
        DocumentKind::JavaScript => {
            let is_process = file.name().starts_with("ecosystem.") || file.name().starts_with("pm2.");
            let setting = if is_process { Setting::Production } else { Setting::Helper };
            other_source::read(file, &quoted::JAVASCRIPT, setting, &mut extract);
        }
        DocumentKind::Ruby => other_source::read(file, &quoted::RUBY, Setting::Helper, &mut extract),
        DocumentKind::Shell => {
            let setting = match () {
                () if crate::kind::is_hook(&file.path) => Setting::Helper,
                () if is_of_ci(&file.path) => Setting::Ci,
                () => Setting::Open,
            };
            script_file::read_shell(file, setting, &mut extract);
        }
        DocumentKind::Ci(_)
        | DocumentKind::Compose
        | DocumentKind::Taskfile
        | DocumentKind::Package
        | DocumentKind::Hooks
        | DocumentKind::Processes
        | DocumentKind::App
        | DocumentKind::Kustomization
        | DocumentKind::HelmValues
        | DocumentKind::Editor
        | DocumentKind::Yaml => read_yaml(kind, file, &mut extract),
    }
    // Units and crontabs may write others, but each is a part of the text before.
    while let Some((written, content)) = extract.written.pop() {
        match written {
            WrittenFile::Unit => lines::read_unit(&content, &mut extract),
            WrittenFile::Crontab { has_user } => {
                let context = Context { setting: Setting::Production, unit: None, folder: None };
                lines::read_table(&content, has_user, &context, &mut extract);
            }
            WrittenFile::Script => {}
        }
    }
    extract
}

/// Whether a path is in a folder that belongs to a CI system.
fn is_of_ci(path: &str) -> bool {
    const FOLDERS: [&str; 11] = [
        ".github",
        ".gitlab",
        ".gitea",
        ".forgejo",
        ".circleci",
        ".buildkite",
        ".ci",
        "ci",
        ".woodpecker",
        ".azure-pipelines",
        ".teamcity",
    ];
    path.split('/').any(|part| FOLDERS.contains(&part))
}

fn read_yaml(kind: DocumentKind, file: &SourceFile, extract: &mut Extract) {
    let is_template =
        memchr::memmem::find(file.bytes(), b"{{").is_some() && matches!(kind, DocumentKind::Yaml);
    let plain;
    let bytes = if is_template {
        plain = yaml::without_templates(file.bytes());
        &plain
    } else if kind == DocumentKind::Editor {
        plain = editor::without_comments(file.bytes());
        &plain
    } else {
        file.bytes()
    };
    let (documents, problem) = yaml::parse(bytes);
    match kind {
        DocumentKind::Ci(ci) => ci::read(&documents, ci, extract),
        DocumentKind::Compose => compose::read_compose(&documents, &file.path, extract),
        DocumentKind::Taskfile => taskfile::read(&documents, file.folder(), extract),
        DocumentKind::Package => package::read(&documents, file.folder(), extract),
        DocumentKind::Hooks => tasks::read_hooks(&documents, extract),
        DocumentKind::Processes => tasks::read_processes(&documents, extract),
        DocumentKind::App => compose::read_app(&documents, extract),
        DocumentKind::Kustomization => manifest::read_kustomization(&documents, extract),
        DocumentKind::Editor => {
            let is_container = file.name().contains("devcontainer");
            editor::read(
                &documents,
                if is_container { Setting::Helper } else { Setting::Developer },
                extract,
            );
        }
        DocumentKind::HelmValues => manifest::read_values(&documents, extract),
        _ if documents.iter().any(|document| manifest::is_kubernetes(document)) => {
            manifest::read_kubernetes(&documents, extract);
        }
        _ if documents.iter().any(|document| document.get("services").is_some()) => {
            compose::read_compose(&documents, &file.path, extract);
        }
        // Nothing is known of any other file, so that it cannot be read is no loss.
        _ => return,
    }
    if !is_template {
        extract.problems.extend(problem);
    }
}
