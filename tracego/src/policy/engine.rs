//! Decides.

use std::{sync::Arc, time::Instant};

use regorus::Value;

use super::{
    bundle::Bundle,
    cache::Cache,
    compile,
    decision::{Decision, ErrorKind, Identity},
    error::{PolicyError, Refusal},
    judge::{Answer, Failure, Judge},
    limits::{Limits, OnError},
    machine::{Machine, Ready},
    reads::Reads,
    stack,
    wanted::Wanted,
};

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
            uncacheable: reads.uncacheable,
            counts: Counts::default(),
        })
    }

    /// The part of an input that the bundles read; see [`super::input::of`].
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
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

    /// Decides. Never fails: what goes wrong is in the decision.
    pub fn decide(&mut self, input: Value) -> Decision {
        let started = Instant::now();
        let seen = self.cache.as_ref().and_then(|cache| cache.see(&input));
        if let (Some(cache), Some(seen)) = (&mut self.cache, &seen)
            && let Some(known) = cache.get(seen)
        {
            let mut decision = known.clone();
            decision.cached = true;
            decision.took = started.elapsed();
            self.counts.hits += 1;
            self.count(&decision);
            return decision;
        }
        let mut decision = self.evaluate(&input);
        if let (Some(cache), Some(seen)) = (&mut self.cache, &seen) {
            self.counts.misses += 1;
            // What failed may not fail again.
            if decision.error.is_none() {
                cache.put(seen, decision.clone());
            }
        }
        decision.took = started.elapsed();
        self.count(&decision);
        decision
    }

    fn count(&mut self, decision: &Decision) {
        self.counts.decisions += 1;
        self.counts.denied += u64::from(!decision.allow);
        self.counts.cut += decision.cut;
    }

    fn evaluate(&mut self, input: &Value) -> Decision {
        let Answer { mut decision, failures } = self.judge.decide(input);
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
