//! Trust roots: the authorities and logs of a Sigstore instance, from a file or from this program.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sigstore_verify::{
    VerificationPolicy, Verifier,
    trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot},
};

use crate::contents;

/// Bytes of a file with trust roots that are read.
const LARGEST: usize = 4 << 20;
/// Trust roots in one file that are read.
const MOST: usize = 16;
/// Time when the root in this program was fetched, in seconds since 1970: 2026-10-23.
const EMBEDDED_AT: u64 = 1_792_713_600;

/// Reason why a trust root is refused.
#[derive(Debug, thiserror::Error)]
pub enum RootProblem {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path}:{line}: not a trusted root: {error}; gh attestation trusted-root > {path} writes one")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line of the root.
        line: usize,
        /// The reason.
        error: String,
    },
    /// The file holds none, or too many.
    #[error("{path}: holds {count} trusted roots; 1 to {MOST} are read")]
    Count {
        /// The file.
        path: PathBuf,
        /// The number of roots.
        count: usize,
    },
}

/// The age of a trust root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RootAge {
    /// The file; nothing for the root in this program.
    pub path: Option<PathBuf>,
    /// Time since the file was written, or since the root in this program was fetched.
    pub age: Duration,
}

/// One instance of Sigstore.
pub(crate) struct TrustAnchor {
    pub(crate) verifier: Verifier,
    /// The name in explanations.
    pub(crate) name: String,
    /// Whether certificates have to be in a log of certificates, because the instance has one.
    pub(crate) has_certificate_log: bool,
    /// Whether signatures have to be in a log, because the instance has one.
    pub(crate) has_log: bool,
}

impl TrustAnchor {
    fn parse(json: &str, name: String) -> Result<Self, String> {
        crate::crypto_provider::install();
        let root = TrustedRoot::from_json(json).map_err(|error| error.to_string())?;
        if !root.media_type.starts_with("application/vnd.dev.sigstore.trustedroot") {
            return Err(format!("its media type is {:?}", crate::clean_text::clean(&root.media_type)));
        }
        let verifier = Verifier::new(&root).map_err(|error| error.to_string())?;
        let (has_certificate_log, has_log) = (!root.ctlogs.is_empty(), !root.tlogs.is_empty());
        Ok(Self { verifier, name, has_certificate_log, has_log })
    }

    /// Returns what a bundle of this instance has to prove. An instance without logs proves the time by signed timestamps.
    pub(crate) fn policy(&self) -> VerificationPolicy {
        let policy = VerificationPolicy::any_identity();
        let policy = if self.has_certificate_log { policy } else { policy.skip_sct() };
        if self.has_log { policy } else { policy.skip_tlog_unsafe() }
    }
}

/// All trust roots that were read.
pub(crate) struct TrustRoots {
    pub(crate) anchors: Vec<TrustAnchor>,
    /// Files, with the times at which they were written; none for the root in this program.
    written: Vec<(PathBuf, SystemTime)>,
}

impl TrustRoots {
    /// Reads files, or takes the root in this program if there are none.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, RootProblem> {
        let mut roots = Self { anchors: Vec::new(), written: Vec::new() };
        for path in paths {
            roots.anchors.extend(anchors(path)?);
            let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
            roots.written.push((path.clone(), written.unwrap_or(SystemTime::UNIX_EPOCH)));
        }
        if paths.is_empty() {
            let name = "the public-good root in this program".to_owned();
            let anchor = TrustAnchor::parse(SIGSTORE_PRODUCTION_TRUSTED_ROOT, name);
            roots.anchors.extend(anchor.map_err(|error| RootProblem::Malformed {
                path: "embedded".into(),
                line: 1,
                error,
            }));
        }
        Ok(roots)
    }

    /// Returns the age of each root.
    pub(crate) fn ages(&self, now: SystemTime) -> Vec<RootAge> {
        let age = |written| now.duration_since(written).unwrap_or_default();
        if self.written.is_empty() {
            let fetched = SystemTime::UNIX_EPOCH + Duration::from_secs(EMBEDDED_AT);
            return vec![RootAge { path: None, age: age(fetched) }];
        }
        let of = |(path, written): &(PathBuf, SystemTime)| RootAge {
            path: Some(path.clone()),
            age: age(*written),
        };
        self.written.iter().map(of).collect()
    }
}

