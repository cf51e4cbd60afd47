//! Taskfiles.
//!
//! Source: <https://taskfile.dev/reference/schema>

use std::{rc::Rc, sync::Arc};

use super::{DocumentKind, expression, yaml::Node};
use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract, Inclusion},
    setting::Setting,
};

/// Reads a Taskfile.
pub(super) fn read(documents: &[Rc<Node>], folder: &str, extract: &mut Extract) {
    for document in documents {
        let variables = document.get("vars");
        read_made(
            document,
            &Context { setting: Setting::Open, unit: None, folder: Some(folder.to_owned()) },
            extract,
        );
        for (_, included) in document.get("includes").map(|all| all.entries()).unwrap_or_default() {
            let path = included.value().or_else(|| included.get("taskfile")?.value());
            path.into_iter().filter(|path| !path.contains("{{") && !path.contains("://")).for_each(|path| {
                let paths = match path.ends_with(".yml") || path.ends_with(".yaml") {
                    true => vec![path],
                    false => vec![format!("{path}/Taskfile.yml"), format!("{path}/Taskfile.yaml")],
                };
                paths
                    .into_iter()
                    .for_each(|path| extract.include(Inclusion { path, kind: DocumentKind::Taskfile }));
            });
        }
        for (name, task) in document.get("tasks").map(|tasks| tasks.entries()).unwrap_or_default() {
            let Some(name) = name.value() else { continue };
            let own = task.get("vars");
            let value = |name: &str| {
                let name = name.trim_start_matches('.');
                own.and_then(|own| own.get(name)?.text().cloned())
                    .or_else(|| variables?.get(name)?.text().cloned())
            };
            let unit: Arc<str> = name.into();
            let own_folder = task.get("dir").and_then(|dir| dir.value()).filter(|dir| !dir.contains("{{"));
            let folder = own_folder.map_or_else(|| folder.to_owned(), |own| format!("{folder}/{own}"));
            let context = Context { setting: Setting::Open, unit: Some(unit), folder: Some(folder) };
            read_made(task, &context, extract);
            let commands = [task.get("cmds"), task.get("cmd")].into_iter().flatten();
            let mut steps: Vec<Rc<Node>> = commands.flat_map(as_list).collect();
            if task.text().is_some() || !task.elements().is_empty() {
                steps = as_list(task);
            }
            steps.extend(task.get("status").map(as_list).unwrap_or_default());
            for step in &steps {
                let script =
                    step.text().or_else(|| step.get("cmd")?.text()).or_else(|| step.get("defer")?.text());
                if let Some(script) = script {
                    let script = expression::replace(script, value);
                    CommandReader::new(&context, extract).read_script(&script);
                }
                call(step.get("task"), &context, extract);
                call(step.get("defer").and_then(|step| step.get("task")), &context, extract);
            }
            for dependency in task.get("deps").map(as_list).unwrap_or_default() {
                let named = dependency.get("task").cloned();
                call(named.as_ref().or(Some(&dependency)), &context, extract);
            }
        }
    }
}

/// Reads scripts whose output is a value, and conditions: `sh` in variables and preconditions.
fn read_made(node: &Node, context: &Context, extract: &mut Extract) {
    let scripts = ["vars", "env"].iter().filter_map(|key| node.get(key)).flat_map(|all| all.entries());
    let scripts = scripts.filter_map(|(_, value)| value.get("sh")?.text().cloned());
    let conditions = node.get("preconditions").map(|all| all.elements()).unwrap_or_default().iter();
    let conditions = conditions.filter_map(|entry| entry.text().or_else(|| entry.get("sh")?.text()).cloned());
    for script in scripts.chain(conditions) {
        let script = expression::replace(&script, |_| None);
        CommandReader::new(context, extract).read_script(&script);
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
