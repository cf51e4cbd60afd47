//! Bundles of policies from servers, in the way of OPA's bundle service.
//!
//! ```text
//! server       one request: HTTPS, ETag, token, bounds
//! acceptance   the signature of a bundle and its serial number
//! cache        the last good bundle of each URL on disk
//! schedule     pauses between requests
//! shelf        all bundles in force, and what is known of each source
//! start        the first bundles of a run
//! poller       the thread that asks for bundles again
//! ```

mod acceptance;
mod cache;
mod poller;
mod schedule;
mod server;
mod shelf;
mod start;

pub(crate) use cache::BundleCache;
pub(crate) use poller::{BundlePoller, PolicyNews};
pub(crate) use schedule::PollSchedule;
pub(crate) use server::BundleServer;
pub(crate) use shelf::{BundleShelf, ShelfDraft, ShelfSlot};
pub(crate) use start::{BundleStart, PolicyUnavailable, wait};
