//! The shelf: all bundles in force, those of this machine and those of servers.
//!
//! The control loop alone changes it, between two inputs of the pipeline; the thread that asks servers looks at it. Its
//! generation says whether what that thread has compiled still fits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tracego_model::{clock::Time, policy::PolicySourceStatus, record::configuration::PolicySource};
use tracego_policy::{
    DecisionLimits, PolicyEngine,
    bundle::{Bundle, Trust},
    stage,
};

use crate::cli::BundleUrl;

/// A bundle of a server that is in force.
#[derive(Clone, Debug)]
pub(crate) struct FetchedBundle {
    /// Bundle.
    pub(crate) bundle: Bundle,
    /// ETag that the server gave it.
    pub(crate) etag: Option<String>,
    /// Time since which it is in force.
    pub(crate) since: Time,
    /// Whether it is of an earlier run, and the server has not confirmed it in this one.
    pub(crate) unconfirmed: bool,
    /// Time of the last answer that named or brought it.
    pub(crate) checked: Option<Time>,
}

impl FetchedBundle {
    /// Returns what records say about the bundle. `error`: why the last request brought none.
    pub(crate) fn source(&self, url: &BundleUrl, error: Option<String>) -> PolicySource {
        PolicySource {
            url: url.to_string(),
            digest: self.bundle.digest.clone(),
            serial: self.bundle.manifest.serial(),
            etag: self.etag.clone(),
            since: self.since,
            unconfirmed: self.unconfirmed,
            checked: self.checked,
            error,
        }
    }
}

/// A place on the shelf, in the order of `--policy`.
#[derive(Clone, Debug)]
pub(crate) enum ShelfSlot {
    /// A bundle of this machine.
    Local(Bundle),
    /// A bundle of a server.
    Fetched(BundleUrl, FetchedBundle),
}

/// All bundles that are to be in force, and how they decide.
#[derive(Clone, Debug)]
pub(crate) struct ShelfDraft {
    /// Bundles.
    pub(crate) slots: Vec<ShelfSlot>,
    /// Key of the signatures; always there with a URL.
    pub(crate) trust: Option<Trust>,
    /// Limits of a decision.
    pub(crate) limits: DecisionLimits,
}

impl ShelfDraft {
    /// Compiles the bundles.
    ///
    /// # Errors
    /// Fails if one cannot be compiled.
    pub(crate) fn compile(&self) -> anyhow::Result<PolicyEngine> {
        let bundle = |slot: &ShelfSlot| match slot {
            ShelfSlot::Local(bundle) => bundle.clone(),
            ShelfSlot::Fetched(_, fetched) => fetched.bundle.clone(),
        };
        stage::compile(&self.slots.iter().map(bundle).collect::<Vec<_>>(), &self.limits)
    }

    /// Returns the bundle of a URL.
    pub(crate) fn fetched(&self, url: &BundleUrl) -> Option<&FetchedBundle> {
        self.slots.iter().find_map(|slot| match slot {
            ShelfSlot::Fetched(known, fetched) if known == url => Some(fetched),
            _ => None,
        })
    }

    /// Replaces the bundle of a URL.
    pub(crate) fn put(&mut self, url: &BundleUrl, new: FetchedBundle) {
        for slot in &mut self.slots {
            match slot {
                ShelfSlot::Fetched(known, fetched) if known == url => *fetched = new.clone(),
                _ => {}
            }
        }
    }

    /// Returns the URLs.
    pub(crate) fn urls(&self) -> Vec<BundleUrl> {
        let url = |slot: &ShelfSlot| match slot {
            ShelfSlot::Fetched(url, _) => Some(url.clone()),
            ShelfSlot::Local(_) => None,
        };
        self.slots.iter().filter_map(url).collect()
    }
}

/// The shelf.
#[derive(Debug)]
pub(crate) struct BundleShelf {
    state: Mutex<(u64, ShelfDraft)>,
    /// Sources for records and metrics.
    pub(crate) status: Arc<PolicySourceStatus>,
    /// Wakes the thread that asks servers.
    pub(crate) wake: Notify,
}

impl BundleShelf {
    /// Creates the shelf.
    pub(crate) fn new(draft: ShelfDraft) -> Self {
        let status = PolicySourceStatus::default();
        for slot in &draft.slots {
            if let ShelfSlot::Fetched(url, fetched) = slot {
                status.set(fetched.source(url, None), Default::default());
            }
        }
        Self { state: Mutex::new((0, draft)), status: Arc::new(status), wake: Notify::new() }
    }

    fn locked(&self) -> MutexGuard<'_, (u64, ShelfDraft)> {
        // The content is always consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the generation and all bundles in force.
    pub(crate) fn look(&self) -> (u64, ShelfDraft) {
        self.locked().clone()
    }

    /// Returns the bundle of a URL that is in force.
    pub(crate) fn fetched(&self, url: &BundleUrl) -> Option<FetchedBundle> {
        self.locked().1.fetched(url).cloned()
    }

    /// Returns the generation.
    pub(crate) fn generation(&self) -> u64 {
        self.locked().0
    }

    /// Puts the bundles of a reload in force, and has servers asked at once: a new key, or a new bundle, may be the reason
    /// of the reload. With another key, a server is asked for the whole bundle.
    pub(crate) fn replace(&self, mut draft: ShelfDraft) {
        let mut state = self.locked();
        let key = |trust: &Option<Trust>| trust.as_ref().map(|trust| (trust.key.clone(), trust.algorithm));
        if key(&state.1.trust) != key(&draft.trust) {
            for slot in &mut draft.slots {
                if let ShelfSlot::Fetched(_, fetched) = slot {
                    fetched.etag = None;
                }
            }
        }
        let urls: Vec<String> = draft.urls().iter().map(BundleUrl::to_string).collect();
        self.status.retain(|url| urls.iter().any(|known| known == url));
        *state = (state.0 + 1, draft);
        drop(state);
        self.wake.notify_one();
    }

    /// Puts a bundle of a server in force, which is compiled.
    pub(crate) fn put(&self, url: &BundleUrl, fetched: FetchedBundle) {
        let mut state = self.locked();
        state.0 += 1;
        state.1.put(url, fetched);
    }

    /// Notes that a server named the bundle in force, which needs no compiling.
    pub(crate) fn confirm(&self, url: &BundleUrl, fetched: FetchedBundle) {
        let mut state = self.locked();
        if state.1.fetched(url).is_some_and(|known| known.bundle.digest == fetched.bundle.digest) {
            state.1.put(url, fetched);
        }
    }
}
