//! The thread that asks servers for bundles again. It verifies and compiles what comes, so that the control loop and the
//! pipeline only exchange one engine for another.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, thread};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracego_model::{
    clock::{Reading, Time},
    policy::SourceCounts,
};
use tracego_policy::PolicyEngine;

use super::{
    acceptance::{BundleFloor, accept},
    cache::{BundleCache, KeptBundle},
    schedule::{PollSchedule, chance},
    server::{BundleAnswer, BundleServer},
    shelf::{BundleShelf, FetchedBundle},
};
use crate::cli::BundleUrl;

/// Maximum number of attempts to put a bundle in force that reloads overtake.
const ATTEMPTS: u32 = 3;

/// News for the control loop.
pub(crate) enum PolicyNews {
    /// Another bundle, compiled together with the others.
    Engine(Box<CompiledUpdate>),
    /// A source works again, or does not.
    Source,
}

/// A bundle of a server that is to be put in force.
pub(crate) struct CompiledUpdate {
    /// Engine with all bundles.
    pub(crate) engine: PolicyEngine,
    /// Generation of the shelf that the other bundles are of.
    pub(crate) generation: u64,
    /// URL of the bundle.
    pub(crate) url: BundleUrl,
    /// Bundle.
    pub(crate) fetched: FetchedBundle,
    /// Whether it is in force; `false` if the generation has passed.
    pub(crate) done: oneshot::Sender<bool>,
}

/// Settings of the thread.
#[derive(Debug)]
pub(crate) struct BundlePoller {
    /// The way to the servers.
    pub(crate) server: BundleServer,
    /// Folder of the last good bundles.
    pub(crate) cache: Option<PathBuf>,
    /// Pauses between requests.
    pub(crate) schedule: PollSchedule,
    /// Whether older bundles are accepted.
    pub(crate) rollback: bool,
}

/// The outcome of a request.
enum Outcome {
    Changed,
    Unchanged,
    Failed(String, Option<std::time::Duration>),
    Refused(String),
}

/// The thread.
struct Polling {
    settings: BundlePoller,
    shelf: Arc<BundleShelf>,
    news: mpsc::Sender<PolicyNews>,
    counts: BTreeMap<String, SourceCounts>,
    errors: BTreeMap<String, String>,
}

impl BundlePoller {
    /// Starts the thread. It ends when the receiver is dropped.
    ///
    /// # Errors
    /// Fails if no thread can be started.
    pub(crate) fn start(self, shelf: Arc<BundleShelf>) -> std::io::Result<mpsc::Receiver<PolicyNews>> {
        let (news, receiver) = mpsc::channel(4);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let polling =
            Polling { settings: self, shelf, news, counts: BTreeMap::new(), errors: BTreeMap::new() };
        thread::Builder::new()
            .name("tracego-bundles".into())
            .spawn(move || runtime.block_on(polling.run()))?;
        Ok(receiver)
    }
}

impl Polling {
    async fn run(mut self) {
        let mut due: BTreeMap<String, (Instant, u32)> = BTreeMap::new();
        let schedule = self.settings.schedule;
        loop {
            let urls = self.shelf.look().1.urls();
            due.retain(|known, _| urls.iter().any(|url| url.uri().to_string() == *known));
            for url in &urls {
                let first = || (Instant::now() + schedule.first(chance()), 0);
                due.entry(url.uri().to_string()).or_insert_with(first);
            }
            let next = urls.iter().min_by_key(|url| due.get(&url.uri().to_string()).map(|(at, _)| *at));
            let Some(url) = next.cloned() else { return };
            let key = url.uri().to_string();
            let (at, failures) = due.get(&key).copied().unwrap_or((Instant::now(), 0));
            tokio::select! {
                () = sleep_until(at) => {}
                () = self.shelf.wake.notified() => {
                    due.values_mut().for_each(|(at, _)| *at = Instant::now());
                    continue;
                }
                () = self.news.closed() => return,
            }
            let outcome = tokio::select! {
                outcome = self.ask(&url) => outcome,
                () = self.news.closed() => return,
            };
            let (pause, failures) = match &outcome {
                Outcome::Failed(_, asked) => (schedule.failed(failures + 1, *asked, chance()), failures + 1),
                _ => (schedule.answered(chance()), 0),
            };
            due.insert(key, (Instant::now() + pause, failures));
            self.report(&url, outcome);
        }
    }

