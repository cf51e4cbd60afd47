//! Steps that name a program beside its arguments.

use super::CiFacts;
use crate::{
    command::CommandReader,
    document::{other_source, quoted, yaml::Node},
    extract::{Context, Extract, ImageBuild},
    text::Text,
    word::Word,
};

/// Reads steps that name a program beside its arguments: Cloud Build's `entrypoint` and `args`, Concourse's `path` and
/// `args`, Azure's task `Go`, and inputs of actions that run a command.
pub(super) fn read_programs(mapping: &Node, context: &Context, facts: &CiFacts, extract: &mut Extract) {
    let arguments = || mapping.get("args").map(|args| args.words()).unwrap_or_default();
    let mut reader = CommandReader::new(context, extract);
    for key in ["entrypoint", "path"] {
        if let Some(program) = mapping.get(key).and_then(|program| program.text())
            && mapping.get("args").is_some()
        {
            reader.read_words(std::iter::once(Word::known(program.clone())).chain(arguments()).collect());
        }
    }
    // A step of Cloud Build whose image is the go command or has none of its own.
    if mapping.get("name").is_some() && mapping.get("entrypoint").is_none() && mapping.get("path").is_none() {
        let words = arguments();
        let is_go =
            mapping.get("name").and_then(|name| name.value()).is_some_and(|name| name.ends_with("/go"));
        if is_go && let Some(name) = mapping.get("name").and_then(|name| name.text()) {
            let go = Word { text: Text::at(name.place(0), "go"), ..Word::default() };
            reader.read_words(std::iter::once(go).chain(words).collect());
        } else {
            reader.read_words(words);
        }
    }
    if let (Some(task), Some(inputs)) =
        (mapping.get("task").and_then(|task| task.value()), mapping.get("inputs"))
        && task.to_lowercase().starts_with("go@")
    {
        let command = inputs.get("command").and_then(|command| command.value()).unwrap_or_default();
        let verb = if command == "custom" { "customCommand" } else { "command" };
        if let Some(verb) = inputs.get(verb).and_then(|verb| verb.text()) {
            let mut script = Text::at(verb.place(0), "go ");
            script.append(verb, None);
            if let Some(arguments) = inputs.get("arguments").and_then(|arguments| arguments.text()) {
                script.push(b' ', arguments.place(0));
                script.append(arguments, None);
            }
            reader.read_script(&script);
        }
    }
    if let (Some(_), Some(inputs)) = (mapping.get("task"), mapping.get("inputs")) {
        for path in ["filePath", "scriptPath"].iter().filter_map(|key| inputs.get(key)?.text()) {
            let shell = Word { text: Text::at(path.place(0), "sh"), ..Word::default() };
            reader.read_words(vec![shell, Word::known(path.clone())]);
        }
    }
    if let (Some(action), Some(inputs)) =
        (mapping.get("uses").and_then(|uses| uses.value()), mapping.get("with"))
    {
        if action.contains("build-push-action") {
            let value = |key: &str| {
                inputs.get(key).and_then(|value| value.value()).filter(|value| !value.contains("${{"))
            };
            let folder = value("context").unwrap_or_default();
            reader.extract.add_build(ImageBuild { file: value("file"), folder, target: value("target") });
        }
        for key in ["run", "script", "command", "cmd", "commands", "args"] {
            let Some(text) = inputs.get(key).and_then(|value| value.text()) else { continue };
            if action.contains("github-script") {
                other_source::read_text(text, &quoted::JAVASCRIPT, context, reader.extract);
                continue;
            }
            for variables in facts.rounds(&[text]) {
                reader.variables = variables;
                facts.with_values(text).iter().for_each(|script| reader.read_script(script));
            }
        }
    }
}
