//! The policy stage of the pipeline, which adds a decision to the record of each process start.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use tracego_model::{
    policy::{PolicyCounts, PolicyStop},
    record::{
        Record, event_name,
        policy::{Action, Identity, PolicyDecision},
    },
};

use crate::{
    bundle::{self, Bundle, Trust},
    decision_log::DecisionLog,
    engine::PolicyEngine,
    input,
    limits::DecisionLimits,
};

/// Options of the policy stage.
#[derive(Clone, Debug, Default)]
pub struct StageOptions {
    /// Paths of the bundles: folders, archives and modules.
    pub bundles: Vec<PathBuf>,
    /// Key that each bundle must be signed with.
    pub trust: Option<Trust>,
    /// Limits of a decision.
    pub limits: DecisionLimits,
    /// File of the decision log, which is written in addition to the records.
    pub log: Option<PathBuf>,
    /// Members left out of the decision log: JSON pointers into `/input` and `/result`.
    pub masks: Vec<String>,
}

/// The policy stage.
#[derive(Debug)]
pub struct PolicyStage {
    engine: PolicyEngine,
    log: Option<DecisionLog>,
}

/// Loads and compiles all bundles.
///
/// # Errors
/// Fails if any bundle cannot be loaded or compiled; then no bundle is loaded.
pub fn load(options: &StageOptions) -> anyhow::Result<PolicyEngine> {
    let bundles: Vec<Bundle> = options
        .bundles
        .iter()
        .map(|path| {
            bundle::load(path, options.trust.as_ref()).with_context(|| format!("--policy {}", path.display()))
        })
        .collect::<Result<_, _>>()?;
    compile(&bundles, &options.limits)
}

/// Compiles bundles that are loaded, and prints what is probably a mistake in them.
///
/// # Errors
/// Fails if any bundle cannot be compiled; then none is.
pub fn compile(bundles: &[Bundle], limits: &DecisionLimits) -> anyhow::Result<PolicyEngine> {
    let engine = PolicyEngine::new(bundles, limits).context("--policy")?;
    for warning in engine.warnings() {
        tracing::warn!("--policy: {warning}");
    }
    if let Some(why) = engine.uncacheable_reason() {
        tracing::debug!(why, "decisions of the policies are not cached");
    }
    Ok(engine)
}

/// Checks everything that [`PolicyStage::open`] needs, but for the file of the decision log.
///
/// # Errors
/// Fails as [`PolicyStage::open`] does.
pub fn check(options: &StageOptions) -> anyhow::Result<()> {
    if options.bundles.is_empty() {
        anyhow::ensure!(options.log.is_none(), "--decision-log: only with --policy");
        return Ok(());
    }
    check_log(options)?;
    load(options).map(drop)
}

/// Checks the masks of the decision log, if there is one.
///
/// # Errors
/// Fails if a mask is none.
pub fn check_log(options: &StageOptions) -> anyhow::Result<()> {
    let Some(path) = &options.log else { return Ok(()) };
    DecisionLog::check(&options.masks).with_context(|| format!("--decision-log {}", path.display()))
}

impl PolicyStage {
    /// Opens the stage. Returns `None` if there are no bundles.
    ///
    /// # Errors
    /// Fails if a bundle cannot be loaded, the log cannot be opened, or a log is set without bundles.
    pub fn open(options: &StageOptions) -> anyhow::Result<Option<Self>> {
        if options.bundles.is_empty() {
            anyhow::ensure!(options.log.is_none(), "--decision-log: only with --policy");
            return Ok(None);
        }
        Self::with_engine(load(options)?, options).map(Some)
    }

    /// Opens the stage with bundles that are compiled.
    ///
    /// # Errors
    /// Fails if the log cannot be opened.
    pub fn with_engine(engine: PolicyEngine, options: &StageOptions) -> anyhow::Result<Self> {
        let log = options.log.as_deref().map(|path| {
            DecisionLog::open(path, &options.masks)
                .with_context(|| format!("--decision-log {}", path.display()))
        });
        Ok(Self { engine, log: log.transpose()? })
    }

