//! CI jobs with their commit and the variables that say where they ran.

use std::collections::BTreeMap;

use serde_json::Value;
use tracego_model::clock::Time;

/// A variable whose value is a folder of the job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobVariable {
    /// Name of the variable.
    pub name: &'static str,
    /// Value.
    pub value: String,
}

/// The variables whose values are folders, by the name that stands for them in keys of processes. Several systems have
/// one for the checkout.
pub(super) const FOLDERS: [(&str, &str); 24] = [
    ("GITHUB_WORKSPACE", "WORKSPACE"),
    ("CI_PROJECT_DIR", "WORKSPACE"),
    ("WORKSPACE", "WORKSPACE"),
    ("BUILDKITE_BUILD_CHECKOUT_PATH", "WORKSPACE"),
    ("CIRCLE_WORKING_DIRECTORY", "WORKSPACE"),
    ("BUILD_SOURCESDIRECTORY", "WORKSPACE"),
    ("TRAVIS_BUILD_DIR", "WORKSPACE"),
    ("APPVEYOR_BUILD_FOLDER", "WORKSPACE"),
    ("CIRRUS_WORKING_DIR", "WORKSPACE"),
    ("SEMAPHORE_GIT_DIR", "WORKSPACE"),
    ("BITBUCKET_CLONE_DIR", "WORKSPACE"),
    ("CI_WORKSPACE", "WORKSPACE"),
    ("DRONE_WORKSPACE", "WORKSPACE"),
    ("CODEBUILD_SRC_DIR", "WORKSPACE"),
    ("RUNNER_TEMP", "RUNNER_TEMP"),
    ("AGENT_TEMPDIRECTORY", "RUNNER_TEMP"),
    ("RUNNER_TOOL_CACHE", "RUNNER_TOOL_CACHE"),
    ("GOCACHE", "GOCACHE"),
    ("GOMODCACHE", "GOMODCACHE"),
    ("GOPATH", "GOPATH"),
    ("GOROOT", "GOROOT"),
    ("GOTMPDIR", "TMPDIR"),
    ("TMPDIR", "TMPDIR"),
    ("HOME", "HOME"),
];

/// Maximum length of an attribute of a job, in bytes.
const ATTRIBUTE_MAX: usize = 500;

/// A CI job, or everything that is of none.
#[derive(Clone, Debug, Default)]
pub struct ReportedJob {
    /// Id: `cicd.pipeline.task.run.id`, else `cicd.pipeline.run.id`; empty for programs of no job.
    pub id: String,
    /// Attributes of `cicd` and `vcs` by their names, such as `vcs.ref.head.revision`.
    pub attributes: BTreeMap<&'static str, String>,
    /// Whether the job runs for a pull request.
    pub is_change: bool,
    /// Folders of the job, the longest first.
    pub folders: Vec<JobVariable>,
    /// First program start.
    pub began: Option<Time>,
    /// Last start or end of a program.
    pub ended: Option<Time>,
    /// Number of program starts, with those that were left out.
    pub starts: u64,
}

/// The attributes that reports show, with the pointers to their values.
const ATTRIBUTES: [(&str, bool, &str); 9] = [
    ("cicd.pipeline.name", true, "/pipeline/name"),
    ("cicd.pipeline.run.id", true, "/pipeline/run/id"),
    ("cicd.pipeline.run.url.full", true, "/pipeline/run/url/full"),
    ("cicd.pipeline.task.name", true, "/pipeline/task/name"),
    ("cicd.pipeline.task.run.id", true, "/pipeline/task/run/id"),
    ("cicd.system.component", true, "/system/component"),
    ("vcs.ref.head.name", false, "/ref/head/name"),
    ("vcs.ref.head.revision", false, "/ref/head/revision"),
    ("vcs.repository.url.full", false, "/repository/url/full"),
];

/// Returns the attributes in the members `cicd` and `vcs` of a record.
pub(crate) fn attributes(cicd: &Value, vcs: &Value) -> BTreeMap<&'static str, String> {
    let value = |(name, is_cicd, pointer): (&'static str, bool, &str)| {
        let text = if is_cicd { cicd } else { vcs }.pointer(pointer)?.as_str()?;
        Some((name, text.get(..ATTRIBUTE_MAX).unwrap_or(text).to_owned()))
    };
    ATTRIBUTES.into_iter().filter_map(value).collect()
}

/// Returns the id of the job with these attributes.
pub(crate) fn id<'a>(attributes: &'a BTreeMap<&'static str, String>) -> &'a str {
    let named =
        attributes.get("cicd.pipeline.task.run.id").or_else(|| attributes.get("cicd.pipeline.run.id"));
    named.map_or("", String::as_str)
}

impl ReportedJob {
    /// Returns an attribute; an empty text if the job has none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Adds attributes that the job does not have yet.
    pub(super) fn learn(&mut self, attributes: BTreeMap<&'static str, String>) {
        for (name, value) in attributes {
            self.attributes.entry(name).or_insert(value);
        }
    }

    /// Adds folders from the variables of a process of the job.
    pub(super) fn learn_folders(&mut self, variables: &Value) {
        for (name, short) in FOLDERS {
            if let Some(value) = variables.get(name).and_then(Value::as_str) {
                self.add_folder(short, value);
            }
        }
    }

    /// Adds a folder, unless another one has the name already.
    pub(super) fn add_folder(&mut self, name: &'static str, value: &str) {
        let value = value.trim_end_matches('/');
        let is_useful = value.len() > 1 && value.len() <= ATTRIBUTE_MAX && value.starts_with('/');
        if is_useful && self.folders.iter().all(|known| known.name != name) {
            self.folders.push(JobVariable { name, value: value.to_owned() });
            self.folders.sort_by_key(|folder| std::cmp::Reverse(folder.value.len()));
        }
    }

    /// Counts a program start.
    pub(super) fn started(&mut self, time: Time) {
        self.starts += 1;
        self.began = Some(self.began.map_or(time, |began| began.min(time)));
        self.lasted(time);
    }

    /// Notes that a process of the job still ran.
    pub(super) fn lasted(&mut self, time: Time) {
        self.ended = Some(self.ended.map_or(time, |ended| ended.max(time)));
    }

    /// Returns the run time in nanoseconds.
    #[must_use]
    pub fn wall_ns(&self) -> u64 {
        let (Some(began), Some(ended)) = (self.began, self.ended) else { return 0 };
        u64::try_from(ended.0.saturating_sub(began.0)).unwrap_or(0)
    }
}
