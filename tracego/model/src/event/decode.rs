//! Decoding of bytes from the ring into an [`Event`]. No I/O; the bytes are untrusted, and decoding never
//! panics.

use std::borrow::Cow;

use tracego_common::{
    ArgvChunk, EventHeader, EventKind, ExecFailedFixed, ExecFixed, ExitEvent, ForkEvent, Span, flags,
    verdict::Verdict,
};
use zerocopy::FromBytes;

use crate::event::{ArgvPart, Event, Exec, FailedExec};

/// The reason why bytes cannot be decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are shorter than the structure of the event's kind.
    #[error("{0} bytes are too few for the event")]
    Short(usize),
    /// The kind is unknown to this agent.
    #[error("unknown event kind {0}")]
    Kind(u32),
    /// The length in the header differs from the number of bytes.
    #[error("the header gives {0} bytes, the event has {1}")]
    Size(u32, usize),
    /// A span points outside the event.
    #[error("a span points outside the event")]
    Span,
}

/// Decodes one event.
///
/// # Errors
/// Fails if the bytes are no valid event; see [`DecodeError`]. The caller counts the failures.
pub fn decode(bytes: &[u8]) -> Result<Event<'_>, DecodeError> {
    let (header, _) = EventHeader::read_from_prefix(bytes).map_err(|_| DecodeError::Short(bytes.len()))?;
    if header.size as usize != bytes.len() {
        return Err(DecodeError::Size(header.size, bytes.len()));
    }
    match EventKind::from_raw(header.kind).ok_or(DecodeError::Kind(header.kind))? {
        EventKind::Exec => exec(bytes).map(|exec| Event::Exec(Box::new(exec))),
        EventKind::Exit => whole::<ExitEvent>(bytes).map(Event::Exit),
        EventKind::Fork => whole::<ForkEvent>(bytes).map(Event::Fork),
        EventKind::ExecFailed => {
            let (fixed, data) = prefix::<ExecFailedFixed>(bytes)?;
            let filename = unterminated(span(data, fixed.filename)?);
            Ok(Event::Failed(FailedExec { fixed, filename, argv: span(data, fixed.argv)? }))
        }
        EventKind::Verdict => whole::<Verdict>(bytes).map(|verdict| Event::Verdict(Box::new(verdict))),
        EventKind::ArgvChunk => {
            prefix::<ArgvChunk>(bytes).map(|(fixed, bytes)| Event::Chunk(ArgvPart { fixed, bytes }))
        }
    }
}

/// Returns the generation: the number of the load that wrote the event, where loads take over from each
/// other. Returns 0 without handover.
#[must_use]
pub fn generation(bytes: &[u8]) -> u32 {
    EventHeader::read_from_prefix(bytes).map_or(0, |(header, _)| flags::generation(header.flags))
}

/// Whether the bytes are a part of argv; the ledger counts these separately.
#[must_use]
pub fn is_piece(bytes: &[u8]) -> bool {
    EventHeader::read_from_prefix(bytes).is_ok_and(|(header, _)| header.kind == EventKind::ArgvChunk as u32)
}

fn whole<T: FromBytes>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::read_from_bytes(bytes).map_err(|_| DecodeError::Short(bytes.len()))
}

fn prefix<T: FromBytes>(bytes: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Short(bytes.len()))
}

fn exec(bytes: &[u8]) -> Result<Exec<'_>, DecodeError> {
    let (fixed, data) = prefix::<ExecFixed>(bytes)?;
    let flags = fixed.header.flags;
    Ok(Exec {
        exe: path(span(data, fixed.exe)?, flags & flags::EXE_MEMFD != 0, flags & flags::EXE_TRUNCATED != 0),
        cwd: path(span(data, fixed.cwd)?, false, flags & flags::CWD_TRUNCATED != 0),
        cgroup: path(span(data, fixed.cgroup)?, false, flags & flags::CGROUP_TRUNCATED != 0),
        filename: unterminated(span(data, fixed.filename)?),
        interp: unterminated(span(data, fixed.interp)?),
        argv: Cow::Borrowed(span(data, fixed.argv)?),
        env: span(data, fixed.env)?,
        fixed,
    })
}