/// Returns the roots in a file: one in JSON, or one a line.
fn anchors(path: &Path) -> Result<Vec<TrustAnchor>, RootProblem> {
    let unreadable = |error| RootProblem::Unreadable { path: path.to_owned(), error };
    let content = contents::read(path, LARGEST).map_err(unreadable)?;
    let found = parse_all(&content, &path.display().to_string())
        .map_err(|(line, error)| RootProblem::Malformed { path: path.to_owned(), line, error })?;
    if found.is_empty() || found.len() > MOST {
        return Err(RootProblem::Count { path: path.to_owned(), count: found.len() });
    }
    Ok(found)
}

/// Returns the roots in a content; an error has its line. No more than one beyond the limit is read.
fn parse_all(content: &[u8], name: &str) -> Result<Vec<TrustAnchor>, (usize, String)> {
    let text = std::str::from_utf8(content).map_err(|error| (1, error.to_string()))?;
    let text = text.trim_start_matches('\u{feff}');
    let whole = serde_json::from_str::<serde::de::IgnoredAny>(text);
    if whole.is_ok() {
        return TrustAnchor::parse(text, name.to_owned())
            .map(|anchor| vec![anchor])
            .map_err(|error| (1, error));
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).take(MOST + 1);
    let parse = |(at, line): (usize, &str)| {
        TrustAnchor::parse(line, format!("{name}:{at}")).map_err(|error| (at, error))
    };
    lines.map(parse).collect()
}

/// Whether a content is one or more trust roots, with the reason if not. Never panics.
///
/// # Errors
/// Fails if a root cannot be used.
pub fn check_trusted_root(content: &[u8]) -> Result<usize, String> {
    let roots = parse_all(content, "root").map_err(|(line, error)| format!("line {line}: {error}"))?;
    Ok(roots.len())
}

#[cfg(test)]
mod tests {
    use sigstore_verify::trust_root::SIGSTORE_GITHUB_TRUSTED_ROOT;

    use super::*;

    #[test]
    fn the_date_of_the_embedded_root_is_that_of_its_content() {
        let digest = crate::sha256_of(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes()).to_string();
        assert_eq!(
            digest, "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66",
            "sigstore-trust-root has another root: set EMBEDDED_AT to the day of its release"
        );
        let roots = TrustRoots::read(&[]).unwrap();
        assert!(roots.anchors.iter().all(|anchor| anchor.has_log && anchor.has_certificate_log));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(EMBEDDED_AT + 60);
        assert_eq!(roots.ages(now), [RootAge { path: None, age: Duration::from_secs(60) }]);
    }

    #[test]
    fn both_roots_of_gh_are_taken_from_lines() {
        let line = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap().to_string();
        let text =
            format!("{}\n\n{}\n", line(SIGSTORE_PRODUCTION_TRUSTED_ROOT), line(SIGSTORE_GITHUB_TRUSTED_ROOT));
        let roots = parse_all(text.as_bytes(), "f").unwrap();
        let of = |anchor: &TrustAnchor| (anchor.name.clone(), anchor.has_log, anchor.has_certificate_log);
        assert_eq!(
            roots.iter().map(of).collect::<Vec<_>>(),
            [("f:1".into(), true, true), ("f:3".into(), false, false)]
        );
        assert_eq!(check_trusted_root(text.as_bytes()), Ok(2));
        let (line, error) = parse_all(format!("{text}{{}}").as_bytes(), "f").map(|_| ()).unwrap_err();
        assert_eq!(line, 4, "{error}");
        let deep = "[".repeat(100_000);
        for wrong in ["", "{", "[]", "\u{feff}", &deep] {
            let found = check_trusted_root(wrong.as_bytes());
            assert!(found.is_err() || found == Ok(0), "{wrong:.9}");
        }
    }

    #[test]
    fn files_are_named_in_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.jsonl");
        std::fs::write(&path, "\n").unwrap();
        let error = |paths: &[PathBuf]| TrustRoots::read(paths).map(|_| ()).unwrap_err().to_string();
        assert!(error(std::slice::from_ref(&path)).contains("root.jsonl: holds 0 trusted roots"));
        std::fs::write(&path, "{\"mediaType\": \"x\"}").unwrap();
        let text = error(std::slice::from_ref(&path));
        assert!(
            text.contains("root.jsonl:1: not a trusted root") && text.contains("gh attestation"),
            "{text}"
        );
        assert!(error(&[dir.path().join("missing")]).contains("missing: "));
    }
}
