//! The settings that a command gets.

use clap::{ArgMatches, FromArgMatches as _};
use tracego_analyze::rules::settings::RuleSettings;
use tracego_deliver::sink::settings::SinkSettings;
use tracego_probe::enforce::settings::Enforce;

use super::{OptionValue, deepest, file::ConfigFile, origin};
use crate::cli::{Cli, EnvSpec};

/// A command line, and everything that its configuration file adds to it.
#[derive(Debug)]
pub struct Configuration {
    /// Command line; options that it does not give have the values of the environment or the file.
    pub cli: Cli,
    /// RuleSettings beside the options.
    pub settings: RunSettings,
}

/// The settings of a run beside the options of its command.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// RuleSettings of the rules, with the profile in force.
    pub rules: RuleSettings,
    /// Values of `--env`: those of the file, then those of the command line, which override them.
    pub env: Vec<EnvSpec>,
    /// Sinks of the configuration file.
    pub sinks: Vec<SinkSettings>,
    /// RuleSettings of enforcement.
    pub enforce: Enforce,
    /// Warnings about the configuration file.
    pub warnings: Vec<String>,
    /// SHA-256 of the configuration file, in hexadecimal.
    pub digest: Option<String>,
    /// Every option that a file may set, as text.
    pub options: Vec<OptionValue>,
}

impl Configuration {
    /// Joins the parsed command line with its file.
    pub(super) fn new(matches: &ArgMatches, file: Option<ConfigFile>) -> Result<Self, clap::Error> {
        let digest = file.as_ref().map(|file| file.digest.clone());
        let ConfigFile { options, mut rules, mut env, sinks, enforce, warnings, .. } =
            file.unwrap_or_default();
        let options = origin::settings(deepest(matches), &options);
        let cli = Cli::from_arg_matches(matches)?;
        if let Some(records) = cli.records() {
            rules.profile = records.profile;
            env.extend_from_slice(&records.env);
        }
        Ok(Self { cli, settings: RunSettings { rules, env, sinks, enforce, warnings, digest, options } })
    }
}
