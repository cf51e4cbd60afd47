//! A batch of raw events, and the events as they are decoded: once, for all stages.

use super::{End, note::StartNote};
use crate::{
    clock::Reading,
    event::{
        Event,
        decode::{DecodeError, decode, generation, is_piece},
    },
};

/// Raw events, oldest first, in one block of memory.
#[derive(Debug, Default)]
pub struct Batch {
    /// Clocks at the time when the batch was drained.
    pub clock: Reading,
    /// End of the batch in its ring, if the ring's space is not released yet.
    pub end: Option<End>,
    /// The events, each preceded by its length: 32 bits in native byte order.
    bytes: Vec<u8>,
    records: usize,
    /// Inspection results that a capture file holds, by the position of the event.
    notes: Vec<(u32, StartNote)>,
}

/// An event of a batch, borrowed from the batch's memory.
#[derive(Debug)]
pub struct DecodedEvent<'a> {
    /// The event, or why its bytes cannot be decoded.
    pub event: Result<Event<'a>, DecodeError>,
    /// Number of the load that wrote the event; 0 without handover.
    pub generation: u32,
    /// Whether the event is a part of argv, which the ledger counts separately.
    pub is_piece: bool,
    /// Inspection result of a program start; `None` where nothing was inspected.
    pub note: Option<StartNote>,
}

impl Batch {
    /// Creates a batch from the bytes of a capture file. A damaged tail yields fewer events, never a panic.
    #[must_use]
    pub fn from_bytes(clock: Reading, bytes: Vec<u8>) -> Self {
        let mut batch = Self { clock, bytes, ..Self::default() };
        batch.records = batch.iter().count();
        batch
    }

    /// Appends an event.
    pub fn push(&mut self, record: &[u8]) {
        let Ok(len) = u32::try_from(record.len()) else { return };
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(record);
        self.records += 1;
    }

    /// Returns the number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether the batch has no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Sets the inspection results of program starts, by the position of the event.
    pub fn set_notes(&mut self, mut notes: Vec<(u32, StartNote)>) {
        notes.sort_by_key(|&(at, _)| at);
        self.notes = notes;
    }

    /// Decodes all events, in order. An event that cannot be decoded keeps its place.
    #[must_use]
    pub fn decode(&self) -> Vec<DecodedEvent<'_>> {
        let mut events = Vec::with_capacity(self.records);
        let mut notes = self.notes.iter().peekable();
        for (at, bytes) in self.iter().enumerate() {
            while notes.next_if(|(of, _)| (*of as usize) < at).is_some() {}
            events.push(DecodedEvent {
                event: decode(bytes),
                generation: generation(bytes),
                is_piece: is_piece(bytes),
                note: notes.next_if(|(of, _)| *of as usize == at).map(|(_, note)| note.clone()),
            });
        }
        events
    }

    /// Returns the raw memory, for a capture file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Iterates over the bytes of the events.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<4>()?;
            let (record, tail) = tail.split_at_checked(u32::from_ne_bytes(*len) as usize)?;
            rest = tail;
            Some(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use tracego_common::{EventKind, event::ExitEvent};
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;
    use crate::input::note::OpenFailure;

    #[test]
    fn events_keep_their_places_and_their_notes() {
        let mut exit = ExitEvent::new_zeroed();
        exit.header.kind = EventKind::Exit as u32;
        exit.header.size = u32::try_from(size_of::<ExitEvent>()).unwrap();
        let mut batch = Batch::default();
        batch.push(b"damaged");
        batch.push(exit.as_bytes());
        batch.push(exit.as_bytes());
        let note = |failure| StartNote { image: Err(failure), ..StartNote::default() };
        batch.set_notes(vec![(9, note(OpenFailure::Gone)), (2, note(OpenFailure::Denied))]);
        let events = batch.decode();
        assert_eq!(events.len(), batch.len());
        assert_eq!(events[0].event.as_ref().unwrap_err(), &DecodeError::Short(7));
        assert!(matches!(events[1].event, Ok(Event::Exit(_))) && events[1].note.is_none());
        assert_eq!(events[2].note, Some(note(OpenFailure::Denied)));
    }
}
