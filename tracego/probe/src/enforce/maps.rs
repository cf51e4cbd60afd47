//! Writing rules and remembered verdicts into the kernel's tables.

use std::sync::Arc;

use aya::{
    Ebpf,
    maps::{
        Array, HashMap, Map, MapData, MapError,
        lpm_trie::{Key, LpmTrie},
    },
};
use tracego_common::verdict::{ArgKey, ExeKey, NameKey, NumberKey, PathKey, RuleMasks, VerdictKey, set};

use super::compiler::CompiledRules;
use crate::{
    error::LoadError,
    load::{Loaded, contexts::ProcessContexts},
};

/// A key or value that may be passed to the kernel as bytes.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Plain<T>(T);
// SAFETY: each derives `IntoBytes` and `FromBytes`: no padding, any bytes are valid.
unsafe impl aya::Pod for Plain<RuleMasks> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<NameKey> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<ExeKey> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<PathKey> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<ArgKey> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<NumberKey> {}
// SAFETY: as above.
unsafe impl aya::Pod for Plain<VerdictKey> {}

/// The rule tables in the kernel. This type is their only writer.
pub struct RuleTables {
    number: Array<MapData, u32>,
    rules: Array<MapData, Plain<RuleMasks>>,
    names: HashMap<MapData, Plain<NameKey>, u64>,
    exes: HashMap<MapData, Plain<ExeKey>, u64>,
    paths: LpmTrie<MapData, Plain<PathKey>, u64>,
    args: LpmTrie<MapData, Plain<ArgKey>, u64>,
    numbers: HashMap<MapData, Plain<NumberKey>, u64>,
    /// Number of the rule set that decides.
    now: u8,
    /// Content of that rule set, kept to remove its entries when another set decides.
    written: Arc<CompiledRules>,
}

/// The verdicts that the kernel remembers, and its table of processes.
pub struct VerdictCache {
    starts: HashMap<MapData, Plain<VerdictKey>, u64>,
    contexts: Arc<ProcessContexts>,
}

fn take<T: TryFrom<Map, Error = MapError>>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, LoadError> {
    let map = ebpf.take_map(name).ok_or(LoadError::Lacks(name))?;
    T::try_from(map).map_err(|error| LoadError::Map(name, error))
}

impl RuleTables {
    /// Takes the tables out of the loaded programs; works once.
    ///
    /// # Errors
    /// Fails if a table is missing.
    pub fn take(loaded: &mut Loaded) -> Result<(Self, VerdictCache), LoadError> {
        let contexts = Arc::clone(loaded.contexts());
        let ebpf = &mut loaded.ebpf;
        let tables = Self {
            number: take(ebpf, "RULE_NUMBER")?,
            rules: take(ebpf, "RULES")?,
            names: take(ebpf, "RULE_NAMES")?,
            exes: take(ebpf, "RULE_EXES")?,
            paths: take(ebpf, "RULE_PATHS")?,
            args: take(ebpf, "RULE_ARGS")?,
            numbers: take(ebpf, "RULE_NUMBERS")?,
            now: 0,
            written: Arc::default(),
        };
        Ok((tables, VerdictCache { starts: take(ebpf, "REMEMBERED")?, contexts }))
    }

    /// Returns the rules that decide.
    #[must_use]
    pub fn in_force(&self) -> &CompiledRules {
        &self.written
    }

    /// Returns the number of the next rule set.
    #[must_use]
    pub fn next(&self) -> u8 {
        self.now.wrapping_add(1)
    }

    /// Puts a new rule set in force, with a single write after all of its entries are there.
    ///
    /// # Errors
    /// Fails if the kernel refuses an entry; the previous rules stay in force.
    pub fn put(&mut self, compiled: Arc<CompiledRules>) -> Result<(), LoadError> {
        let next = self.next();
        if let Err(error) = self.write(&compiled, set(next)) {
            self.remove(&compiled, set(next));
            return Err(error);
        }
        let switched = self.number.set(0, u32::from(next), 0);
        switched.map_err(|error| LoadError::Map("RULE_NUMBER", error))?;
        let before = std::mem::replace(&mut self.written, compiled);
        let old = std::mem::replace(&mut self.now, next);
        // Programs that read the old number are over before its entries go (bpf programs are RCU readers).
        crate::programs::grace();
        self.remove(&before, set(old));
        Ok(())
    }

    fn write(&mut self, with: &CompiledRules, set: u32) -> Result<(), LoadError> {
        let failed = |name| move |error| LoadError::Map(name, error);
        for (key, mask) in &with.names {
            self.names.insert(Plain(NameKey { set, ..*key }), mask, 0).map_err(failed("RULE_NAMES"))?;
        }
        for (key, mask) in &with.exes {
            self.exes.insert(Plain(ExeKey { set, ..*key }), mask, 0).map_err(failed("RULE_EXES"))?;
        }
        for ((key, bits), mask) in &with.paths {
            let key = Key::new(*bits, Plain(PathKey { set, ..*key }));
            self.paths.insert(&key, mask, 0).map_err(failed("RULE_PATHS"))?;
        }
        for ((key, bits), mask) in &with.args {
            let key = Key::new(*bits, Plain(ArgKey { set: short(set), ..*key }));
            self.args.insert(&key, mask, 0).map_err(failed("RULE_ARGS"))?;
        }
        for (key, mask) in &with.numbers {
            self.numbers.insert(Plain(NumberKey { set, ..*key }), mask, 0).map_err(failed("RULE_NUMBERS"))?;
        }
        self.rules.set(set, Plain(with.rules), 0).map_err(failed("RULES"))
    }

    fn remove(&mut self, with: &CompiledRules, set: u32) {
        let mut kept = 0;
        for (key, _) in &with.names {
            kept += usize::from(self.names.remove(&Plain(NameKey { set, ..*key })).is_err());
        }
        for (key, _) in &with.exes {
            kept += usize::from(self.exes.remove(&Plain(ExeKey { set, ..*key })).is_err());
        }
        for ((key, bits), _) in &with.paths {
            kept += usize::from(self.paths.remove(&Key::new(*bits, Plain(PathKey { set, ..*key }))).is_err());
        }
        for ((key, bits), _) in &with.args {
            let key = Key::new(*bits, Plain(ArgKey { set: short(set), ..*key }));
            kept += usize::from(self.args.remove(&key).is_err());
        }
        for (key, _) in &with.numbers {
            kept += usize::from(self.numbers.remove(&Plain(NumberKey { set, ..*key })).is_err());
        }
        if kept > 0 {
            tracing::debug!(kept, "could not remove entries of old rules from the kernel's tables");
        }
    }
}

fn short(set: u32) -> u16 {
    u16::try_from(set).unwrap_or(0)
}

impl VerdictCache {
    /// Makes the kernel side decide about such starts by itself from now on. The oldest entry is evicted.
    ///
    /// # Errors
    /// Fails if the kernel refuses the entry.
    pub fn put(&mut self, key: VerdictKey, action: u32, number: u32) -> Result<(), LoadError> {
        let value = u64::from(action) | (u64::from(number) << 32);
        self.starts.insert(Plain(key), value, 0).map_err(|error| LoadError::Map("REMEMBERED", error))
    }

    /// Returns the running processes of the followed tree and of jobs.
    #[must_use]
    pub fn contexts(&self) -> &ProcessContexts {
        &self.contexts
    }
}
