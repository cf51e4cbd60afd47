//! The allow-list of variables, in the forms in which the kernel side looks a name up.

use std::collections::BTreeMap;

use aya::{
    Ebpf,
    maps::{Array, MapError},
};
use tracego_common::{
    env_table::{ENV_PROBES, ENV_SLOTS, EnvSlot, EnvWords, env_slot},
    limits::{ENV_NAME_MAX, ENV_NAMES_MAX},
    settings::{ENV_NAME_LEN_SHIFT, EnvBits, env_bit},
};
use tracego_model::job_variables::Opens;

use super::{EnvName, Table};
use crate::{error::LoadError, programs::maps};

const MAP: &str = "ENV_TABLE";
/// Number of seeds that are tried; of few names, every second fits.
const SEEDS: u64 = 1 << 16;

/// A table of names, complete before it is loaded.
pub(super) struct AllowList {
    /// Seed with which every name has a slot.
    pub(super) seed: u64,
    /// Filter that rejects most variables before they are looked up.
    pub(super) bits: EnvBits,
    slots: BTreeMap<u32, EnvSlot>,
}

impl AllowList {
    /// Gives every name a slot.
    ///
    /// # Errors
    /// Fails if there are too many names.
    pub(super) fn new(names: &[EnvName]) -> Result<Self, LoadError> {
        // The last of several equal names counts.
        let entries: BTreeMap<EnvWords, u32> = names.iter().map(|name| (words(name), flags(name))).collect();
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let full = MapError::OutOfBounds { index: count, max_entries: ENV_NAMES_MAX };
        let fits = (0..if count > ENV_NAMES_MAX { 0 } else { SEEDS })
            // Odd factors need an odd seed.
            .map(|seed| seed.wrapping_mul(0xd134_2543_de82_ef95) | 1)
            .find_map(|seed| Some((seed, placed(&entries, seed)?)));
        let (seed, slots) = fits.ok_or(LoadError::Map(MAP, full))?;
        Ok(Self { seed, bits: bits(entries.keys()), slots })
    }

    /// Writes the table into the object's map.
    ///
    /// # Errors
    /// Fails if the kernel refuses it.
    pub(super) fn load(&self, ebpf: &mut Ebpf) -> Result<(), LoadError> {
        let mut map: Array<_, Table<EnvSlot>> = maps::write(ebpf, MAP)?;
        for (&at, &slot) in &self.slots {
            map.set(at, Table(slot), 0).map_err(|error| LoadError::Map(MAP, error))?;
        }
        Ok(())
    }
}

/// Converts a name to the words that the kernel side compares.
fn words(entry: &EnvName) -> EnvWords {
    let mut key = [0; ENV_NAME_MAX];
    let len = entry.name.len().min(ENV_NAME_MAX);
    key[..len].copy_from_slice(&entry.name.as_bytes()[..len]);
    let mut words = EnvWords::default();
    for (word, bytes) in words.iter_mut().zip(key.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

fn flags(entry: &EnvName) -> u32 {
    let len = u32::try_from(entry.name.len()).unwrap_or(0);
    entry.opens_job.map_or(0, Opens::flags) | (len << ENV_NAME_LEN_SHIFT)
}

/// Returns the slots with all names; `None` if one does not find a free slot.
fn placed(entries: &BTreeMap<EnvWords, u32>, seed: u64) -> Option<BTreeMap<u32, EnvSlot>> {
    let mut slots = BTreeMap::new();
    for (&name, &flags) in entries {
        let own = env_slot(&name, seed);
        let mut near = (0..ENV_PROBES).map(|probe| (own + probe) % ENV_SLOTS);
        let free = near.find(|at| !slots.contains_key(at))?;
        slots.insert(free, EnvSlot { name, flags, pad: 0 });
    }
    Some(slots)
}

fn bits<'a>(names: impl Iterator<Item = &'a EnvWords>) -> EnvBits {
    let mut bits = EnvBits::from([0; 64]);
    for [first, ..] in names {
        let bit = env_bit(*first) as usize;
        bits[bit / 64] |= 1 << (bit % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: String) -> EnvName {
        EnvName { name, opens_job: None }
    }

    /// Looks a name up as the kernel side does.
    fn found(list: &AllowList, wanted: &EnvName) -> Option<u32> {
        let own = env_slot(&words(wanted), list.seed);
        (0..ENV_PROBES)
            .filter_map(|probe| list.slots.get(&((own + probe) % ENV_SLOTS)))
            .find(|slot| slot.name == words(wanted))
            .map(|slot| slot.flags)
    }

    #[test]
    fn as_many_names_as_are_allowed_are_found() {
        let alike = |n: u32| name(format!("A_LONG_PREFIX_OF_ALL_NAMES_{n}"));
        let names: Vec<EnvName> = (0..ENV_NAMES_MAX).map(alike).collect();
        let list = AllowList::new(&names).unwrap();
        for entry in &names {
            assert_eq!(found(&list, entry), Some(flags(entry)), "{entry:?}");
        }
        assert_eq!(found(&list, &alike(ENV_NAMES_MAX)), None);
        let more: Vec<EnvName> = (0..=ENV_NAMES_MAX).map(alike).collect();
        assert!(matches!(AllowList::new(&more), Err(LoadError::Map(MAP, _))));
    }

    #[test]
    fn short_names_fit_too_and_equal_ones_need_one_slot() {
        let names: Vec<EnvName> = (0..ENV_NAMES_MAX).map(|n| name(format!("V{n:X}"))).collect();
        let list = AllowList::new(&[&names[..], &names[..]].concat()).unwrap();
        assert!(names.iter().all(|entry| found(&list, entry).is_some()));
        assert_eq!(list.slots.len(), names.len());
    }
}
