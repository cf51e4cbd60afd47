//! Parsing of the modules of a bundle.

use std::collections::BTreeSet;

use regorus::{
    Engine,
    unstable::{Module, Ref},
};

use super::{
    BundleSource,
    data_env::{self, DataEnv},
    engine_error, nesting,
    syntax::{self, SyntaxElement},
};
use crate::{bundle::RegoVersion, error::PolicyProblem};

/// Maximum size of a module in bytes.
pub(crate) const MAX_MODULE: usize = 256 << 10;

/// A parsed module.
pub(super) struct ParsedModule<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) rego: RegoVersion,
    pub(super) module: Ref<Module>,
}

/// Parses the modules of a bundle in the version of Rego that the bundle declares. Without a declaration, a
/// module that fails in version 1 is parsed in version 0.
///
/// Returns the modules, and the names that they use through `data.env`.
pub(super) fn parse<'a>(
    bundle: &'a BundleSource,
    warnings: &mut Vec<PolicyProblem>,
) -> Result<(Vec<ParsedModule<'a>>, BTreeSet<String>), Vec<PolicyProblem>> {
    let (mut parsed, mut problems) = (Vec::new(), Vec::new());
    for module in &bundle.modules {
        let problem = |line, what| PolicyProblem {
            bundle: bundle.name.clone(),
            place: Some((module.path.clone(), line)),
            what,
        };
        if module.text.len() > MAX_MODULE {
            problems.push(problem(0, format!("larger than {} KiB", MAX_MODULE >> 10)));
            continue;
        }
        if let Some(line) = nesting::too_deep(&module.text) {
            problems.push(problem(line, "brackets are nested too deep".to_owned()));
            continue;
        }
        let one = |rego| parse_one(&module.path, &module.text, rego);
        let (rego, outcome) = match (module.rego, one(module.rego)) {
            (RegoVersion::V1, Err(error)) if !module.rego_declared => match one(RegoVersion::V0) {
                Ok(module) => {
                    let what = "this is version 0 of Rego; declare rego_version in .manifest, or rewrite \
                                it: `deny contains msg if { … }`";
                    warnings.push(problem(0, what.to_owned()));
                    (RegoVersion::V0, Ok(module))
                }
                Err(_) => (RegoVersion::V1, Err(error)),
            },
            (rego, outcome) => (rego, outcome),
        };
        match outcome {
            Ok(tree) => {
                syntax::walk(&tree, &|_| false, &mut |seen| {
                    if let SyntaxElement::TooDeep { span } = seen {
                        problems.push(problem(span.line, "an expression is too long".to_owned()));
                    }
                });
                parsed.push(ParsedModule { path: &module.path, text: &module.text, rego, module: tree });
            }
            Err(error) => {
                let (place, what) = engine_error::located(&error);
                problems.push(problem(place.map_or(0, |(_, line)| line), what));
            }
        }
    }
    if problems.is_empty() {
        let names = variables(bundle, &parsed);
        Ok((parsed, names))
    } else {
        Err(problems)
    }
}

fn parse_one(path: &str, text: &str, rego: RegoVersion) -> anyhow::Result<Ref<Module>> {
    let mut engine = Engine::new();
    engine.set_rego_v0(rego == RegoVersion::V0);
    engine.add_policy(path.to_owned(), text.to_owned())?;
    engine.get_modules().first().cloned().ok_or_else(|| anyhow::anyhow!("the module is empty"))
}

/// Returns the names of variables used through `data.env`; empty if the bundle has its own `data.env`.
fn variables(bundle: &BundleSource, parsed: &[ParsedModule<'_>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if has_env(bundle, parsed) {
        return names;
    }
    for parsed in parsed {
        syntax::walk(&parsed.module, &|_| false, &mut |seen| {
            if let SyntaxElement::Reference(reference) = seen
                && let Some(DataEnv::Name(name)) = data_env::classify(&reference)
            {
                names.insert(name);
            }
        });
    }
    names
}

/// Whether the bundle has its own `data.env`.
pub(super) fn has_env(bundle: &BundleSource, parsed: &[ParsedModule<'_>]) -> bool {
    let own = |parsed: &ParsedModule<'_>| {
        let package = syntax::package(&parsed.module);
        package.iter().map(String::as_str).filter(|part| *part != "data").eq(["env"])
    };
    bundle.has_data("env") || parsed.iter().any(own)
}
