//! Decides.

use std::{sync::Arc, time::Instant};

use super::{
    bundle::Bundle,
    cache::Cache,
    compile,
    error::{PolicyError, Refusal},
    input,
    judge::{Answer, Failure, Judge},
    limits::{Limits, OnError},
    machine::{Machine, Ready},
    reads::Reads,
    seen::Failed,
    stack,
    wanted::Wanted,
};
use tracego_model::record::Record;
use tracego_model::record::policy::{Decision, ErrorKind, Identity};

/// What was decided so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// All decisions.
    pub decisions: u64,
    /// Those that do not allow.
    pub denied: u64,
    /// Evaluations that failed, by [`ErrorKind`].
    pub errors: [u64; ErrorKind::ALL.len()],
    /// Violations and warnings that were left out.
    pub cut: u64,
    /// Decisions that were remembered.
    pub hits: u64,
    /// Decisions that were not, and are now.
    pub misses: u64,
}

/// Decides about inputs with a set of bundles. One thread has it; what it does not remember is evaluated on
/// another, which is left behind when it does not come back.
#[derive(Debug)]
pub struct Engine {
    ready: Arc<[Ready]>,
    bundles: Arc<[Identity]>,
    judge: Judge,
    limits: Limits,
    wanted: Wanted,
    cache: Option<Cache>,
    /// What is seen of a record, where the next one goes, too.
    seen: Vec<u8>,
    uncacheable: Option<String>,
    counts: Counts,
}

impl Engine {
    /// Compiles all bundles.
    ///
    /// # Errors
    /// All that is wrong with any of them; then none is loaded.
    pub fn new(bundles: &[Bundle], limits: &Limits) -> Result<Self, PolicyError> {
        let compiled = stack::deep(|| {
            let compile = |bundle: &Bundle| {
                stack::caught(|| compile::compile(bundle)).unwrap_or_else(|panic| {
                    let what = format!("the engine panicked: {panic}");
                    Err(vec![Refusal { bundle: bundle.name.clone(), place: None, what }])
                })
            };
            bundles.iter().map(compile).collect::<Vec<_>>()
        });
        let compiled = compiled.map_err(|what| PolicyError {
            refusals: vec![Refusal { bundle: String::new(), place: None, what }],
        })?;
        let (mut ready, mut refusals) = (Vec::new(), Vec::new());
        let mut reads = Reads::default();
        for (bundle, compiled) in bundles.iter().zip(compiled) {
            let made = compiled.and_then(|compiled| {
                let made = Ready { name: Arc::from(bundle.name.as_str()), compiled };
                // Only to see whether it can be.
                Machine::new(&made, limits).map_err(|error| {
                    vec![Refusal { bundle: bundle.name.clone(), place: None, what: error.to_string() }]
                })?;
                reads.join(&made.compiled.reads);
                Ok(made)
            });
            match made {
                Ok(made) => ready.push(made),
                Err(mut more) => refusals.append(&mut more),
            }
        }
        if !refusals.is_empty() {
            return Err(PolicyError { refusals });
        }
        let identity = |(bundle, ready): (&Bundle, &Ready)| Identity {
            name: ready.name.clone(),
            digest: bundle.digest.clone(),
            revision: bundle.manifest.revision.clone(),
        };
        let bundles: Arc<[Identity]> = bundles.iter().zip(&ready).map(identity).collect();
        let ready: Arc<[Ready]> = ready.into();
        Ok(Self {
            judge: Judge::new(ready.clone(), bundles.clone(), *limits),
            ready,
            bundles,
            limits: *limits,
            wanted: Wanted::of(&reads),
            cache: Cache::new(&reads, limits.cache),
            seen: Vec::new(),
            uncacheable: reads.uncacheable,
            counts: Counts::default(),
        })
    }

    /// Why no decision is remembered, where none is.
    #[must_use]
    pub fn uncacheable(&self) -> Option<&str> {
        self.uncacheable.as_deref()
    }

    /// What was decided so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Goes on counting from here.
    pub(super) fn count_from(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// The bundles that decide.
    #[must_use]
    pub fn bundles(&self) -> &Arc<[Identity]> {
        &self.bundles
    }

    /// What the bundles have that is taken, but probably not meant.
    pub fn warnings(&self) -> impl Iterator<Item = &Refusal> {
        self.ready.iter().flat_map(|ready| &ready.compiled.warnings)
    }

    /// Paths of the rules that are asked: bundle and rule.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ready.iter().flat_map(|ready| {
            ready.compiled.entries.iter().map(|(entry, _)| (&*ready.name, entry.path.as_str()))
        })
    }

    /// Decides about a record. Never fails: what goes wrong is in the decision.
    pub fn decide(&mut self, record: &Record) -> Decision {
        let started = Instant::now();
        let seen = input::see(record, &self.wanted, &mut self.seen);
        self.finish(started, seen)
    }

    /// The same about a record that was written as JSON.
    pub fn decide_json(&mut self, record: &serde_json::Value) -> Decision {
        let started = Instant::now();
        let seen = input::see_json(record, &self.wanted, &mut self.seen);
        self.finish(started, seen)
    }

    /// Decides about what was seen.
    fn finish(&mut self, started: Instant, seen: Result<(), Failed>) -> Decision {
        let mut cache = self.cache.as_mut().filter(|_| seen.is_ok() && Cache::takes(&self.seen));
        let known = cache.as_mut().and_then(|cache| cache.get(&self.seen)).cloned();
        let mut decision = match known {
            Some(mut known) => {
                known.cached = true;
                self.counts.hits += 1;
                known
            }
            None => {
                let takes = cache.is_some();
                self.counts.misses += u64::from(takes);
                let decision = self.evaluate(seen);
                // What failed may not fail again.
                if let Some(cache) = self.cache.as_mut().filter(|_| takes && decision.error.is_none()) {
                    cache.put(&self.seen, decision.clone());
                }
                decision
            }
        };
        decision.took = started.elapsed();
        self.count(&decision);
        decision
    }

    fn count(&mut self, decision: &Decision) {
        self.counts.decisions += 1;
        self.counts.denied += u64::from(!decision.allow);
        self.counts.cut += decision.cut;
    }

    fn evaluate(&mut self, seen: Result<(), Failed>) -> Decision {
        let Answer { mut decision, failures } = match seen.and_then(|()| input::of(&self.seen)) {
            Ok(input) => self.judge.decide(&input),
            Err(error) => self.judge.unasked(&error.to_string()),
        };
        for Failure { bundle, kind, text } in failures {
            self.counts.errors[kind as usize] += 1;
            decision.allow &= self.limits.on_error == OnError::Allow;
            // What it said before is forgotten with it.
            if kind == ErrorKind::Hang
                && let Some(cache) = &mut self.cache
            {
                cache.clear();
            }
            // The others that are out of force are in every decision; that one hangs is in this one alone.
            if decision.error.is_none() || kind == ErrorKind::Hang {
                decision.error = Some(format!("{bundle}: {text}"));
                decision.error_kind = Some(kind);
            }
        }
        decision
    }
}
