//! Checks that hold for any bytes. The fuzz target has the same.

use std::sync::LazyLock;

use tracego_provenance::{
    Judgement, Provenance, Settings, Sha256Digest, Signer, Verdict, check_trusted_root, documents_of,
};

/// The commit that the only trusted repository was built of, in the bundles of the corpus.
const COMMIT: &str = "4d329c75e7ec1725f7c9ce917a8799d408d06be3";

/// Trusts the repository of the bundles that inputs are made from.
static TRUSTING: LazyLock<Provenance> = LazyLock::new(|| {
    let signer = Signer {
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        repository: Some("https://github.com/slsa-framework/example-package".to_owned()),
        ..Signer::default()
    };
    let settings = Settings { signers: vec![signer], ..Settings::default() };
    Provenance::open(settings).unwrap_or_else(|error| panic!("{error}"))
});

/// The digest of the program in those bundles.
fn digest() -> Sha256Digest {
    let text = "f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066";
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Reads bytes as documents, and as a trust root.
pub(crate) fn any(bytes: &[u8]) {
    for document in documents_of(bytes).into_iter().flatten() {
        let limit = document.statement.as_ref().map_or(1, |_| 4096);
        assert!(document.subjects.len() <= limit);
        if let Some(statement) = document.statement {
            let texts = [
                statement.builder,
                statement.repository,
                statement.revision,
                statement.reference,
                statement.run,
            ];
            texts
                .into_iter()
                .flatten()
                .chain([statement.predicate_type])
                .for_each(|text| is_printable(&text));
        }
    }
    drop(check_trusted_root(bytes));
    judged(bytes);
}

/// Judges a document. Whatever it is, nothing is verified but what was built of the commit.
pub(crate) fn judged(bytes: &[u8]) -> Judgement {
    let explanation = TRUSTING.judge_document(bytes, &digest());
    let judgement = explanation.judgement;
    let error = judgement.error.clone().unwrap_or_default();
    assert!(!error.starts_with("the verifier failed"), "{error}");
    is_printable(&error);
    explanation.steps.iter().for_each(|step| is_printable(&step.detail));
    let origin = &judgement.origin;
    for text in [&origin.signer, &origin.revision, &origin.builder, &origin.predicate_type, &origin.run_url] {
        text.iter().for_each(|text| is_printable(text));
    }
    if judgement.verdict == Verdict::Verified {
        assert_eq!((origin.revision.as_deref(), &origin.statement_revision), (Some(COMMIT), &None));
        assert!(judgement.error.is_none() && judgement.log_time.is_some());
    } else {
        assert!(judgement.error.is_some());
    }
    judgement
}

fn is_printable(text: &str) {
    assert!(text.len() <= 1024 && !text.chars().any(char::is_control), "{text:?}");
}
