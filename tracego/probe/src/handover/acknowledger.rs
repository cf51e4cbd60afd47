//! Acknowledges input once its output is with the operating system: the kernel may then overwrite the events,
//! and the next tracego does not report the losses again.

use std::{collections::VecDeque, path::PathBuf};

use aya::maps::{Array, MapData};
use tracego_model::{
    counters::Counters,
    input::{End, Input},
};

use super::{folder, state};
use crate::ring::Release;

/// The map `told`: losses of a load that records have reported.
pub(super) mod reported {
    use super::{Array, Counters, MapData};

    pub(in super::super) const LEN: u32 = 5;

    fn values(counters: &mut Counters) -> [&mut u64; LEN as usize] {
        [
            &mut counters.ring_full,
            &mut counters.no_scratch,
            &mut counters.recursion_misses,
            &mut counters.context_full,
            &mut counters.chunk_lost,
        ]
    }

    /// Returns the losses that are not yet reported.
    pub(in super::super) fn since(counters: &Counters, told: Option<&Array<MapData, u64>>) -> Counters {
        let (mut all, mut more) = (*counters, Counters::default());
        for (index, (now, more)) in (0..).zip(values(&mut all).into_iter().zip(values(&mut more))) {
            let before = told.and_then(|told| told.get(&index, 0).ok()).unwrap_or(0);
            *more = now.saturating_sub(before);
        }
        more
    }

    pub(super) fn write(counters: &Counters, told: &mut Array<MapData, u64>) {
        let mut counters = *counters;
        for (index, value) in (0..).zip(values(&mut counters)) {
            if let Err(error) = told.set(index, *value, 0) {
                tracing::debug!(%error, "a loss may be reported twice");
            }
        }
    }
}

/// The action that follows once a piece of input is acknowledged.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Allow the kernel to overwrite events.
    Release(End),
    /// Store the losses as reported.
    Told(Counters),
}

impl Step {
    /// Returns the action for a piece of input, before it is taken.
    #[must_use]
    pub fn of(input: &Input) -> Option<Self> {
        match input {
            Input::Batch(batch) => batch.end.map(Self::Release),
            Input::Counters(counters, _) | Input::Heartbeat(counters, _) => Some(Self::Told(*counters)),
            _ => None,
        }
    }
}

/// Acknowledges input, on the pipeline's thread.
#[derive(Default)]
pub struct Acknowledger {
    /// Rings, each with its end position if no program writes to it any more.
    rings: Vec<(Release, Option<u64>)>,
    /// Folders of earlier loads, until they can be removed.
    older: Vec<PathBuf>,
    maps: Option<Maps>,
    /// Losses of earlier loads, which are part of the counters that arrive here.
    inherited: Counters,
    last: Counters,
    /// Whether counters have arrived once, and with them the losses of earlier loads.
    counters_arrived: bool,
    offset: i64,
    /// Actions in the order of the input, each with the position that its output has to reach.
    waiting: VecDeque<(u64, Step)>,
}

struct Maps {
    told: Array<MapData, u64>,
    state: Array<MapData, u64>,
}

impl Acknowledger {
    pub(super) fn new(
        rings: Vec<(Release, Option<u64>)>,
        older: Vec<PathBuf>,
        told: Array<MapData, u64>,
        state: Array<MapData, u64>,
        inherited: Counters,
    ) -> Self {
        let offset = state.get(&state::OFFSET, 0).unwrap_or(0).cast_signed();
        let maps = Some(Maps { told, state });
        Self { rings, older, maps, inherited, offset, ..Self::default() }
    }

    /// Returns whether anything is acknowledged.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.maps.is_some()
    }

    /// Stores the offset from the boot clock to the wall clock for the next run. Call this before
    /// [`Self::settled`]: a run that reads the events again must give them the same times.
    pub fn keep_offset(&mut self, offset: Option<i64>) {
        let Some(offset) = offset.filter(|&offset| offset != self.offset) else { return };
        let Some(maps) = &mut self.maps else { return };
        self.offset = offset;
        if let Err(error) = maps.state.set(state::OFFSET, offset.cast_unsigned(), 0) {
            tracing::debug!(%error, "records that are written again may have other ids");
        }
    }

    /// Notes a step that waits until the output has passed `mark`.
    pub fn wait(&mut self, mark: u64, step: Step) {
        self.waiting.push_back((mark, step));
    }

    /// Does what waited for the output up to `mark`.
    pub fn settled(&mut self, mark: u64) {
        while let Some((_, step)) = self.waiting.pop_front_if(|&mut (waits_for, _)| waits_for <= mark) {
            self.settle(step);
        }
    }

    /// Performs all waiting actions, after all outputs have ended in order.
    pub fn ended(&mut self) {
        for (_, step) in std::mem::take(&mut self.waiting) {
            self.settle(step);
        }
    }

    fn settle(&mut self, step: Step) {
        match step {
            Step::Release(End { ring, position }) => {
                if let Some((release, _)) = self.rings.get(ring) {
                    release.up_to(position);
                }
            }
            Step::Told(counters) => self.store_reported(&counters),
        }
        self.remove_older();
    }

    fn store_reported(&mut self, counters: &Counters) {
        let own = counters.minus(&self.inherited);
        if let Some(maps) = &mut self.maps
            && own != self.last
        {
            reported::write(&own, &mut maps.told);
        }
        self.last = own;
        self.counters_arrived = true;
    }

    /// Removes earlier loads once their rings are empty and their losses reported.
    fn remove_older(&mut self) {
        let rest = |(release, end): &(Release, Option<u64>)| end.is_some_and(|end| release.position() < end);
        if !self.counters_arrived || self.older.is_empty() || self.rings.iter().any(rest) {
            return;
        }
        for folder in self.older.drain(..) {
            if let Err(error) = folder::remove(&folder) {
                tracing::warn!(%error, "the programs of an earlier tracego could not be removed");
            }
        }
    }
}
