//! The first bundle of each URL: the last good one, or the one of the server.

use std::{fmt, path::PathBuf, thread, time::Duration};

use tokio::time::{Instant, sleep};
use tracego_model::clock::{Reading, Time};
use tracego_policy::bundle::Trust;

use super::{
    acceptance::{BundleFloor, accept},
    cache::{BundleCache, KeptBundle},
    schedule::{PollSchedule, chance},
    server::{BundleAnswer, BundleServer},
    shelf::FetchedBundle,
};
use crate::cli::BundleUrl;

/// A start without a bundle that it needs. tracego ends with 1, and is worth another start.
#[derive(Debug)]
pub(crate) struct PolicyUnavailable(pub(crate) String);

impl fmt::Display for PolicyUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PolicyUnavailable {}

/// The ways to the first bundle.
#[derive(Clone, Debug)]
pub(crate) struct BundleStart {
    /// The way to the servers.
    pub(crate) server: BundleServer,
    /// Key of the signatures.
    pub(crate) trust: Trust,
    /// Folder of the last good bundles.
    pub(crate) cache: Option<PathBuf>,
    /// Pauses between requests.
    pub(crate) schedule: PollSchedule,
    /// Maximum wait for a server.
    pub(crate) wait: Duration,
    /// Whether older bundles are accepted.
    pub(crate) rollback: bool,
    /// Whether a last good bundle is used without asking the server first: it is asked again later.
    pub(crate) prefers_cache: bool,
}

/// Runs a future to its end on a thread of its own.
///
/// # Errors
/// Fails if there is no thread to be had, or if it panics.
pub(crate) fn wait<T: Send>(work: impl Future<Output = T> + Send) -> anyhow::Result<T> {
    thread::scope(|scope| {
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            anyhow::Ok(runtime.block_on(work))
        };
        let thread = thread::Builder::new().name("tracego-bundle".into()).spawn_scoped(scope, run)?;
        thread.join().map_err(|_| anyhow::anyhow!("the thread that asks for bundles panicked"))?
    })
}

impl BundleStart {
    /// Returns the bundle to start with, and what is to be kept of it once it is in force.
    ///
    /// # Errors
    /// Fails if no bundle is good: neither one of the server within the wait, nor one that is kept.
    pub(crate) async fn bundle(
        &self,
        url: &BundleUrl,
    ) -> Result<(FetchedBundle, Option<KeptBundle>), PolicyUnavailable> {
        let kept = self.cache.as_ref().and_then(|folder| {
            let kept = BundleCache::open(folder).map_err(|error| format!("{}: {error}", folder.display()));
            kept.and_then(|cache| cache.read(url)).unwrap_or_else(|why| {
                tracing::warn!(%url, "--policy-cache: the last good bundle cannot be read: {why}");
                None
            })
        });
        let floor = kept.as_ref().map(|kept| kept.floor.clone());
        let last_good = kept.and_then(|kept| self.verified(url, kept));
        if let Some(last_good) = last_good.as_ref().filter(|_| self.prefers_cache) {
            tracing::warn!(
                %url, serial = last_good.bundle.manifest.serial(), since = last_good.since.text(),
                "starts with the last good bundle of --policy-cache; the server is asked for a newer one"
            );
            return Ok((last_good.clone(), None));
        }
        let (begun, mut failures) = (Instant::now(), 0);
        loop {
            let etag = last_good.as_ref().and_then(|known| known.etag.as_deref());
            let now = Time(Reading::now().unix_ns);
            let (text, is_final, pause) = match (self.server.get(url, etag).await, &last_good) {
                (Ok(BundleAnswer::Unchanged), Some(known)) => {
                    return Ok((
                        FetchedBundle { unconfirmed: false, checked: Some(now), ..known.clone() },
                        None,
                    ));
                }
                (Ok(BundleAnswer::Unchanged), None) => ("304 Not Modified".to_owned(), false, None),
                (Ok(BundleAnswer::Archive { bytes, etag }), _) => {
                    match accept(url, &bytes, &self.trust, floor.as_ref(), self.rollback) {
                        Ok(bundle) => {
                            let floor = BundleFloor::of(&bundle);
                            let archive = bytes.to_vec();
                            let kept = KeptBundle { etag: etag.clone(), floor, since: now, archive };
                            let (unconfirmed, checked) = (false, Some(now));
                            return Ok((
                                FetchedBundle { bundle, etag, since: now, unconfirmed, checked },
                                Some(kept),
                            ));
                        }
                        Err(refusal) => (refusal.to_string(), true, None),
                    }
                }
                (Err(error), _) => (error.to_string(), false, error.pause),
            };
            if let Some(last_good) = last_good {
                tracing::warn!(%url, "the last good bundle of --policy-cache is in force: {text}");
                return Ok((last_good, None));
            }
            failures += 1;
            let pause = self.schedule.failed(failures, pause, chance());
            if is_final {
                return Err(PolicyUnavailable(format!("--policy {url}: {text}")));
            }
            if begun.elapsed() + pause > self.wait {
                return Err(PolicyUnavailable(format!(
                    "--policy {url}: no bundle within {} s, and no good one in --policy-cache: {text}; start tracego again \
                     when the server answers, or give it longer with --policy-wait",
                    self.wait.as_secs()
                )));
            }
            tracing::debug!(%url, "no bundle yet: {text}");
            sleep(pause).await;
        }
    }

    /// Verifies a bundle that was kept. Returns `None` if it is refused.
    fn verified(&self, url: &BundleUrl, kept: KeptBundle) -> Option<FetchedBundle> {
        // Its serial number was accepted when it came.
        match accept(url, &kept.archive, &self.trust, None, true) {
            Ok(bundle) => Some(FetchedBundle {
                bundle,
                etag: kept.etag,
                since: kept.since,
                unconfirmed: true,
                checked: None,
            }),
            Err(refusal) => {
                tracing::warn!(%url, "the last good bundle of --policy-cache is refused: {refusal}");
                None
            }
        }
    }
}
