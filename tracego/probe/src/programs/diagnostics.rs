//! Diagnostics of the kernel side, passed to `tracing` under the target `tracego_ebpf`.
//!
//! The level is fixed before the load: to the verifier it is a constant, so it removes the code of disabled
//! levels.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};
use tracing::Level;

use crate::error::LoadError;

/// Size in bytes of the log's own ring while diagnostics are on; one page while they are off.
pub(crate) const RING: u32 = 1 << 18;

/// Returns the level enabled in the log, as a level of aya-log: 0 (off) to 5 (trace).
#[must_use]
pub(crate) fn level() -> u8 {
    // `enabled!` requires literals.
    let on = [
        tracing::enabled!(target: "tracego_ebpf", Level::ERROR),
        tracing::enabled!(target: "tracego_ebpf", Level::WARN),
        tracing::enabled!(target: "tracego_ebpf", Level::INFO),
        tracing::enabled!(target: "tracego_ebpf", Level::DEBUG),
        tracing::enabled!(target: "tracego_ebpf", Level::TRACE),
    ];
    on.into_iter().take_while(|&on| on).map(u8::from).sum()
}

/// A logger that passes messages to the process's logger and counts them.
struct Counting(Arc<AtomicU64>);

impl Log for Counting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        log::logger().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        log::logger().log(record);
    }

    fn flush(&self) {
        log::logger().flush();
    }
}

/// The reader of diagnostics.
pub(crate) struct Diagnostics {
    logger: EbpfLogger<Counting>,
    read: Arc<AtomicU64>,
}

impl Diagnostics {
    /// Takes the log's ring out of the object.
    ///
    /// # Errors
    /// Fails if the object has none.
    pub(crate) fn new(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        let read = Arc::new(AtomicU64::new(0));
        let logger = EbpfLogger::init_with_logger(ebpf, Counting(Arc::clone(&read)));
        Ok(Self { logger: logger.map_err(|_| LoadError::Lacks("AYA_LOGS"))?, read })
    }

    /// Returns a descriptor of the log's ring.
    ///
    /// # Errors
    /// Fails if there are no descriptors left.
    pub(crate) fn ring(&self) -> io::Result<OwnedFd> {
        self.logger.as_fd().try_clone_to_owned()
    }

    /// Passes all waiting messages to the log. Returns the number of messages since the start.
    pub(crate) fn flush(&mut self) -> u64 {
        self.logger.flush();
        self.read.load(Ordering::Relaxed)
    }
}
