//! The place of a policy bundle: a path, or a URL.

use std::{ffi::OsString, fmt, net::IpAddr, path::PathBuf};

use hyper::Uri;
use tracego_deliver::http::display_uri;

/// Maximum length of a URL in bytes.
const URL_MAX: usize = 2048;

/// The place of a bundle.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BundleLocation {
    /// A folder, an archive or a module of this machine.
    Path(PathBuf),
    /// An archive on a server.
    Url(BundleUrl),
}

/// The URL of a bundle: `https`, or `http` on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BundleUrl(Uri);

impl BundleLocation {
    /// Parses the value of `--policy`.
    ///
    /// # Errors
    /// Fails for a URL that is not safe to load a policy from; the text says what is.
    pub(super) fn parse(value: OsString) -> Result<Self, String> {
        let url = value.to_str().filter(|text| text.contains("://")).map(str::to_owned);
        url.map_or_else(|| Ok(Self::Path(value.into())), |text| BundleUrl::parse(&text).map(Self::Url))
    }

    /// Returns the path, if the bundle is on this machine.
    #[must_use]
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Path(path) => Some(path),
            Self::Url(_) => None,
        }
    }

    /// Returns the URL, if the bundle is on a server.
    #[must_use]
    pub fn url(&self) -> Option<&BundleUrl> {
        match self {
            Self::Path(_) => None,
            Self::Url(url) => Some(url),
        }
    }
}

impl BundleUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// Fails for a URL that is not safe to load a policy from; the text says what is.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > URL_MAX {
            return Err(format!("a URL has at most {URL_MAX} bytes"));
        }
        if text.contains('#') {
            return Err("a URL of a bundle has no #fragment".to_owned());
        }
        let uri: Uri = text.parse().map_err(|error| format!("is no URL ({error})"))?;
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err("the URL names no host".to_owned());
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("a URL may be seen by others, so it holds no user and no password: write a token into a file \
                        and name it with --policy-token"
                .to_owned());
        }
        match uri.scheme_str() {
            Some("https") => Ok(Self(uri)),
            Some("http") if is_loopback(host) => Ok(Self(uri)),
            Some("http") => Err("over http anybody on the way sees the policy and can hold back a new one: use https; http is \
                                 for this machine alone (127.0.0.1, [::1], localhost)"
                .to_owned()),
            _ => Err("a bundle is loaded from https://HOST/PATH, or from a path of this machine".to_owned()),
        }
    }

    /// Returns the URL for requests.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Returns the name of the bundle: the last part of the path, without the extension of an archive.
    #[must_use]
    pub fn bundle_name(&self) -> String {
        let last = self.0.path().rsplit('/').find(|part| !part.is_empty()).unwrap_or("policy");
        let short = [".tar.gz", ".tgz"].iter().find_map(|end| last.strip_suffix(end));
        short.filter(|short| !short.is_empty()).unwrap_or(last).to_owned()
    }
}

/// Writes the URL without its query, which may hold a secret.
impl fmt::Display for BundleUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&display_uri(&self.0))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_urls_are_taken_and_anything_else_is_a_path() {
        let parse = |text: &str| BundleLocation::parse(text.into());
        for good in [
            "https://policies.example/bundles/ci.tar.gz",
            "https://policies.example:8443/ci?sig=x",
            "http://127.0.0.1:8080/ci.tar.gz",
            "http://[::1]/ci",
            "http://localhost/ci",
        ] {
            assert!(matches!(parse(good), Ok(BundleLocation::Url(_))), "{good}");
        }
        for (bad, why) in [
            ("http://policies.example/ci.tar.gz", "use https"),
            ("http://127.0.0.1.policies.example/ci", "use https"),
            ("http://localhost@policies.example/ci", "--policy-token"),
            ("https://user:secret@policies.example/ci", "--policy-token"),
            ("ftp://policies.example/ci", "https://HOST/PATH"),
            ("https://policies.example/ci#x", "#fragment"),
            ("https:///ci", "URL"),
        ] {
            let text = parse(bad).unwrap_err();
            assert!(text.contains(why) && !text.contains("secret"), "{bad}: {text}");
        }
        assert_eq!(parse("/etc/policies"), Ok(BundleLocation::Path("/etc/policies".into())));
    }

    #[test]
    fn the_name_is_that_of_the_archive_and_a_query_is_not_shown() {
        let url = BundleUrl::parse("https://h/bundles/ci.tar.gz?token=secret").unwrap();
        assert_eq!(
            (url.bundle_name().as_str(), url.to_string().as_str()),
            ("ci", "https://h/bundles/ci.tar.gz")
        );
        assert_eq!(BundleUrl::parse("https://h").unwrap().bundle_name(), "policy");
    }
}
