//! Parser of the configuration file.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use sha2::{Digest as _, Sha256};
use tracego_analyze::{
    redact::{self, RedactSettings},
    rules::{
        registry,
        settings::{self, RuleSettings},
    },
};
use tracego_deliver::sink::{self, settings::SinkSettings};
use tracego_model::{record::configuration::ConfigurationFile, text};
use tracego_probe::enforce::{self, settings::Enforce};

use super::{
    ADDS_UP,
    layers::{KeyOrigins, Layers},
    line_finder::LineFinder,
    options, provenance,
    provenance::ProvenanceSettings,
    sources::Source,
};
use crate::cli::{Cli, EnvSpec};

/// Options by their long names.
pub(super) type FileOptions = Vec<(String, Vec<String>)>;

/// The content of one configuration file, or of several that are merged.
#[derive(Default)]
pub(super) struct ConfigFile {
    pub(super) options: FileOptions,
    pub(super) env: Vec<EnvSpec>,
    pub(super) rules: RuleSettings,
    pub(super) sinks: Vec<SinkSettings>,
    pub(super) enforce: Enforce,
    pub(super) redact: RedactSettings,
    pub(super) provenance: ProvenanceSettings,
    /// Warnings about keys that have other names now.
    pub(super) warnings: Vec<String>,
    /// Tables as written in the files.
    pub(super) tables: toml::Table,
    /// The file of each key.
    pub(super) origins: KeyOrigins,
    /// Paths of the files, in the order in which they were read.
    pub(super) files: Vec<PathBuf>,
    /// The same files with their digests.
    pub(super) sums: Vec<ConfigurationFile>,
    /// SHA-256 of the file; of several files, that of their digests in hexadecimal, one behind the other.
    pub(super) digest: String,
}

/// Name of the tables of sinks.
const SINKS: &str = "sinks";

/// Option whose empty list would mean all members instead of none.
const FIELDS: &str = "fields";

/// Everything that is wrong with a file, or that it should say otherwise, in the order of its lines.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<(Option<usize>, String)>);

impl Mistakes {
    /// Returns one text for each mistake: `FILE:LINE: what`.
    pub(super) fn texts(&self, file: &Path) -> Vec<String> {
        let name = file.display();
        let line = |(line, text): &(Option<usize>, String)| match line {
            Some(line) => format!("{name}:{line}: {text}"),
            None => format!("{name}: {text}"),
        };
        self.0.iter().map(line).collect()
    }
}

/// Validates each file on its own, so that mistakes are found whatever the others and the command line are, and
/// merges them.
pub(super) fn read(sources: &[Source]) -> Result<ConfigFile, String> {
    let (mut layers, mut mistakes, mut warnings) = (Layers::default(), Vec::new(), Vec::new());
    let mut last = ConfigFile::default();
    for source in sources {
        match parse(&source.text) {
            Ok((file, table, of_file)) => {
                warnings.extend(of_file.texts(&source.path));
                layers.add(&source.path, &table);
                last = file;
            }
            Err(found) => mistakes.extend(found.texts(&source.path)),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes.join("\n"));
    }
    let placed = |text: String| {
        let found = sources.iter().rev().find_map(|source| {
            let line = LineFinder::new(&source.text).line(&text)?;
            Some(format!("{}:{line}: {text}", source.path.display()))
        });
        found.unwrap_or(text)
    };
    let merged = match sources {
        [_] => last,
        _ => validated(layers.table)
            .map_err(|texts| texts.into_iter().map(placed).collect::<Vec<_>>().join("\n"))?,
    };
    let findings: Vec<String> = merged.enforce.findings.iter().flatten().cloned().collect();
    warnings.extend(merged.provenance.check_demands(&findings).map_err(placed)?.map(placed));
    let files = sources.iter().map(|source| source.path.clone()).collect();
    let digest = |text: &str| format!("{:x}", Sha256::digest(text));
    let sum = |source: &Source| ConfigurationFile {
        path: source.path.to_string_lossy().into_owned(),
        sha256: digest(&source.text),
    };
    let sums: Vec<_> = sources.iter().map(sum).collect();
    let digest = match sums.as_slice() {
        [one] => one.sha256.clone(),
        several => digest(&several.iter().map(|sum| sum.sha256.as_str()).collect::<String>()),
    };
    Ok(ConfigFile { warnings, origins: layers.origins, files, sums, digest, ..merged })
}

