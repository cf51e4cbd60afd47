//! Files that say which tree a Go program was built from, and which commits the run of its job is about: the
//! go.mod file of its main module, and the event of the run.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;
use tracego_common::TaskId;
use tracego_model::input::facts::Surroundings;

use super::{checkouts, gofiles::module_path};
use crate::inspect::proc::{
    read_error::{ReadError, noted},
    root::RootFolder,
};

/// A Go program as the kernel recorded it.
#[derive(Clone, Copy)]
pub struct ProgramOrigin<'a> {
    /// The process.
    pub id: TaskId,
    /// The parent. Its root folder is used when the process has already ended.
    pub parent: TaskId,
    /// Inode number of the mount namespace; zero when unknown.
    pub mount_namespace: u32,
    /// The executable, as a path from the root of the mount namespace.
    pub executable: &'a [u8],
    /// Working folder at exec, as a path from the root of the mount namespace.
    pub cwd: &'a [u8],
    /// Path of the main module.
    pub module: &'a str,
    /// Lookup of the process's variables: [`CHECKOUTS`] and [`EVENT`].
    pub env: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// Variables of CI systems that name the checkout folder.
pub const CHECKOUTS: [&str; 13] = [
    "APPVEYOR_BUILD_FOLDER",
    "BITBUCKET_CLONE_DIR",
    "BUILDKITE_BUILD_CHECKOUT_PATH",
    "BUILD_SOURCESDIRECTORY",
    "CIRCLE_WORKING_DIRECTORY",
    "CIRRUS_WORKING_DIR",
    "CI_PROJECT_DIR",
    "CI_WORKSPACE",
    "CODEBUILD_SRC_DIR",
    "DRONE_WORKSPACE",
    "GITHUB_WORKSPACE",
    "TRAVIS_BUILD_DIR",
    "WORKSPACE",
];

/// The variable of GitHub Actions and its relatives with the path of the file that describes the event that
/// started the run.
pub const EVENT: &str = "GITHUB_EVENT_PATH";

/// Maximum number of bytes of a go.mod file or an event.
const FILE_MAX: u64 = 1 << 20;

/// Maximum number of folders that are searched for one program.
const FOLDERS_MAX: usize = 64;

/// Maximum number of commits of an event.
const COMMITS_MAX: usize = 16;

/// Reads the files of a program inside its root folder.
pub(super) fn read(root: &RootFolder, program: &ProgramOrigin<'_>, found: &mut Surroundings) {
    found.module_file = module_file(root, program);
    let folder = found.module_file.as_ref().and_then(|file| Path::new(file).parent());
    found.checkout = folder.and_then(|folder| checkouts::around(root, folder, program.env));
    if let Some(path) = (program.env)(EVENT).filter(|path| path.starts_with('/')) {
        let content = root.read(Path::new(path), FILE_MAX);
        let commits = content.and_then(|content| event_commits(&content.bytes).ok_or(ReadError::Malformed));
        found.event_commits = noted("event_commits", commits, &mut found.unavailable).unwrap_or_default();
    }
}

/// Finds the go.mod file that declares the program's main module.
fn module_file(root: &RootFolder, program: &ProgramOrigin<'_>) -> Option<String> {
    let inside = |path| root.inside(path).map(|path| Path::new(OsStr::from_bytes(path)));
    let own = [inside(program.executable).and_then(Path::parent), inside(program.cwd)];
    let checkouts = CHECKOUTS.iter().filter_map(|name| (program.env)(name)).map(Path::new);
    let starts = own.into_iter().flatten().chain(checkouts).filter(|folder| folder.is_absolute());
    let mut seen: Vec<PathBuf> = Vec::new();
    for folder in starts.flat_map(Path::ancestors) {
        if seen.iter().any(|known| known == folder) {
            continue;
        }
        if seen.len() == FOLDERS_MAX {
            return None;
        }
        seen.push(folder.to_owned());
        let file = folder.join("go.mod");
        let module = root.read(&file, FILE_MAX).ok().and_then(|content| module_path(&content.bytes));
        if module.as_deref() == Some(program.module) {
            return Some(String::from_utf8_lossy(file.as_os_str().as_bytes()).into_owned());
        }
    }
    None
}

