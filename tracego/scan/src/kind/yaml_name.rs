//! The kinds of YAML files, by their names.

use super::{CiFile, DocumentKind};

impl DocumentKind {
    /// Returns the kind of a YAML file.
    pub(super) fn of_yaml(path: &str, lower: &str, folder: &dyn Fn(&str) -> bool) -> Self {
        let stem = lower.trim_end_matches(".yml").trim_end_matches(".yaml");
        let ci = |file| Self::Ci(file);
        match stem {
            ".gitlab-ci" => return ci(CiFile::Gitlab),
            ".drone" | ".woodpecker" | ".vela" => return ci(CiFile::Drone),
            "bitbucket-pipelines"
            | ".travis"
            | ".cirrus"
            | "appveyor"
            | ".appveyor"
            | "cloudbuild"
            | "buildspec"
            | "codefresh"
            | "pipeline"
            | "wercker"
            | "shippable"
            | ".semaphore"
            | "tugboat" => {
                return ci(CiFile::Other);
            }
            "action" => return ci(CiFile::Github),
            "kustomization" => return Self::Kustomization,
            "taskfile" | "taskfile.dist" => return Self::Taskfile,
            ".pre-commit-config" | ".pre-commit-hooks" | "lefthook" | ".lefthook" | ".goreleaser"
            | "goreleaser" => {
                return Self::Hooks;
            }
            "render" | "app" if !folder("templates") => return Self::App,
            _ => {}
        }
        let is_compose =
            stem.starts_with("docker-compose") || stem == "compose" || stem.starts_with("compose.");
        match () {
            () if folder("workflows") && (folder(".github") || folder(".gitea") || folder(".forgejo")) => {
                ci(CiFile::Github)
            }
            () if folder(".circleci") => ci(CiFile::Circle),
            () if folder(".buildkite") || stem == "buildkite" => ci(CiFile::Buildkite),
            () if folder(".woodpecker") || stem.starts_with(".drone") => ci(CiFile::Drone),
            () if folder(".semaphore") || stem.starts_with("cloudbuild") || stem.starts_with("buildspec") => {
                ci(CiFile::Other)
            }
            () if stem.contains("azure-pipelines")
                || folder(".azure-pipelines")
                || folder("azure-pipelines")
                || folder(".azuredevops") =>
            {
                ci(CiFile::Azure)
            }
            () if stem.contains("gitlab-ci") || folder(".gitlab") || folder(".gitlab-ci") => {
                ci(CiFile::Gitlab)
            }
            () if is_compose => Self::Compose,
            () if stem.starts_with("values") && !folder("templates") => Self::HelmValues,
            () if stem.starts_with("taskfile") => Self::Taskfile,
            () if stem.starts_with("ecosystem") || stem.starts_with("pm2") => Self::Processes,
            () if folder(".do") => Self::App,
            // A component of GitLab has its template beside others.
            () if path.starts_with("templates/") && !folder("charts") => ci(CiFile::Gitlab),
            () => Self::Yaml,
        }
    }
}
