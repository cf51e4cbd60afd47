//! Construction of a bundle's program, and of its interpreter.

use std::{collections::BTreeSet, sync::Arc};

use regorus::{
    CompiledPolicy, Engine, Value,
    languages::rego::compiler::Compiler,
    rvm::Program,
    unstable::{Module, Ref},
};

use super::{
    BundleSource, builtin_limits, data_env, engine_error,
    entry_point::EntryPoint,
    parser::{self, ParsedModule},
    recursion,
};
use crate::{builtins, bundle::RegoVersion, error::PolicyProblem};

/// Package of the generated entry points.
const ENTRIES: &str = "data.__tracego";

/// Returns the name of an entry point in the program.
pub(super) fn entry_name(index: usize) -> String {
    format!("{ENTRIES}.entry_{index}")
}

/// Creates an engine with the modules, the data, and the generated module of `data.env`.
fn engine(
    bundle: &BundleSource,
    parsed: &[ParsedModule<'_>],
    names: &BTreeSet<String>,
) -> anyhow::Result<Engine> {
    let mut engine = Engine::new();
    builtins::extend(&mut engine)?;
    for parsed in parsed {
        engine.set_rego_v0(parsed.rego == RegoVersion::V0);
        engine.add_policy(parsed.path.to_owned(), parsed.text.to_owned())?;
    }
    engine.set_rego_v0(false);
    if !names.is_empty() {
        engine.add_policy(engine_error::GENERATED.to_owned(), data_env::module(names))?;
    }
    if bundle.data != Value::Null {
        engine.add_data(bundle.data.clone())?;
    }
    Ok(engine)
}

/// Builds the program, with a rule for each entry point.
///
/// Returns the compiled policy, the program and the data.
pub(super) fn build(
    bundle: &BundleSource,
    parsed: &[ParsedModule<'_>],
    names: BTreeSet<String>,
    entries: &[EntryPoint],
) -> Result<(CompiledPolicy, Arc<Program>, Value), Vec<PolicyProblem>> {
    let built = || -> anyhow::Result<_> {
        let mut engine = engine(bundle, parsed, &names)?;
        // Generated rules, because an entry point may be written in parts (`decision.allow := …`): then
        // several rules make up its value.
        let mut text = String::from("package __tracego\n");
        for (index, entry) in entries.iter().enumerate() {
            text.push_str(&format!("entry_{index} := {}\n", entry.path));
        }
        engine.add_policy(engine_error::GENERATED.to_owned(), text)?;
        let data = engine.get_data();
        let policy = engine.compile_with_entrypoint(&Arc::from(entry_name(0).as_str()))?;
        let names: Vec<String> = (0..entries.len()).map(entry_name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let program = Compiler::compile_from_policy(&policy, &names)?;
        let mut program = Arc::unwrap_or_clone(program);
        for (info, function) in program.builtin_info_table.iter().zip(&mut program.resolved_builtins) {
            if let Some(guarded) = builtin_limits::guarded(&info.name) {
                *function = guarded;
            }
        }
        Ok((policy, Arc::new(program), data))
    };
    built().map_err(|error| {
        let (place, what) = engine_error::located(&error);
        vec![PolicyProblem { bundle: bundle.name.clone(), place, what }]
    })
}

/// Creates the interpreter for tests and explanations, which supports `with`, and loads all modules.
///
/// Returns the engine, and the modules with their paths.
pub(crate) fn interpreter(bundle: &BundleSource) -> Result<Interpreter<'_>, Vec<PolicyProblem>> {
    let (parsed, names) = parser::parse(bundle, &mut Vec::new())?;
    let modules = parsed.iter().map(|parsed| (parsed.path, &parsed.module));
    if let Some((path, line, what)) = recursion::find(modules) {
        return Err(vec![PolicyProblem { bundle: bundle.name.clone(), place: Some((path, line)), what }]);
    }
    let engine = engine(bundle, &parsed, &names).map_err(|error| {
        let (place, what) = engine_error::located(&error);
        vec![PolicyProblem { bundle: bundle.name.clone(), place, what }]
    })?;
    Ok((engine, parsed.into_iter().map(|parsed| (parsed.path, parsed.module)).collect()))
}

/// An engine, and the modules with their paths; see [`interpreter`].
pub(crate) type Interpreter<'a> = (Engine, Vec<(&'a str, Ref<Module>)>);
