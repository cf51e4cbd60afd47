//! Package URLs of Go modules.

use std::fmt::Write as _;

use tracego_golang::Module;

use crate::program;

/// Returns the package URL of a module: `pkg:golang/example.com/tool/v3@v3.1.0`. A folder has none, because no package
/// stands for it. The major version stays a part of the path, and no letter is made small: a module path is exact.
#[must_use]
pub fn of_module(module: &Module) -> Option<String> {
    (!module.path.is_empty() && !program::is_folder(&module.path))
        .then(|| package_url(&module.path, program::version(module)))
}

/// Returns the package URL of a path and a version.
#[must_use]
pub fn package_url(path: &str, version: Option<&str>) -> String {
    let mut url = "pkg:golang".to_owned();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        url.push('/');
        push_encoded(&mut url, segment);
    }
    if let Some(version) = version {
        url.push('@');
        push_encoded(&mut url, version);
    }
    url
}

/// Appends a text with all but unreserved characters percent-encoded.
fn push_encoded(url: &mut String, text: &str) {
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _written = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str, version: &str) -> Module {
        Module { path: path.to_owned(), version: version.to_owned(), ..Module::default() }
    }

    #[test]
    fn urls_are_exact() {
        let url = |path: &str, version: &str| of_module(&module(path, version));
        let semver = url("github.com/Masterminds/semver/v3", "v3.3.0");
        assert_eq!(semver.as_deref(), Some("pkg:golang/github.com/Masterminds/semver/v3@v3.3.0"));
        let old = url("github.com/docker/docker", "v27.4.0+incompatible");
        assert_eq!(old.as_deref(), Some("pkg:golang/github.com/docker/docker@v27.4.0%2Bincompatible"));
        assert_eq!(url("example.com/a", "(devel)").as_deref(), Some("pkg:golang/example.com/a"));
        assert_eq!(url("a b/c@d#e?f", "").as_deref(), Some("pkg:golang/a%20b/c%40d%23e%3Ff"));
        assert_eq!((url("./local", "(devel)"), url("/abs", ""), url("", "v1.0.0")), (None, None, None));
    }
}
