//! Compose files, and descriptions of apps on platforms.

use std::rc::Rc;

use super::yaml::Node;
use crate::{
    command::CommandReader,
    extract::{Context, Extract, ImageBuild},
    setting::Setting,
    word::Word,
};

/// Reads a compose file.
///
/// Source: <https://github.com/compose-spec/compose-spec>
pub(super) fn read_compose(documents: &[Rc<Node>], path: &str, extract: &mut Extract) {
    for service in
        documents.iter().filter_map(|document| document.get("services")).flat_map(|all| all.entries())
    {
        let service = &service.1;
        let restart = service.get("restart").and_then(|restart| restart.value()).unwrap_or_default();
        let is_production = path.contains("prod") || matches!(restart.as_str(), "always" | "unless-stopped");
        let setting = if is_production { Setting::Production } else { Setting::Open };
        let context = Context { setting, unit: None, folder: None };
        let mut reader = CommandReader::new(&context, extract);
        let list = |key: &str| service.get(key).map(|value| value.words()).unwrap_or_default();
        let text = |key: &str| service.get(key).and_then(|value| value.text());
        // A script as entry point often executes its arguments.
        if text("entrypoint").is_some() || !list("entrypoint").is_empty() {
            let own = Some(list("command")).filter(|words| words.first().is_some_and(Word::is_go_command));
            reader.read_words(own.unwrap_or_default());
            if let Some(command) = text("command").filter(|command| command.bytes().starts_with(b"go ")) {
                reader.read_script(command);
            }
        }
        match (text("entrypoint"), text("command")) {
            (None, None) => {
                let mut words = list("entrypoint");
                words.extend(list("command"));
                reader.read_words(words);
            }
            (None, Some(command)) if !list("entrypoint").is_empty() => {
                let mut words = list("entrypoint");
                words.push(Word::known(command.clone()));
                reader.read_words(words);
            }
            (entrypoint, command) => {
                let mut script = entrypoint.cloned().unwrap_or_default();
                if let Some(command) = command {
                    script.push(b' ', command.place(0));
                    script.append(command, None);
                }
                reader.read_script(&script);
                if command.is_none() {
                    reader.read_words(list("command"));
                }
            }
        }
        if let Some(test) = service.at(&["healthcheck", "test"]) {
            match test.text() {
                Some(script) => reader.read_script(script),
                // The first word says how the others are meant.
                None => match test.elements() {
                    [form, script] if form.is("CMD-SHELL") => {
                        script.text().into_iter().for_each(|script| reader.read_script(script));
                    }
                    _ => reader.read_words(test.words().into_iter().skip(1).collect()),
                },
            }
        }
        read_environment(service, &mut reader);
        for hook in ["post_start", "pre_stop"].iter().filter_map(|key| service.get(key)) {
            for command in hook.elements().iter().filter_map(|hook| hook.get("command")) {
                match command.text() {
                    Some(script) => reader.read_script(script),
                    None => reader.read_words(command.words()),
                }
            }
        }
        if let Some(build) = service.get("build") {
            let value = |key: &str| build.get(key).and_then(|value| value.value());
            let folder = value("context").or_else(|| build.value()).unwrap_or_default();
            let file = value("dockerfile").map(|file| format!("{folder}/{file}"));
            extract.add_build(ImageBuild { file, folder, target: value("target") });
        }
    }
}

fn read_environment(service: &Node, reader: &mut CommandReader<'_>) {
    let Some(environment) = service.get("environment") else { return };
    for (name, value) in environment.entries() {
        if let (Some(name), Some(value)) = (name.value(), value.text()) {
            reader.declare(&name, &Word::known(value.clone()));
        }
    }
    for text in environment.elements().iter().filter_map(|entry| entry.text()) {
        let value = text.to_str().into_owned();
        if let Some((name, _)) = value.split_once('=') {
            reader.declare(name, &Word::known(text.slice(name.len() + 1..text.len())));
        }
    }
}

/// Reads the commands of an app on a platform such as Render, App Platform or Fly.
pub(super) fn read_app(documents: &[Rc<Node>], extract: &mut Extract) {
    const KEYS: [&str; 6] =
        ["startCommand", "run_command", "start_command", "preDeployCommand", "run", "command"];
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    for document in documents {
        document.each_mapping(&mut |mapping| {
            for script in KEYS.iter().filter_map(|key| mapping.get(key)?.text()) {
                CommandReader::new(&context, extract).read_script(script);
            }
            true
        });
    }
}
