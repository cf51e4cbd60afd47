//! Properties that hold for every document, tested with generated and with changed ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;

use std::{fs, path::Path, sync::LazyLock};

use proptest::{prelude::*, test_runner::Config};
use tracego_provenance::Verdict;

/// A bundle that is verified.
static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = "../../tests/data/sigstore/slsa-go/binary-linux-amd64-push-v14.2.intoto.jsonl";
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap().trim_ascii().to_vec()
});

/// Parts of documents, put together at random.
const PARTS: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "\"",
    "null",
    "1",
    "-1",
    "\"\"",
    "\"A\"",
    "\"AAAA\"",
    "\"\\u0000\"",
    "\"\\u001b[31m\"",
    "\"mediaType\":",
    "\"application/vnd.dev.sigstore.bundle.v0.3+json\"",
    "\"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"",
    "\"verificationMaterial\":",
    "\"publicKey\":{\"hint\":\"\"}",
    "\"x509CertificateChain\":{\"certificates\":[]}",
    "\"tlogEntries\":[]",
    "\"timestampVerificationData\":null",
    "\"messageSignature\":",
    "\"messageDigest\":{\"algorithm\":\"SHA2_256\",\"digest\":\"\"}",
    "\"signature\":\"\"",
    "\"dsseEnvelope\":",
    "\"payload\":",
    "\"payloadType\":\"application/vnd.in-toto+json\"",
    "\"signatures\":[{\"sig\":\"AAAA\"}]",
    "\"base64Signature\":\"\"",
    "\"rekorBundle\":{\"SignedEntryTimestamp\":\"\",\"Payload\":{\"body\":\"\",\"integratedTime\":1,\"logIndex\":1,\"logID\":\"é\"}}",
    "\"_type\":\"https://in-toto.io/Statement/v1\"",
    "\"subject\":[{\"digest\":{\"sha256\":\"00\"}}]",
    "\"predicateType\":\"https://slsa.dev/provenance/v1\"",
    "\"predicate\":{\"buildDefinition\":[]}",
    "\"tlogs\":[]",
    "\"certificateAuthorities\":[]",
    "\"timestampAuthorities\":[{\"certChain\":{\"certificates\":[]}}]",
];

proptest! {
    #![proptest_config(Config { cases: 2000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_text_is_read_or_refused(parts in proptest::collection::vec(0..PARTS.len(), 0..40)) {
        let text: String = parts.into_iter().map(|part| PARTS[part]).collect();
        check::any(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check::any(&bytes);
    }
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_changed_bundle_is_never_verified_as_something_else(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut bytes = BUNDLE.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check::judged(&bytes);
    }

    #[test]
    fn a_cut_bundle_is_never_verified(end in any::<prop::sample::Index>()) {
        let end = end.index(BUNDLE.len());
        prop_assert_ne!(check::judged(&BUNDLE[..end]).verdict, Verdict::Verified);
    }
}

#[test]
fn the_bundle_itself_is_verified() {
    assert_eq!(check::judged(&BUNDLE).verdict, Verdict::Verified);
}
