//! The keys of CI systems whose files are YAML.

use crate::kind::CiFile;

/// A CI system: the keys of its files whose values are scripts.
#[derive(Debug)]
pub(in crate::document) struct CiForm {
    /// Whether keys that end with `_script` are scripts, too.
    pub(super) has_named_scripts: bool,
    /// Keys whose values are scripts: a text, a list of texts, or a mapping with one of them under `command`.
    pub(super) scripts: &'static [&'static str],
    /// Keys whose values are mappings of variables.
    pub(super) variables: &'static [&'static str],
    /// Whether a list of `command` or `entrypoint` is the words of one command.
    pub(super) has_exec_form: bool,
}

/// GitHub Actions, Gitea and Forgejo.
pub(in crate::document) const GITHUB: CiForm =
    CiForm { has_named_scripts: false, scripts: &["run"], variables: &["env"], has_exec_form: false };
/// GitLab CI/CD.
pub(in crate::document) const GITLAB: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["script", "before_script", "after_script", "pre_get_sources_script", "run"],
    variables: &["variables"],
    has_exec_form: true,
};
/// CircleCI.
pub(in crate::document) const CIRCLE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["run", "command"],
    variables: &["environment"],
    has_exec_form: false,
};
/// Azure Pipelines.
pub(in crate::document) const AZURE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["script", "bash", "pwsh", "powershell", "inlineScript"],
    variables: &["variables", "env"],
    has_exec_form: false,
};
/// Drone, Woodpecker and Vela.
pub(in crate::document) const DRONE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["commands"],
    variables: &["environment"],
    has_exec_form: true,
};
/// Buildkite.
pub(in crate::document) const BUILDKITE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["command", "commands"],
    variables: &["env"],
    has_exec_form: false,
};
/// Any other: Bitbucket, Travis, Cirrus, Semaphore, `AppVeyor`, Cloud Build, `CodeBuild`, Concourse.
pub(in crate::document) const OTHER: CiForm = CiForm {
    has_named_scripts: true,
    scripts: &[
        "script",
        "after-script",
        "before_script",
        "after_script",
        "install",
        "before_install",
        "after_success",
        "before_deploy",
        "commands",
        "command",
        "cmd",
        "run",
        "build_script",
        "test_script",
        "before_build",
        "after_build",
        "deploy_script",
        "on_success",
        "on_finish",
        "setup",
        "pre_build",
        "post_build",
        "finally",
        "after_failure",
        "after_deploy",
        "before_cache",
        "before_test",
        "after_test",
        "before_package",
        "init",
        "ps",
        "pwsh",
        "sh",
        "on_failure",
    ],
    variables: &["env", "variables", "environment"],
    has_exec_form: false,
};

impl CiFile {
    /// Returns the keys of the system.
    pub(in crate::document) fn form(self) -> &'static CiForm {
        match self {
            Self::Github => &GITHUB,
            Self::Gitlab => &GITLAB,
            Self::Circle => &CIRCLE,
            Self::Azure => &AZURE,
            Self::Drone => &DRONE,
            Self::Buildkite => &BUILDKITE,
            Self::Other => &OTHER,
        }
    }
}
