//! The control loop's side of bundles from servers: what comes is put in force between two records.

use std::{io, sync::Arc};

use tokio::sync::mpsc;
use tracego_model::policy::PolicySourceStatus;

use crate::{
    agent::Agent,
    policy::remote::{BundlePoller, BundleShelf, PolicyNews, ShelfDraft},
};

/// The bundles from servers, and what is new about them.
#[derive(Default)]
pub(in crate::cmd) struct PolicyFollower {
    shelf: Option<Arc<BundleShelf>>,
    poller: Option<BundlePoller>,
    news: Option<mpsc::Receiver<PolicyNews>>,
}

impl PolicyFollower {
    /// Creates the follower; servers are not asked yet.
    pub(super) fn new(shelf: Arc<BundleShelf>, poller: BundlePoller) -> Self {
        Self { shelf: Some(shelf), poller: Some(poller), news: None }
    }

    /// Starts to ask servers for newer bundles.
    ///
    /// # Errors
    /// Fails if no thread can be started.
    pub(in crate::cmd) fn start(&mut self) -> io::Result<()> {
        if let (Some(shelf), Some(poller)) = (&self.shelf, self.poller.take()) {
            self.news = Some(poller.start(Arc::clone(shelf))?);
        }
        Ok(())
    }

    /// Returns the sources for records and metrics, if there are any.
    pub(in crate::cmd) fn sources(&self) -> Option<Arc<PolicySourceStatus>> {
        self.shelf.as_ref().map(|shelf| Arc::clone(&shelf.status))
    }

    pub(super) fn shelf(&self) -> Option<&BundleShelf> {
        self.shelf.as_deref()
    }

    /// Waits for news; forever if there are no servers.
    pub(in crate::cmd) async fn changed(&mut self) -> PolicyNews {
        if let Some(news) = &mut self.news
            && let Some(news) = news.recv().await
        {
            return news;
        }
        std::future::pending().await
    }

    /// Puts news in force.
    pub(in crate::cmd) async fn apply(&self, agent: &mut Agent, news: PolicyNews) {
        let Some(shelf) = &self.shelf else { return };
        let update = match news {
            PolicyNews::Source => None,
            PolicyNews::Engine(update) if update.generation != shelf.generation() => {
                // The thread compiles the bundle again, with those of the reload.
                let _gone = update.done.send(false);
                return;
            }
            PolicyNews::Engine(update) => Some(*update),
        };
        let (engine, update) = match update {
            None => (None, None),
            Some(update) => {
                // First: the heartbeat behind the change reports the bundle.
                shelf.status.replace(update.fetched.source(&update.url, None));
                (Some(update.engine), Some((update.url, update.fetched, update.done)))
            }
        };
        let done = agent.change_policies(engine).await;
        if let Err(error) = done {
            tracing::error!("a policy could not be put in force: {error:#}");
            return;
        }
        if let Some((url, fetched, is_done)) = update {
            let (serial, digest) = (fetched.bundle.manifest.serial(), fetched.bundle.digest.clone());
            tracing::warn!(%url, serial, digest, "a policy was put in force");
            shelf.put(&url, fetched);
            let _gone = is_done.send(true);
        }
    }

    /// Notes the bundles of a reload, which are in force.
    pub(in crate::cmd) fn reloaded(&self, draft: Option<ShelfDraft>) {
        if let (Some(shelf), Some(draft)) = (&self.shelf, draft) {
            shelf.replace(draft);
        }
    }
}
