//! Parser of the configuration file.

use std::{fs, path::Path};
use tracego_analyze::rules::settings::RuleSettings;

use clap::CommandFactory as _;
use sha2::{Digest as _, Sha256};
use tracego_analyze::rules::{
    registry,
    settings::{self},
};
use tracego_deliver::sink::{self, settings::SinkSettings};
use tracego_probe::enforce::{self, settings::Enforce};

use super::{ADDS_UP, options};
use crate::cli::{Cli, EnvSpec};

/// FileOptions by their long names.
pub(super) type FileOptions = Vec<(String, Vec<String>)>;

/// The content of a configuration file.
#[derive(Default)]
pub(super) struct ConfigFile {
    pub(super) options: FileOptions,
    pub(super) env: Vec<EnvSpec>,
    pub(super) rules: RuleSettings,
    pub(super) sinks: Vec<SinkSettings>,
    pub(super) enforce: Enforce,
    /// Warnings about keys that have other names now.
    pub(super) warnings: Vec<String>,
    /// Tables as written in the file.
    pub(super) tables: toml::Table,
    /// SHA-256 of the file.
    pub(super) digest: String,
}

/// Name of the tables of sinks.
const SINKS: &str = "sinks";

/// Reads and validates a file on its own, so that mistakes are found whatever the command line is.
pub(super) fn read(path: &Path) -> Result<ConfigFile, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("--config {name}: {error}"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{name}: {error}"))?;
    let (mut found, mut rules, mut sinks) = (FileOptions::new(), RuleSettings::default(), Vec::new());
    rules.read(&table).map_err(|error| format!("{name}: {error}"))?;
    let mut tables = table.clone();
    let mut enforce = Enforce::default();
    tables.retain(|key, _| {
        [SINKS, enforce::settings::TABLE].iter().chain(&settings::TABLES).any(|table| key == *table)
    });
    for (key, value) in table {
        if settings::TABLES.contains(&key.as_str()) {
            continue;
        }
        if key == enforce::settings::TABLE
            && let toml::Value::Table(mut table) = value
        {
            // The key `mode` stands for the option `enforce`; TOML cannot have an option and a table of the
            // same name.
            if let Some(mode) = table.remove("mode") {
                let mode = texts(mode).ok_or_else(|| format!("{name}: enforce.mode: must be a text"))?;
                found.push((key, mode));
            }
            enforce = read_enforce(table).map_err(|error| format!("{name}: {error}"))?;
            continue;
        }
        if key == SINKS {
            let toml::Value::Array(tables) = value else {
                return Err(format!("{name}: sinks: write each as a table: [[sinks]]"));
            };
            sinks = sink::settings::read(tables).map_err(|error| format!("{name}: {error}"))?;
            for sink in &sinks {
                sink::settings::check(sink)
                    .map_err(|error| format!("{name}: sinks {}: {error}", sink.name))?;
            }
            continue;
        }
        if !options().any(|option| option == key) {
            return Err(unknown(&key, &format!("{name}")));
        }
        let values = texts(value).ok_or_else(|| {
            format!("{name}: {key}: must be a string, a number, true or false, or a list of these")
        })?;
        found.push((key, values));
    }
    let mut line = vec!["tracego".to_owned()];
    line.extend(found.iter().flat_map(|(key, values)| values.iter().map(move |v| format!("--{key}={v}"))));
    match Cli::command().try_get_matches_from(line) {
        Ok(_) => Ok(ConfigFile {
            warnings: [rules.warnings.clone(), enforce.warnings.clone(), sink::settings::warnings(&sinks)]
                .concat()
                .into_iter()
                .map(|warning| format!("{name}: {warning}"))
                .collect(),
            env: env_specs(&found).map_err(|error| format!("{name}: env: {error}"))?,
            options: found,
            rules,
            sinks,
            enforce,
            tables,
            digest: format!("{:x}", Sha256::digest(&text)),
        }),
        Err(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(format!("{name}: {}", first.strip_prefix("error: ").unwrap_or(first)))
        }
    }
}

/// Returns the values of `env`.
fn env_specs(options: &FileOptions) -> Result<Vec<EnvSpec>, String> {
    let values = options.iter().filter(|(name, _)| name == ADDS_UP).flat_map(|(_, values)| values);
    values.map(|value| value.parse()).collect()
}

fn texts(value: toml::Value) -> Option<Vec<String>> {
    let one = |value| match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    };
    match value {
        toml::Value::Array(list) => list.into_iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}

fn unknown(key: &str, file: &str) -> String {
    let all = || options().chain(settings::TABLES.map(str::to_owned)).chain([SINKS.to_owned()]);
    let near = all()
        .map(|option| (strsim::damerau_levenshtein(&option, key), option))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match near {
        Some((_, option)) => format!("{file}: unknown key '{key}'; did you mean '{option}'?"),
        None => {
            let all = all().collect::<Vec<_>>().join(", ");
            format!("{file}: unknown key '{key}'; known keys: {all}")
        }
    }
}

/// Reads `[enforce]`. The ids of findings are those of the rules.
fn read_enforce(table: toml::Table) -> Result<Enforce, String> {
    let enforce = Enforce::read(table)?;
    for id in enforce.findings.iter().flatten() {
        if registry::find(id).is_none() {
            return Err(format!("enforce.findings: unknown rule {id}; {}", registry::nearest_id(id)));
        }
    }
    Ok(enforce)
}
