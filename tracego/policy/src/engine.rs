//! The policy engine, which decides about records.

use std::{sync::Arc, time::Instant};

use tracego_model::record::{
    Record,
    policy::{ErrorKind, Identity, PolicyDecision},
};

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

/// Counters of decisions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Decisions in total.
    pub decisions: u64,
    /// Decisions that do not allow.
    pub denied: u64,
    /// Evaluations that failed, by [`ErrorKind`].
    pub errors: [u64; ErrorKind::ALL.len()],
    /// Violations and warnings that were left out.
    pub cut: u64,
    /// Decisions found in the cache.
    pub hits: u64,
    /// Cacheable decisions that were not found in the cache.
    pub misses: u64,
}

/// Decides about inputs with a set of bundles, on behalf of one thread. Inputs that are not in the cache are
/// evaluated on a second thread, which is abandoned if it hangs.
#[derive(Debug)]
pub struct Engine {
    ready: Arc<[Ready]>,
    bundles: Arc<[Identity]>,
    judge: Judge,
    limits: Limits,
    wanted: Wanted,
    cache: Option<Cache>,
    /// Encoded part of the current record that policies read; the buffer is reused.
    seen: Vec<u8>,
    uncacheable: Option<String>,
    counts: Counts,
}

impl Engine {
    /// Compiles all bundles.
    ///
    /// # Errors
    /// Fails with everything that is wrong in any bundle; then no bundle is loaded.
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
                // Created only to check that it can be.
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

    /// Returns the reason why no decision is cached; `None` if decisions may be cached.
    #[must_use]
    pub fn uncacheable(&self) -> Option<&str> {
        self.uncacheable.as_deref()
    }

    /// Returns the counters.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Continues counting from `counts`.
    pub(super) fn count_from(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// Returns the bundles in use.
    #[must_use]
    pub fn bundles(&self) -> &Arc<[Identity]> {
        &self.bundles
    }

    /// Returns findings that do not prevent loading but are probably mistakes.
    pub fn warnings(&self) -> impl Iterator<Item = &Refusal> {
        self.ready.iter().flat_map(|ready| &ready.compiled.warnings)
    }

    /// Returns the entry points, each as name of the bundle and path of the rule.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ready.iter().flat_map(|ready| {
            ready.compiled.entries.iter().map(|(entry, _)| (&*ready.name, entry.path.as_str()))
        })
    }

    /// Decides about a record. Never fails: errors are part of the decision.
    pub fn decide(&mut self, record: &Record) -> PolicyDecision {
        let started = Instant::now();
        let seen = input::see(record, &self.wanted, &mut self.seen);
        self.finish(started, seen)
    }

    /// Decides about a JSON record. Never fails: errors are part of the decision.
    pub fn decide_json(&mut self, record: &serde_json::Value) -> PolicyDecision {
        let started = Instant::now();
        let seen = input::see_json(record, &self.wanted, &mut self.seen);
        self.finish(started, seen)
    }

    /// Decides about the encoded record in `self.seen`.
    fn finish(&mut self, started: Instant, seen: Result<(), Failed>) -> PolicyDecision {
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
                // An evaluation that failed may succeed next time, so errors are not cached.
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

    fn count(&mut self, decision: &PolicyDecision) {
        self.counts.decisions += 1;
        self.counts.denied += u64::from(!decision.allow);
        self.counts.cut += decision.cut;
    }

    fn evaluate(&mut self, seen: Result<(), Failed>) -> PolicyDecision {
        let Answer { mut decision, failures } = match seen.and_then(|()| input::of(&self.seen)) {
            Ok(input) => self.judge.decide(&input),
            Err(error) => self.judge.unasked(&error.to_string()),
        };
        for Failure { bundle, kind, text } in failures {
            self.counts.errors[kind as usize] += 1;
            decision.allow &= self.limits.on_error == OnError::Allow;
            // Earlier decisions of the bundle do not count any more.
            if kind == ErrorKind::Hang
                && let Some(cache) = &mut self.cache
            {
                cache.clear();
            }
            // Bundles that are out of force are in every decision; a hang is only in this one, so it has
            // priority.
            if decision.error.is_none() || kind == ErrorKind::Hang {
                decision.error = Some(format!("{bundle}: {text}"));
                decision.error_kind = Some(kind);
            }
        }
        decision
    }
}
