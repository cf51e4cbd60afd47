//! `event::decode` and `event::pieces`: a decoded event has exactly the content that the kernel side encoded.

use proptest::{collection::vec, prelude::*, sample::Index};
use tracego_common::{ArgvChunk, EventKind, ExecFixed, Span, flags};
use tracego_model::event::{Event, Exec, decode::decode, pieces::Assembler};
use zerocopy::{FromZeros as _, IntoBytes as _};

/// Generates bytes except the given ones.
fn bytes(
    without: &'static [u8],
    length: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>().prop_filter_map("not allowed here", |b| (!without.contains(&b)).then_some(b)), length)
}

fn names() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(bytes(b"\0/", 1..12), 0..8)
}

/// Joins texts, each terminated by a NUL.
fn strings<'a>(all: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    all.into_iter().flat_map(|text| text.iter().copied().chain([0])).collect()
}

/// Builds events with the layout of the kernel side.
struct Builder {
    fixed: ExecFixed,
    data: Vec<u8>,
}

impl Builder {
    fn new(flags: u64) -> Self {
        let mut fixed = ExecFixed::new_zeroed();
        (fixed.header.kind, fixed.header.flags) = (EventKind::Exec as u32, flags);
        Self { fixed, data: Vec::new() }
    }

    fn add(&mut self, bytes: &[u8]) -> Span {
        let span = Span {
            offset: u32::try_from(self.data.len()).unwrap(),
            len: u32::try_from(bytes.len()).unwrap(),
        };
        self.data.extend_from_slice(bytes);
        // The bytes between spans are arbitrary.
        self.data.push(0xaa);
        span
    }

    fn build(mut self) -> Vec<u8> {
        self.fixed.header.size = u32::try_from(size_of::<ExecFixed>() + self.data.len()).unwrap();
        [self.fixed.as_bytes(), &self.data].concat()
    }
}

fn exec(record: &[u8]) -> Box<Exec<'_>> {
    match decode(record).unwrap() {
        Event::Exec(exec) => exec,
        other => panic!("{other:?}"),
    }
}

fn path(names: &[Vec<u8>], truncated: bool) -> Vec<u8> {
    let front = if truncated { "…" } else { "" };
    let tail: Vec<u8> = names.iter().rev().flat_map(|name| [b"/", name.as_slice()].concat()).collect();
    let path = [front.as_bytes(), &tail].concat();
    if path.is_empty() { b"/".to_vec() } else { path }
}

proptest! {
    #![proptest_config(super::cases(256))]

    #[test]
    fn a_record_decodes_to_what_was_put_in(
        (exe, cwd, cgroup) in (names(), names(), names()),
        (filename, interp) in (bytes(b"\0", 0..40), bytes(b"\0", 0..40)),
        args in vec(bytes(b"\0", 0..20), 0..10),
        variables in vec((bytes(b"\0=", 1..10), bytes(b"\0", 0..20)), 0..10),
        (tgid, truncated) in (any::<u32>(), any::<bool>()),
    ) {
        let mut builder = Builder::new(if truncated { flags::CWD_TRUNCATED } else { 0 });
        builder.fixed.header.id.tgid = tgid;
        builder.fixed.exe = builder.add(&strings(&exe));
        builder.fixed.cwd = builder.add(&strings(&cwd));
        builder.fixed.cgroup = builder.add(&strings(&cgroup));
        builder.fixed.filename = builder.add(&strings([&filename]));
        builder.fixed.interp = builder.add(&strings([&interp]));
        let env: Vec<_> = variables.iter().map(|(name, value)| [name.as_slice(), b"=", value].concat()).collect();
        builder.fixed.env = builder.add(&strings(&env));
        builder.fixed.argv = builder.add(&strings(&args));
        let record = builder.build();
        let exec = exec(&record);
        prop_assert_eq!(exec.fixed.header.id.tgid, tgid);
        prop_assert_eq!(&exec.exe, &path(&exe, false));
        prop_assert_eq!(&exec.cwd, &path(&cwd, truncated));
        prop_assert_eq!(&exec.cgroup, &path(&cgroup, false));
        prop_assert_eq!((exec.filename, exec.interp), (&filename[..], &interp[..]));
        prop_assert!(exec.args().eq(&args), "{:?}", exec.argv);
        let all: Vec<_> = exec.variables().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(all, variables);
    }

    #[test]
    fn pieces_of_argv_come_together_in_any_order(
        (first, pieces) in (bytes(b"", 0..50), vec(bytes(b"", 1..50), 1..6).prop_map(Vec::from)),
        order in any::<Index>(),
    ) {
        let mut offset = first.len() as u64;
        let mut records: Vec<Vec<u8>> = pieces.iter().map(|piece| {
            let mut fixed = ArgvChunk { offset, ..ArgvChunk::default() };
            fixed.header.kind = EventKind::ArgvChunk as u32;
            fixed.header.size = u32::try_from(size_of::<ArgvChunk>() + piece.len()).unwrap();
            offset += piece.len() as u64;
            [fixed.as_bytes(), piece].concat()
        }).collect();
        records.rotate_left(order.index(pieces.len()));
        let mut builder = Builder::new(flags::ARGV_CHUNKS);
        builder.fixed.argv = builder.add(&first);
        builder.fixed.argv_total = u32::try_from(offset).unwrap();
        let mut assembler = Assembler::default();
        for record in &records {
            prop_assert!(assembler.take(decode(record).unwrap()).is_none());
        }
        let record = builder.build();
        let Some(Event::Exec(exec)) = assembler.take(decode(&record).unwrap()) else { panic!("no record") };
        prop_assert_eq!(exec.argv.into_owned(), [first, pieces.concat()].concat());
        prop_assert_eq!(exec.fixed.header.flags & flags::ARGV_TRUNCATED, 0);
    }
}

proptest! {
    #![proptest_config(super::cases(4096))]

    #[test]
    fn no_bytes_make_it_panic(
        changes in vec((any::<Index>(), any::<u8>()), 0..6),
        kind in 0_u32..7,
        noise in vec(any::<u8>(), 0..200),
    ) {
        let _noise = decode(&noise);
        let mut builder = Builder::new(0);
        builder.fixed.header.kind = kind;
        builder.fixed.argv = builder.add(b"a\0b\0\0");
        builder.fixed.env = builder.add(b"A=1\0B\0=\0");
        let mut record = builder.build();
        for (at, to) in changes {
            *at.get_mut(&mut record) = to;
        }
        if let Ok(Event::Exec(exec)) = decode(&record) {
            prop_assert!(exec.args().count() <= record.len());
            prop_assert!(exec.variables().count() <= record.len());
        }
    }
}
