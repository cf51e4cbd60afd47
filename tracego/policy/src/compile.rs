//! Compilation of a bundle to a program of regorus's virtual machine.

use std::{collections::BTreeSet, sync::Arc};

use regorus::{
    CompiledPolicy, Engine, Value,
    languages::rego::compiler::Compiler,
    rvm::Program,
    unstable::{Module, Ref},
};

use super::{
    alias,
    bundle::{Bundle, Rego},
    entry::{self, Entry},
    error::Refusal,
    guard, nesting,
    reads::Reads,
    recursion, refused, said,
    walk::{self, Seen, Then},
};

/// Maximum size of a module in bytes.
pub(super) const MAX_MODULE: usize = 256 << 10;
/// Package of the generated entry points.
const ENTRIES: &str = "data.__tracego";

/// A compiled bundle.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) policy: CompiledPolicy,
    pub(super) program: Arc<Program>,
    pub(super) data: Value,
    /// Entry points, each with its name in the program.
    pub(super) entries: Vec<(Entry, String)>,
    pub(super) reads: Reads,
    /// Findings that do not prevent loading but are probably mistakes.
    pub(super) warnings: Vec<Refusal>,
}

/// A parsed module.
struct Parsed<'a> {
    path: &'a str,
    text: &'a str,
    rego: Rego,
    module: Ref<Module>,
}

/// Compiles a bundle. Needs a deep stack (see [`super::stack`]).
pub(super) fn compile(bundle: &Bundle) -> Result<Compiled, Vec<Refusal>> {
    let mut warnings = Vec::new();
    let (parsed, names) = parse(bundle, &mut warnings)?;
    let parsed: Vec<_> = parsed.into_iter().filter(|module| !is_test_file(module.path)).collect();
    let mut reads = Reads::default();
    let mut refusals = look(bundle, &parsed, &mut reads, &mut warnings);
    if let Some((path, line, what)) =
        recursion::find(parsed.iter().map(|parsed| (parsed.path, &parsed.module)))
    {
        refusals.push(Refusal { bundle: bundle.name.clone(), place: Some((path, line)), what });
    }
    if !refusals.is_empty() {
        sort(&mut refusals);
        return Err(refusals);
    }
    let entries = entry::entries(&bundle.name, parsed.iter().map(|parsed| (parsed.path, &parsed.module)))?;
    build(bundle, &parsed, names, &entries).map(|(policy, program, data)| {
        let named = entries.into_iter().enumerate().map(|(index, entry)| (entry, name(index))).collect();
        sort(&mut warnings);
        Compiled { policy, program, data, entries: named, reads, warnings }
    })
}

fn sort(refusals: &mut Vec<Refusal>) {
    refusals.sort_by(|a, b| a.place.cmp(&b.place));
    refusals.dedup();
}

/// Returns the name of an entry point in the program.
fn name(index: usize) -> String {
    format!("{ENTRIES}.entry_{index}")
}

/// Whether a file holds only tests, by the naming convention of OPA's tools.
pub(super) fn is_test_file(path: &str) -> bool {
    path.ends_with("_test.rego")
}

/// Returns the path of a module's package, beginning with `data`.
pub(super) fn package(module: &Module) -> String {
    let package = walk::package(module).join(".");
    if package.starts_with("data.") { package } else { format!("data.{package}") }
}

/// Whether a rule is a test, by its name.
pub(super) fn is_test(rule: &str) -> bool {
    rule.starts_with("test_") || rule.starts_with("todo_test_")
}

