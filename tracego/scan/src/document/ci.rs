//! CI systems whose files are YAML.

use std::rc::Rc;

use super::yaml::Node;
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    shell::Variables,
    text::Text,
    word::Word,
};

/// A CI system: the keys of its files whose values are scripts.
#[derive(Debug)]
pub(super) struct CiForm {
    /// Whether keys that end with `_script` are scripts, too.
    has_named_scripts: bool,
    /// Keys whose values are scripts: a text, a list of texts, or a mapping with one of them under `command`.
    scripts: &'static [&'static str],
    /// Keys whose values are mappings of variables.
    variables: &'static [&'static str],
    /// Whether a list of `command` or `entrypoint` is the words of one command.
    has_exec_form: bool,
}

/// GitHub Actions, Gitea and Forgejo.
pub(super) const GITHUB: CiForm =
    CiForm { has_named_scripts: false, scripts: &["run"], variables: &["env"], has_exec_form: false };
/// GitLab CI/CD.
pub(super) const GITLAB: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["script", "before_script", "after_script", "pre_get_sources_script", "run"],
    variables: &["variables"],
    has_exec_form: true,
};
/// CircleCI.
pub(super) const CIRCLE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["run", "command"],
    variables: &["environment"],
    has_exec_form: false,
};
/// Azure Pipelines.
pub(super) const AZURE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["script", "bash", "pwsh", "powershell", "inlineScript"],
    variables: &["variables", "env"],
    has_exec_form: false,
};
/// Drone, Woodpecker and Vela.
pub(super) const DRONE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["commands"],
    variables: &["environment"],
    has_exec_form: true,
};
/// Buildkite.
pub(super) const BUILDKITE: CiForm = CiForm {
    has_named_scripts: false,
    scripts: &["command", "commands"],
    variables: &["env"],
    has_exec_form: false,
};
/// Any other: Bitbucket, Travis, Cirrus, Semaphore, `AppVeyor`, Cloud Build, `CodeBuild`, Concourse.
pub(super) const OTHER: CiForm = CiForm {
    has_named_scripts: true,
    scripts: &[
        "script",
        "after-script",
        "before_script",
        "after_script",
        "install",
        "before_install",
        "after_success",
        "before_deploy",
        "commands",
        "command",
        "cmd",
        "run",
        "build_script",
        "test_script",
        "before_build",
        "after_build",
        "deploy_script",
        "on_success",
        "on_finish",
        "setup",
        "pre_build",
        "post_build",
    ],
    variables: &["env", "variables", "environment"],
    has_exec_form: false,
};

/// Maximum number of values that are put in for one expression.
const MAX_VALUES: usize = 32;

/// Reads the documents of a CI file.
pub(super) fn read(documents: &[Rc<Node>], form: &CiForm, extract: &mut Extract) {
    for document in documents {
        let mut matrix: Vec<&Node> = Vec::new();
        document.each_mapping(&mut |mapping| {
            if matrix.len() < MAX_VALUES {
                matrix.extend(mapping.get("matrix").map(Rc::as_ref));
            }
            true
        });
        let mut variables = Variables::default();
        document.each_mapping(&mut |mapping| {
            for (name, word) in variables_of(mapping, form) {
                variables.set(&name, Word { is_quoted: false, ..word });
            }
            true
        });
        let known = CiFacts { matrix, variables };
        document.each_mapping(&mut |mapping| {
            read_mapping(mapping, form, &known, extract);
            true
        });
    }
}

/// Returns the variables that a mapping sets: texts, or mappings with one under `value`.
fn variables_of(mapping: &Node, form: &CiForm) -> Vec<(String, Word)> {
    let all = form.variables.iter().filter_map(|key| mapping.get(key)).flat_map(|all| all.entries());
    let variable = |(name, value): &(Rc<Node>, Rc<Node>)| {
        let value = value.get("value").unwrap_or(value);
        Some((name.value()?, value.words().into_iter().next()?))
    };
    all.filter_map(variable).collect()
}

/// Facts of a file that hold for all its scripts. A variable that several jobs set has its last value.
struct CiFacts<'a> {
    matrix: Vec<&'a Node>,
    variables: Variables,
}

fn read_mapping(mapping: &Node, form: &CiForm, known: &CiFacts<'_>, extract: &mut Extract) {
    let folder = ["working-directory", "working_directory", "workingDirectory", "dir"]
        .iter()
        .find_map(|key| mapping.get(key)?.value());
    let context = Context { setting: Setting::Ci, unit: None, folder };
    for (name, word) in variables_of(mapping, form) {
        CommandReader::new(&context, extract).declare(&name, &word);
    }
    for (key, value) in mapping.entries() {
        let Some(key) = key.value() else { continue };
        let is_script =
            form.scripts.contains(&key.as_str()) || form.has_named_scripts && key.ends_with("_script");
        let is_words = form.has_exec_form && matches!(key.as_str(), "command" | "entrypoint");
        if is_words && !value.elements().is_empty() {
            CommandReader::new(&context, extract).read_words(value.words());
        } else if is_script {
            read_value(value, &context, known, extract);
        }
    }
    read_programs(mapping, &context, extract);
}

/// Reads a script: its texts are lines for one shell.
fn read_value(value: &Node, context: &Context, known: &CiFacts<'_>, extract: &mut Extract) {
    // GitLab's steps and CircleCI's commands name their script once more.
    let texts: Vec<&Text> = value.scalars();
    let mut reader = CommandReader::new(context, extract);
    reader.variables = known.variables.clone();
    for text in texts {
        for script in with_values(text, &known.matrix) {
            reader.read_script(&script);
        }
    }
}

/// Returns the text with each value that the file gives to an expression `${{ matrix.NAME }}`, or as it is.
fn with_values(text: &Text, matrix: &[&Node]) -> Vec<Text> {
    let Some(start) = memchr::memmem::find(text.bytes(), b"${{") else { return vec![text.clone()] };
    let Some(length) = text.bytes().get(start..).and_then(|rest| memchr::memmem::find(rest, b"}}")) else {
        return vec![text.clone()];
    };
    let expression = text.slice(start + 3..start + length).to_str().trim().to_owned();
    let Some(name) = expression.strip_prefix("matrix.") else { return vec![text.clone()] };
    let values = matrix.iter().flat_map(|matrix| {
        let own = matrix.get(name).map(|list| list.elements()).unwrap_or_default().iter();
        let own = own.filter_map(|value| value.text().cloned());
        let included = matrix.get("include").map(|list| list.elements()).unwrap_or_default().iter();
        own.chain(included.take(MAX_VALUES).filter_map(|entry| entry.get(name)?.text().cloned()))
    });
    let place = text.place(start);
    let with: Vec<Text> = values
        .take(MAX_VALUES)
        .map(|value| {
            let mut whole = text.slice(0..start);
            whole.append(&value, Some(place));
            whole.append(&text.slice(start + length + 2..text.len()), None);
            whole
        })
        .collect();
    if with.is_empty() { vec![text.clone()] } else { with }
}

/// Reads steps that name a program beside its arguments: Cloud Build's `entrypoint` and `args`, Concourse's `path` and
/// `args`, Azure's task `Go`, and inputs of actions that run a command.
fn read_programs(mapping: &Node, context: &Context, extract: &mut Extract) {
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
    if let (Some(_), Some(inputs)) = (mapping.get("uses"), mapping.get("with")) {
        for key in ["run", "script", "command", "cmd", "commands"] {
            if let Some(text) = inputs.get(key).and_then(|value| value.text()) {
                reader.read_script(text);
            }
        }
    }
}