    /// Replaces the bundles on reload. The counters continue.
    pub fn reload(&mut self, mut engine: PolicyEngine) {
        engine.resume_counts(self.engine.counts());
        self.engine = engine;
    }

    /// Returns the bundles in use.
    #[must_use]
    pub fn bundles(&self) -> &Arc<[Identity]> {
        self.engine.bundles()
    }

    /// Returns the counters.
    #[must_use]
    pub fn counts(&self) -> PolicyCounts {
        self.engine.counts()
    }

    /// Adds the decision to the record of a process start; other records are not changed.
    ///
    /// Returns the reason if the process must be stopped.
    pub fn decide(&mut self, record: &mut Record) -> Option<PolicyStop> {
        if record.event_name != event_name::START {
            return None;
        }
        let rest = input::cut(record);
        let decision = self.engine.decide(record);
        input::restore(record, rest);
        let mut refused = refused(&decision);
        if let Some(refused) = &mut refused {
            refused.remembered = self.engine.is_arguments_alone(&decision);
        }
        if let Some(severity) = decision.denied() {
            record.raise(severity.into());
        }
        record.tracego.policy = Some(Box::new(decision));
        refused
    }

    /// Whether policies read the digest or the provenance of an executable, which the record of a start leaves open, and
    /// did not refuse the start without it. `unjudged`: whether a verdict about the provenance may come.
    #[must_use]
    pub fn is_undecided(&self, start: &Record, unjudged: bool) -> bool {
        const DIGEST: &[&str] = &["tracego", "executable", "digest"];
        const PROVENANCE: &[&str] = &["tracego", "provenance"];
        let allowed = start.tracego.policy.as_ref().is_some_and(|decision| decision.allow);
        let unhashed = start.is_digest_pending();
        allowed && (unhashed && self.engine.reads(DIGEST) || unjudged && self.engine.reads(PROVENANCE))
    }

    /// Decides about a start again, with the digest and the verdict of `executable`, the record that follows, and adds the
    /// decision to that record.
    ///
    /// Returns the reason if the process must be stopped.
    pub fn decide_again(&mut self, mut start: Record, executable: &mut Record) -> Option<PolicyStop> {
        let (own, later) = (&mut start.tracego, &executable.tracego);
        own.executable.clone_from(&later.executable);
        own.provenance.clone_from(&later.provenance);
        own.findings.extend(later.findings.iter().cloned());
        let refused = self.decide(&mut start);
        if let Some(severity) = start.tracego.policy.as_ref().and_then(|decision| decision.denied()) {
            executable.raise(severity.into());
        }
        executable.tracego.policy = start.tracego.policy;
        refused
    }

    /// Writes the decision about a process start to the decision log, if there is one. Secrets are taken out of
    /// the record before.
    pub fn log(&mut self, record: &Record) {
        if let (Some(log), Some(decision)) = (&mut self.log, &record.tracego.policy) {
            log.write(record, decision);
        }
    }
}

