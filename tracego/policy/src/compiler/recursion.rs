//! Detection of recursive rules. Rego forbids them, and the virtual machine would evaluate them until the
//! time limit.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Module, Ref, Rule};

use super::syntax::{self, SyntaxElement};

/// A rule: its location and the paths it refers to.
#[derive(Default)]
struct RuleNode {
    place: (String, u32),
    needs: BTreeSet<Vec<String>>,
}

/// Finds the first cycle of rules. Returns the path of the module, the line and the message.
pub(super) fn find<'a>(
    modules: impl Iterator<Item = (&'a str, &'a Ref<Module>)>,
) -> Option<(String, u32, String)> {
    let mut nodes: BTreeMap<Vec<String>, RuleNode> = BTreeMap::new();
    let modules: Vec<_> = modules.map(|(path, module)| (path, module, package(module))).collect();
    // A package may be spread over several files, which refer to each other's rules by name.
    let mut packages: BTreeMap<&[String], BTreeSet<String>> = BTreeMap::new();
    for (_, module, package) in &modules {
        packages.entry(package).or_default().extend(module.policy.iter().map(|rule| syntax::name(rule)));
    }
    for (path, module, package) in &modules {
        let Some(names) = packages.get(package.as_slice()) else { continue };
        for rule in &module.policy {
            let node = nodes.entry(full(package, rule)).or_default();
            if node.place.1 == 0 {
                node.place = ((*path).to_owned(), rule.span().line);
            }
            node.needs.append(&mut needs(module, rule, package, names));
        }
    }
    let mut done = BTreeSet::new();
    for start in nodes.keys() {
        if let Some(circle) = circle(&nodes, start, &mut done) {
            let (path, line) = nodes.get(circle.first()?)?.place.clone();
            let names: Vec<_> = circle.iter().map(|name| format!("data.{}", name.join("."))).collect();
            return Some((path, line, format!("recursion: {}", names.join(" needs "))));
        }
    }
    None
}

/// Returns the path of a package below `data`.
fn package(module: &Module) -> Vec<String> {
    syntax::package(module).into_iter().filter(|part| part != "data").collect()
}

/// Returns the path of a rule below `data`.
fn full(package: &[String], rule: &Rule) -> Vec<String> {
    let mut full = package.to_vec();
    if let Some((root, path, _)) = syntax::chain(syntax::head(rule)) {
        full.push(root);
        full.extend(path);
    }
    full
}

fn needs(
    module: &Module,
    rule: &Rule,
    package: &[String],
    names: &BTreeSet<String>,
) -> BTreeSet<Vec<String>> {
    let mut locals = BTreeSet::new();
    // A variable cannot be called, so a call refers to a rule, even where a variable in the rule has its
    // name.
    let mut called = BTreeSet::new();
    let mut seen = BTreeSet::new();
    syntax::walk_rule(module, rule, &mut |what| match what {
        SyntaxElement::Local(name) => {
            locals.insert(name);
        }
        SyntaxElement::Call { name, .. } => {
            called.insert(name.split('.').map(str::to_owned).collect::<Vec<_>>());
        }
        SyntaxElement::Reference(reference) => {
            let mut path = vec![reference.root];
            path.extend(reference.path);
            seen.insert(path);
        }
        SyntaxElement::With { .. }
        | SyntaxElement::TooDeep { .. }
        | SyntaxElement::Number { .. }
        | SyntaxElement::ObjectPattern { .. } => {}
    });
    let below = |path: Vec<String>, called: bool| match path.split_first() {
        Some((root, rest)) if root == "data" => Some(rest.to_vec()),
        Some((root, _)) if names.contains(root) && (called || !locals.contains(root)) => {
            Some(package.iter().cloned().chain(path.iter().cloned()).collect())
        }
        _ => None,
    };
    let called = called.into_iter().filter_map(|path| below(path, true));
    called.chain(seen.into_iter().filter_map(|path| below(path, false))).collect()
}

/// Returns the rules above the path of a reference, and those at or below it.
fn related<'a>(
    nodes: &'a BTreeMap<Vec<String>, RuleNode>,
    need: &[String],
) -> impl Iterator<Item = &'a Vec<String>> {
    let above = (1..need.len()).filter_map(|end| nodes.get_key_value(&need[..end]));
    let below = nodes.range(need.to_vec()..).take_while(|(name, _)| name.starts_with(need));
    above.chain(below).map(|(name, _)| name).collect::<Vec<_>>().into_iter()
}

/// Finds a cycle that can be reached from a rule: depth first, with an explicit stack.
fn circle(
    nodes: &BTreeMap<Vec<String>, RuleNode>,
    start: &Vec<String>,
    done: &mut BTreeSet<Vec<String>>,
) -> Option<Vec<Vec<String>>> {
    let next = |name: &Vec<String>| -> Vec<Vec<String>> {
        let needs = nodes.get(name).into_iter().flat_map(|node| &node.needs);
        needs.flat_map(|need| related(nodes, need)).cloned().collect()
    };
    if done.contains(start) {
        return None;
    }
    let mut way = vec![(start.clone(), next(start))];
    while let Some((name, open)) = way.last_mut() {
        let Some(to) = open.pop() else {
            done.insert(name.clone());
            way.pop();
            continue;
        };
        if let Some(at) = way.iter().position(|(name, _)| *name == to) {
            let mut circle: Vec<_> = way.drain(at..).map(|(name, _)| name).collect();
            circle.push(to);
            return Some(circle);
        }
        if !done.contains(&to) {
            let open = next(&to);
            way.push((to, open));
        }
    }
    None
}
