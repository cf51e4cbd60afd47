//! Trust in signers and roots, as a reload can change it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tracego_provenance::Provenance;

/// The trust at one time.
#[derive(Clone)]
pub(super) struct Trust {
    /// Number of reloads before it.
    number: u64,
    pub(super) provenance: Arc<Provenance>,
    /// The age from which on a trust root is stale.
    pub(super) max_root_age: Option<Duration>,
}

impl Trust {
    /// Returns what a verdict depends on beside the file: the number of the configuration, and that of the state of the
    /// store.
    pub(super) fn version(&self) -> (u64, u64) {
        (self.number, self.provenance.generation())
    }
}

/// The trust in force, for the stage and its thread.
#[derive(Clone)]
pub(super) struct TrustInForce(Arc<RwLock<Trust>>);

impl TrustInForce {
    pub(super) fn new(provenance: Arc<Provenance>, max_root_age: Option<Duration>) -> Self {
        Self(Arc::new(RwLock::new(Trust { number: 0, provenance, max_root_age })))
    }

    /// Returns what is trusted now.
    pub(super) fn now(&self) -> Trust {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what is trusted.
    pub(super) fn change(&self, provenance: Arc<Provenance>, max_root_age: Option<Duration>) {
        let mut trust = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *trust = Trust { number: trust.number + 1, provenance, max_root_age };
    }
}
