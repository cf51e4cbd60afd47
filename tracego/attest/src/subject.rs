//! The artifacts that a statement is about.

use serde::Serialize;

/// An artifact with its digest: a ResourceDescriptor of in-toto.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Subject {
    /// Name.
    pub name: String,
    /// Digests.
    pub digest: DigestSet,
}

/// The digests of an artifact.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DigestSet {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl Subject {
    /// Creates the subject with a SHA-256.
    #[must_use]
    pub fn new(name: String, sha256: String) -> Self {
        Self { name, digest: DigestSet { sha256 } }
    }
}

/// Returns the subjects with each one once: in-toto requires that names are unique.
///
/// # Errors
/// Fails if a name stands for two digests.
pub fn distinct(subjects: Vec<Subject>) -> Result<Vec<Subject>, String> {
    let mut known: Vec<Subject> = Vec::with_capacity(subjects.len());
    for subject in subjects {
        match known.iter().find(|other| other.name == subject.name) {
            None => known.push(subject),
            Some(other) if other.digest == subject.digest => {}
            Some(other) => {
                return Err(format!(
                    "two subjects are named {:?}, with the digests sha256:{} and sha256:{}; names are unique in a \
                     statement: --subject-digest sha256:HEX=NAME gives another one",
                    subject.name, other.digest.sha256, subject.digest.sha256
                ));
            }
        }
    }
    Ok(known)
}

impl std::str::FromStr for Subject {
    type Err = String;

    /// Parses `sha256:HEX=NAME`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = "write sha256:HEX=NAME, with 64 hexadecimal digits";
        let (digest, name) = text.split_once('=').ok_or(shape)?;
        let digest = digest.strip_prefix("sha256:").ok_or(shape)?.to_ascii_lowercase();
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(shape.to_owned());
        }
        if name.is_empty() {
            return Err("the name is missing: write sha256:HEX=NAME".to_owned());
        }
        Ok(Self::new(name.to_owned(), digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_a_digest_and_a_name() {
        let digest = "0F".repeat(32);
        let subject: Subject = format!("sha256:{digest}=a=b").parse().unwrap();
        assert_eq!((subject.name.as_str(), subject.digest.sha256), ("a=b", digest.to_lowercase()));
        for bad in
            ["", "a", "sha256:00=a", "sha512:00=a", &format!("sha256:{digest}"), &format!("sha256:{digest}=")]
        {
            assert!(bad.parse::<Subject>().unwrap_err().contains("sha256:HEX=NAME"), "{bad}");
        }
    }

    #[test]
    fn names_are_unique() {
        let of = |name: &str, digit: &str| Subject::new(name.to_owned(), digit.repeat(64));
        let found = distinct(vec![of("a", "1"), of("b", "1"), of("a", "1")]);
        assert_eq!(found, Ok(vec![of("a", "1"), of("b", "1")]));
        let error = distinct(vec![of("a", "1"), of("a", "2")]).unwrap_err();
        assert!(error.contains("\"a\"") && error.contains("sha256:2222"), "{error}");
    }
}
