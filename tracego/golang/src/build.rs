//! Go's build information in a program.

use serde::{Deserialize, Serialize};

/// Go's build information. Bytes that are not UTF-8 appear as U+FFFD.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Build {
    /// Version of Go: `go1.27.3`, `devel go1.28-…`; names of experiments may follow.
    pub version: String,
    /// Import path of the main package; empty where Go recorded no modules.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Module of the main package; `None` for `cmd/go` itself and for files given by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<Module>,
    /// Modules of the other packages in the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Module>,
    /// Build settings in Go's order; serialized as an object.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "pairs")]
    pub settings: Vec<(String, String)>,
}

/// A module.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Module {
    /// Module path; for a replacement it may be a folder.
    pub path: String,
    /// Version: `v1.2.3`, a pseudo-version, `(devel)`, or empty for a folder.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Checksum as in go.sum; empty for the main module and for a folder.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sum: String,
    /// Replacement named by a `replace` line of go.mod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Box<Module>>,
}

impl Module {
    fn heap_bytes(&self) -> usize {
        let texts = [&self.path, &self.version, &self.sum].into_iter().map(String::capacity).sum::<usize>();
        texts + self.replacement.as_ref().map_or(0, |other| size_of::<Self>() + other.heap_bytes())
    }
}

impl Build {
    /// Returns a build setting by its key, as `go version -m` shows it.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns whether this is the go command, whatever the name of the file.
    #[must_use]
    pub fn is_go_command(&self) -> bool {
        self.path == "cmd/go"
    }

    /// Returns the version as numbers: (1, 27, 3) for `go1.27.3`, (1, 27, 0) for `go1.27rc1`, `None` for a
    /// development version.
    #[must_use]
    pub fn release(&self) -> Option<(u32, u32, u32)> {
        let version = self.version.strip_prefix("go")?;
        let end = version.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(version.len());
        let mut numbers = version.get(..end)?.split('.').map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().map_or(Some(0), Result::ok)?;
        Some((major, minor, numbers.next().map_or(Some(0), Result::ok)?))
    }

    /// Returns the version control system: `git`.
    #[must_use]
    pub fn vcs(&self) -> Option<&str> {
        self.setting("vcs")
    }

    /// Returns the commit. `go build` in a repository records it; `go run` does so only on request.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.setting("vcs.revision")
    }

    /// Returns the time of the commit in RFC 3339.
    #[must_use]
    pub fn commit_time(&self) -> Option<&str> {
        self.setting("vcs.time")
    }

    /// Returns whether the working tree had uncommitted changes.
    #[must_use]
    pub fn modified(&self) -> Option<bool> {
        match self.setting("vcs.modified")? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Returns `-ldflags`, which Go omits under `-trimpath` (go.dev/issue/52372).
    #[must_use]
    pub fn ldflags(&self) -> Option<&str> {
        self.setting("-ldflags")
    }

    /// Returns whether `-trimpath` was set.
    #[must_use]
    pub fn trimpath(&self) -> bool {
        self.setting("-trimpath") == Some("true")
    }

    /// Returns whether `CGO_ENABLED` was set; `None` before Go 1.18.
    #[must_use]
    pub fn cgo(&self) -> Option<bool> {
        self.setting("CGO_ENABLED").map(|value| value == "1")
    }

    /// Returns whether the race detector is built in (`-race`).
    #[must_use]
    pub fn race(&self) -> bool {
        self.setting("-race") == Some("true")
    }

    /// Returns `-buildmode`: `exe`, `pie`.
    #[must_use]
    pub fn build_mode(&self) -> Option<&str> {
        self.setting("-buildmode")
    }

    /// Returns `-gcflags`; debuggers set `all=-N -l`.
    #[must_use]
    pub fn gcflags(&self) -> Option<&str> {
        self.setting("-gcflags")
    }

    /// Returns the tags of `-tags`.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.setting("-tags").into_iter().flat_map(|tags| tags.split(',')).filter(|tag| !tag.is_empty())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let modules = self.dependencies.iter().chain(&self.main).map(Module::heap_bytes).sum::<usize>();
        let settings =
            self.settings.iter().map(|(key, value)| key.capacity() + value.capacity()).sum::<usize>();
        self.version.capacity()
            + self.path.capacity()
            + self.dependencies.capacity() * size_of::<Module>()
            + self.settings.capacity() * size_of::<(String, String)>()
            + modules
            + settings
    }
}

/// Serializes pairs as an object, in their order.
mod pairs {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{MapAccess, Visitor},
    };

    type Pairs = Vec<(String, String)>;

    pub(super) fn serialize<S: Serializer>(pairs: &Pairs, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Pairs;

            fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
                text.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Pairs::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }

        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> Option<(u32, u32, u32)> {
        Build { version: version.into(), ..Build::default() }.release()
    }

    #[test]
    fn versions_are_numbers() {
        assert_eq!(of("go1.27.3"), Some((1, 27, 3)));
        assert_eq!(of("go1.16"), Some((1, 16, 0)));
        assert_eq!(of("go1.27rc1"), Some((1, 27, 0)));
        assert_eq!(of("go1.24.1 X:boringcrypto"), Some((1, 24, 1)));
        assert_eq!(of("go1.22.1-microsoft"), Some((1, 22, 1)));
        assert_eq!(of("devel go1.28-abc"), None);
        assert_eq!(of("go"), None);
    }
}
