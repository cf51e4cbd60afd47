//! What Go wrote into a program.

use serde::{Deserialize, Serialize};

/// Go's build information. Texts that are not UTF-8 hold U+FFFD.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Build {
    /// The version of Go: `go1.27.3`, `devel go1.28-…`; what follows names experiments.
    pub version: String,
    /// The main package; empty where Go wrote no modules.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The module of the main package; none for `cmd/go` itself and for files given by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<Module>,
    /// Modules of other packages in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Module>,
    /// How it was built, in Go's order; written as an object.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "pairs")]
    pub settings: Vec<(String, String)>,
}

/// A module.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Module {
    /// Its path; of a replacement also a folder.
    pub path: String,
    /// Its version: `v1.2.3`, a pseudo-version, `(devel)`, or nothing for a folder.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its sum as in go.sum; empty for the main module and for a folder.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sum: String,
    /// What a `replace` line of go.mod took instead.
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
    /// A setting by its key, as `go version -m` shows it.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// This is the go command, whatever the file is called.
    #[must_use]
    pub fn is_go_command(&self) -> bool {
        self.path == "cmd/go"
    }

    /// The version as numbers: (1, 27, 3) of `go1.27.3`, (1, 27, 0) of `go1.27rc1`; none of a
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

    /// The version control system: `git`.
    #[must_use]
    pub fn vcs(&self) -> Option<&str> {
        self.setting("vcs")
    }

    /// The commit. `go run` does not write it unless told to, `go build` in a repository does.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.setting("vcs.revision")
    }

    /// The time of the commit, RFC 3339.
    #[must_use]
    pub fn commit_time(&self) -> Option<&str> {
        self.setting("vcs.time")
    }

    /// The working tree held changes that are not in the commit.
    #[must_use]
    pub fn modified(&self) -> Option<bool> {
        match self.setting("vcs.modified")? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// `-ldflags`; Go leaves them out under `-trimpath` (go.dev/issue/52372).
    #[must_use]
    pub fn ldflags(&self) -> Option<&str> {
        self.setting("-ldflags")
    }

    /// `-trimpath`.
    #[must_use]
    pub fn trimpath(&self) -> bool {
        self.setting("-trimpath") == Some("true")
    }

    /// `CGO_ENABLED`; nothing before Go 1.18.
    #[must_use]
    pub fn cgo(&self) -> Option<bool> {
        self.setting("CGO_ENABLED").map(|value| value == "1")
    }

    /// `-race`: the race detector is in it.
    #[must_use]
    pub fn race(&self) -> bool {
        self.setting("-race") == Some("true")
    }

    /// `-buildmode`: `exe`, `pie`.
    #[must_use]
    pub fn build_mode(&self) -> Option<&str> {
        self.setting("-buildmode")
    }

    /// `-gcflags`: `all=-N -l` of debuggers.
    #[must_use]
    pub fn gcflags(&self) -> Option<&str> {
        self.setting("-gcflags")
    }

    /// `-tags`.
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

/// Pairs as an object, in their order.
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
