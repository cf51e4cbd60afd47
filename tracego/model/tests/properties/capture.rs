//! `capture`: a file yields what was written; a damaged one yields the part before the damage.

use std::{
    io,
    sync::{Arc, Mutex},
};

use proptest::{collection::vec, prelude::*, sample::Index};
use tracego_common::TaskId;
use tracego_model::{
    capture::{CaptureError, CaptureReader, CaptureWriter},
    clock::{ClockStep, Reading},
    counters::Counters,
    input::{
        Batch, Input, Seed,
        digest::{DigestGap, FileDigest, Sha256Digest},
        fsverity::{FsverityAlgorithm, FsverityDigest},
        late_digest::{HashedStart, LateDigest, LateVerdict},
    },
    linux::users::Users,
    meta::Meta,
    provenance::{Provenance, ProvenanceSource, ProvenanceVerdict},
};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The parts of an input; `Input` itself can be neither copied nor compared.
#[derive(Clone, Debug)]
enum Piece {
    Seed(Vec<(u32, u64, String)>),
    Batch(Vec<Vec<u8>>),
    Counters(u64),
    Heartbeat(u64),
    Digests(Vec<LateDigest>),
    Verdicts(Vec<LateVerdict>),
}

fn late_verdict() -> impl Strategy<Value = LateVerdict> {
    let verdict = prop_oneof![
        Just(ProvenanceVerdict::Verified),
        Just(ProvenanceVerdict::Unsigned),
        Just(ProvenanceVerdict::BadSignature),
        Just(ProvenanceVerdict::UntrustedSigner),
        Just(ProvenanceVerdict::Incomplete),
        Just(ProvenanceVerdict::Unchecked),
    ];
    let log = prop_oneof![Just(None), Just(Some("rekor")), Just(Some("none"))];
    let text = any::<Option<String>>;
    (late_digest(), any::<[u8; 32]>(), verdict, any::<bool>(), log, (text(), text(), text())).prop_map(
        |(late, sha256, verdict, required, log, (signer, revision, error))| {
            let source = Some(ProvenanceSource { revision, ..ProvenanceSource::default() });
            let provenance =
                Provenance { verdict, required, log, signer, source, error, ..Provenance::default() };
            LateVerdict { start: late.start, sha256: Sha256Digest(sha256), provenance: Arc::new(provenance) }
        },
    )
}

fn late_digest() -> impl Strategy<Value = LateDigest> {
    let digest =
        (any::<[u8; 32]>(), any::<[u8; 32]>(), 0..DigestGap::ALL.len()).prop_flat_map(|(one, other, gap)| {
            let (sha256, fixed) =
                (Sha256Digest(one), FsverityDigest::new(FsverityAlgorithm::Sha256, &other).unwrap());
            prop_oneof![
                Just(FileDigest::Known(sha256)),
                Just(FileDigest::Unproven(sha256)),
                Just(FileDigest::Fixed { sha256, fsverity: fixed }),
                Just(FileDigest::Absent(DigestGap::ALL[gap])),
            ]
        });
    (any::<(u32, u64, u64)>(), digest).prop_map(|((tgid, start_boottime, boot_ns), digest)| LateDigest {
        start: HashedStart { id: TaskId { tgid, start_boottime, ..TaskId::default() }, boot_ns },
        digest,
    })
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        1 => vec((any::<u32>(), any::<u64>(), any::<String>()), 0..3).prop_map(Piece::Seed),
        3 => vec(vec(any::<u8>(), 0..60), 0..5).prop_map(Piece::Batch),
        1 => any::<u64>().prop_map(Piece::Counters),
        1 => any::<u64>().prop_map(Piece::Heartbeat),
        1 => vec(late_digest(), 0..3).prop_map(Piece::Digests),
        1 => vec(late_verdict(), 0..3).prop_map(Piece::Verdicts),
    ]
}

fn input(piece: &Piece, now: Reading) -> Input {
    let counters = |&hooked| Counters { hooked, ..Counters::default() };
    match piece {
        Piece::Seed(seeds) => {
            let seed = |(pid, start_ticks, comm): &(u32, u64, String)| Seed {
                pid: *pid,
                start_ticks: *start_ticks,
                comm: comm.clone(),
                ..Seed::default()
            };
            Input::Seed(seeds.iter().map(seed).collect(), now)
        }
        Piece::Batch(records) => {
            let mut batch = Batch::default();
            batch.clock = now;
            records.iter().for_each(|record| batch.push(record));
            Input::Batch(batch)
        }
        Piece::Counters(hooked) => Input::Counters(counters(hooked), now),
        Piece::Heartbeat(hooked) => Input::Heartbeat(counters(hooked), now),
        Piece::Digests(digests) => Input::Digests(digests.clone(), now),
        Piece::Verdicts(verdicts) => Input::Verdicts(verdicts.clone(), now),
    }
}

