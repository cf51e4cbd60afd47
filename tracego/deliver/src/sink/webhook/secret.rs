//! Texts of the configuration that may be secret and can be stored elsewhere.

use std::{env, fmt, fs, io::Read as _, path::PathBuf};

use serde::Deserialize;

/// Text that is given literally, by a file, or by a variable of tracego's own environment.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(untagged, expecting = "a text, { file = \"/path\" } or { env = \"NAME\" }")]
pub enum Secret {
    /// The text itself.
    Text(String),
    /// `{ file = "/path" }`; blanks at both ends of the content are removed. The file is read again when the
    /// receiver rejects a request as such.
    File(FileSecret),
    /// `{ env = "NAME" }`.
    Env(EnvSecret),
}

/// File of [`Secret::File`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FileSecret {
    /// Path of the file.
    pub file: PathBuf,
}

/// Variable of [`Secret::Env`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EnvSecret {
    /// Name of the variable.
    pub env: String,
}

/// Maximum size of a file in bytes. A larger file is an error.
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
    /// Returns the text.
    ///
    /// # Errors
    /// Fails if the file cannot be read or the variable is not set.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Env(EnvSecret { env: name }) => {
                env::var(name).map_err(|error| format!("env {name}: {error}"))
            }
            Self::File(FileSecret { file: path }) => {
                let said = |error: std::io::Error| format!("file {}: {error}", path.display());
                let mut bytes = Vec::new();
                fs::File::open(path).map_err(said)?.take(MOST + 1).read_to_end(&mut bytes).map_err(said)?;
                if bytes.len() as u64 > MOST {
                    return Err(format!("file {}: is larger than {} KiB", path.display(), MOST >> 10));
                }
                let text =
                    String::from_utf8(bytes).map_err(|_| format!("file {}: is no UTF-8", path.display()))?;
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
        fs::write(&path, "x".repeat(64 << 10)).unwrap();
        assert_eq!(file.read().unwrap().len(), 64 << 10);
        fs::write(&path, "x".repeat((64 << 10) + 1)).unwrap();
        assert!(file.read().unwrap_err().ends_with("token: is larger than 64 KiB"));
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
