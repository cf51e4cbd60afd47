//! Calls between the files of a tree: a CI file calls a target of make, the target calls a script.

use std::collections::{HashMap, VecDeque};

use super::{ScannedFile, stages::BuiltStages};
use crate::{
    document::DocumentKind,
    extract::{Call, Callee, Context},
    finding::CallerStep,
    setting::Setting,
};

/// A part of a file that can be called: the file, and the target or task in it.
type Part = (usize, Option<String>);

/// The place of a part, and the way on which it is reached.
#[derive(Clone, Debug)]
pub(super) struct DecidedPlace {
    pub(super) setting: Setting,
    pub(super) callers: Vec<CallerStep>,
}

/// The places from which parts are called.
#[derive(Debug, Default)]
pub(super) struct CallGraph {
    reached: HashMap<Part, (Setting, Vec<CallerStep>)>,
}

/// Maximum number of steps that are kept of a way.
const MAX_STEPS: usize = 8;

impl CallGraph {
    /// Follows the calls of all files.
    pub(super) fn of(files: &[ScannedFile]) -> Self {
        let index: HashMap<&str, usize> =
            files.iter().enumerate().map(|(index, file)| (file.source.path.as_ref(), index)).collect();
        let mut edges: HashMap<Part, Vec<(Part, Option<CallerStep>)>> = HashMap::new();
        let mut queue: VecDeque<(Part, Setting, Vec<CallerStep>)> = VecDeque::new();
        for (number, file) in files.iter().enumerate() {
            for call in &file.extract.calls {
                let callees = resolve(number, call, files, &index);
                let step = if callees.is_empty() { None } else { step_of(file, call) };
                for callee in callees {
                    let setting = call.context.setting;
                    if setting.is_open() {
                        let caller = (number, call.context.unit.as_deref().map(str::to_owned));
                        edges.entry(caller).or_default().push((callee, step.clone()));
                    } else if rank(setting) > 0 {
                        queue.push_back((callee, setting, step.clone().into_iter().collect()));
                    }
                }
            }
        }
        let mut graph = Self::default();
        while let Some((part, setting, way)) = queue.pop_front() {
            let known = graph.reached.get(&part).map_or(0, |(known, _)| rank(*known));
            if known >= rank(setting) {
                continue;
            }
            for (callee, step) in edges.get(&part).into_iter().flatten() {
                let mut way = way.clone();
                if way.len() < MAX_STEPS {
                    way.extend(step.clone());
                }
                queue.push_back((callee.clone(), setting, way));
            }
            graph.reached.insert(part, (setting, way));
        }
        graph
    }

    /// Returns the place of a part of a file: its own, or that of the worst caller.
    pub(super) fn decide(
        &self,
        number: usize,
        file: &ScannedFile,
        context: &Context,
        stages: &BuiltStages,
    ) -> DecidedPlace {
        let part = (number, context.unit.as_deref().map(str::to_owned));
        let reached = self.reached.get(&part).filter(|_| context.setting.is_open());
        match reached {
            Some((setting, callers)) => DecidedPlace { setting: *setting, callers: callers.clone() },
            None => DecidedPlace { setting: stages.decide(number, file, context), callers: Vec::new() },
        }
    }
}

/// Returns how much a place decides about what it calls. Zero: nothing.
fn rank(setting: Setting) -> u8 {
    match setting {
        Setting::Production => 4,
        Setting::Ci => 3,
        Setting::ImageWithoutCommand => 2,
        Setting::ImageBuild => 1,
        _ => 0,
    }
}

fn step_of(file: &ScannedFile, call: &Call) -> Option<CallerStep> {
    let place = call.place? as usize;
    let position = file.source.position(place);
    let line = file.source.excerpt(place).0.trim().to_owned();
    Some(CallerStep { path: file.source.path.to_string(), position, line })
}