fn refused(decision: &PolicyDecision) -> Option<PolicyStop> {
    let job = decision.action == Action::KillJob;
    let reasons = decision.reasons();
    let first = reasons.first()?;
    let (id, message) = (first.id.to_owned(), first.message.to_owned());
    Some(PolicyStop { id, message, job, remembered: false })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{
        clock::Reading,
        input::digest::FileDigest,
        ledger::Ledger,
        meta::Meta,
        provenance::{Provenance, ProvenanceVerdict},
        record::linux::ExecutableFile,
    };

    #[test]
    fn records_of_starts_alone_are_decided_and_the_log_has_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let (policy, log) = (folder.path().join("p.rego"), folder.path().join("log"));
        let text = "package tracego.process\n\ndeny contains {\"id\": \"all\", \"msg\": \"no\", \"severity\": \"high\"} if input.seq >= 0\n";
        fs::write(&policy, text).expect("a policy");
        let options = StageOptions {
            bundles: vec![policy],
            log: Some(log.clone()),
            masks: vec!["/input/host/name".to_owned()],
            ..StageOptions::default()
        };
        let mut stage = PolicyStage::open(&options).expect("it loads").expect("a stage");
        let mut record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        assert_eq!(stage.decide(&mut record), None);
        assert!(record.tracego.policy.is_none());
        record.event_name = event_name::START;
        let refused = stage.decide(&mut record).expect("it is refused");
        assert_eq!((refused.id.as_str(), refused.message.as_str(), refused.job), ("all", "no", false));
        assert_eq!(record.severity_text, "ERROR");
        assert!(!refused.remembered, "it reads more than the arguments");
        assert_eq!(stage.counts().denied, 1);
        stage.log(&record);
        let line: serde_json::Value =
            serde_json::from_str(fs::read_to_string(&log).expect("a log").trim()).expect("a line");
        assert_eq!(line["result"]["violations"][0]["id"], "all");
        assert_eq!(line["erased"], serde_json::json!(["/input/host/name"]));
        assert!(line["input"]["host"].get("name").is_none());
        assert_eq!(line["path"], "tracego/process/decision");
    }

    #[test]
    fn a_start_is_decided_again_if_policies_read_what_was_open_and_allowed_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = folder.path().join("p.rego");
        let stage = |condition: &str| {
            let text = format!("package tracego.process\n\ndeny contains \"no\" if {{\n\t{condition}\n}}\n");
            fs::write(&policy, text).expect("a policy");
            let options = StageOptions { bundles: vec![policy.clone()], ..StageOptions::default() };
            PolicyStage::open(&options).expect("it loads").expect("a stage")
        };
        let mut start = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        start.event_name = event_name::START;
        let pending = Some(FileDigest::Pending.into());
        start.tracego.executable = Some(ExecutableFile { digest: pending, ..ExecutableFile::default() });
        for (condition, unjudged, undecided) in [
            ("input.provenance.verdict == \"unsigned\"", true, true),
            ("input.provenance.verdict == \"unsigned\"", false, false),
            ("input.tracego.provenance.verdict == \"unsigned\"", true, true),
            ("input.tracego.executable.digest.sha256 == \"00\"", false, true),
            ("input.tracego.executable.deleted", true, false),
            ("input.event_name == \"tracego.process.start\"", true, false),
        ] {
            let (mut stage, mut start) = (stage(condition), start.clone());
            stage.decide(&mut start);
            assert_eq!(stage.is_undecided(&start, unjudged), undecided, "{condition}");
        }
        let mut stage = stage("input.provenance.verdict == \"unsigned\"");
        assert_eq!(stage.decide(&mut start), None);
        let mut executable = start.clone();
        executable.event_name = event_name::EXECUTABLE;
        let verdict = ProvenanceVerdict::Unsigned;
        executable.tracego.provenance = Some(Provenance { verdict, ..Provenance::default() }.into());
        let refused = stage.decide_again(start, &mut executable).expect("it is refused");
        assert_eq!((refused.message.as_str(), executable.severity_text), ("no", "ERROR"));
        assert!(executable.tracego.policy.is_some_and(|decision| !decision.allow));
    }

    #[test]
    fn a_bundle_that_is_wrong_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = folder.path().join("p.rego");
        fs::write(&policy, "package a\n\ndeny contains \"x\" if http.send({})\n").expect("a policy");
        let options = StageOptions { bundles: vec![policy], ..StageOptions::default() };
        let error = format!("{:#}", PolicyStage::open(&options).expect_err("it is refused"));
        assert!(error.contains("http.send") && error.contains("p.rego:3"), "{error}");
        let options = StageOptions { log: Some("/nowhere".into()), ..StageOptions::default() };
        assert!(PolicyStage::open(&options).is_err());
    }
}
