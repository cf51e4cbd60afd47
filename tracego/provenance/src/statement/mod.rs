//! In-toto statements: what an attestation is about, and what its predicate says of the build. Untrusted until the
//! signature around it is verified.

mod slsa;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{clean_text::clean, digest::Sha256Digest};

/// Types of statements that are read.
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
/// Predicates that say where a file was built.
pub const DEFAULT_PREDICATE_TYPES: [&str; 2] =
    ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];
/// Predicates that say that a file belongs to a release.
const RELEASES: &str = "https://in-toto.io/attestation/release/";
/// Subjects of a statement that are read.
const MOST_SUBJECTS: usize = 4096;

/// A statement about files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Statement {
    /// Digests of the files.
    pub subjects: Vec<Sha256Digest>,
    /// Subjects beyond the first 4096, which are not read.
    pub subjects_left_out: usize,
    /// The kind of statement.
    pub predicate_type: String,
    /// The builder, for provenance.
    pub builder: Option<String>,
    /// The repository that was built, for provenance.
    pub repository: Option<String>,
    /// The commit that was built, for provenance.
    pub revision: Option<String>,
    /// The branch or tag that was built, for provenance.
    pub reference: Option<String>,
    /// The run of the builder, for provenance.
    pub run: Option<String>,
}

/// A payload that is no statement.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoStatement {
    /// The payload has another shape.
    #[error("not an in-toto statement: {0}")]
    Malformed(String),
    /// The statement has a type that is not known.
    #[error("not an in-toto statement of version 0.1 or 1, but {0}")]
    OtherType(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(rename = "_type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    subject: Vec<Subject<'a>>,
    #[serde(borrow)]
    predicate_type: Cow<'a, str>,
    #[serde(borrow, default)]
    predicate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(borrow, default)]
    digest: DigestSet<'a>,
}

#[derive(Default, Deserialize)]
struct DigestSet<'a> {
    #[serde(borrow)]
    sha256: Option<Cow<'a, str>>,
}

/// Part of a statement that is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StatementDepth {
    /// The subjects and the kind: what an index needs.
    Subjects,
    /// The facts about the build in the predicate, too.
    Build,
}

/// Returns the statement in a payload.
pub(crate) fn read(payload: &[u8], depth: StatementDepth) -> Result<Statement, NoStatement> {
    let members: Members =
        serde_json::from_slice(payload).map_err(|error| NoStatement::Malformed(error.to_string()))?;
    if !TYPES.contains(&members.kind.as_ref()) {
        return Err(NoStatement::OtherType(clean(&members.kind)));
    }
    let digest = |subject: &Subject| subject.digest.sha256.as_deref().and_then(|text| text.parse().ok());
    let mut statement = Statement {
        subjects: members.subject.iter().take(MOST_SUBJECTS).filter_map(digest).collect(),
        subjects_left_out: members.subject.len().saturating_sub(MOST_SUBJECTS),
        predicate_type: clean(&members.predicate_type),
        ..Statement::default()
    };
    if let (Some(predicate), StatementDepth::Build) = (members.predicate, depth) {
        slsa::add(&mut statement, predicate.get());
    }
    Ok(statement)
}

impl Statement {
    /// Whether the statement is about a release, and says nothing of a build.
    pub(crate) fn is_of_release(&self) -> bool {
        self.predicate_type.starts_with(RELEASES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256_of;

    fn statement(kind: &str, predicate_type: &str, predicate: &str) -> Result<Statement, NoStatement> {
        let digest = sha256_of(b"a");
        let text = format!(
            r#"{{"_type": "https://in-toto.io/Statement/{kind}", "subject": [{{"name": "a", "digest": {{"sha256": "{digest}"}}}},
            {{"name": "b", "digest": {{"sha1": "00"}}}}], "predicateType": "{predicate_type}", "predicate": {predicate}}}"#
        );
        read(text.as_bytes(), StatementDepth::Build)
    }

    #[test]
    fn provenance_of_both_versions_names_the_build() {
        let v1 = r#"{"buildDefinition": {"buildType": "x", "externalParameters": {"workflow": {"ref": "refs/tags/v1",
            "repository": "https://github.com/acme/shop", "path": "a.yml"}}, "resolvedDependencies":
            [{"uri": "git+https://github.com/other/lib", "digest": {"gitCommit": "ffff"}},
            {"uri": "git+https://github.com/acme/shop@refs/tags/v1", "digest": {"gitCommit": "abcd"}}]},
            "runDetails": {"builder": {"id": "https://b"}, "metadata": {"invocationId": "https://r"}}}"#;
        let v02 = r#"{"builder": {"id": "https://b"}, "invocation": {"configSource":
            {"uri": "git+https://github.com/acme/shop@refs/tags/v1", "digest": {"sha1": "abcd"}, "entryPoint": "a.yml"},
            "environment": {"github_run_id": "7"}}, "metadata": {"buildInvocationID": "https://r"}, "materials": []}"#;
        for (kind, predicate_type, predicate) in
            [("v1", "https://slsa.dev/provenance/v1", v1), ("v0.1", "https://slsa.dev/provenance/v0.2", v02)]
        {
            let read = statement(kind, predicate_type, predicate).unwrap();
            let wanted = Statement {
                subjects: vec![sha256_of(b"a")],
                subjects_left_out: 0,
                predicate_type: predicate_type.to_owned(),
                builder: Some("https://b".to_owned()),
                repository: Some("https://github.com/acme/shop".to_owned()),
                revision: Some("abcd".to_owned()),
                reference: Some("refs/tags/v1".to_owned()),
                run: Some("https://r".to_owned()),
            };
            assert_eq!(read, wanted, "{predicate_type}");
        }
    }

    #[test]
    fn a_predicate_of_another_shape_says_nothing() {
        for predicate in ["1", "[]", r#"{"buildDefinition": 1, "runDetails": {"builder": []}}"#, "{}"] {
            let read = statement("v1", "https://slsa.dev/provenance/v1", predicate).unwrap();
            assert_eq!((read.builder, read.revision, read.subjects.len()), (None, None, 1), "{predicate}");
        }
        let release = statement("v1", "https://in-toto.io/attestation/release/v0.2", "{}").unwrap();
        assert!(release.is_of_release());
        assert!(matches!(statement("v2", "x", "{}"), Err(NoStatement::OtherType(_))));
        assert!(matches!(read(b"{}", StatementDepth::Build), Err(NoStatement::Malformed(_))));
    }

    #[test]
    fn thousands_of_subjects_are_cut_and_counted() {
        let subject = format!(r#"{{"digest": {{"sha256": "{}"}}}}"#, sha256_of(b"a"));
        let all = vec![subject; 5000].join(",");
        let text = format!(
            r#"{{"_type": "https://in-toto.io/Statement/v1", "subject": [{all}], "predicateType": "x"}}"#
        );
        let read = read(text.as_bytes(), StatementDepth::Subjects).unwrap();
        assert_eq!((read.subjects.len(), read.subjects_left_out), (4096, 904));
    }
}
