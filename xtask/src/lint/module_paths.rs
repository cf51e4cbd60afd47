//! The paths within a crate that one of its files uses: imports and paths in the code.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::source::{self, SourceFile};

/// Words that an item begins with. An attribute of anything else belongs to a field or an expression.
const ITEM_WORDS: [&str; 16] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "let",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "unsafe",
    "use",
];

/// A file as a module of its crate.
pub(super) struct ModuleFile<'a> {
    pub(super) source: &'a SourceFile,
    /// Path of the module; empty for the root.
    pub(super) module: Vec<String>,
}

/// The paths that a file uses, each from the root of the crate.
#[derive(Default)]
pub(super) struct Paths {
    /// Paths in code outside of tests.
    pub(super) used: Vec<Vec<String>>,
    /// Names that the file imports, with their paths.
    pub(super) imported: BTreeMap<String, Vec<String>>,
    /// Modules of which all code is for tests.
    pub(super) test_modules: Vec<Vec<String>>,
}

impl<'a> ModuleFile<'a> {
    /// Returns the module of a file. `path` is relative to the folder of the crate's sources. Returns `None`
    /// for a program of its own.
    pub(super) fn new(source: &'a SourceFile, path: &str) -> Option<Self> {
        let mut module: Vec<String> = path.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
        if module[0] == "bin" {
            return None;
        }
        let last = module[module.len() - 1].as_str();
        if last == "mod" || (module.len() == 1 && matches!(last, "lib" | "main")) {
            module.pop();
        }
        Some(Self { source, module })
    }

    /// Returns the paths that the file uses.
    pub(super) fn paths(&self) -> Paths {
        let mut paths = Paths::default();
        paths.collect(self.source.tokens.clone(), &self.module);
        paths
    }
}

impl Paths {
    /// Collects the paths in the tokens of a module.
    fn collect(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if let Some((attribute, inner, next)) = source::attribute(&tokens, at) {
                at = next;
                if attribute.to_string().replace(' ', "") == "cfg(test)" {
                    if inner {
                        self.test_modules.push(module.to_vec());
                        return;
                    }
                    at = self.skip_item(&tokens, at, module);
                }
                continue;
            }
            match token {
                TokenTree::Ident(word) if *word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(content))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        self.collect(content.stream(), &below(module, &name.to_string()));
                        at += 3;
                        continue;
                    }
                }
                TokenTree::Ident(word) if *word == "use" => {
                    let mut leaves = Vec::new();
                    tree(&tokens[at + 1..], &[], &mut leaves);
                    for (path, name) in leaves {
                        if let Some(path) = resolve(&path, module) {
                            self.imported.insert(name, path);
                        }
                    }
                }
                TokenTree::Ident(word) if *word == "crate" || *word == "super" => {
                    let mut leaves = Vec::new();
                    tree(&tokens[at..], &[], &mut leaves);
                    self.used.extend(leaves.iter().filter_map(|(path, _)| resolve(path, module)));
                    // Further `super` belong to the same path.
                    while source::is_path_separator(&tokens, at + 1)
                        && matches!(tokens.get(at + 3), Some(TokenTree::Ident(word)) if *word == "super")
                    {
                        at += 3;
                    }
                }
                TokenTree::Group(group) => self.collect(group.stream(), module),
                _ => {}
            }
            at += 1;
        }
    }

    /// Returns the position after the item, field or expression at `at`, which is for tests.
    fn skip_item(&mut self, tokens: &[TokenTree], mut at: usize, module: &[String]) -> usize {
        while let Some((_, _, next)) = source::attribute(tokens, at) {
            at = next;
        }
        if let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = &tokens[at..]
            && *word == "mod"
        {
            self.test_modules.push(below(module, &name.to_string()));
        }
        let is_item = matches!(tokens.get(at), Some(TokenTree::Ident(word))
            if ITEM_WORDS.contains(&word.to_string().as_str()));
        while let Some(token) = tokens.get(at) {
            at += 1;
            let ends = match token {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                token => source::is_punct(token, ';') || (!is_item && source::is_punct(token, ',')),
            };
            if ends {
                break;
            }
        }
        at
    }
}

/// Returns the path of a child module.
fn below(module: &[String], name: &str) -> Vec<String> {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// Collects the paths of a tree of imports (`a::{b, c as d}`) or of a plain path, each with the name that it
/// introduces.
fn tree(tokens: &[TokenTree], prefix: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = prefix.to_vec();
    let mut at = 0;
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) if *name == "self" && !path.is_empty() => {}
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in tokens.split(|token| source::is_punct(token, ',')) {
                    tree(part, &path, leaves);
                }
                return;
            }
            Some(token) if source::is_punct(token, '*') => path.push("*".to_owned()),
            _ => break,
        }
        if !source::is_path_separator(tokens, at + 1) {
            break;
        }
        at += 3;
    }
    let name = match &tokens[tokens.len().min(at + 1)..] {
        [TokenTree::Ident(word), TokenTree::Ident(alias), ..] if *word == "as" => Some(alias.to_string()),
        _ => path.last().cloned(),
    };
    if let Some(name) = name {
        leaves.push((path, name));
    }
}

/// Returns the path from the root of the crate. Returns `None` if it leads out of the crate. A path without
/// `crate` or `super` begins at the module itself.
fn resolve(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let rest = path.iter().skip_while(|name| matches!(name.as_str(), "crate" | "super" | "self"));
    let supers = path.iter().take_while(|name| *name == "super").count();
    let base = match path.first()?.as_str() {
        "crate" => &[],
        _ => module.get(..module.len().checked_sub(supers)?)?,
    };
    Some(base.iter().chain(rest).cloned().collect())
}
