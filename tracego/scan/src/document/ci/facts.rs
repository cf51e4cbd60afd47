//! Values that a CI file itself gives to the variables and expressions of its scripts.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    CiFile, CiForm, TEXTS,
    expression::{expression, references, with_braces},
};
use crate::{
    command::CommandReader,
    document::yaml::Node,
    extract::{Context, Extract},
    setting::Setting,
    shell::Variables,
    text::Text,
    word::Word,
};

/// Maximum number of values that are put in for one expression or variable.
const MAX_VALUES: usize = 32;
/// Maximum number of expressions that are replaced in one script.
const MAX_EXPRESSIONS: usize = 8;

/// Facts of a file that hold for all its scripts. A variable that several jobs set has each of its values in turn.
#[derive(Default)]
pub(super) struct CiFacts {
    /// Folder that each job begins in.
    pub(super) folder: Option<String>,
    ci: Option<CiFile>,
    variables: Variables,
    /// Values of variables.
    values: HashMap<String, Vec<Word>>,
    /// Values of parameters, inputs and a matrix.
    parameters: HashMap<String, Vec<Text>>,
    /// Places of the values that were put in.
    used: RefCell<HashSet<u32>>,
    /// Names that scripts refer to.
    names: RefCell<HashSet<String>>,
}

/// Returns the variables that a mapping sets: texts, or mappings with one under `value`.
pub(super) fn variables_of(mapping: &Node, form: &CiForm) -> Vec<(String, Word)> {
    let all = form.variables.iter().filter_map(|key| mapping.get(key));
    let mut found = Vec::new();
    for node in all {
        for (name, value) in node.entries() {
            let value = value.get("value").unwrap_or(value);
            if let (Some(name), Some(word)) = (name.value(), value.words().into_iter().next()) {
                found.push((name, word));
            }
        }
        // Azure has `- name: NAME` with `value: …`, Buildkite and others `NAME=value`.
        for entry in node.elements() {
            let named = entry.get("name").and_then(|name| name.value()).zip(entry.get("value"));
            if let Some((name, word)) =
                named.and_then(|(name, value)| Some((name, value.words().into_iter().next()?)))
            {
                found.push((name, word));
            } else if let Some((name, word)) =
                entry.text().and_then(|text| Word::known(text.clone()).split_at_equals())
            {
                found.push((name, word));
            }
        }
    }
    found
}

impl CiFacts {
    pub(super) fn of(documents: &[Rc<Node>], ci: CiFile) -> Self {
        let form = ci.form();
        let mut facts = Self { ci: Some(ci), ..Self::default() };
        for document in documents {
            document.each_mapping(&mut |mapping| {
                for (name, word) in variables_of(mapping, form) {
                    facts.add_variable(&name, Word { is_quoted: false, ..word });
                }
                for key in ["parameters", "inputs", "matrix"] {
                    if let Some(parameters) = mapping.get(key) {
                        facts.add_parameters(parameters, key == "matrix");
                    }
                }
                true
            });
            if ci == CiFile::Gitlab {
                let before = document.get("before_script").map(Rc::as_ref);
                facts.folder =
                    before.or_else(|| document.at(&["default", "before_script"])).and_then(folder_behind);
            }
        }
        facts
    }

    fn add_variable(&mut self, name: &str, word: Word) {
        let values = self.values.entry(name.to_owned()).or_default();
        if values.len() < MAX_VALUES && !values.contains(&word) {
            values.push(word.clone());
        }
        self.variables.set(name, word);
    }

