//! The board: the newest numbers of all threads.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tracego_deliver::sink::status::SinkStatus;

use prometheus_client::{encoding::prometheus_text, registry::Registry};
use tracego_analyze::inspect::{inspector::InspectCounters, inventory::InventoryStatus};
use tracego_kubernetes::status::PodWatchStatus;
use tracego_model::{
    counters::Counters, enforcement::EnforcementStatus, ledger::Ledger, policy::PolicySourceStatus,
    pulse::Pulse, record::privileges::AgentPrivileges,
};
use tracego_probe::{programs::ProgramStats, ring::reader::ReaderVitals};

use super::{
    families::collector::Collector,
    health::{Health, Vitals},
    tally::PipelineTally,
};

/// Silence after which a thread counts as stuck; threads beat at least once a second.
const STUCK: Duration = Duration::from_secs(30);

/// The numbers of the kernel side and the control loop.
#[derive(Clone, Debug, Default)]
pub(super) struct KernelNumbers {
    pub(super) counters: Counters,
    pub(super) runs: Vec<ProgramStats>,
    /// Number of inputs that wait for the pipeline.
    pub(super) queued: usize,
    /// Maximum number of bytes that the reader found at one look, over the last second.
    pub(super) found: u64,
    /// Time of the last loss of events, and number of events lost then.
    lost: Option<(Instant, u64)>,
}

/// The numbers of the stages after the reader.
#[derive(Clone, Debug, Default)]
pub struct StageNumbers {
    /// Counts of the stages; those of the kernel side are older here than on the board.
    pub ledger: Ledger,
    /// Further counts of the pipeline, if it makes records.
    pub tally: Option<PipelineTally>,
    /// Last error of the output, if it refused the most recent records.
    pub refusal: Option<String>,
    /// Numbers of the inspector.
    pub figures: InspectCounters,
}

/// The properties that do not change during a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Setup {
    pub(super) ring_size: u32,
}

/// The newest numbers of all threads.
#[derive(Debug)]
pub struct Board {
    /// Signs of life of the reader.
    pub reader: Arc<ReaderVitals>,
    /// Pulse of the pipeline.
    pub pipeline: Pulse,
    stuck: Duration,
    pub(super) setup: Setup,
    /// SHA-256 of the configuration in force.
    config: Mutex<Option<String>>,
    attached: AtomicBool,
    /// Number of reloads: accepted, refused.
    reloads: [AtomicU64; 2],
    /// Reason why the last reload was refused; `None` if it was accepted.
    refused_reload: Mutex<Option<String>>,
    kernel: Mutex<KernelNumbers>,
    stages: Mutex<Arc<StageNumbers>>,
    sinks: Mutex<Vec<Arc<SinkStatus>>>,
    enforcement: OnceLock<Arc<EnforcementStatus>>,
    privileges: Arc<OnceLock<AgentPrivileges>>,
    inventory: OnceLock<Arc<InventoryStatus>>,
    pods: OnceLock<Arc<PodWatchStatus>>,
    policy_sources: OnceLock<Arc<PolicySourceStatus>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The content is always consistent: it is replaced, never modified in place.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Creates the board before anything runs. `config` as in [`super::MetricsOptions`].
    #[must_use]
    pub fn new(ring_size: u32, config: Option<String>) -> Self {
        Self {
            reader: Arc::default(),
            pipeline: Pulse::new(),
            stuck: STUCK,
            setup: Setup { ring_size },
            config: Mutex::new(config),
            attached: AtomicBool::new(false),
            reloads: [AtomicU64::new(0), AtomicU64::new(0)],
            refused_reload: Mutex::default(),
            kernel: Mutex::default(),
            stages: Mutex::default(),
            sinks: Mutex::default(),
            enforcement: OnceLock::new(),
            privileges: Arc::default(),
            inventory: OnceLock::new(),
            pods: OnceLock::new(),
            policy_sources: OnceLock::new(),
        }
    }

    /// Creates a board on which threads count as stuck after this silence.
    #[cfg(test)]
    pub(crate) fn with_stuck(stuck: Duration) -> Self {
        Self { stuck, ..Self::new(4096, None) }
    }

    /// Sets the numbers of the inventory, which begins.
    pub fn set_inventory(&self, status: Arc<InventoryStatus>) {
        let _known = self.inventory.set(status);
    }

    /// Returns the numbers of the inventory, if there is one.
    pub(crate) fn inventory(&self) -> Option<&Arc<InventoryStatus>> {
        self.inventory.get()
    }

    /// Sets whether the programs are attached and the agent runs.
    pub(crate) fn set_attached(&self, attached: bool) {
        self.attached.store(attached, Ordering::Relaxed);
    }

    /// Sets the numbers of the kernel side and the number of waiting inputs.
    pub fn set_kernel(&self, counters: Counters, runs: &[ProgramStats], queued: usize) {
        let mut kernel = locked(&self.kernel);
        let more = counters.lost().saturating_sub(kernel.counters.lost());
        if more > 0 {
            kernel.lost = Some((Instant::now(), more));
        }
        kernel.counters = counters;
        kernel.runs = runs.to_vec();
        kernel.queued = queued;
        kernel.found = self.reader.take_found();
    }