/// Returns the parts that a call names.
fn resolve(caller: usize, call: &Call, files: &[ScannedFile], index: &HashMap<&str, usize>) -> Vec<Part> {
    let folder = files.get(caller).map(|file| file.source.folder().to_owned()).unwrap_or_default();
    let folders = [call.context.folder.clone().unwrap_or_default(), String::new(), folder];
    let find = |names: &[&str]| {
        folders.iter().find_map(|folder| {
            names.iter().find_map(|name| index.get(joined(folder, name).as_str()).copied())
        })
    };
    match &call.callee {
        Callee::Unit(unit) => {
            let mut parts = vec![(caller, Some(unit.clone()))];
            parts.extend(patterns(caller, unit, files));
            if files.get(caller).is_some_and(|file| file.kind == DocumentKind::Taskfile) {
                parts.extend(included_tasks(unit, files));
            }
            let included = files.get(caller).map(|file| file.included.as_slice()).unwrap_or_default();
            parts.extend(included.iter().map(|number| (*number, Some(unit.clone()))));
            parts
        }
        Callee::Script(path) => find(&[path]).map(|file| (file, None)).into_iter().collect(),
        Callee::Make { folder, file, targets } => {
            let names: Vec<String> = match file {
                Some(file) => vec![file.clone()],
                None => ["GNUmakefile", "makefile", "Makefile"].map(str::to_owned).to_vec(),
            };
            let names: Vec<String> =
                names.iter().map(|name| joined(folder.as_deref().unwrap_or_default(), name)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let Some(main) = find(&names) else { return Vec::new() };
            let targets = if targets.is_empty() { vec![String::new()] } else { targets.clone() };
            // A target may stand in a file that the main one includes.
            let included = files
                .iter()
                .enumerate()
                .filter(|(_, file)| file.kind == DocumentKind::Makefile && file.source.path.ends_with(".mk"));
            let own = files.get(main).map(|file| file.included.as_slice()).unwrap_or_default();
            let mut parts = Vec::new();
            for number in
                std::iter::once(main).chain(included.map(|(number, _)| number)).chain(own.iter().copied())
            {
                // What stands outside of recipes is made for every target.
                parts.push((number, None));
                for target in &targets {
                    parts.push((number, Some(target.clone())));
                    parts.extend(patterns(number, target, files));
                }
            }
            parts
        }
        Callee::Task(name) => {
            let names =
                ["Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml", "Taskfile.dist.yml"];
            let file = find(&names);
            // Variables are made for every task.
            let own =
                file.map(|file| (file, Some(name.clone()))).into_iter().chain(file.map(|file| (file, None)));
            own.into_iter().chain(included_tasks(name, files)).collect()
        }
        Callee::Mise(name) => {
            let names = [
                "mise.toml",
                ".mise.toml",
                "mise.local.toml",
                ".config/mise/config.toml",
                ".mise/config.toml",
            ];
            let file = find(&names).map(|file| (file, Some(name.clone())));
            let scripts = ["mise-tasks", ".mise-tasks", ".mise/tasks", "mise/tasks", ".config/mise/tasks"];
            let scripts =
                scripts.iter().filter_map(|folder| find(&[&format!("{folder}/{}", name.replace(':', "/"))]));
            file.into_iter().chain(scripts.map(|file| (file, None))).collect()
        }
        Callee::Just(name) => find(&["justfile", "Justfile", ".justfile"])
            .map(|file| (file, Some(name.clone())))
            .into_iter()
            .collect(),
        Callee::Npm { folder, name } => {
            let path = joined(folder.as_deref().unwrap_or_default(), "package.json");
            find(&[&path]).map(|file| (file, Some(name.clone()))).into_iter().collect()
        }
        Callee::Mage(name) => {
            let unit = name.rsplit(':').next().unwrap_or_default().to_lowercase();
            let is_magefile = |file: &ScannedFile| {
                file.kind == DocumentKind::GoSource
                    && file.extract.commands.iter().any(|c| c.context.setting.is_open())
            };
            files
                .iter()
                .enumerate()
                .filter(|(_, file)| is_magefile(file))
                .map(|(number, _)| (number, Some(unit.clone())))
                .collect()
        }
    }
}

/// Returns the tasks that `NAMESPACE:TASK` may mean: those of this name in Taskfiles.
fn included_tasks(name: &str, files: &[ScannedFile]) -> Vec<Part> {
    let Some((_, task)) = name.split_once(':') else { return Vec::new() };
    let is_taskfile = |(_, file): &(usize, &ScannedFile)| file.kind == DocumentKind::Taskfile;
    files.iter().enumerate().filter(is_taskfile).map(|(number, _)| (number, Some(task.to_owned()))).collect()
}

/// Returns the parts of a file that stand for several, and for this name.
fn patterns(number: usize, name: &str, files: &[ScannedFile]) -> Vec<Part> {
    let patterns = files.get(number).map(|file| file.extract.patterns.as_slice()).unwrap_or_default();
    let is_meant = |pattern: &&String| {
        pattern.split_once('%').is_some_and(|(front, end)| {
            name.len() > front.len() + end.len() && name.starts_with(front) && name.ends_with(end)
        })
    };
    patterns.iter().filter(is_meant).map(|pattern| (number, Some(pattern.clone()))).collect()
}

/// Joins a folder and a path, with `.` and `..` resolved.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_within_the_tree() {
        assert_eq!(joined("", "./Makefile"), "Makefile");
        assert_eq!(joined("a/b", "../c.sh"), "a/c.sh");
        assert_eq!(joined("", "../../x"), "x");
    }
}
