//! The settings of a repository for scans: `.tracego.toml`.

use std::path::Path;

use serde::Deserialize;
use tracego_scan::exception::{ExceptionSettings, ScanException};

use crate::cli::UsageError;

/// Name of the file that is read if no other is named.
const DEFAULT: &str = ".tracego.toml";

/// Settings that are ready to be used.
#[derive(Debug, Default)]
pub(super) struct RepositorySettings {
    pub(super) path: String,
    pub(super) excluded: Vec<String>,
    pub(super) exceptions: Vec<ScanException>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SettingsFile {
    #[serde(default)]
    scan: ScanTable,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ScanTable {
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    exceptions: Vec<ExceptionSettings>,
}

impl RepositorySettings {
    /// Reads a file, or the default one if it is there.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let named = path.unwrap_or(Path::new(DEFAULT));
        let shown = named.display();
        let text = match std::fs::read_to_string(named) {
            Ok(text) => text,
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(UsageError(format!("{shown}: {error}")).into()),
        };
        let file: SettingsFile =
            toml::from_str(&text).map_err(|error| UsageError(format!("{shown}: {error}")))?;
        let exceptions = file.scan.exceptions.into_iter().enumerate().map(|(index, settings)| {
            ScanException::new(settings)
                .map_err(|error| UsageError(format!("{shown}: scan.exceptions[{index}]: {error}")))
        });
        Ok(Self {
            path: shown.to_string(),
            excluded: file.scan.exclude,
            exceptions: exceptions.collect::<Result<_, _>>()?,
        })
    }
}
