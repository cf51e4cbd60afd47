//! The imports between the top-level modules of a crate, which must not form a cycle. A folder's `mod.rs` and
//! its children are one module; code under `#[cfg(test)]` is free.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    crate_graph::Package,
    module_paths::{ModuleFile, Paths},
    source::SourceFile,
};

/// Returns one message for each import that is part of a cycle.
pub(super) fn violations(packages: &[Package], files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let of_package =
            files.iter().filter_map(|file| ModuleFile::new(file, file.path.strip_prefix(&package.sources)?));
        found.extend(cyclic_imports(&of_package.collect::<Vec<_>>()));
    }
    found
}

/// The imports of one module from another: names by the importing and the imported file.
type Imports<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<String>>;

/// Returns one message for each pair of files of one crate whose import is part of a cycle.
fn cyclic_imports(files: &[ModuleFile<'_>]) -> Vec<String> {
    let paths: Vec<Paths> = files.iter().map(|file| file.paths()).collect();
    let tests: BTreeSet<&Vec<String>> = paths.iter().flat_map(|paths| &paths.test_modules).collect();
    let is_test = |file: &ModuleFile<'_>| tests.iter().any(|test| file.module.starts_with(test));
    // Names that the root of the crate imports, and where they come from.
    let mut root_names = BTreeMap::new();
    for (_, paths) in files.iter().zip(&paths).filter(|(file, _)| file.module.is_empty()) {
        root_names.extend(paths.imported.iter().map(|(name, path)| (name.clone(), path.clone())));
    }
    let mut edges: BTreeMap<(&str, &str), Imports<'_>> = BTreeMap::new();
    for (file, paths) in files.iter().zip(&paths).filter(|(file, _)| !is_test(file)) {
        let Some(from) = file.module.first() else { continue };
        for path in &paths.used {
            let path = path.first().and_then(|name| root_names.get(name)).unwrap_or(path);
            // The deepest file on the path holds the name.
            let holder = files
                .iter()
                .filter(|other| !other.module.is_empty() && path.starts_with(&other.module))
                .max_by_key(|other| other.module.len());
            let Some(holder) = holder.filter(|holder| holder.module.first() != Some(from)) else { continue };
            let name = path.get(holder.module.len()).map_or("the module", |name| name.as_str());
            edges
                .entry((from, &holder.module[0]))
                .or_default()
                .entry((&file.source.path, &holder.source.path))
                .or_default()
                .insert(name.to_owned());
        }
    }
    let graph: BTreeSet<(&str, &str)> = edges.keys().copied().collect();
    let mut found = Vec::new();
    for (&(from, to), imports) in &edges {
        let Some(back) = way(&graph, to, from) else { continue };
        let cycle = format!("{from} → {}", back.join(" → "));
        for ((file, other), names) in imports {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            found.push(format!("{file} → {other} ({names}): a cycle of modules: {cycle}"));
        }
    }
    found
}

/// Returns the modules on a shortest way from one module to another, both included.
fn way<'a>(graph: &BTreeSet<(&'a str, &'a str)>, from: &'a str, to: &'a str) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way[way.len() - 1];
            if last == to {
                return Some(way);
            }
            for &(_, next) in graph.iter().filter(|(module, next)| *module == last && seen.insert(next)) {
                let mut way = way.clone();
                way.push(next);
                longer.push(way);
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the violations of a crate with these files.
    fn of(texts: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = texts.iter().map(|(path, text)| SourceFile::parse(path, text).unwrap()).collect();
        let files: Vec<_> = files.iter().filter_map(|file| ModuleFile::new(file, &file.path)).collect();
        cyclic_imports(&files)
    }

    #[test]
    fn a_cycle_names_both_files_and_the_name() {
        let found = of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c;"),
            ("a/c.rs", "use crate::b::{d::E, F as G};"),
            ("b/mod.rs", "mod d; fn f() { crate::a::c::g(); }"),
            ("b/d.rs", "pub(crate) struct E;"),
        ]);
        assert_eq!(
            found,
            [
                "a/c.rs → b/d.rs (E): a cycle of modules: a → b → a",
                "a/c.rs → b/mod.rs (F): a cycle of modules: a → b → a",
                "b/mod.rs → a/c.rs (g): a cycle of modules: b → a → b",
            ]
        );
    }

    #[test]
    fn every_way_to_write_an_import_counts() {
        for import in [
            "use super::a::A;",
            "use super::a;",
            "use super::{a::A};",
            "use crate::{c, a::{self}};",
            "use crate::A;",
            "use crate::B;",
            "fn f() -> Result<crate::a::A> { 0 }",
            "fn f() { println!(\"{}\", super::a::f()); }",
            "mod inner { use super::super::a::A; }",
            "#[cfg(not(test))] use super::a::A;",
            "#[cfg(test)] mod tests {} use super::a::A;",
            "#[cfg(test)] use std::{x, y}; use super::a::A;",
            "struct S { #[cfg(test)] x: u8, y: crate::a::A }",
            "pub use super::a::*;",
        ] {
            let root = "mod a; mod b; mod c; pub use a::{A, f::A as B};";
            let found = of(&[("lib.rs", root), ("a.rs", "use crate::b::X;"), ("b.rs", import), ("c.rs", "")]);
            assert_eq!(found.len(), 2, "{import}: {found:?}");
        }
    }

    #[test]
    fn a_longer_cycle_is_found() {
        let mut files =
            vec![("a.rs", "use super::b::X;"), ("b.rs", "use super::c::X;"), ("c.rs", "use super::a::X;")];
        assert_eq!(of(&files).len(), 3);
        files.pop();
        assert!(of(&files).is_empty());
    }

    #[test]
    fn one_direction_and_the_folder_itself_pass() {
        assert!(
            of(&[
                ("lib.rs", "mod a; mod b; use a::A; use b::B;"),
                ("a/mod.rs", "mod c; use c::C; use crate::b::B;"),
                ("a/c.rs", "use super::{A, d::D}; use crate::{a::E, b}; mod n { use super::super::A; }"),
                ("b.rs", "use std::a; // crate::a\nconst T: &str = \"crate::a\";"),
            ])
            .is_empty()
        );
    }

    #[test]
    fn tests_are_free() {
        assert!(
            of(&[
                ("a.rs", "use crate::b::B;"),
                ("b/mod.rs", "#[cfg(test)] mod tests { use crate::a::A; }\n#[cfg(test)] mod cases;"),
                ("b/cases.rs", "use crate::a::A;"),
                ("b/more.rs", "#![cfg(test)] use crate::a::A;"),
                ("b/one.rs", "#[cfg(test)] use crate::a::A;\n#[cfg(test)] fn f(a: A, b: crate::a::A) {}"),
            ])
            .is_empty()
        );
    }
}
