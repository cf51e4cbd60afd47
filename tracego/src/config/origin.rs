//! The source of each option's value.

use std::{fmt, path::PathBuf};

use clap::{ArgMatches, CommandFactory as _, parser::ValueSource};
use serde::{Serialize, Serializer};
use tracego_probe::enforce;

use super::{NOT_IN_FILE, file::ConfigFile, variable};
use crate::cli::Cli;

/// Key that stands for the option `enforce`, whose name is that of the table.
const ENFORCE_MODE: &str = "enforce.mode";

/// The source of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Default value.
    Default,
    /// Configuration file of this path.
    File(PathBuf),
    /// Environment variable of this name.
    Variable(String),
    /// Command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An option with its value and source.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OptionValue {
    /// Long name of the option.
    pub name: String,
    /// Values as text; empty if the option is not set.
    pub values: Vec<String>,
    /// Source of the value.
    pub origin: Origin,
}

/// Returns every option that a file may set, in the order of the help text.
pub(super) fn settings(matches: &ArgMatches, file: &ConfigFile) -> Vec<OptionValue> {
    let command = Cli::command();
    let options = command.get_arguments().filter_map(|arg| Some((arg.get_id().as_str(), arg.get_long()?)));
    let options = options.filter(|(_, long)| !NOT_IN_FILE.contains(long));
    options
        .filter_map(|(id, long)| {
            let source = matches.try_contains_id(id).is_ok().then(|| matches.value_source(id))?;
            let raw = matches.try_get_raw(id).ok().flatten();
            let mut values: Vec<String> =
                raw.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect();
            let of_file = file.options.iter().find(|(name, _)| name == long);
            let key = if long == enforce::settings::TABLE { ENFORCE_MODE } else { long };
            let origin = match source {
                Some(ValueSource::CommandLine) => Origin::Flag,
                Some(ValueSource::EnvVariable) => Origin::Variable(variable(long)),
                _ if of_file.is_some() => Origin::File(file.origins.get(key).cloned().unwrap_or_default()),
                _ => Origin::Default,
            };
            if let Some((_, given)) = of_file.filter(|_| long == super::ADDS_UP) {
                values.splice(0..0, given.iter().cloned());
            }
            Some(OptionValue { name: long.to_owned(), values, origin })
        })
        .collect()
}