/// Parses and validates the text of a file. Returns its table and its warnings, too.
fn parse(text: &str) -> Result<(ConfigFile, toml::Table, Mistakes), Mistakes> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().and_then(|span| text.get(..span.start)).map(|front| front.matches('\n').count() + 1);
        let what = error.message().lines().next().unwrap_or_default().to_owned();
        Mistakes(vec![(line, format!("TOML: {what}"))])
    })?;
    let lines = LineFinder::new(text);
    let placed = |texts: Vec<String>| {
        let mut placed: Vec<_> = texts.into_iter().map(|text| (lines.line(&text), text)).collect();
        placed.sort_by_key(|(line, _)| *line);
        Mistakes(placed)
    };
    let file = validated(table.clone()).map_err(placed)?;
    let warnings = placed(file.warnings.clone());
    Ok((file, table, warnings))
}

/// Reads a parsed file.
///
/// # Errors
/// Returns all mistakes.
fn validated(table: toml::Table) -> Result<ConfigFile, Vec<String>> {
    let mut mistakes = Vec::new();
    let mut file = ConfigFile { tables: table.clone(), ..ConfigFile::default() };
    file.tables.retain(|key, _| {
        [SINKS, enforce::settings::TABLE, redact::TABLE, provenance::TABLE]
            .iter()
            .chain(&settings::TABLES)
            .any(|table| key == *table)
    });
    read_rules(&table, &mut file.rules, &mut mistakes);
    for (key, value) in table {
        match (key.as_str(), value) {
            (key, _) if settings::TABLES.contains(&key) => {}
            (enforce::settings::TABLE, toml::Value::Table(mut table)) => {
                // The key `mode` stands for the option `enforce`; TOML cannot have an option and a table of
                // the same name.
                match table.remove("mode").map(texts) {
                    Some(Some(mode)) => file.options.push((key, mode)),
                    Some(None) => mistakes.push("enforce.mode: must be a text".to_owned()),
                    None => {}
                }
                file.enforce = read_enforce(table, &mut mistakes);
            }
            (redact::TABLE, value) => match RedactSettings::read(value) {
                Ok(settings) => file.redact = settings,
                Err(error) => mistakes.push(error),
            },
            (provenance::TABLE, value) => match ProvenanceSettings::read(value) {
                Ok(settings) => file.provenance = settings,
                Err(errors) => mistakes.extend(errors),
            },
            (SINKS, toml::Value::Array(tables)) => file.sinks = read_sinks(tables, &mut mistakes),
            (SINKS, _) => mistakes.push("sinks: write each as a table: [[sinks]]".to_owned()),
            (key, value) => match option(key, value) {
                Ok(values) => file.options.push((key.to_owned(), values)),
                Err(error) => mistakes.push(error),
            },
        }
    }
    match env_specs(&file.options) {
        Ok(env) => file.env = env,
        Err(error) => mistakes.push(format!("env: {error}")),
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    file.warnings =
        [file.rules.warnings.clone(), file.enforce.warnings.clone(), sink::settings::warnings(&file.sinks)]
            .concat();
    Ok(file)
}

/// Reads the settings of rules, each key on its own, so that one mistake does not hide the next.
fn read_rules(table: &toml::Table, rules: &mut RuleSettings, mistakes: &mut Vec<String>) {
    let mut read = |key: &str, value: toml::Value| {
        mistakes.extend(rules.read(&toml::Table::from_iter([(key.to_owned(), value)])).err());
    };
    for key in settings::TABLES {
        match table.get(key) {
            Some(toml::Value::Table(parts)) => {
                for (name, part) in parts {
                    let one = |part: toml::Value| toml::Table::from_iter([(name.clone(), part)]).into();
                    match part {
                        toml::Value::Table(keys) if key == "rules" && !keys.is_empty() => {
                            for (own, value) in keys {
                                let own = toml::Table::from_iter([(own.clone(), value.clone())]);
                                read(key, one(own.into()));
                            }
                        }
                        _ => read(key, one(part.clone())),
                    }
                }
            }
            Some(other) => read(key, other.clone()),
            None => {}
        }
    }
}

/// Reads the sinks, each on its own.
fn read_sinks(tables: Vec<toml::Value>, mistakes: &mut Vec<String>) -> Vec<SinkSettings> {
    let before = mistakes.len();
    for (at, table) in tables.iter().enumerate() {
        let found = sink::settings::read(vec![table.clone()]).and_then(|sinks| {
            sinks.iter().try_for_each(|sink| {
                sink::settings::check(sink).map_err(|error| format!("sinks {}: {error}", sink.name))
            })
        });
        // A sink without a name is told by its number in this file.
        mistakes.extend(found.err().map(|error| match error.strip_prefix("sinks 1: ") {
            Some(error) => format!("sinks {}: {error}", at + 1),
            None => error,
        }));
    }
    if mistakes.len() > before {
        return Vec::new();
    }
    sink::settings::read(tables).unwrap_or_else(|error| {
        mistakes.push(error);
        Vec::new()
    })
}

/// Returns the values of an option, as they would stand on the command line.
fn option(key: &str, value: toml::Value) -> Result<Vec<String>, String> {
    if !options().any(|option| option == key) {
        return Err(unknown(key));
    }
    let values = texts(value)
        .ok_or_else(|| format!("{key}: must be a string, a number, true or false, or a list of these"))?;
    if key == FIELDS && values.is_empty() {
        return Err(format!("{key}: is an empty list; name a member, such as seq, which every record keeps"));
    }
    let mut line = vec!["tracego".to_owned()];
    line.extend(values.iter().map(|value| format!("--{key}={value}")));
    match Cli::command().try_get_matches_from(line) {
        Ok(_) => Ok(values),
        Err(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(format!("{key}: {}", first.strip_prefix("error: ").unwrap_or(first)))
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

fn unknown(key: &str) -> String {
    let tables = settings::TABLES.map(str::to_owned);
    let all: Vec<String> =
        options().chain(tables).chain([SINKS, redact::TABLE, provenance::TABLE].map(str::to_owned)).collect();
    match text::near(key, all.iter().map(String::as_str)) {
        Some((_, option)) => format!("unknown key '{key}'; did you mean '{option}'?"),
        None => format!("unknown key '{key}'; known keys: {}", all.join(", ")),
    }
}

/// Reads `[enforce]`, each rule and each exception on its own. The ids of findings are those of the rules.
fn read_enforce(table: toml::Table, mistakes: &mut Vec<String>) -> Enforce {
    let before = mistakes.len();
    let mut read = |key: &str, value: toml::Value| {
        let one = toml::Table::from_iter([(key.to_owned(), value)]);
        mistakes.extend(Enforce::read(one).err());
    };
    for (key, value) in &table {
        match value {
            toml::Value::Array(list) if list.iter().all(toml::Value::is_table) => {
                for one in list {
                    read(key, toml::Value::Array(vec![one.clone()]));
                }
            }
            _ => read(key, value.clone()),
        }
    }
    if mistakes.len() > before {
        return Enforce::default();
    }
    let enforce = Enforce::read(table).unwrap_or_else(|error| {
        mistakes.push(error);
        Enforce::default()
    });
    for id in enforce.findings.iter().flatten() {
        if registry::find(id).is_none() {
            mistakes.push(format!("enforce.findings: unknown rule {id}; {}", registry::nearest_id(id)));
        }
    }
    enforce
}
