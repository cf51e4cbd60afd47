//! `log.record.uid`: a ULID derived from the event, not from the run.
//!
//! A killed run may have written a record whose event the next run reads again from the ring. Both runs must
//! give the record the same id, so that a receiver can drop one. The 48 bits of milliseconds and the next 20
//! bits are the time of the event in nanoseconds, so ids sort by time. The last 60 bits distinguish events of
//! the same nanosecond.

use tracego_common::event::EventHeader;

/// The identity of a record.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Time in nanoseconds since boot.
    pub boot_ns: u64,
    /// Generation of the load that took the event; `None` for tracego's own records.
    pub generation: Option<u32>,
    salt: u64,
}

impl Stamp {
    /// Creates the stamp of an event. The process, the thread that the kernel names, and the kind distinguish
    /// two events of the same nanosecond.
    pub fn event(header: &EventHeader, thread: u32) -> Self {
        let who = [header.id.start_boottime, u64::from(header.id.tgid) << 32 | u64::from(thread)];
        let salt = mix(&[who[0], who[1], header.boot_ns, u64::from(header.kind)]);
        let generation = Some(tracego_common::flags::generation(header.flags));
        Self { boot_ns: header.boot_ns, generation, salt }
    }

    /// Creates the stamp of tracego's own record, from its position in the run.
    pub fn own(boot_ns: u64, seq: u64) -> Self {
        Self { boot_ns, generation: None, salt: mix(&[boot_ns, seq]) }
    }

    /// Returns the id. `instance` distinguishes runs that do not continue each other.
    pub fn uid(self, unix_ns: i64, instance: u32) -> String {
        let ns = u64::try_from(unix_ns).unwrap_or_default();
        let apart = mix(&[self.salt, u64::from(instance), u64::from(self.generation.is_some())]);
        let rest = u128::from(ns % 1_000_000) << 60 | u128::from(apart >> 4);
        ulid::Ulid::from_parts(ns / 1_000_000, rest).to_string()
    }
}

/// Returns the id of a record that others refer to, from its time and the hash of its content. The same record gets
/// the same id again.
#[must_use]
pub fn of_content(unix_ns: i64, hash: u128) -> String {
    let ms = u64::try_from(unix_ns).unwrap_or_default() / 1_000_000;
    ulid::Ulid::from_parts(ms, hash).to_string()
}

/// Mixes all parts with the finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014). The result must never
/// change: two versions of tracego may read the same event.
fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |state, part| {
        let z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tracego_common::{TaskId, flags::GENERATION_SHIFT};

    use super::*;

    const NOW: i64 = 1_700_000_000_123_456_789;

    fn header(tgid: u32, boot_ns: u64) -> EventHeader {
        let id = TaskId { tgid, start_boottime: 77, ..TaskId::default() };
        EventHeader { kind: 1, boot_ns, id, ..EventHeader::default() }
    }

    #[test]
    fn an_event_has_the_same_id_whoever_took_it_and_others_have_another() {
        let of = |header: &EventHeader, thread| Stamp::event(header, thread).uid(NOW, 5);
        let first = of(&header(1, 9), 1);
        assert_eq!(first.len(), 26);
        assert_eq!(of(&EventHeader { flags: 3 << GENERATION_SHIFT, ..header(1, 9) }, 1), first);
        let others = [
            of(&header(2, 9), 1),
            of(&header(1, 10), 1),
            of(&header(1, 9), 2),
            of(&EventHeader { kind: 2, ..header(1, 9) }, 1),
            Stamp::event(&header(1, 9), 1).uid(NOW, 6),
            Stamp::own(9, 1).uid(NOW, 5),
        ];
        assert!(!others.contains(&first), "{others:?}");
    }

    #[test]
    fn ids_sort_by_time_to_the_nanosecond_and_do_not_meet() {
        let ids: Vec<String> =
            (0..100_000).map(|ns| Stamp::event(&header(1, 9), 1).uid(NOW + ns, 5)).collect();
        assert!(ids.is_sorted());
        let same: HashSet<String> = (0..100_000).map(|n| Stamp::own(9, n).uid(NOW, 5)).collect();
        assert_eq!(same.len(), 100_000);
    }
}