/// Parts of an event of GitHub Actions that name commits
/// (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    after: Option<String>,
    check_run: Option<Headed>,
    check_suite: Option<Headed>,
    deployment: Option<Shaped>,
    head_commit: Option<Identified>,
    inputs: Option<BTreeMap<String, Value>>,
    merge_group: Option<Headed>,
    pull_request: Option<PullRequest>,
    sha: Option<String>,
    workflow_run: Option<Headed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PullRequest {
    head: Option<Shaped>,
    merge_commit_sha: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Headed {
    head_sha: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Shaped {
    sha: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identified {
    id: Option<String>,
}

/// Finds the commits in an event. Returns `None` for a text that is no event.
#[must_use]
pub fn event_commits(bytes: &[u8]) -> Option<Vec<String>> {
    let event: Event = serde_json::from_slice(bytes).ok()?;
    let (head, merge) = event
        .pull_request
        .map_or((None, None), |pull| (pull.head.and_then(|head| head.sha), pull.merge_commit_sha));
    let headed = |part: Option<Headed>| part.and_then(|part| part.head_sha);
    let inputs = event.inputs.into_iter().flat_map(BTreeMap::into_values).filter_map(|value| match value {
        Value::String(text) => Some(text),
        _ => None,
    });
    let named = [
        head,
        merge,
        event.after,
        event.sha,
        event.head_commit.and_then(|commit| commit.id),
        event.deployment.and_then(|deployment| deployment.sha),
        headed(event.workflow_run),
        headed(event.merge_group),
        headed(event.check_run),
        headed(event.check_suite),
    ];
    let mut commits = Vec::new();
    for commit in named.into_iter().flatten().chain(inputs) {
        let is_commit =
            matches!(commit.len(), 40 | 64) && commit.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_commit && !commits.contains(&commit) && commits.len() < COMMITS_MAX {
            commits.push(commit);
        }
    }
    Some(commits)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HEAD: &str = "1111111111111111111111111111111111111111";
    const MERGE: &str = "2222222222222222222222222222222222222222";

    #[test]
    fn commits_of_events() {
        let cases: [(String, &[&str]); 9] = [
            (
                format!(
                    r#"{{"number":7,"pull_request":{{"head":{{"sha":"{HEAD}","ref":"x"}},"merge_commit_sha":"{MERGE}"}}}}"#
                ),
                &[HEAD, MERGE],
            ),
            (format!(r#"{{"pull_request":{{"head":{{"sha":"{HEAD}"}},"merge_commit_sha":null}}}}"#), &[HEAD]),
            (format!(r#"{{"workflow_run":{{"head_sha":"{HEAD}"}}}}"#), &[HEAD]),
            (format!(r#"{{"after":"{HEAD}","head_commit":{{"id":"{HEAD}"}},"before":"{MERGE}"}}"#), &[HEAD]),
            (format!(r#"{{"inputs":{{"ref":"{HEAD}","dry":true,"branch":"main"}}}}"#), &[HEAD]),
            (format!(r#"{{"merge_group":{{"head_sha":"{MERGE}"}}}}"#), &[MERGE]),
            (r#"{"after":"main","sha":"XYZ","head_commit":null}"#.into(), &[]),
            (format!(r#"{{"after":"{}"}}"#, HEAD.replace('1', "A")), &[]),
            ("{}".into(), &[]),
        ];
        for (text, commits) in cases {
            assert_eq!(event_commits(text.as_bytes()).unwrap(), commits, "{text}");
        }
        let deep = "[".repeat(100_000);
        for bad in ["", "[]]", "null x", r#"{"after":1}"#, "\u{fffd}", deep.as_str()] {
            assert_eq!(event_commits(bad.as_bytes()), None);
        }
        let many: Vec<String> = (0..100).map(|n| format!(r#""k{n}":"{n:040x}""#)).collect();
        let many = format!(r#"{{"inputs":{{{}}}}}"#, many.join(","));
        assert_eq!(event_commits(many.as_bytes()).unwrap().len(), COMMITS_MAX);
    }

    #[test]
    fn the_module_is_found_above_the_program_above_the_working_folder_and_in_the_checkout() {
        let scratch = std::env::temp_dir().join(format!("tracego-provenance-{}", std::process::id()));
        let make = |folder: &str| {
            let path = scratch.join(folder);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let (kiosk, tools, checkout) = (make("kiosk/out"), make("tools"), make("checkout"));
        fs::write(scratch.join("kiosk/go.mod"), "module example.com/kiosk\n").unwrap();
        fs::write(tools.join("go.mod"), "module example.com/tools\n").unwrap();
        fs::write(checkout.join("go.mod"), "module example.com/checkout\n").unwrap();
        let event = scratch.join("event.json");
        fs::write(&event, format!(r#"{{"after":"{HEAD}"}}"#)).unwrap();
        let root = RootFolder::own().unwrap();
        let look = |executable: &Path, cwd: &Path, module: &str| {
            let env = |name: &str| match name {
                "CI_PROJECT_DIR" => checkout.to_str(),
                EVENT => event.to_str(),
                _ => None,
            };
            let mut found = Surroundings::default();
            let program = ProgramOrigin {
                id: TaskId::default(),
                parent: TaskId::default(),
                mount_namespace: 0,
                executable: executable.as_os_str().as_bytes(),
                cwd: cwd.as_os_str().as_bytes(),
                module,
                env: &env,
            };
            read(&root, &program, &mut found);
            assert_eq!(found.event_commits, [HEAD]);
            found.module_file
        };
        let file = |folder: &str| Some(scratch.join(folder).join("go.mod").to_str().unwrap().to_owned());
        assert_eq!(look(&kiosk.join("k"), Path::new("/"), "example.com/kiosk"), file("kiosk"));
        assert_eq!(look(Path::new("/usr/bin/k"), &kiosk, "example.com/kiosk"), file("kiosk"));
        assert_eq!(look(Path::new("/usr/bin/k"), Path::new("/"), "example.com/checkout"), file("checkout"));
        assert_eq!(look(&tools.join("k"), &kiosk, "example.com/lantern"), None);
        assert_eq!(look(&kiosk.join("k"), &kiosk, "example.com/kiosk/v2"), None);
        fs::remove_dir_all(&scratch).unwrap();
    }
}
