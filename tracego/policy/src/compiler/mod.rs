//! Compilation of a bundle to a program of regorus's virtual machine.
//!
//! The modules are parsed ([`parser`]) and checked: for calls that are not allowed ([`checks`]), recursion,
//! an entry point, and values that can never be a decision ([`value_check`]). What they read of the input is found
//! on the way ([`InputUse`]). The program is then built from them ([`program`]).

pub(crate) mod builtin_limits;
mod checks;
mod data_env;
pub(crate) mod engine_error;
mod entry_point;
mod forbidden_calls;
mod input_use;
mod literals;
mod nesting;
pub(crate) mod parser;
mod program;
mod recursion;
pub(crate) mod syntax;
mod value_check;

use std::sync::Arc;

use regorus::{CompiledPolicy, Value, rvm::Program};

pub(crate) use self::{
    entry_point::{EntryKind, EntryPoint},
    input_use::InputUse,
    program::interpreter,
};
use crate::{
    bundle::{Bundle, RegoModule},
    error::PolicyProblem,
};

/// The part of a bundle that decisions are made from.
#[derive(Debug)]
pub(crate) struct BundleSource {
    pub(crate) name: String,
    pub(crate) modules: Vec<RegoModule>,
    pub(crate) data: Value,
}

impl From<&Bundle> for BundleSource {
    fn from(bundle: &Bundle) -> Self {
        let Bundle { name, modules, data, .. } = bundle;
        Self { name: name.clone(), modules: modules.clone(), data: Value::from(data.clone()) }
    }
}

impl BundleSource {
    /// Whether the data has a member of this name.
    fn has_data(&self, name: &str) -> bool {
        self.data.as_object().is_ok_and(|data| data.contains_key(&Value::from(name)))
    }
}

/// A compiled bundle.
#[derive(Debug)]
pub(crate) struct CompiledBundle {
    pub(crate) policy: CompiledPolicy,
    pub(crate) program: Arc<Program>,
    pub(crate) data: Value,
    /// Entry points, each with its name in the program.
    pub(crate) entries: Vec<(EntryPoint, String)>,
    pub(crate) input_use: InputUse,
    /// Findings that do not prevent loading but are probably mistakes.
    pub(crate) warnings: Vec<PolicyProblem>,
}

/// Compiles a bundle. Needs a deep stack (see [`crate::evaluation::stack`]).
pub(crate) fn compile(bundle: &BundleSource) -> Result<CompiledBundle, Vec<PolicyProblem>> {
    let mut warnings = Vec::new();
    let (parsed, names) = parser::parse(bundle, &mut warnings)?;
    let parsed: Vec<_> = parsed.into_iter().filter(|module| !syntax::is_test_file(module.path)).collect();
    let mut input_use = InputUse::default();
    let mut problems = checks::check(bundle, &parsed, &mut input_use, &mut warnings);
    if let Some((path, line, what)) =
        recursion::find(parsed.iter().map(|parsed| (parsed.path, &parsed.module)))
    {
        problems.push(PolicyProblem { bundle: bundle.name.clone(), place: Some((path, line)), what });
    }
    if !problems.is_empty() {
        sort(&mut problems);
        return Err(problems);
    }
    let entries = entry_point::find(&bundle.name, parsed.iter().map(|parsed| (parsed.path, &parsed.module)))?;
    let mut problems = value_check::check(&bundle.name, &parsed, &entries);
    if !problems.is_empty() {
        sort(&mut problems);
        return Err(problems);
    }
    program::build(bundle, &parsed, names, &entries).map(|(policy, program, data)| {
        let named = entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| (entry, program::entry_name(index)))
            .collect();
        sort(&mut warnings);
        CompiledBundle { policy, program, data, entries: named, input_use, warnings }
    })
}

fn sort(problems: &mut Vec<PolicyProblem>) {
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    problems.dedup();
}