    fn add_parameters(&mut self, parameters: &Node, is_matrix: bool) {
        let mut add = |name: String, value: &Node| {
            let texts = match value.elements() {
                [] => vec![value],
                several => several.iter().map(Rc::as_ref).collect(),
            };
            for text in texts.into_iter().take(MAX_VALUES).filter_map(Node::text) {
                let values = self.parameters.entry(name.clone()).or_default();
                if values.len() < MAX_VALUES {
                    values.push(text.clone());
                }
            }
        };
        for (name, value) in parameters.entries() {
            let Some(name) = name.value() else { continue };
            add(name.clone(), value.get("default").unwrap_or(value));
            // `matrix.job.command`, and the entries of `include`.
            for entry in value.elements().iter().take(MAX_VALUES) {
                for (inner, value) in entry.entries() {
                    let inner = inner.value().unwrap_or_default();
                    add(if name == "include" { inner } else { format!("{name}.{inner}") }, value);
                }
            }
        }
        for entry in parameters.elements().iter().take(MAX_VALUES) {
            match (entry.get("name").and_then(|name| name.value()), entry.get("default")) {
                (Some(name), Some(default)) => add(name, default),
                // GitLab and Woodpecker have a list of mappings, whose names are variables.
                _ => entry
                    .entries()
                    .iter()
                    .for_each(|(name, value)| add(name.value().unwrap_or_default(), value)),
            }
        }
        if is_matrix && matches!(self.ci, Some(CiFile::Gitlab | CiFile::Drone)) {
            let values: Vec<(String, Text)> = self
                .parameters
                .iter()
                .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())))
                .collect();
            values.into_iter().for_each(|(name, value)| self.add_variable(&name, Word::known(value)));
        }
    }

    /// Returns the variables for each time that a script is read: once, or for each value of a variable in it.
    pub(super) fn rounds(&self, texts: &[&Text]) -> Vec<Variables> {
        let mut several = None;
        for text in texts {
            for name in references(text.bytes()) {
                if several.is_none() {
                    let values = self.values.get(&name).filter(|values| values.len() > 1);
                    several = values.map(|values| (name.clone(), values));
                }
                self.names.borrow_mut().insert(name);
            }
        }
        let Some((name, values)) = several else { return vec![self.variables.clone()] };
        let with = |value: &Word| {
            let mut variables = self.variables.clone();
            variables.set(&name, value.clone());
            variables
        };
        values.iter().map(with).collect()
    }

    /// Returns a script with each value that the file gives to the expressions in it, or as it is.
    pub(super) fn with_values(&self, text: &Text) -> Vec<Text> {
        let text = match self.ci {
            Some(CiFile::Azure) => with_braces(text, |name| self.values.contains_key(name)),
            _ => text.clone(),
        };
        let mut scripts = vec![(text, 0)];
        for _ in 0..MAX_EXPRESSIONS {
            let mut next = Vec::new();
            let mut has_changed = false;
            for (script, from) in scripts {
                let Some((start, end, expression)) = expression(&script, from, self.ci) else {
                    next.push((script, usize::MAX));
                    continue;
                };
                has_changed = true;
                let values = self.values_of(&expression);
                if values.is_empty() {
                    next.push((script, end));
                    continue;
                }
                let place = script.place(start);
                for value in values.into_iter().take(MAX_VALUES) {
                    if next.len() >= MAX_VALUES {
                        break;
                    }
                    self.used.borrow_mut().insert(value.place(0));
                    let mut whole = script.slice(0..start);
                    whole.append(&value, Some(place));
                    let behind = whole.len();
                    whole.append(&script.slice(end..script.len()), None);
                    next.push((whole, behind));
                }
            }
            scripts = next;
            if !has_changed {
                break;
            }
        }
        scripts.into_iter().map(|(script, _)| script).collect()
    }

    fn values_of(&self, expression: &Text) -> Vec<Text> {
        let text = expression.to_str().trim().to_owned();
        let name = text.split(['|', '&', ' ']).next().unwrap_or_default();
        let literals = text.split('\'').skip(1).step_by(2).filter(|literal| literal.contains("go run"));
        let mut found: Vec<Text> = literals.map(|literal| Text::at(expression.place(0), literal)).collect();
        let (scope, inner) = name
            .rsplit_once("inputs.")
            .map_or_else(|| name.split_once('.').unwrap_or(("", name)), |(_, inner)| ("inputs", inner));
        match scope {
            "env" | "variables" | "" => {
                self.names.borrow_mut().insert(inner.to_owned());
                let values = self.values.get(inner).into_iter().flatten();
                found.extend(values.map(|word| word.text.clone()));
            }
            "pipeline" => {
                let inner = inner.strip_prefix("parameters.").unwrap_or(inner);
                found.extend(self.parameters.get(inner).into_iter().flatten().cloned());
            }
            _ => found.extend(self.parameters.get(inner).into_iter().flatten().cloned()),
        }
        found.retain(|value| !value.is_empty());
        found
    }

    /// Reads values that hold `go run` and that no script of the file refers to: another file is given them.
    pub(super) fn read_unused(&self, documents: &[Rc<Node>], form: &CiForm, extract: &mut Extract) {
        let context = Context { setting: Setting::Ci, unit: None, folder: None };
        let (used, names) = (self.used.borrow(), self.names.borrow());
        let mut reader = CommandReader::new(&context, extract);
        for document in documents {
            document.each_mapping(&mut |mapping| {
                let name = mapping.get("name").and_then(|name| name.value());
                if name.is_some_and(|name| names.contains(&name)) {
                    return true;
                }
                for (key, value) in mapping.entries() {
                    let key = key.value().unwrap_or_default();
                    let is_script = form.scripts.contains(&key.as_str()) || TEXTS.contains(&key.as_str());
                    if is_script || names.contains(&key) || super::is_exec_form(value) {
                        continue;
                    }
                    let texts =
                        value.text().into_iter().chain(value.elements().iter().filter_map(|e| e.text()));
                    for text in texts
                        .filter(|text| text.bytes().starts_with(b"go run") && !used.contains(&text.place(0)))
                    {
                        reader.read_given_value(text);
                    }
                }
                true
            });
        }
    }
}

/// Returns the folder that commands in front of each job end in.
fn folder_behind(before: &Node) -> Option<String> {
    let context = Context { setting: Setting::Ci, unit: None, folder: None };
    let mut unused = Extract::default();
    let mut reader = CommandReader::new(&context, &mut unused);
    before.scalars().into_iter().for_each(|text| reader.read_script(text));
    reader.context.folder
}
