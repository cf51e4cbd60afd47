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
    compiler::InputUse,
    error::{PolicyError, PolicyProblem},
    evaluation::{cache::DecisionCache, evaluator::BundleEvaluator, nursery},
    input::{self, EncodingError, Projection},
    limits::{DecisionLimits, OnError},
};

/// Decides about inputs with a set of bundles. Inputs that are not in the cache are evaluated in a process of
/// each bundle, which is killed if it hangs.
#[derive(Debug)]
pub struct PolicyEngine {
    evaluators: Vec<BundleEvaluator>,
    bundles: Arc<[Identity]>,
    /// Entry points, each as index of the bundle and path of the rule.
    entries: Vec<(usize, String)>,
    warnings: Vec<PolicyProblem>,
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
    /// Forks the process that starts those that evaluate bundles, as the first [`PolicyEngine::new`] does. Call it before
    /// threads are started that download bundles.
    ///
    /// # Errors
    /// Fails if there are no processes or descriptors left.
    pub fn prepare_processes() -> std::io::Result<()> {
        nursery::start()
    }

    /// Compiles all bundles, each in the process that evaluates it.
    ///
    /// The first call forks the process that starts them all. Call it before programs are attached, or that one
    /// is recorded.
    ///
    /// # Errors
    /// Fails with everything that is wrong in any bundle; then no bundle is loaded.
    pub fn new(bundles: &[Bundle], limits: &DecisionLimits) -> Result<Self, PolicyError> {
        let (mut evaluators, mut entries, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (mut identities, mut problems) = (Vec::new(), Vec::new());
        let mut input_use = InputUse::default();
        for (index, bundle) in bundles.iter().enumerate() {
            match BundleEvaluator::load(bundle, limits) {
                Ok((evaluator, loaded)) => {
                    identities.push(Identity {
                        name: evaluator.name().clone(),
                        digest: bundle.digest.clone(),
                        revision: bundle.manifest.revision.clone(),
                    });
                    evaluators.push(evaluator);
                    entries.extend(loaded.entries.into_iter().map(|path| (index, path)));
                    warnings.extend(loaded.warnings);
                    input_use.join(&loaded.input_use);
                }
                Err(mut more) => problems.append(&mut more),
            }
        }
        if !problems.is_empty() {
            return Err(PolicyError { problems });
        }
        let projection = Projection::from_input_use(&input_use);
        Ok(Self {
            evaluators,
            bundles: identities.into(),
            entries,
            warnings,
            limits: *limits,
            cache: DecisionCache::new(&input_use, &projection, limits.cache),
            projection,
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

    /// Whether policies read a member of the input, given by its path.
    #[must_use]
    pub(super) fn reads(&self, path: &[&str]) -> bool {
        path.iter().try_fold(&self.projection, |at, name| at.member(name)).is_some()
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
        self.warnings.iter()
    }

    /// Returns the entry points, each as name of the bundle and path of the rule.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let name = |index: usize| self.bundles.get(index).map_or("", |bundle| &*bundle.name);
        self.entries.iter().map(move |(index, path)| (name(*index), path.as_str()))
    }

    /// Returns the ids of the processes that evaluate the bundles.
    #[cfg(test)]
    pub(crate) fn processes(&self) -> impl Iterator<Item = i32> {
        self.evaluators.iter().filter_map(BundleEvaluator::process)
    }

    /// Decides about a record. Never fails: errors are part of the decision.
    pub fn decide(&mut self, record: &Record) -> PolicyDecision {
        let started = Instant::now();
        let known = self.cache.as_mut().and_then(|cache| cache.get_shared(record)).cloned();
        if let Some(known) = known {
            let decision = self.remembered(known);
            return self.counted(started, decision);
        }
        let encoded = input::encode(record, &self.projection, &mut self.encoded);
        let keyed = encoded.is_ok() && DecisionCache::accepts(&self.encoded);
        let decision = self.finish(started, encoded, !record.tracego.findings.is_empty());
        if let Some(cache) = self.cache.as_mut().filter(|_| keyed && decision.error.is_none()) {
            cache.put_shared(record, &decision);
        }
        decision
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
        let decision = match known {
            Some(known) => self.remembered(known),
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
        self.counted(started, decision)
    }

    /// Marks and counts a decision as one from the cache.
    fn remembered(&mut self, mut known: PolicyDecision) -> PolicyDecision {
        known.cached = true;
        self.counts.hits += 1;
        known
    }

    /// Counts a decision and adds the time since it was `started`.
    fn counted(&mut self, started: Instant, mut decision: PolicyDecision) -> PolicyDecision {
        self.counts.decisions += 1;
        self.counts.denied += u64::from(!decision.allow);
        self.counts.cut += decision.cut;
        decision.took = started.elapsed();
        decision
    }

    fn evaluate(&mut self, encoded: Result<(), EncodingError>, found: bool) -> PolicyDecision {
        let mut decision = PolicyDecision::new(self.bundles.clone());
        let (mut started, mut limit) = (Instant::now(), self.limits.time);
        for evaluator in &mut self.evaluators {
            let done = match &encoded {
                Ok(()) => {
                    let left = limit.saturating_sub(started.elapsed());
                    evaluator.decide(&self.encoded, left, &mut decision)
                }
                Err(error) => Err((ErrorKind::Evaluation, error.to_string())),
            };
            let Err((kind, text)) = done else { continue };
            // The time that went into a process that is gone is not the next bundle's.
            if matches!(kind, ErrorKind::Hang | ErrorKind::Crash) {
                (started, limit) = (Instant::now(), self.limits.time);
            }
            self.counts.errors[kind as usize] += 1;
            // Whoever starts a program chooses how much of it there is to look at. With findings, that must
            // not be a way past the policy.
            if self.limits.on_error == OnError::Deny || found && kind.is_exhaustion() {
                decision.deny();
            }
            // A bundle that is out of force is in many decisions, and another failure only in this one, so it has
            // priority.
            if matches!(decision.error_kind, None | Some(ErrorKind::OutOfForce)) {
                decision.error = Some(format!("{}: {text}", evaluator.name()));
                decision.error_kind = Some(kind);
            }
        }
        decision
    }
}
