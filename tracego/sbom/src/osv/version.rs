//! Versions of modules, and their order: that of semantic versions, as golang.org/x/mod/semver has it.

use std::{cmp::Ordering, fmt};

/// Maximum length of a version in bytes.
const LENGTH_MAX: usize = 256;

/// A version of a module, or of Go itself. Build metadata (`+incompatible`) has no part in the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ModuleVersion {
    /// Major, minor and patch, without leading zeros.
    numbers: [Box<str>; 3],
    /// Identifiers of the pre-release; empty for a release.
    pre_release: Vec<Box<str>>,
}

impl ModuleVersion {
    /// Parses a version, with or without `v`. Minor and patch may be left out, as in `v1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LENGTH_MAX {
            return None;
        }
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
            return None;
        }
        let (core, pre_release) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let numbers: Vec<&str> = core.split('.').collect();
        if numbers.len() > 3 || !numbers.iter().all(|number| is_number(number)) {
            return None;
        }
        // Go takes no pre-release behind a version that is cut.
        if numbers.len() < 3 && (pre_release.is_some() || build.is_some()) {
            return None;
        }
        let pre_release: Vec<Box<str>> = match pre_release {
            None => Vec::new(),
            Some(text) => text.split('.').map(Into::into).collect(),
        };
        let is_good = |part: &str| is_identifier(part) && (!is_digits(part) || is_number(part));
        if !pre_release.iter().all(|part| is_good(part)) {
            return None;
        }
        let number = |at: usize| numbers.get(at).copied().unwrap_or("0").into();
        Some(Self { numbers: [number(0), number(1), number(2)], pre_release })
    }

    /// Parses a version of Go as build information has it without `go`: `1.27.3`, `1.21`, `1.21rc2`.
    #[must_use]
    pub fn parse_go(text: &str) -> Option<Self> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (core, rest) = text.split_at(end);
        let mut version = Self::parse(core)?;
        let kind = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        version.pre_release = match kind {
            "" => Vec::new(),
            "rc" | "beta" => vec![kind.into(), rest.get(kind.len()..)?.into()],
            // A toolchain of somebody else, `1.21.3-custom`: the release that it is made from.
            _ if rest.starts_with('-') => Vec::new(),
            _ => return None,
        };
        version.pre_release.iter().all(|part| is_identifier(part)).then_some(version)
    }
}

impl Ord for ModuleVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.iter().zip(&other.numbers).map(|(a, b)| by_number(a, b));
        let numbers = numbers.fold(Ordering::Equal, Ordering::then);
        numbers.then_with(|| match (self.pre_release.is_empty(), other.pre_release.is_empty()) {
            (true, true) => Ordering::Equal,
            // A release is behind all of its pre-releases.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let parts = self.pre_release.iter().zip(&other.pre_release);
                let parts = parts.map(|(a, b)| by_identifier(a, b)).fold(Ordering::Equal, Ordering::then);
                parts.then(self.pre_release.len().cmp(&other.pre_release.len()))
            }
        })
    }
}

impl PartialOrd for ModuleVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = &self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        for (at, part) in self.pre_release.iter().enumerate() {
            write!(f, "{}{part}", if at == 0 { '-' } else { '.' })?;
        }
        Ok(())
    }
}

/// Compares two numbers without leading zeros, however long.
fn by_number(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn by_identifier(a: &str, b: &str) -> Ordering {
    match (is_digits(a), is_digits(b)) {
        (true, true) => by_number(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_order_of_go() {
        let order = [
            "v0.0.0-20180904163835-0709b304e793",
            "v0.0.0-20191109021931-daa7c04131f5",
            "v0.0.0",
            "v1.0.0-alpha",
            "v1.0.0-alpha.1",
            "v1.0.0-alpha.beta",
            "v1.0.0-beta.2",
            "v1.0.0-beta.11",
            "v1.0.0-rc.1",
            "v1.0.0",
            "v1.2.4-0.20230101000000-abcdefabcdef",
            "v1.2.4",
            "v1.10.0",
            "v2.0.0+incompatible",
            "v99999999999999999999999.0.0",
        ];
        for (a, b) in order.iter().zip(order.iter().skip(1)) {
            assert!(ModuleVersion::parse(a).unwrap() < ModuleVersion::parse(b).unwrap(), "{a} < {b}");
        }
        let same = |a: &str, b: &str| assert_eq!(ModuleVersion::parse(a), ModuleVersion::parse(b));
        same("v1", "1.0.0");
        same("v1.2.3+incompatible", "1.2.3");
        for bad in
            ["", "v", "x", "v1.2.3.4", "v01.2.3", "v1.2.3-01", "v1.2-rc1", "v1.2.3-", "(devel)", "v1..2"]
        {
            assert_eq!(ModuleVersion::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn versions_of_go_are_versions() {
        let go = |text: &str| ModuleVersion::parse_go(text).map(|version| version.to_string());
        assert_eq!(go("1.27.3").as_deref(), Some("1.27.3"));
        assert_eq!(go("1.21").as_deref(), Some("1.21.0"));
        assert_eq!(go("1.21rc2").as_deref(), Some("1.21.0-rc.2"));
        assert_eq!(go("1.22.0-custom").as_deref(), Some("1.22.0"));
        assert_eq!((go("devel"), go(""), go("1.21x")), (None, None, None));
    }
}
