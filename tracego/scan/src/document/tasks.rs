//! Files of tasks in YAML and JSON: Taskfiles, package.json, hooks of pre-commit, releases, processes of pm2.

use std::{rc::Rc, sync::Arc};

use super::{expression, yaml::Node};
use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract},
    setting::Setting,
    word::Word,
};

/// Reads a Taskfile.
///
/// Source: <https://taskfile.dev/reference/schema>
pub(super) fn read_taskfile(documents: &[Rc<Node>], folder: &str, extract: &mut Extract) {
    for document in documents {
        let variables = document.get("vars");
        let value = |name: &str| {
            let name = name.trim_start_matches('.');
            variables?.get(name)?.text().cloned()
        };
        for (name, task) in document.get("tasks").map(|tasks| tasks.entries()).unwrap_or_default() {
            let Some(name) = name.value() else { continue };
            let unit: Arc<str> = name.into();
            let context =
                Context { setting: Setting::Open, unit: Some(unit), folder: Some(folder.to_owned()) };
            let commands = [task.get("cmds"), task.get("cmd")].into_iter().flatten();
            let mut steps: Vec<Rc<Node>> = commands.flat_map(as_list).collect();
            if task.text().is_some() || !task.elements().is_empty() {
                steps = as_list(task);
            }
            for step in &steps {
                let script =
                    step.text().or_else(|| step.get("cmd")?.text()).or_else(|| step.get("defer")?.text());
                if let Some(script) = script {
                    let script = expression::replace(script, value);
                    CommandReader::new(&context, extract).read_script(&script);
                }
                call(step.get("task"), &context, extract);
            }
            for dependency in task.get("deps").map(as_list).unwrap_or_default() {
                let named = dependency.get("task").cloned();
                call(named.as_ref().or(Some(&dependency)), &context, extract);
            }
        }
    }
}

fn as_list(node: &Rc<Node>) -> Vec<Rc<Node>> {
    if node.elements().is_empty() { vec![Rc::clone(node)] } else { node.elements().to_vec() }
}

fn call(task: Option<&Rc<Node>>, context: &Context, extract: &mut Extract) {
    if let Some(text) = task.and_then(|task| task.text()) {
        let callee = Callee::Unit(text.to_str().into_owned());
        extract.call(callee, Some(text.place(0)), context);
    }
}

/// Reads the scripts of a package.json.
pub(super) fn read_package(documents: &[Rc<Node>], extract: &mut Extract) {
    for (name, script) in documents.iter().filter_map(|all| all.get("scripts")).flat_map(|all| all.entries())
    {
        let (Some(name), Some(script)) = (name.value(), script.text()) else { continue };
        let is_for_development = ["dev", "watch", "storybook"].iter().any(|word| name.contains(word));
        let setting = if is_for_development { Setting::Developer } else { Setting::Open };
        let context = Context { setting, unit: Some(name.into()), folder: None };
        CommandReader::new(&context, extract).read_script(script);
    }
}

/// Reads the hooks of pre-commit, which run on a developer's machine before they run in a job.
pub(super) fn read_hooks(documents: &[Rc<Node>], extract: &mut Extract) {
    let context = Context { setting: Setting::Helper, unit: None, folder: None };
    for document in documents {
        document.each_mapping(&mut |mapping| {
            let texts = ["entry", "run", "hooks"].iter().filter_map(|key| mapping.get(key));
            for text in texts.flat_map(|value| value.scalars()) {
                CommandReader::new(&context, extract).read_script(text);
            }
            true
        });
    }
}

/// Reads the processes of pm2: `script` and `args`.
pub(super) fn read_processes(documents: &[Rc<Node>], extract: &mut Extract) {
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    for document in documents {
        document.each_mapping(&mut |mapping| {
            if let Some(script) = mapping.get("script").and_then(|script| script.text()) {
                let mut reader = CommandReader::new(&context, extract);
                match mapping.get("args") {
                    Some(arguments) if arguments.text().is_some() => {
                        let mut whole = script.clone();
                        if let Some(arguments) = arguments.text() {
                            whole.push(b' ', arguments.place(0));
                            whole.append(arguments, None);
                        }
                        reader.read_script(&whole);
                    }
                    Some(arguments) => {
                        let program = Word::known(script.clone());
                        reader.read_words(std::iter::once(program).chain(arguments.words()).collect());
                    }
                    None => reader.read_script(script),
                }
            }
            true
        });
    }
}

/// Reads the commands of Bazel's `genrule`.
pub(super) fn read_bazel(bytes: &[u8], extract: &mut Extract) {
    use super::quoted::{self, Token};
    let context = Context { setting: Setting::Helper, unit: None, folder: None };
    let tokens = quoted::tokens(bytes, &quoted::PYTHON);
    for window in tokens.windows(3) {
        if let [Token::Name(name), Token::Sign(b'='), Token::Text(script)] = window
            && matches!(name.as_str(), "cmd" | "cmd_bash")
        {
            CommandReader::new(&context, extract).read_script(script);
        }
    }
}
