//! Texts of the configuration that may be secrets, and need not stand in it.

use std::{env, fmt, fs, io::Read as _, path::PathBuf};

use serde::Deserialize;

/// A text: as it is, the content of a file, or of a variable of tracego's own environment.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(untagged, expecting = "a text, { file = \"/path\" } or { env = \"NAME\" }")]
pub enum Secret {
    /// As it is.
    Text(String),
    /// `{ file = "/path" }`; blanks at its ends are left out. It is read again when the receiver does not know us
    /// any more.
    File(File),
    /// `{ env = "NAME" }`.
    Env(Env),
}

/// See [`Secret::File`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its path.
    pub file: PathBuf,
}

/// See [`Secret::Env`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Env {
    /// Name of the variable.
    pub env: String,
}

/// No secret is longer.
const MOST: u64 = 64 * 1024;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(file) => file.fmt(f),
            Self::Env(env) => env.fmt(f),
        }
    }
}

impl Secret {
    /// The text.
    ///
    /// # Errors
    /// When the file cannot be read or the variable is not set.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Env(Env { env: name }) => env::var(name).map_err(|error| format!("env {name}: {error}")),
            Self::File(File { file: path }) => {
                let said = |error: std::io::Error| format!("file {}: {error}", path.display());
                let mut text = String::new();
                fs::File::open(path).map_err(said)?.take(MOST).read_to_string(&mut text).map_err(said)?;
                Ok(text.trim().to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(text: &str) -> Result<Secret, String> {
        let mut table: BTreeMap<String, Secret> = toml::from_str(text).map_err(|error| error.to_string())?;
        table.remove("x").ok_or_else(|| "no x".to_owned())
    }

    #[test]
    fn a_secret_may_be_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "Bearer abc\n").unwrap();
        let file = read(&format!("x = {{ file = {path:?} }}")).unwrap();
        assert_eq!(file.read().unwrap(), "Bearer abc");
        assert_eq!(read("x = 'plain'").unwrap().read().unwrap(), "plain");
        assert_eq!(read("x = { env = 'PATH' }").unwrap().read(), Ok(env::var("PATH").unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(file.read().unwrap_err().contains("token: No such file"));
        assert!(
            read("x = { env = 'TRACEGO_NOT_SET' }").unwrap().read().unwrap_err().contains("TRACEGO_NOT_SET")
        );
    }

    #[test]
    fn anything_else_is_refused_and_nothing_is_shown() {
        for text in ["x = 1", "x = { path = '/x' }", "x = { file = '/x', env = 'Y' }"] {
            let why = read(text).unwrap_err();
            assert!(why.contains("a text, { file = \"/path\" } or { env = \"NAME\" }"), "{text}: {why}");
        }
        assert_eq!(format!("{:?}", read("x = 'hush'").unwrap()), "Text(…)");
    }
}