/// Parses the modules of a bundle in the version of Rego that the bundle declares. Without a declaration, a
/// module that fails in version 1 is parsed in version 0.
///
/// Returns the modules, and the names that they use through `data.env`.
fn parse<'a>(
    bundle: &'a Bundle,
    warnings: &mut Vec<Refusal>,
) -> Result<(Vec<Parsed<'a>>, BTreeSet<String>), Vec<Refusal>> {
    let (mut parsed, mut refusals) = (Vec::new(), Vec::new());
    for module in &bundle.modules {
        let refusal = |line, what| Refusal {
            bundle: bundle.name.clone(),
            place: Some((module.path.clone(), line)),
            what,
        };
        if module.text.len() > MAX_MODULE {
            refusals.push(refusal(0, format!("larger than {} KiB", MAX_MODULE >> 10)));
            continue;
        }
        if let Some(line) = nesting::too_deep(&module.text) {
            refusals.push(refusal(line, "brackets are nested too deep".to_owned()));
            continue;
        }
        let one = |rego| parse_one(&module.path, &module.text, rego);
        let (rego, outcome) = match (module.rego, one(module.rego)) {
            (Rego::V1, Err(error)) if !module.rego_declared => match one(Rego::V0) {
                Ok(module) => {
                    let what = "this is version 0 of Rego; say so with rego_version in .manifest, or rewrite \
                                it: `deny contains msg if { … }`";
                    warnings.push(refusal(0, what.to_owned()));
                    (Rego::V0, Ok(module))
                }
                Err(_) => (Rego::V1, Err(error)),
            },
            (rego, outcome) => (rego, outcome),
        };
        match outcome {
            Ok(tree) => {
                walk::walk(&tree, &|_| false, &mut |seen| {
                    if let Seen::TooDeep { span } = seen {
                        refusals.push(refusal(span.line, "an expression is too long".to_owned()));
                    }
                });
                parsed.push(Parsed { path: &module.path, text: &module.text, rego, module: tree });
            }
            Err(error) => {
                let (place, what) = said::located(&error);
                refusals.push(refusal(place.map_or(0, |(_, line)| line), what));
            }
        }
    }
    if refusals.is_empty() {
        let names = variables(bundle, &parsed);
        Ok((parsed, names))
    } else {
        Err(refusals)
    }
}

fn parse_one(path: &str, text: &str, rego: Rego) -> anyhow::Result<Ref<Module>> {
    let mut engine = Engine::new();
    engine.set_rego_v0(rego == Rego::V0);
    engine.add_policy(path.to_owned(), text.to_owned())?;
    engine.get_modules().first().cloned().ok_or_else(|| anyhow::anyhow!("there is nothing in it"))
}

/// Returns the names of variables used through `data.env`; empty if the bundle has its own `data.env`.
fn variables(bundle: &Bundle, parsed: &[Parsed<'_>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if has_env(bundle, parsed) {
        return names;
    }
    for parsed in parsed {
        walk::walk(&parsed.module, &|_| false, &mut |seen| {
            if let Seen::Reference(reference) = seen
                && let Some(alias::Env::Name(name)) = alias::env(&reference)
            {
                names.insert(name);
            }
        });
    }
    names
}

fn has_env(bundle: &Bundle, parsed: &[Parsed<'_>]) -> bool {
    let own = |parsed: &Parsed<'_>| {
        let package = walk::package(&parsed.module);
        package.iter().map(String::as_str).filter(|part| *part != "data").eq(["env"])
    };
    bundle.data.get("env").is_some() || parsed.iter().any(own)
}

