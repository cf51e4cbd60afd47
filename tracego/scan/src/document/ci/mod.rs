//! CI systems whose files are YAML.

mod expression;
mod facts;
mod form;
mod inclusion;
mod step;

use std::{cell::Cell, rc::Rc};

use facts::CiFacts;
use form::CiForm;

use super::{
    CiFile, other_source, quoted,
    yaml::{Content, MAX_VISITS, Node},
};
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    text::Text,
};

/// Keys whose values people read, and no program.
const TEXTS: [&str; 24] = [
    "name",
    "displayName",
    "description",
    "title",
    "label",
    "summary",
    "message",
    "help",
    "if",
    "key",
    "comment",
    "run-name",
    "id",
    "text",
    "body",
    "condition",
    "when",
    "path",
    "paths",
    "pattern",
    "regexp",
    "exclude",
    "only",
    "rules",
];

/// Reads the documents of a CI file.
pub(super) fn read(documents: &[Rc<Node>], ci: CiFile, extract: &mut Extract) {
    let facts = CiFacts::of(documents, ci);
    let reader = CiReader { ci, form: ci.form(), facts: &facts, visits: Cell::new(0) };
    for document in documents {
        let place = JobPlace { folder: facts.folder.clone(), ..JobPlace::default() };
        reader.visit(document, &place, extract);
    }
    facts.read_unused(documents, ci.form(), extract);
}

/// The parts of a place that the mappings around decide.
#[derive(Clone, Debug, Default)]
struct JobPlace {
    folder: Option<String>,
    shell: Option<String>,
}

/// Reads the mappings of a CI file from the outside in.
struct CiReader<'a> {
    ci: CiFile,
    form: &'static CiForm,
    facts: &'a CiFacts,
    visits: Cell<usize>,
}

impl CiReader<'_> {
    fn visit(&self, node: &Node, place: &JobPlace, extract: &mut Extract) {
        self.visits.set(self.visits.get() + 1);
        if self.visits.get() > MAX_VISITS {
            return;
        }
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(elements) => elements.iter().for_each(|e| self.visit(e, place, extract)),
            Content::Mapping(entries) => {
                let place = place_of(node, place);
                self.read_mapping(node, &place, extract);
                for (_, value) in entries {
                    self.visit(value, &place, extract);
                }
            }
        }
    }

    fn read_mapping(&self, mapping: &Node, place: &JobPlace, extract: &mut Extract) {
        let mut context = Context { setting: Setting::Ci, unit: None, folder: place.folder.clone() };
        for (name, word) in facts::variables_of(mapping, self.form) {
            CommandReader::new(&context, extract).declare(&name, &word);
        }
        // What stands in front of a script changes the folder for it, too.
        if self.ci == CiFile::Gitlab
            && let Some(before) = mapping.get("before_script")
        {
            context.folder = self.read_script(before, &context, place, extract);
        }
        for (name, value) in mapping.entries() {
            let Some(name) = name.value() else { continue };
            let is_script = self.form.scripts.contains(&name.as_str())
                || self.form.has_named_scripts && name.ends_with("_script");
            let is_words = self.form.has_exec_form && matches!(name.as_str(), "command" | "entrypoint");
            if is_exec_form(value) || is_words && !value.elements().is_empty() {
                CommandReader::new(&context, extract).read_words(value.words());
            } else if is_script {
                self.read_script(value, &context, place, extract);
            }
        }
        if let Some(shell) = mapping.get("shell").and_then(|shell| shell.text())
            && memchr::memmem::find(shell.bytes(), b"{0}").is_some()
        {
            CommandReader::new(&context, extract).read_script(shell);
        }
        step::read_programs(mapping, &context, self.facts, extract);
        inclusion::read(self.ci, mapping, extract);
    }

    /// Reads a script: its texts are lines for one shell. Returns the folder that it ends in.
    fn read_script(
        &self,
        value: &Node,
        context: &Context,
        place: &JobPlace,
        extract: &mut Extract,
    ) -> Option<String> {
        let texts: Vec<&Text> = value.scalars();
        let is = |name: &str| {
            place.shell.as_deref().is_some_and(|shell| shell.split([' ', '/']).any(|word| word == name))
        };
        for (language, name) in
            [(&quoted::PYTHON, "python"), (&quoted::PYTHON, "python3"), (&quoted::JAVASCRIPT, "node")]
        {
            if is(name) {
                texts.iter().for_each(|text| other_source::read_text(text, language, context, extract));
                return context.folder.clone();
            }
        }
        let mut folder = context.folder.clone();
        for variables in self.facts.rounds(&texts) {
            let mut reader = CommandReader::new(context, extract);
            reader.variables = variables;
            for text in &texts {
                for script in self.facts.with_values(text) {
                    reader.read_script(&script);
                }
            }
            folder = reader.context.folder;
        }
        folder
    }
}

/// Returns the place of what stands in a mapping.
fn place_of(mapping: &Node, outer: &JobPlace) -> JobPlace {
    let folder = ["working-directory", "working_directory", "workingDirectory", "dir"]
        .iter()
        .find_map(|key| mapping.get(key)?.value())
        .or_else(|| mapping.at(&["defaults", "run", "working-directory"])?.value());
    let folder = folder.map(|folder| {
        let inner = folder.strip_prefix("~/project").unwrap_or(&folder);
        inner.trim_start_matches("$(Build.SourcesDirectory)").trim_start_matches('/').to_owned()
    });
    let shell = mapping.get("shell").and_then(|shell| shell.value());
    let shell = shell.or_else(|| mapping.at(&["defaults", "run", "shell"])?.value());
    JobPlace { folder: folder.or_else(|| outer.folder.clone()), shell: shell.or_else(|| outer.shell.clone()) }
}

/// Whether a list is the words of one command: its first elements are `go run` or a shell with an option.
fn is_exec_form(value: &Node) -> bool {
    let [first, second, ..] = value.elements() else { return false };
    let (Some(first), Some(second)) = (first.value(), second.value()) else { return false };
    let program = first.rsplit('/').next().unwrap_or_default();
    program == "go" && second == "run" || matches!(program, "sh" | "bash") && second.starts_with('-')
}