    /// Asks for a bundle, and has it put in force.
    async fn ask(&self, url: &BundleUrl) -> Outcome {
        let failed = |text: &str| Outcome::Failed(text.to_owned(), None);
        let Some(known) = self.shelf.fetched(url) else { return failed("the URL is not used any more") };
        let (bytes, etag) = match self.settings.server.get(url, known.etag.as_deref()).await {
            Err(error) => return Outcome::Failed(error.to_string(), error.pause),
            Ok(BundleAnswer::Unchanged) => {
                let checked = Some(Time(Reading::now().unix_ns));
                self.shelf.confirm(url, FetchedBundle { unconfirmed: false, checked, ..known });
                return Outcome::Unchanged;
            }
            Ok(BundleAnswer::Archive { bytes, etag }) => (bytes, etag),
        };
        for _ in 0..ATTEMPTS {
            let (generation, mut draft) = self.shelf.look();
            let (Some(trust), Some(known)) = (draft.trust.clone(), draft.fetched(url).cloned()) else {
                return failed("the URL is not used any more");
            };
            let floor = BundleFloor::of(&known.bundle);
            let bundle = match accept(url, &bytes, &trust, Some(&floor), self.settings.rollback) {
                Ok(bundle) => bundle,
                Err(refusal) => return Outcome::Refused(refusal.to_string()),
            };
            let now = Time(Reading::now().unix_ns);
            let is_same = bundle.digest == known.bundle.digest;
            let since = if is_same { known.since } else { now };
            let kept = KeptBundle {
                etag: etag.clone(),
                floor: BundleFloor::of(&bundle),
                since,
                archive: bytes.to_vec(),
            };
            let fetched =
                FetchedBundle { bundle, etag: etag.clone(), since, unconfirmed: false, checked: Some(now) };
            if is_same {
                self.shelf.confirm(url, fetched);
                self.keep(url, &kept);
                return Outcome::Unchanged;
            }
            draft.put(url, fetched.clone());
            let engine = match draft.compile() {
                Ok(engine) => engine,
                Err(error) => return Outcome::Refused(format!("{error:#}")),
            };
            let (done, is_done) = oneshot::channel();
            let url = url.clone();
            let update = Box::new(CompiledUpdate { engine, generation, url: url.clone(), fetched, done });
            if self.news.send(PolicyNews::Engine(update)).await.is_err() {
                return failed("tracego ends");
            }
            match is_done.await {
                Ok(true) => {
                    self.keep(&url, &kept);
                    return Outcome::Changed;
                }
                // A reload was faster: once more, with its bundles.
                Ok(false) => {}
                Err(_) => return failed("tracego ends"),
            }
        }
        failed("the bundle was overtaken by reloads")
    }

    /// Keeps the bundle in force as the last good one.
    fn keep(&self, url: &BundleUrl, kept: &KeptBundle) {
        let Some(folder) = &self.settings.cache else { return };
        if let Err(error) = BundleCache::open(folder).and_then(|cache| cache.write(url, kept)) {
            tracing::warn!(%url, %error, "--policy-cache: the last good bundle cannot be kept");
        }
    }

    /// Counts and reports an outcome. What is new in it is reported on standard error and in a heartbeat.
    fn report(&mut self, url: &BundleUrl, outcome: Outcome) {
        let counts = self.counts.entry(url.to_string()).or_default();
        let (count, error) = match outcome {
            Outcome::Changed => (&mut counts.changed, None),
            Outcome::Unchanged => (&mut counts.unchanged, None),
            Outcome::Failed(text, _) => (&mut counts.failed, Some(text)),
            Outcome::Refused(text) => (&mut counts.refused, Some(format!("refused: {text}"))),
        };
        *count += 1;
        let counts = *counts;
        let Some(fetched) = self.shelf.fetched(url) else { return };
        self.shelf.status.set(fetched.source(url, error.clone()), counts);
        let before = match &error {
            Some(error) => self.errors.insert(url.to_string(), error.clone()),
            None => self.errors.remove(&url.to_string()),
        };
        if before == error {
            return;
        }
        match &error {
            Some(error) => tracing::warn!(%url, "the policy in force stays: {error}"),
            None => tracing::warn!(%url, "the server of the policy answers again"),
        }
        // The next heartbeat has it anyway.
        let _full = self.news.try_send(PolicyNews::Source);
    }
}
