//! The settings that a command gets.

use std::path::Path;

use clap::{ArgMatches, FromArgMatches as _, error::ErrorKind};
use tracego_analyze::{redact::RedactSettings, rules::settings::RuleSettings};
use tracego_deliver::sink::settings::SinkSettings;
use tracego_probe::enforce::settings::Enforce;

use super::{OptionValue, deepest, file::ConfigFile, origin, usage_error, variables, without_effect};
use crate::cli::{Cli, EnvSpec, WatchOptions};

/// A command line, and everything that its configuration file adds to it.
#[derive(Debug)]
pub struct Configuration {
    /// Command line; options that it does not give have the values of the environment or the file.
    pub cli: Cli,
    /// Settings beside the options.
    pub settings: RunSettings,
}

/// The settings of a run beside the options of its command.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Settings of the rules, with the profile in force.
    pub rules: RuleSettings,
    /// Values of `--env`: those of the file, then those of the command line, which override them.
    pub env: Vec<EnvSpec>,
    /// Sinks of the configuration file.
    pub sinks: Vec<SinkSettings>,
    /// Settings of enforcement.
    pub enforce: Enforce,
    /// Settings of redaction.
    pub redact: RedactSettings,
    /// Warnings about the configuration file, and about variables that have no effect.
    pub warnings: Vec<String>,
    /// SHA-256 of the configuration file, in hexadecimal.
    pub digest: Option<String>,
    /// Every option that a file may set, as text.
    pub options: Vec<OptionValue>,
    /// Whether only errors are printed.
    pub quiet: bool,
}

impl Configuration {
    /// Joins the parsed command line with its file.
    pub(super) fn new(matches: &ArgMatches, file: Option<(&Path, ConfigFile)>) -> Result<Self, clap::Error> {
        let usage = |text| usage_error(matches, ErrorKind::ArgumentConflict, text);
        without_effect::check(matches.subcommand_name(), deepest(matches)).map_err(usage)?;
        let digest = file.as_ref().map(|(_, file)| file.digest.clone());
        let mut warnings = file.as_ref().map(|(path, file)| file.warnings.texts(path)).unwrap_or_default();
        let given = std::env::vars_os().map(|(name, _)| name);
        warnings.extend(variables::unknown(super::command, given));
        let ConfigFile { options, mut rules, mut env, sinks, enforce, redact, .. } =
            file.map(|(_, file)| file).unwrap_or_default();
        let options = origin::settings(deepest(matches), &options);
        let cli = Cli::from_arg_matches(matches)?;
        if let Some(Err(error)) = cli.watch().map(WatchOptions::argv_cap) {
            return Err(usage_error(matches, ErrorKind::ValueValidation, error));
        }
        if let Some(records) = cli.records() {
            rules.profile = records.profile;
            env.extend_from_slice(&records.env);
        }
        let quiet = cli.quiet;
        let settings = RunSettings { rules, env, sinks, enforce, redact, warnings, digest, options, quiet };
        Ok(Self { cli, settings })
    }
}