fn span(data: &[u8], span: Span) -> Result<&[u8], DecodeError> {
    let from = span.offset as usize;
    from.checked_add(span.len as usize).and_then(|to| data.get(from..to)).ok_or(DecodeError::Span)
}

fn unterminated(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(&[0]).unwrap_or(bytes)
}

/// Turns names, ordered from the file up to the root, into a path. `…` replaces the part that a truncated
/// walk left out.
fn path(names: &[u8], pseudo: bool, truncated: bool) -> Vec<u8> {
    let mut path = Vec::with_capacity(names.len() + 2);
    if truncated {
        path.extend_from_slice("…".as_bytes());
    }
    let mut rest = names.strip_suffix(&[0]).unwrap_or(names);
    while !rest.is_empty() {
        let at = rest.iter().rposition(|&b| b == 0).map_or(0, |nul| nul + 1);
        let name = &rest[at..];
        rest = &rest[..at.saturating_sub(1)];
        if !pseudo {
            path.push(b'/');
        }
        path.extend_from_slice(name);
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    fn record(data: &[u8], edit: impl Fn(&mut ExecFixed)) -> Vec<u8> {
        let zeros = vec![0_u8; size_of::<ExecFixed>()];
        let mut fixed = ExecFixed::read_from_bytes(&zeros).unwrap();
        fixed.header.kind = EventKind::Exec as u32;
        fixed.header.size = u32::try_from(zeros.len() + data.len()).unwrap();
        edit(&mut fixed);
        let mut bytes = fixed.as_bytes().to_vec();
        bytes.extend_from_slice(data);
        bytes
    }

    fn with<T>(data: &[u8], edit: impl Fn(&mut ExecFixed), check: impl Fn(&Exec<'_>) -> T) -> T {
        match decode(&record(data, edit)).unwrap() {
            Event::Exec(exec) => check(&exec),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_are_turned_into_a_path() {
        let exe = |data: &[u8], flags| {
            let len = u32::try_from(data.len()).unwrap();
            let edit = |f: &mut ExecFixed| (f.exe, f.header.flags) = (Span { offset: 0, len }, flags);
            with(data, edit, |exec| String::from_utf8(exec.exe.clone()).unwrap())
        };
        assert_eq!(exe(b"ls\0bin\0usr\0", 0), "/usr/bin/ls");
        assert_eq!(exe(b"ls\0bin\0", flags::EXE_TRUNCATED), "…/bin/ls");
        assert_eq!(exe(b"", 0), "/");
        assert_eq!(exe(b"memfd:x\0", flags::EXE_MEMFD), "memfd:x");
    }

    #[test]
    fn an_empty_last_argument_and_an_empty_argv_differ() {
        let argv = |data: &'static [u8]| {
            let len = u32::try_from(data.len()).unwrap();
            let edit = |f: &mut ExecFixed| f.argv = Span { offset: 0, len };
            with(data, edit, |exec| exec.args().map(<[u8]>::to_vec).collect::<Vec<_>>())
        };
        assert_eq!(argv(b"echo\0a\0\0"), [&b"echo"[..], b"a", b""]);
        assert_eq!(argv(b""), Vec::<Vec<u8>>::new());
        assert_eq!(argv(b"\0"), [b""]);
        assert_eq!(argv(b"cut"), [b"cut"]);
    }

    #[test]
    fn damage_is_named() {
        assert_eq!(decode(b"").unwrap_err(), DecodeError::Short(0));
        let good = record(b"abc\0", |f| f.argv = Span { offset: 0, len: 4 });
        assert_eq!(decode(&good[..100]).unwrap_err(), DecodeError::Size(572, 100));
        let outside = record(b"abc\0", |f| f.argv = Span { offset: 1, len: 4 });
        assert_eq!(decode(&outside).unwrap_err(), DecodeError::Span);
        let huge = record(b"", |f| f.env = Span { offset: u32::MAX, len: u32::MAX });
        assert_eq!(decode(&huge).unwrap_err(), DecodeError::Span);
        let unknown = record(b"", |f| f.header.kind = 99);
        assert_eq!(decode(&unknown).unwrap_err(), DecodeError::Kind(99));
        assert!(decode(&[0xff; 4096]).is_err());
    }
}
