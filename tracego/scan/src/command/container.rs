//! Command lines of container engines.

use crate::word::Word;

/// Options of `run`, `exec` and `compose run` whose value is the next word.
const VALUED: [&str; 38] = [
    "-e",
    "--env",
    "-v",
    "--volume",
    "-w",
    "--workdir",
    "-u",
    "--user",
    "-p",
    "--publish",
    "--name",
    "--network",
    "--net",
    "--entrypoint",
    "--env-file",
    "-h",
    "--hostname",
    "-m",
    "--memory",
    "--cpus",
    "--platform",
    "--mount",
    "-l",
    "--label",
    "--link",
    "--add-host",
    "--device",
    "--cap-add",
    "--cap-drop",
    "--security-opt",
    "--pull",
    "--restart",
    "--shm-size",
    "--tmpfs",
    "--ulimit",
    "--gpus",
    "-f",
    "--file",
];

/// Returns the command that an engine's command line runs in a container: `docker run IMAGE COMMAND`, `docker exec`,
/// `docker compose run SERVICE COMMAND`.
pub(super) fn command(words: &[Word]) -> Option<Vec<Word>> {
    let mut index = 0;
    let mut entrypoint = None;
    let mut has_verb = false;
    while let Some(word) = words.get(index) {
        let value = word.value();
        if value == "--entrypoint" {
            entrypoint = words.get(index + 1).cloned();
            index += 2;
        } else if value.starts_with("--entrypoint=") {
            entrypoint = word.split_at_equals().map(|(_, program)| program);
            index += 1;
        } else if VALUED.contains(&value.as_str()) {
            index += 2;
        } else if value.starts_with('-') || !has_verb && matches!(value.as_str(), "compose" | "container") {
            index += 1;
        } else if !has_verb {
            if !matches!(value.as_str(), "run" | "exec" | "create") {
                return None;
            }
            has_verb = true;
            index += 1;
        } else {
            // The image, the container or the service.
            let rest = words.get(index + 1..).unwrap_or_default();
            return Some(entrypoint.into_iter().chain(rest.iter().cloned()).collect());
        }
    }
    None
}
