//! `sink::otlp`: payloads read from disk, and answers of receivers. Inputs are generated.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;

use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};

/// Pieces of payloads and answers.
const PIECES: [&[u8]; 18] = [
    b"\x01",
    b"\x02",
    b"\x00\x00\x00",
    b"\x05\x00\x00\x00",
    b"{}",
    b"{\"attributes\":[",
    b"{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[",
    b"\"traceId\":\"00\"",
    b"]}}}",
    b"content-type:application/grpc\n",
    b"content-type:application/json\n",
    b"grpc-status:8\n",
    b"grpc-status:0\n",
    b"grpc-status-details-bin:CAgaAA\n",
    b"grpc-message:%1b%zz%C3\n",
    b"retry-after:1\n",
    b"{\"partialSuccess\":{\"rejectedLogRecords\":\"-1\",\"errorMessage\":\"\\u001b\"}}",
    b"\x0a\x06\x08\x03\x12\x02no",
];

proptest! {
    #![proptest_config(Config { cases: 2000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_payload_and_answer_is_understood_or_refused(
        kind in 0_u8..4,
        head in any::<[u8; 2]>(),
        pieces in vec(prop_oneof![select(&PIECES[..]).prop_map(<[u8]>::to_vec), vec(any::<u8>(), 0..6)], 0..8),
    ) {
        let (mut input, pieces) = (vec![kind], pieces.concat());
        if kind > 0 {
            input.extend(head);
        }
        input.extend(pieces);
        check::any(&input);
    }
}
