//! The policy engine, which decides about records.

use std::{sync::Arc, time::Instant};

use tracego_model::{
    policy::PolicyCounts,
    record::{
        Record,
        policy::{ErrorKind, Identity, PolicyDecision},
    },
};

use crate::{
    bundle::Bundle,
    compiler::{self, InputUse},
    error::{PolicyError, PolicyProblem},
    evaluation::{
        cache::DecisionCache,
        stack,
        vm::{NamedBundle, PolicyVm},
        worker::{BundleFailure, EvaluationResult, Evaluator},
    },
    input::{self, EncodingError, Projection},
    limits::{DecisionLimits, OnError},
};

/// Decides about inputs with a set of bundles, on behalf of one thread. Inputs that are not in the cache are
/// evaluated on a second thread, which is abandoned if it hangs.
#[derive(Debug)]
pub struct PolicyEngine {
    ready: Arc<[NamedBundle]>,
    bundles: Arc<[Identity]>,
    evaluator: Evaluator,
    limits: DecisionLimits,
    projection: Projection,
    cache: Option<DecisionCache>,
    /// Encoded part of the current record that policies read; the buffer is reused.
    encoded: Vec<u8>,
    uncacheable: Option<String>,
    /// Whether the arguments of a start alone decide.
    arguments_alone: bool,
    counts: PolicyCounts,
}

impl PolicyEngine {
    /// Compiles all bundles.
    ///
    /// # Errors
    /// Fails with everything that is wrong in any bundle; then no bundle is loaded.
    pub fn new(bundles: &[Bundle], limits: &DecisionLimits) -> Result<Self, PolicyError> {
        let compiled = stack::deep(|| {
            let compile = |bundle: &Bundle| {
                stack::caught(|| compiler::compile(bundle)).unwrap_or_else(|panic| {
                    let what = format!("the engine panicked: {panic}");
                    Err(vec![PolicyProblem { bundle: bundle.name.clone(), place: None, what }])
                })
            };
            bundles.iter().map(compile).collect::<Vec<_>>()
        });
        let compiled = compiled.map_err(|what| PolicyError {
            problems: vec![PolicyProblem { bundle: String::new(), place: None, what }],
        })?;
        let (mut ready, mut problems) = (Vec::new(), Vec::new());
        let mut input_use = InputUse::default();
        for (bundle, compiled) in bundles.iter().zip(compiled) {
            let made = compiled.and_then(|compiled| {
                let made = NamedBundle { name: Arc::from(bundle.name.as_str()), compiled };
                // Created only to check that it can be.
                PolicyVm::new(&made, limits).map_err(|error| {
                    vec![PolicyProblem { bundle: bundle.name.clone(), place: None, what: error.to_string() }]
                })?;
                input_use.join(&made.compiled.input_use);
                Ok(made)
            });
            match made {
                Ok(made) => ready.push(made),
                Err(mut more) => problems.append(&mut more),
            }
        }
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        let identity = |(bundle, ready): (&Bundle, &NamedBundle)| Identity {
            name: ready.name.clone(),
            digest: bundle.digest.clone(),
            revision: bundle.manifest.revision.clone(),
        };
        let bundles: Arc<[Identity]> = bundles.iter().zip(&ready).map(identity).collect();
        let ready: Arc<[NamedBundle]> = ready.into();
        Ok(Self {
            evaluator: Evaluator::new(ready.clone(), bundles.clone(), *limits),
            ready,
            bundles,
            limits: *limits,
            projection: Projection::from_input_use(&input_use),
            cache: DecisionCache::new(&input_use, limits.cache),
            encoded: Vec::new(),
            arguments_alone: input_use.is_arguments_alone(),
            uncacheable: input_use.uncacheable,
            counts: PolicyCounts::default(),
        })
    }

    /// Returns the reason why no decision is cached; `None` if decisions may be cached.
    #[must_use]
    pub fn uncacheable_reason(&self) -> Option<&str> {
        self.uncacheable.as_deref()
    }

    /// Whether a decision holds for each start with the same arguments.
    #[must_use]
    pub(super) fn is_arguments_alone(&self, decision: &PolicyDecision) -> bool {
        self.arguments_alone && decision.error.is_none()
    }

    /// Returns the counters.
    #[must_use]
    pub fn counts(&self) -> PolicyCounts {
        self.counts
    }

    /// Continues counting from `counts`.
    pub(super) fn resume_counts(&mut self, counts: PolicyCounts) {
        self.counts = counts;
    }

    /// Returns the bundles in use.
    #[must_use]
    pub fn bundles(&self) -> &Arc<[Identity]> {
        &self.bundles
    }

    /// Returns findings that do not prevent loading but are probably mistakes.
    pub fn warnings(&self) -> impl Iterator<Item = &PolicyProblem> {
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
        let encoded = input::encode(record, &self.projection, &mut self.encoded);
        self.finish(started, encoded, !record.tracego.findings.is_empty())
    }

    /// Decides about a JSON record. Never fails: errors are part of the decision.
    pub fn decide_json(&mut self, record: &serde_json::Value) -> PolicyDecision {
        let started = Instant::now();
        let record = input::bounded(record);
        let encoded = input::encode_json(&record, &self.projection, &mut self.encoded);
        let findings = record.pointer("/tracego/findings").and_then(serde_json::Value::as_array);
        self.finish(started, encoded, findings.is_some_and(|findings| !findings.is_empty()))
    }

    /// Decides about the encoded record in `self.encoded`. `found`: the record has findings.
    fn finish(
        &mut self,
        started: Instant,
        encoded: Result<(), EncodingError>,
        found: bool,
    ) -> PolicyDecision {
        let mut cache =
            self.cache.as_mut().filter(|_| encoded.is_ok() && DecisionCache::accepts(&self.encoded));
        let known = cache.as_mut().and_then(|cache| cache.get(&self.encoded)).cloned();
        let mut decision = match known {
            Some(mut known) => {
                known.cached = true;
                self.counts.hits += 1;
                known
            }
            None => {
                let takes = cache.is_some();
                self.counts.misses += u64::from(takes);
                let decision = self.evaluate(encoded, found);
                // An evaluation that failed may succeed next time, so errors are not cached.
                if let Some(cache) = self.cache.as_mut().filter(|_| takes && decision.error.is_none()) {
                    cache.put(&self.encoded, decision.clone());
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

    fn evaluate(&mut self, encoded: Result<(), EncodingError>, found: bool) -> PolicyDecision {
        let EvaluationResult { mut decision, failures } =
            match encoded.and_then(|()| input::decode(&self.encoded)) {
                Ok(input) => self.evaluator.decide(&input),
                Err(error) => self.evaluator.fail_all(&error.to_string()),
            };
        for BundleFailure { bundle, kind, text } in failures {
            self.counts.errors[kind as usize] += 1;
            // Whoever starts a program chooses how much of it there is to look at. With findings, that must
            // not be a way past the policy.
            if self.limits.on_error == OnError::Deny || found && kind.is_exhaustion() {
                decision.deny();
            }
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
