//! Scripts of a package.json.

use std::{collections::HashSet, rc::Rc, sync::Arc};

use super::yaml::Node;
use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract},
    setting::Setting,
};

/// Keys of hooks that run before a commit.
const HOOKS: [&str; 5] = ["husky", "hooks", "lint-staged", "simple-git-hooks", "pre-commit"];

/// Reads the scripts of a package.json, and its hooks.
pub(super) fn read(documents: &[Rc<Node>], folder: &str, extract: &mut Extract) {
    for document in documents {
        let scripts = document.get("scripts").map(|all| all.entries()).unwrap_or_default();
        let names: HashSet<String> = scripts.iter().filter_map(|(name, _)| name.value()).collect();
        for (name, script) in scripts {
            let (Some(name), Some(script)) = (name.value(), script.text()) else { continue };
            let is_for_development = ["dev", "watch", "storybook"].iter().any(|word| name.contains(word));
            let setting = if is_for_development { Setting::Developer } else { Setting::Open };
            let unit = Some(Arc::from(name.as_str()));
            let context = Context { setting, unit, folder: Some(folder.to_owned()) };
            CommandReader::new(&context, extract).read_script(script);
            // Scripts that run in front of this one and behind it.
            for other in [format!("pre{name}"), format!("post{name}")] {
                if names.contains(&other) {
                    extract.call(Callee::Unit(other), Some(script.place(0)), &context);
                }
            }
        }
        let context = Context { setting: Setting::Helper, unit: None, folder: Some(folder.to_owned()) };
        for hooks in HOOKS.iter().filter_map(|key| document.get(key)) {
            hooks.each_mapping(&mut |mapping| {
                for script in mapping.entries().iter().flat_map(|(_, value)| value.scalars()) {
                    CommandReader::new(&context, extract).read_script(script);
                }
                true
            });
        }
    }
}
