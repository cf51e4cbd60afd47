//! The stages of Dockerfiles that are built.

use std::collections::{HashMap, HashSet};

use super::{ScannedFile, calls::joined};
use crate::{document::DocumentKind, extract::Context, setting::Setting};

/// The stages that the builds of a tree name.
#[derive(Debug, Default)]
pub(super) struct BuiltStages {
    /// Targets of builds, by the number of their Dockerfile.
    targets: HashMap<usize, Vec<Option<String>>>,
    /// Targets of builds whose Dockerfile is not known.
    elsewhere: HashSet<String>,
}

impl BuiltStages {
    /// Collects the builds of all files.
    pub(super) fn of(files: &[ScannedFile]) -> Self {
        let mut stages = Self::default();
        if files.iter().all(|file| file.extract.image_builds.is_empty()) {
            return stages;
        }
        let is_dockerfile = |file: &ScannedFile| file.kind == DocumentKind::Dockerfile;
        let index: HashMap<&str, usize> = files
            .iter()
            .enumerate()
            .filter(|(_, file)| is_dockerfile(file))
            .map(|(number, file)| (file.source.path.as_ref(), number))
            .collect();
        for file in files {
            for build in &file.extract.image_builds {
                let names: Vec<String> = match &build.file {
                    Some(name) => vec![name.clone(), format!("{}/{name}", build.folder)],
                    None => ["Dockerfile", "Containerfile"]
                        .map(|name| format!("{}/{name}", build.folder))
                        .to_vec(),
                };
                let found = names
                    .iter()
                    .flat_map(|name| [joined(file.source.folder(), name), joined("", name)])
                    .find_map(|path| index.get(path.as_str()).copied());
                match found {
                    Some(number) => stages.targets.entry(number).or_default().push(build.target.clone()),
                    None => stages.elsewhere.extend(build.target.clone()),
                }
            }
        }
        stages
    }

    /// Returns the place of a command of a Dockerfile, which depends on the stages that are built.
    pub(super) fn decide(&self, number: usize, file: &ScannedFile, context: &Context) -> Setting {
        let unit = context.unit.as_deref();
        let targets = self.targets.get(&number).map(Vec::as_slice).unwrap_or_default();
        let holds = |target: &str| {
            let inherited = file.extract.inherited_commands.iter().find(|(name, _)| name == target);
            unit == Some(target) || inherited.is_some_and(|(_, command)| command.as_deref() == unit)
        };
        match context.setting {
            Setting::UnusedStage
                if targets.iter().flatten().any(|target| holds(target))
                    || self.elsewhere.iter().any(|target| holds(target)) =>
            {
                Setting::Production
            }
            // All builds name a stage, and none of them is this one.
            Setting::Production
                if file.kind == DocumentKind::Dockerfile
                    && !targets.is_empty()
                    && targets
                        .iter()
                        .all(|target| target.as_deref().is_some_and(|target| !holds(target))) =>
            {
                Setting::UnusedStage
            }
            setting => setting,
        }
    }
}