fn reading() -> impl Strategy<Value = Reading> {
    // Few settings, so that batches in a row often know the same.
    let step = prop_oneof![
        Just(None),
        (0..3_i64, 0..3_i64).prop_map(|(boot_ns, offset)| Some(ClockStep { boot_ns, offset }))
    ];
    (any::<(i64, i64)>(), step).prop_map(|((boot_ns, unix_ns), step)| {
        let mut reading = Reading { boot_ns, unix_ns, ..Reading::default() };
        reading.steps[7] = step;
        reading
    })
}

/// Generates a complete capture, and each of its inputs as text.
fn capture() -> impl Strategy<Value = (Vec<u8>, Vec<String>)> {
    vec((piece(), reading()), 0..8).prop_map(|pieces| {
        let texts = pieces.iter().map(|(piece, now)| format!("{:?}", input(piece, *now))).collect();
        (write(&Meta::default(), pieces.iter().map(|(piece, now)| input(piece, *now))), texts)
    })
}

fn write(meta: &Meta, inputs: impl Iterator<Item = Input>) -> Vec<u8> {
    let file = Memory::default();
    let mut writer = CaptureWriter::new(Box::new(file.clone()), meta).unwrap();
    inputs.for_each(|input| writer.write(input).unwrap());
    writer.finish().unwrap();
    drop(writer);
    Arc::into_inner(file.0).unwrap().into_inner().unwrap()
}

/// Reads a capture. Returns each input as text, up to the end or the damage.
fn read(bytes: &[u8]) -> (Vec<String>, Result<(), CaptureError>) {
    let mut inputs = Vec::new();
    let mut reader = match CaptureReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (inputs, Err(error)),
    };
    loop {
        match reader.next_input() {
            Ok(Some(input)) => inputs.push(format!("{input:?}")),
            Ok(None) => return (inputs, Ok(())),
            Err(error) => return (inputs, Err(error)),
        }
    }
}

proptest! {
    #![proptest_config(super::cases(256))]

    #[test]
    fn what_was_written_is_read((bytes, texts) in capture()) {
        let (inputs, end) = read(&bytes);
        prop_assert!(end.is_ok(), "{end:?}");
        prop_assert_eq!(inputs, texts);
    }

    #[test]
    fn a_cut_gives_an_error_and_what_is_before_it((bytes, texts) in capture(), at in any::<Index>()) {
        let (inputs, end) = read(&bytes[..at.index(bytes.len())]);
        prop_assert!(matches!(end, Err(CaptureError::Cut(_) | CaptureError::Foreign)), "{end:?}");
        prop_assert!(texts.starts_with(&inputs), "{inputs:?}");
    }

    #[test]
    fn a_changed_byte_gives_an_error_and_what_is_before_it(
        (mut bytes, texts) in capture(),
        at in any::<Index>(),
        change in 1_u8..,
    ) {
        *at.get_mut(&mut bytes) ^= change;
        let (inputs, end) = read(&bytes);
        prop_assert!(end.is_err());
        prop_assert!(texts.starts_with(&inputs), "{inputs:?}");
    }

    #[test]
    fn the_description_of_the_run_is_kept(
        injected in vec(any::<(String, String)>(), 0..3),
        users in prop::collection::btree_map(any::<u32>(), any::<String>(), 0..4),
        (boot_id, instance, tick_hz, page_size) in any::<(String, u32, u64, u64)>(),
    ) {
        let meta = Meta {
            boot_id: boot_id.into(),
            injected,
            users: Users::from_pairs(users.clone()),
            tick_hz,
            page_size,
            instance,
            ..Meta::default()
        };
        let read = CaptureReader::new(write(&meta, std::iter::empty()).as_slice()).unwrap().meta();
        prop_assert_eq!((&read.boot_id, &read.injected, read.instance), (&meta.boot_id, &meta.injected, instance));
        prop_assert_eq!((read.tick_hz, read.page_size), (tick_hz, page_size));
        let kept: std::collections::BTreeMap<_, _> = read.users.iter().map(|(id, name)| (id, name.to_owned())).collect();
        prop_assert_eq!(kept, users);
    }
}
