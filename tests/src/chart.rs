//! helm, kubectl and the validator of Kubernetes's schemas, and what helm makes of the chart in `deploy/helm`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::python;

/// Programs for Kubernetes, installed once below `target`.
#[derive(Clone, Debug)]
pub struct ChartTools {
    python: PathBuf,
    /// helm.
    pub helm: PathBuf,
    /// kubectl.
    pub kubectl: PathBuf,
    /// The validator of manifests.
    pub validate: PathBuf,
}

impl ChartTools {
    /// Installs them once.
    ///
    /// # Errors
    /// Names what is missing on this machine, in few words.
    pub fn ready() -> Result<Self, String> {
        let python = python::environment("kubernetes")?;
        let folder = python.parent().unwrap().to_owned();
        let program = |name: &str, version: &[&str]| {
            let program = folder.join(name);
            if !program.exists() {
                let _written = python::script(&python, "helm.py", &[program.to_str().unwrap()], &[]);
            }
            let works = Command::new(&program).args(version).output();
            if works.is_ok_and(|output| output.status.success()) {
                Ok(program)
            } else {
                Err(format!("{name} does not run on this machine"))
            }
        };
        Ok(Self {
            helm: program("helm", &["version"])?,
            kubectl: program("kubectl", &["version", "--client"])?,
            validate: folder.join("kubernetes-validate"),
            python,
        })
    }

    /// Runs helm on the chart.
    ///
    /// # Panics
    /// Panics if it cannot be started.
    #[must_use]
    pub fn run_helm(&self, arguments: &[&str]) -> Output {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(&self.helm);
        command.args(arguments).arg(chart()).env_clear().env("HOME", home.path());
        command.output().unwrap()
    }

    /// Returns what the chart makes for a minor version of Kubernetes.
    ///
    /// # Panics
    /// Panics if helm refuses the values.
    #[must_use]
    pub fn rendered(&self, minor: u32, values: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), values).unwrap();
        let version = format!("1.{minor}.0");
        let values = file.path().to_str().unwrap();
        let line =
            ["template", "tracego", "--namespace", "tracego", "--kube-version", &version, "-f", values];
        printed(&self.run_helm(&line))
    }

    /// Returns what the chart makes, as values.
    ///
    /// # Panics
    /// Panics if helm refuses the values, or makes what is no YAML.
    #[must_use]
    pub fn objects(&self, minor: u32, values: &str) -> Vec<Value> {
        let text = self.rendered(minor, values);
        let json = python::script(&self.python, "yaml_as_json.py", &[], text.as_bytes());
        serde_json::from_slice(&json).unwrap()
    }
}

/// Returns the standard output of a command that succeeded.
///
/// # Panics
/// Panics if it failed.
#[must_use]
pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the folder `deploy`.
#[must_use]
pub fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn chart() -> PathBuf {
    deploy().join("helm/tracego")
}
