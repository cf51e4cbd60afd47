//! The kind of a file, by its path.

mod name;
mod yaml_name;

pub(crate) use name::is_hook;
use name::{is_drop_in, is_source, is_toml, is_unit, of_json, of_source};

/// The kind of a file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DocumentKind {
    /// A Dockerfile, Containerfile or Earthfile.
    Dockerfile,
    /// A file of a CI system in YAML.
    Ci(CiFile),
    /// A compose file.
    Compose,
    /// A Makefile.
    Makefile,
    /// A justfile.
    Justfile,
    /// A Taskfile.
    Taskfile,
    /// A package.json.
    Package,
    /// Hooks of pre-commit, lefthook or a release tool.
    Hooks,
    /// Processes of pm2.
    Processes,
    /// The description of an app on a platform.
    App,
    /// A file or a patch of kustomize.
    Kustomization,
    /// Values of a Helm chart.
    HelmValues,
    /// Any other YAML: a manifest of Kubernetes, or nothing.
    Yaml,
    /// Commands of an editor or of a container for development, in JSON with comments.
    Editor,
    /// Tasks or commands in TOML.
    Toml,
    /// A shell script.
    Shell,
    /// A unit of systemd, a file of Quadlet or supervisord.
    Unit,
    /// A Procfile.
    Procfile,
    /// A crontab.
    Crontab,
    /// A Jenkinsfile.
    Jenkinsfile,
    /// Go source.
    GoSource,
    /// Python source.
    Python,
    /// JavaScript or TypeScript source.
    JavaScript,
    /// Ruby source.
    Ruby,
    /// A BUILD file of Bazel.
    Bazel,
    /// A document in Markdown.
    Markdown,
}

/// A CI system whose files are YAML.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CiFile {
    /// GitHub Actions, Gitea, Forgejo.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// CircleCI.
    Circle,
    /// Azure Pipelines.
    Azure,
    /// Drone, Woodpecker, Vela.
    Drone,
    /// Buildkite.
    Buildkite,
    /// Any other.
    Other,
}

impl DocumentKind {
    /// All kinds.
    pub const ALL: [Self; 32] = [
        Self::Dockerfile,
        Self::Ci(CiFile::Github),
        Self::Ci(CiFile::Gitlab),
        Self::Ci(CiFile::Circle),
        Self::Ci(CiFile::Azure),
        Self::Ci(CiFile::Drone),
        Self::Ci(CiFile::Buildkite),
        Self::Ci(CiFile::Other),
        Self::Compose,
        Self::Makefile,
        Self::Justfile,
        Self::Taskfile,
        Self::Package,
        Self::Hooks,
        Self::Processes,
        Self::App,
        Self::Kustomization,
        Self::HelmValues,
        Self::Yaml,
        Self::Editor,
        Self::Toml,
        Self::Shell,
        Self::Unit,
        Self::Procfile,
        Self::Crontab,
        Self::Jenkinsfile,
        Self::GoSource,
        Self::Python,
        Self::JavaScript,
        Self::Ruby,
        Self::Bazel,
        Self::Markdown,
    ];

    /// Returns the kind of a file by its path. Returns `None` for one that holds no commands, or whose first line
    /// decides.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let lower = name.to_ascii_lowercase();
        let parts: Vec<&str> = path.split('/').collect();
        let folder = |name: &str| parts.iter().rev().skip(1).any(|part| *part == name);
        let stem = lower.split('.').next().unwrap_or_default();
        let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_yaml = matches!(extension, "yml" | "yaml");
        match lower.as_str() {
            "makefile" | "gnumakefile" | "bsdmakefile" => return Some(Self::Makefile),
            "justfile" | ".justfile" => return Some(Self::Justfile),
            "package.json" => return Some(Self::Package),
            "earthfile" => return Some(Self::Dockerfile),
            "build.bazel" | "build" if name != "build" => return Some(Self::Bazel),
            "crontab" => return Some(Self::Crontab),
            "supervisord.conf" | "supervisor.conf" => return Some(Self::Unit),
            "app.json" | "railway.json" | "fly.json" => return Some(Self::App),
            _ => {}
        }
        match () {
            () if matches!(stem, "dockerfile" | "containerfile") && !is_source(extension)
                || matches!(extension, "dockerfile" | "containerfile") =>
            {
                Some(Self::Dockerfile)
            }
            () if lower.starts_with("dockerfile") && !is_source(extension) => Some(Self::Dockerfile),
            () if lower.starts_with("makefile") && !is_source(extension)
                || matches!(extension, "mk" | "mak") =>
            {
                Some(Self::Makefile)
            }
            () if extension == "just" => Some(Self::Justfile),
            () if lower.starts_with("jenkinsfile") || matches!(extension, "jenkinsfile" | "groovy") => {
                Some(Self::Jenkinsfile)
            }
            () if is_hook(path) && (extension == lower || !name.contains('.')) => Some(Self::Shell),
            () if extension == "toml" => is_toml(&lower, &folder).then_some(Self::Toml),
            () if lower.starts_with("procfile") => Some(Self::Procfile),
            () if folder("cron.d") || extension == "crontab" => Some(Self::Crontab),
            () if folder("supervisor") || folder("supervisord") || folder("supervisor.d") => Some(Self::Unit),
            () if is_unit(&lower) || is_drop_in(&parts, extension) => Some(Self::Unit),
            () if is_yaml || extension == "tmpl" && stem.starts_with("docker-compose") => {
                Some(Self::of_yaml(path, &lower, &folder))
            }
            () if extension == "json" => of_json(&lower, &folder),
            () => of_source(extension),
        }
    }

    /// Returns the kind that a first line such as `#!/bin/sh` names.
    #[must_use]
    pub fn of_first_line(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line.get(..line.len().min(128)).unwrap_or_default()).into_owned();
        let program = line.strip_prefix("#!")?;
        let names = || program.split([' ', '/', '\t', '\n', '\r']);
        let is = |suffix: &str| {
            names().any(|name| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') == suffix)
        };
        match () {
            () if ["sh", "bash", "dash", "ash", "zsh", "ksh", "with-contenv"].iter().any(|name| is(name)) => {
                Some(Self::Shell)
            }
            () if is("make") => Some(Self::Makefile),
            () if is("just") => Some(Self::Justfile),
            () if is("python") => Some(Self::Python),
            () if is("node") => Some(Self::JavaScript),
            () if is("ruby") => Some(Self::Ruby),
            () => None,
        }
    }

    /// Whether a file without the word `go` can matter, because it may call others that have it.
    #[must_use]
    pub fn may_call(self) -> bool {
        !matches!(
            self,
            Self::GoSource
                | Self::Python
                | Self::JavaScript
                | Self::Ruby
                | Self::Bazel
                | Self::Markdown
                | Self::Yaml
                | Self::HelmValues
                | Self::Hooks
        )
    }
}

#[cfg(test)]
mod tests;