/// Walks over the modules. Adds the members that they read to `reads`, and probable mistakes to `warnings`.
///
/// Returns the calls and references that are refused.
fn look(
    bundle: &Bundle,
    parsed: &[Parsed<'_>],
    reads: &mut Reads,
    warnings: &mut Vec<Refusal>,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let own_env = has_env(bundle, parsed);
    let all = parsed;
    for parsed in parsed {
        // A package may be spread over several files.
        let package = package(&parsed.module);
        let same = all.iter().filter(|other| self::package(&other.module) == package);
        let rules = same.flat_map(|other| other.module.policy.iter());
        let functions: BTreeSet<String> = rules.map(|rule| walk::name(rule)).collect();
        let refusal = |line, what: String| Refusal {
            bundle: bundle.name.clone(),
            place: Some((parsed.path.to_owned(), line)),
            what,
        };
        walk::walk(&parsed.module, &is_test, &mut |seen| match seen {
            Seen::Call { name, span } => {
                reads.call(&name);
                let first = name.split('.').next().unwrap_or_default();
                let own = first == "data" || functions.contains(first);
                if let Some(why) = refused::why(&name).filter(|_| !own) {
                    refusals.push(refusal(span.line, format!("{name}: {why}")));
                }
            }
            Seen::With { span } => {
                let what = "`with` is for tests: rules that are named test_… or stand in a file …_test.rego";
                refusals.push(refusal(span.line, what.to_owned()));
            }
            Seen::Local(_) | Seen::TooDeep { .. } => {}
            Seen::Reference(reference) => {
                reads.reference(&reference);
                let line = reference.span.line;
                match alias::env(&reference).filter(|_| !own_env) {
                    Some(alias::Env::Refused(why)) => refusals.push(refusal(line, why.to_owned())),
                    Some(alias::Env::Name(name)) if !alias::is_name(&name) => {
                        refusals
                            .push(refusal(line, format!("data.env has no {name:?}; use input.process.env")));
                    }
                    Some(alias::Env::Name(name)) => reads.variable(&name),
                    None => {}
                }
                if reference.root == "input"
                    && reference.path == ["process", "executable"]
                    && reference.then == Then::End
                {
                    let what = "input.process.executable is an object; its path is \
                                input.process.executable.path";
                    warnings.push(refusal(line, what.to_owned()));
                }
            }
        });
    }
    refusals
}

/// Creates an engine with the modules, the data, and the generated module of `data.env`.
fn engine(bundle: &Bundle, parsed: &[Parsed<'_>], names: &BTreeSet<String>) -> anyhow::Result<Engine> {
    let mut engine = Engine::new();
    for parsed in parsed {
        engine.set_rego_v0(parsed.rego == Rego::V0);
        engine.add_policy(parsed.path.to_owned(), parsed.text.to_owned())?;
    }
    engine.set_rego_v0(false);
    if !names.is_empty() {
        engine.add_policy(said::GENERATED.to_owned(), alias::module(names))?;
    }
    if !bundle.data.is_null() {
        engine.add_data(Value::from(bundle.data.clone()))?;
    }
    Ok(engine)
}

fn build(
    bundle: &Bundle,
    parsed: &[Parsed<'_>],
    names: BTreeSet<String>,
    entries: &[Entry],
) -> Result<(CompiledPolicy, Arc<Program>, Value), Vec<Refusal>> {
    let built = || -> anyhow::Result<_> {
        let mut engine = engine(bundle, parsed, &names)?;
        // Generated rules, because an entry point may be written in parts (`decision.allow := …`): then
        // several rules make up its value.
        let mut text = String::from("package __tracego\n");
        for (index, entry) in entries.iter().enumerate() {
            text.push_str(&format!("entry_{index} := {}\n", entry.path));
        }
        engine.add_policy(said::GENERATED.to_owned(), text)?;
        let data = engine.get_data();
        let policy = engine.compile_with_entrypoint(&Arc::from(name(0).as_str()))?;
        let names: Vec<String> = (0..entries.len()).map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let program = Compiler::compile_from_policy(&policy, &names)?;
        let mut program = Arc::unwrap_or_clone(program);
        for (info, function) in program.builtin_info_table.iter().zip(&mut program.resolved_builtins) {
            if let Some(guarded) = guard::guarded(&info.name) {
                *function = guarded;
            }
        }
        Ok((policy, Arc::new(program), data))
    };
    built().map_err(|error| {
        let (place, what) = said::located(&error);
        vec![Refusal { bundle: bundle.name.clone(), place, what }]
    })
}

/// Creates the interpreter for tests and explanations, which supports `with`, and loads all modules.
///
/// Returns the engine, and the modules with their paths.
pub(super) fn interpreter(bundle: &Bundle) -> Result<Interpreter<'_>, Vec<Refusal>> {
    let (parsed, names) = parse(bundle, &mut Vec::new())?;
    let modules = parsed.iter().map(|parsed| (parsed.path, &parsed.module));
    if let Some((path, line, what)) = recursion::find(modules) {
        return Err(vec![Refusal { bundle: bundle.name.clone(), place: Some((path, line)), what }]);
    }
    let engine = engine(bundle, &parsed, &names).map_err(|error| {
        let (place, what) = said::located(&error);
        vec![Refusal { bundle: bundle.name.clone(), place, what }]
    })?;
    Ok((engine, parsed.into_iter().map(|parsed| (parsed.path, parsed.module)).collect()))
}

/// An engine, and the modules with their paths; see [`interpreter`].
pub(super) type Interpreter<'a> = (Engine, Vec<(&'a str, Ref<Module>)>);
