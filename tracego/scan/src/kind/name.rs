//! Names of files that say what is in them.

use super::DocumentKind;

pub(super) fn is_unit(lower: &str) -> bool {
    const SUFFIXES: [&str; 4] = ["", ".in", ".j2", ".tmpl"];
    [".service", ".container", ".ini", ".supervisor.conf"].iter().any(|unit| {
        SUFFIXES.iter().any(|suffix| {
            lower
                .strip_suffix(suffix)
                .is_some_and(|rest| rest.ends_with(unit) && (*unit != ".ini" || lower.contains("superv")))
        })
    })
}

/// Whether a file adds to a unit, as `x.service.d/override.conf` does.
pub(super) fn is_drop_in(parts: &[&str], extension: &str) -> bool {
    let folder = parts.iter().rev().nth(1).copied().unwrap_or_default();
    extension == "conf" && [".service.d", ".container.d"].iter().any(|end| folder.ends_with(end))
}

pub(super) fn is_source(extension: &str) -> bool {
    matches!(
        extension,
        "go" | "py"
            | "js"
            | "ts"
            | "rb"
            | "rs"
            | "md"
            | "txt"
            | "html"
            | "json"
            | "dockerignore"
            | "c"
            | "java"
            | "orig"
            | "bak"
            | "rej"
            | "swp"
            | "tmp"
            | "markdown"
    )
}

pub(super) fn of_json(lower: &str, folder: &dyn Fn(&str) -> bool) -> Option<DocumentKind> {
    match () {
        () if lower.starts_with("ecosystem") || lower.starts_with("pm2") || lower == "process.json" => {
            Some(DocumentKind::Processes)
        }
        () if folder("node_modules") || lower.ends_with(".lock.json") || lower == "package-lock.json" => None,
        () if matches!(lower, "devcontainer.json" | ".devcontainer.json" | "nodemon.json")
            || folder(".vscode") && matches!(lower, "tasks.json" | "launch.json") =>
        {
            Some(DocumentKind::Editor)
        }
        () if matches!(lower, "lefthook.json" | ".lefthook.json" | ".lintstagedrc.json") => {
            Some(DocumentKind::Hooks)
        }
        () if folder("kubernetes") || folder("k8s") || folder("manifests") || folder("deploy") => {
            Some(DocumentKind::Yaml)
        }
        () => None,
    }
}

/// Whether a file in TOML has commands.
pub(super) fn is_toml(lower: &str, folder: &dyn Fn(&str) -> bool) -> bool {
    const NAMES: [&str; 8] = [
        ".air.toml",
        "air.toml",
        "mise.toml",
        ".mise.toml",
        "mise.local.toml",
        "fly.toml",
        "netlify.toml",
        "railway.toml",
    ];
    NAMES.contains(&lower) || lower == "config.toml" && (folder("mise") || folder(".mise"))
}

/// Whether a script is a hook of git.
pub(crate) fn is_hook(path: &str) -> bool {
    const FOLDERS: [&str; 5] = [".husky", ".githooks", "githooks", ".git-hooks", ".lefthook"];
    path.split('/').any(|part| FOLDERS.contains(&part))
}

pub(super) fn of_source(extension: &str) -> Option<DocumentKind> {
    Some(match extension {
        "go" => DocumentKind::GoSource,
        "sh" | "bash" | "zsh" | "ksh" | "ash" | "bats" | "ps1" | "bat" | "cmd" => DocumentKind::Shell,
        "py" => DocumentKind::Python,
        "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" => DocumentKind::JavaScript,
        "rb" | "rake" => DocumentKind::Ruby,
        "bzl" | "bazel" => DocumentKind::Bazel,
        "md" | "markdown" => DocumentKind::Markdown,
        _ => return None,
    })
}