    /// Program starts are decided.
    pub fn set_enforcement(&self, shared: Arc<EnforcementStatus>) {
        let _known = self.enforcement.set(shared);
    }

    pub(super) fn enforcement(&self) -> Option<&EnforcementStatus> {
        self.enforcement.get().map(|shared| &**shared)
    }

    /// Sets the state of the watch of this node's pods.
    pub fn set_pods(&self, pods: Arc<PodWatchStatus>) {
        let _known = self.pods.set(pods);
    }

    pub(super) fn pods(&self) -> Option<&PodWatchStatus> {
        self.pods.get().map(|pods| &**pods)
    }

    /// Sets the servers that policies come from.
    pub fn set_policy_sources(&self, sources: Arc<PolicySourceStatus>) {
        let _known = self.policy_sources.set(sources);
    }

    /// Returns the servers that policies come from, if there are any.
    pub(super) fn policy_sources(&self) -> Option<&PolicySourceStatus> {
        self.policy_sources.get().map(|sources| &**sources)
    }

    /// Sets the rights that the agent keeps.
    pub fn set_privileges(&self, privileges: AgentPrivileges) {
        let _known = self.privileges.set(privileges);
    }

    /// Returns the rights that the agent keeps, which are set once they are known.
    pub(crate) fn privileges(&self) -> &Arc<OnceLock<AgentPrivileges>> {
        &self.privileges
    }

    /// Replaces the sinks.
    pub fn set_sinks(&self, sinks: Vec<Arc<SinkStatus>>) {
        *locked(&self.sinks) = sinks;
    }

    pub(super) fn all_sinks(&self) -> Vec<Arc<SinkStatus>> {
        locked(&self.sinks).clone()
    }

    /// Sets the SHA-256 of the configuration in force.
    pub(crate) fn set_config(&self, digest: Option<String>) {
        *locked(&self.config) = digest;
    }

    /// Returns the SHA-256 of the configuration in force.
    pub(super) fn config(&self) -> Option<String> {
        locked(&self.config).clone()
    }

    /// Records a reload of the configuration, with the reason if it was refused.
    pub(crate) fn end_reload(&self, refusal: Option<String>) {
        self.reloads[usize::from(refusal.is_some())].fetch_add(1, Ordering::Relaxed);
        *locked(&self.refused_reload) = refusal;
    }

    /// Returns the reason why the last reload was refused; `None` if it was accepted.
    pub(super) fn refused_reload(&self) -> Option<String> {
        locked(&self.refused_reload).clone()
    }

    /// Returns the number of reloads: accepted, refused.
    pub(super) fn reloads(&self) -> [u64; 2] {
        [0, 1].map(|n: usize| self.reloads[n].load(Ordering::Relaxed))
    }

    /// Whether the last configuration that was read is in force.
    pub(super) fn is_current(&self) -> bool {
        locked(&self.refused_reload).is_none()
    }

    /// Replaces the numbers of the stages.
    pub fn set_stages(&self, stages: StageNumbers) {
        let stages = Arc::new(stages);
        *locked(&self.stages) = stages;
    }

    /// Returns the metrics in Prometheus's text format, version 0.0.4.
    #[must_use]
    pub fn text(self: &Arc<Self>) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Collector(Arc::clone(self))));
        let mut text = String::new();
        match prometheus_text::encode(&mut text, &registry) {
            Ok(()) => text,
            // Writing to memory cannot fail; half an answer would be wrong.
            Err(std::fmt::Error) => String::new(),
        }
    }

    pub(super) fn numbers(&self) -> (KernelNumbers, Arc<StageNumbers>) {
        (locked(&self.kernel).clone(), Arc::clone(&locked(&self.stages)))
    }

    fn vitals(&self) -> Vitals {
        let (kernel, stages) = self.numbers();
        Vitals {
            attached: self.attached.load(Ordering::Relaxed),
            reader: self.reader.pulse.silence(),
            pipeline: self.pipeline.silence(),
            stuck: self.stuck,
            refusal: stages.refusal.clone(),
            lost: kernel.lost.map(|(when, more)| (when.elapsed(), more)),
            hanging: (stages.figures.readers.hanging, stages.figures.readers.hanging_max),
            sinks: self
                .all_sinks()
                .iter()
                .flat_map(|sink| {
                    let problems = sink.numbers().problems();
                    problems.into_iter().map(|why| format!("{}: {why}", sink.name))
                })
                .collect(),
            notes: self
                .all_sinks()
                .iter()
                .filter_map(|sink| Some(format!("{}: {}", sink.name, sink.numbers().note?)))
                .collect(),
            enforcement: self.enforcement().and_then(|shared| shared.in_force().trouble().map(str::to_owned)),
        }
    }

    /// Returns whether the agent works at all.
    #[must_use]
    pub(crate) fn liveness(&self) -> Health {
        self.vitals().liveness()
    }

    /// Returns whether records are complete and arrive.
    #[must_use]
    pub fn readiness(&self) -> Health {
        self.vitals().readiness()
    }
}
