//! The settings that a command gets.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{ArgMatches, FromArgMatches as _, error::ErrorKind};
use tracego_analyze::{redact::RedactSettings, rules::settings::RuleSettings};
use tracego_deliver::sink::settings::SinkSettings;
use tracego_model::record::configuration::{ConfigurationFile, ConfigurationReport};
use tracego_probe::enforce::settings::Enforce;

use super::{
    OptionValue, deepest, file::ConfigFile, origin, provenance::ProvenanceSettings, usage_error, variables,
    without_effect,
};
use crate::cli::{Cli, EnvSpec, WatchOptions};

/// A command line, and everything that its configuration files add to it.
#[derive(Debug)]
pub struct Configuration {
    /// Command line; options that it does not give have the values of the environment or the file.
    pub cli: Cli,
    /// Settings beside the options.
    pub settings: RunSettings,
    /// Files that were read.
    pub(crate) files: ReadFiles,
}

/// The configuration files that were read, and what they say beside options.
#[derive(Debug, Default)]
pub(crate) struct ReadFiles {
    /// Paths, in the order in which later ones override earlier ones.
    pub(crate) paths: Vec<PathBuf>,
    /// Merged tables.
    pub(crate) tables: toml::Table,
    /// The file of each key of the tables, by its path: `rules.TG007.nofile`, `sinks.NAME`.
    pub(crate) origins: BTreeMap<String, PathBuf>,
}

/// The settings of a run beside the options of its command.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Settings of the rules, with the profile in force.
    pub rules: RuleSettings,
    /// Values of `--env`: those of the file, then those of the command line, which override them.
    pub env: Vec<EnvSpec>,
    /// Sinks of the configuration files.
    pub sinks: Vec<SinkSettings>,
    /// Settings of enforcement.
    pub enforce: Enforce,
    /// Settings of redaction.
    pub redact: RedactSettings,
    /// Settings of provenance.
    pub provenance: ProvenanceSettings,
    /// Warnings about the configuration file, and about variables that have no effect.
    pub warnings: Vec<String>,
    /// SHA-256 of the configuration files, in hexadecimal.
    pub digest: Option<String>,
    /// Configuration files with their digests.
    pub files: Vec<ConfigurationFile>,
    /// Every option that a file may set, as text.
    pub options: Vec<OptionValue>,
    /// Whether only errors are printed.
    pub quiet: bool,
}

impl RunSettings {
    /// Returns what records say about the configuration; `needs_restart`: the options that are not in force. The policies
    /// are those of the pipeline.
    #[must_use]
    pub fn report(&self, needs_restart: Vec<String>) -> ConfigurationReport {
        ConfigurationReport {
            sha256: self.digest.clone(),
            files: self.files.clone(),
            needs_restart,
            policies: Vec::new(),
            policy_sources: Vec::new(),
        }
    }
}

impl Configuration {
    /// Joins the parsed command line with its files.
    pub(super) fn new(matches: &ArgMatches, file: Option<ConfigFile>) -> Result<Self, clap::Error> {
        let usage = |text| usage_error(matches, ErrorKind::ArgumentConflict, text);
        without_effect::check(matches.subcommand_name(), deepest(matches)).map_err(usage)?;
        let digest = file.as_ref().map(|file| file.digest.clone());
        let file = file.unwrap_or_default();
        let options = origin::settings(deepest(matches), &file);
        let ConfigFile {
            mut rules,
            mut env,
            sinks,
            enforce,
            redact,
            provenance,
            mut warnings,
            tables,
            mut origins,
            files,
            sums,
            ..
        } = file;
        let given = std::env::vars_os().map(|(name, _)| name);
        warnings.extend(variables::unknown(super::command, given));
        origins.retain(|key, _| key.split('.').next().is_some_and(|table| tables.contains_key(table)));
        let files = ReadFiles { paths: files, tables, origins };
        let cli = Cli::from_arg_matches(matches)?;
        if let Some(Err(error)) = cli.watch().map(WatchOptions::argv_cap) {
            return Err(usage_error(matches, ErrorKind::ValueValidation, error));
        }
        if let Some(records) = cli.records() {
            rules.profile = records.profile;
            env.extend_from_slice(&records.env);
        }
        let quiet = cli.quiet;
        let settings = RunSettings {
            rules,
            env,
            sinks,
            enforce,
            redact,
            provenance,
            warnings,
            digest,
            files: sums,
            options,
            quiet,
        };
        Ok(Self { cli, settings, files })
    }
}
