//! Decides.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use regorus::{Value, rvm::RegoVM};

use super::{
    bundle::Bundle,
    cache::Cache,
    compile::{self, Compiled},
    convert::{self, From},
    decision::{Decision, ErrorKind, Identity},
    error::{PolicyError, Refusal},
    limits::{Limits, OnError},
    machine::{failure, machine, processor_time, timer},
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

/// A bundle and its virtual machine.
struct Loaded {
    name: Arc<str>,
    compiled: Compiled,
    vm: RegoVM,
}

/// Decides about inputs with a set of bundles. One thread has it.
pub struct Engine {
    loaded: Vec<Loaded>,
    bundles: Arc<[Identity]>,
    limits: Limits,
    wanted: Wanted,
    cache: Option<Cache>,
    uncacheable: Option<String>,
    counts: Counts,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("bundles", &self.bundles).finish_non_exhaustive()
    }
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
        let (mut loaded, mut refusals) = (Vec::new(), Vec::new());
        let mut reads = Reads::default();
        for (bundle, compiled) in bundles.iter().zip(compiled) {
            let made = compiled.and_then(|compiled| {
                let vm = machine(&compiled, limits).map_err(|error| {
                    vec![Refusal { bundle: bundle.name.clone(), place: None, what: error.to_string() }]
                })?;
                reads.join(&compiled.reads);
                Ok(Loaded { name: Arc::from(bundle.name.as_str()), compiled, vm })
            });
            match made {
                Ok(made) => loaded.push(made),
                Err(mut more) => refusals.append(&mut more),
            }
        }
        if !refusals.is_empty() {
            return Err(PolicyError { refusals });
        }
        let identity = |(bundle, loaded): (&Bundle, &Loaded)| Identity {
            name: loaded.name.clone(),
            digest: bundle.digest.clone(),
            revision: bundle.manifest.revision.clone(),
        };
        Ok(Self {
            bundles: bundles.iter().zip(&loaded).map(identity).collect(),
            loaded,
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

    /// The bundles that decide.
    #[must_use]
    pub fn bundles(&self) -> &Arc<[Identity]> {
        &self.bundles
    }

    /// What the bundles have that is taken, but probably not meant.
    pub fn warnings(&self) -> impl Iterator<Item = &Refusal> {
        self.loaded.iter().flat_map(|loaded| &loaded.compiled.warnings)
    }

    /// Paths of the rules that are asked: bundle and rule.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.loaded.iter().flat_map(|loaded| {
            loaded.compiled.entries.iter().map(|(entry, _)| (&*loaded.name, entry.path.as_str()))
        })
    }

    /// Decides. Never fails: what goes wrong is in the decision.
    pub fn decide(&mut self, input: Value) -> Decision {
        let started = Instant::now();
        let key = self.cache.as_ref().and_then(|cache| cache.key(&input));
        if let (Some(cache), Some(key)) = (&mut self.cache, &key)
            && let Some(known) = cache.get(key)
        {
            let mut decision = known.clone();
            decision.cached = true;
            decision.took = started.elapsed();
            self.counts.hits += 1;
            self.count(&decision);
            return decision;
        }
        let mut decision = self.evaluate(&input, started);
        if let (Some(cache), Some(key)) = (&mut self.cache, key) {
            self.counts.misses += 1;
            // What failed may not fail again.
            if decision.error.is_none() {
                cache.put(key, decision.clone());
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

    fn evaluate(&mut self, input: &Value, started: Instant) -> Decision {
        let mut decision = Decision::new(self.bundles.clone());
        for loaded in &mut self.loaded {
            let Err((kind, text)) = loaded.evaluate_fairly(input, started, &self.limits, &mut decision)
            else {
                continue;
            };
            self.counts.errors[kind as usize] += 1;
            decision.allow &= self.limits.on_error == OnError::Allow;
            if decision.error.is_none() {
                decision.error = Some(format!("{}: {text}", loaded.name));
                decision.error_kind = Some(kind);
            }
        }
        decision
    }
}

impl Loaded {
    /// As [`Self::evaluate`], and once more when the time was over while the thread did not have the processor.
    fn evaluate_fairly(
        &mut self,
        input: &Value,
        started: Instant,
        limits: &Limits,
        decision: &mut Decision,
    ) -> Result<(), (ErrorKind, String)> {
        let used = processor_time();
        match self.evaluate(input, started, limits, decision) {
            Err((ErrorKind::Time, _)) if processor_time().saturating_sub(used) < limits.time / 2 => {
                self.evaluate(input, Instant::now(), limits, decision)
            }
            done => done,
        }
    }

    /// Adds what one bundle says; all of it or nothing.
    fn evaluate(
        &mut self,
        input: &Value,
        started: Instant,
        limits: &Limits,
        decision: &mut Decision,
    ) -> Result<(), (ErrorKind, String)> {
        let vm = &mut self.vm;
        vm.set_input(input.clone());
        let mut with = decision.clone();
        for (entry, name) in &self.compiled.entries {
            let left = limits.time.saturating_sub(started.elapsed()).max(Duration::from_micros(1));
            vm.set_execution_timer_config(Some(timer(left)));
            let value = match stack::caught(|| vm.execute_entry_point_by_name(name)) {
                Ok(Ok(value)) => value,
                Ok(Err(error)) => return Err(failure(&error, limits)),
                Err(panic) => {
                    // Nobody knows in which state it is.
                    if let Ok(fresh) = machine(&self.compiled, limits) {
                        *vm = fresh;
                    }
                    return Err((ErrorKind::Panic, format!("the engine panicked: {panic}")));
                }
            };
            let from = From { bundle: &self.name, path: &entry.path, rule: &entry.rule, kind: entry.kind };
            convert::add(&mut with, &value, &from, limits).map_err(|text| (ErrorKind::Shape, text))?;
        }
        *decision = with;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use regorus::unstable::{Expr, Ref, Span};

    use super::*;

    fn boom(_: &Span, _: &[Ref<Expr>], args: &[Value], _: bool) -> anyhow::Result<Value> {
        assert!(args[0] != Value::from("boom"), "boom in the engine");
        Ok(Value::from("A"))
    }

    #[test]
    fn a_panic_is_an_error_and_the_machine_after_it_is_fresh() {
        let text = "package main\ndeny contains \"no\" if upper(input.x) == \"A\"".to_owned();
        let bundle = crate::policy::tests::bundle("b", &text);
        let limits = Limits { time: Duration::from_secs(10), ..Limits::default() };
        let mut engine = Engine::new(&[bundle], &limits).unwrap();
        let loaded = &mut engine.loaded[0];
        Arc::make_mut(&mut loaded.compiled.program).resolved_builtins[0] = (boom, 1);
        loaded.vm = machine(&loaded.compiled, &limits).unwrap();
        let input = |x: &str| Value::from(serde_json::json!({ "x": x }));
        for _ in 0..2 {
            let decision = engine.decide(input("boom"));
            assert_eq!(decision.error.as_deref(), Some("b: the engine panicked: boom in the engine"));
            assert_eq!(decision.error_kind, Some(ErrorKind::Panic));
            assert!(decision.allow);
            assert_eq!(engine.decide(input("a")).violations.len(), 1);
        }
        assert_eq!(engine.counts().errors[ErrorKind::Panic as usize], 2);
    }
}
