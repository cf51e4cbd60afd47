//! Makefiles: variables, functions, targets, prerequisites, recipes and included files.
//!
//! Source: GNU make, <https://www.gnu.org/software/make/manual/>

mod expansion;
mod function;
mod line;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use super::DocumentKind;
use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract, Inclusion},
    setting::Setting,
    source::SourceFile,
    text::Text,
    word::Word,
};

/// A recipe line with its targets.
struct Recipe {
    targets: Rc<[String]>,
    script: Text,
}

/// The value of a variable.
#[derive(Clone, Debug)]
struct MakeVariable {
    text: Text,
    /// Whether what it holds is found where it is defined, as of `define`.
    is_macro: bool,
    /// Whether another file defines it.
    is_foreign: bool,
}

/// A Makefile that has been split into its parts.
#[derive(Default)]
struct Makefile {
    variables: HashMap<String, MakeVariable>,
    /// Variables of single targets.
    of_targets: HashMap<(String, String), Text>,
    /// The target whose recipe is expanded.
    target: Option<String>,
    /// Arguments of the functions around.
    arguments: Vec<Vec<Text>>,
    recipes: Vec<Recipe>,
    prerequisites: Vec<(String, Text)>,
    /// Scripts of `$(shell …)`.
    scripts: Vec<Text>,
    first: Option<String>,
    /// Files that are included.
    included: Vec<String>,
    /// Character that begins the lines of a recipe.
    prefix: Option<u8>,
    expanded: usize,
    /// Depth of `$(eval …)`.
    depth: usize,
}

/// Reads a Makefile. `others` are files that it includes, or that include it: their variables hold here, too.
pub(super) fn read(file: &SourceFile, others: &[&SourceFile], extract: &mut Extract) {
    let mut makefile = Makefile::default();
    for other in others {
        makefile.inherit(other);
    }
    makefile.set("MAKE", Text::at(0, "make"));
    makefile.split(&Text::part(file.bytes(), 0..file.bytes().len()));
    let context = |unit: Option<&str>| Context {
        setting: Setting::Open,
        unit: unit.map(Arc::from),
        folder: Some(file.folder().to_owned()),
    };
    if let Some(first) = makefile.first.clone() {
        // The goal that make takes when none is given.
        extract.call(Callee::Unit(first), None, &context(Some("")));
    }
    for path in std::mem::take(&mut makefile.included) {
        extract.include(Inclusion { path, kind: DocumentKind::Makefile });
    }
    for (target, prerequisites) in std::mem::take(&mut makefile.prerequisites) {
        let expanded = makefile.expand(&prerequisites, None, 0);
        for name in expanded.to_str().split_whitespace() {
            let callee = Callee::Unit(name.to_owned());
            extract.call(callee, Some(prerequisites.place(0)), &context(Some(&target)));
        }
    }
    let outside = std::mem::take(&mut makefile.scripts);
    makefile.read_recipes(&context, extract);
    makefile.scripts = outside;
    // Values that the shell makes are made whether a recipe uses them or not.
    let values =
        makefile.variables.values().filter(|value| !value.is_foreign && is_made_by_shell(&value.text));
    for value in values.map(|value| value.text.clone()).collect::<Vec<_>>() {
        makefile.expand(&value, None, 0);
    }
    for script in std::mem::take(&mut makefile.scripts) {
        CommandReader::new(&context(None), extract).read_script(&script);
    }
    for name in crate::command::GO_ENVIRONMENT {
        let own = makefile.variables.get(name).filter(|value| !value.is_foreign).cloned();
        if let Some(value) = own {
            let value = makefile.expand(&value.text, None, 0);
            let has_holes = memchr::memchr(b'$', value.bytes()).is_some();
            let word = Word { text: value, has_holes, ..Word::default() };
            CommandReader::new(&context(None), extract).declare(name, &word);
        }
    }
}

impl Makefile {
    fn set(&mut self, name: &str, text: Text) {
        self.variables.insert(name.to_owned(), MakeVariable { text, is_macro: false, is_foreign: false });
    }

    /// Takes over the variables of another file.
    fn inherit(&mut self, other: &SourceFile) {
        let mut theirs = Self::default();
        theirs.split(&Text::part(other.bytes(), 0..other.bytes().len()));
        for (name, value) in theirs.variables {
            let foreign = MakeVariable { is_macro: false, is_foreign: true, ..value };
            self.variables.entry(name).or_insert(foreign);
        }
    }

    /// Reads the recipes. A recipe is expanded once, or for each target if targets have variables of their own.
    fn read_recipes(&mut self, context: &dyn Fn(Option<&str>) -> Context, extract: &mut Extract) {
        let with_variables: HashSet<String> =
            self.of_targets.keys().map(|(target, _)| target.clone()).collect();
        for Recipe { targets, script: recipe } in std::mem::take(&mut self.recipes) {
            let mut shared = None;
            for target in targets.iter() {
                if !extract.spend(1) {
                    return;
                }
                let is_own = with_variables.contains(target);
                let script = match shared.clone().filter(|_| !is_own) {
                    Some(script) => script,
                    None => {
                        self.target = Some(target.clone());
                        let script = without_prefixes(&self.expand(&recipe, None, 0));
                        self.target = None;
                        if !is_own {
                            shared = Some(script.clone());
                        }
                        script
                    }
                };
                let context = context(Some(target));
                CommandReader::new(&context, extract).read_script(&script);
                for script in std::mem::take(&mut self.scripts) {
                    CommandReader::new(&context, extract).read_script(&script);
                }
                if target.contains('%') {
                    extract.add_pattern(target);
                }
            }
        }
    }
}

/// Leaves out `@`, `-` and `+` in front of the lines of a macro.
fn without_prefixes(script: &Text) -> Text {
    let mut plain = Text::default();
    let mut continues = false;
    for line in script.lines() {
        let is_prefix = |byte: &u8| matches!(byte, b'\t' | b' ' | b'@' | b'-' | b'+');
        let prefix =
            if continues { 0 } else { line.bytes().iter().take_while(|byte| is_prefix(byte)).count() };
        if !plain.is_empty() {
            plain.push(b'\n', line.place(0));
        }
        plain.append(&line.slice(prefix..line.len()), None);
        continues = line.bytes().trim_ascii_end().ends_with(b"\\");
    }
    plain
}

fn is_made_by_shell(value: &Text) -> bool {
    memchr::memmem::find(value.bytes(), b"$(shell ").is_some()
}
