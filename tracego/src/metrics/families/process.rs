//! The agent's own memory and CPU, under the names that Prometheus's clients share
//! (prometheus.io/docs/instrumenting/writing_clientlibs, "Process metrics").

use std::fmt;

use procfs::{
    ProcResult,
    process::{LimitValue, Process},
};

use super::Families;

/// The resource usage of this process from /proc. Values that cannot be read are absent.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    /// User and system time in seconds.
    cpu: Option<f64>,
    /// Resident memory in bytes.
    resident: Option<u64>,
    /// Address space in bytes.
    virtual_memory: Option<u64>,
    /// Start time in seconds since 1970.
    start: Option<f64>,
    /// Number of open descriptors.
    open: Option<u64>,
    /// Maximum number of open descriptors.
    open_max: Option<u64>,
    /// Number of threads.
    threads: Option<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "clock ticks and seconds of this century fit")]
fn ticks(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second().max(1) as f64
}

impl Usage {
    /// Reads the usage now.
    fn read() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let boot = procfs::boot_time_secs().ok();
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century fit")]
        let start = boot.map(|boot| boot as f64 + ticks(stat.starttime));
        let limit = process.limits().ok().map(|limits| limits.max_open_files.soft_limit);
        Ok(Self {
            cpu: Some(ticks(stat.utime + stat.stime)),
            resident: Some(stat.rss.saturating_mul(procfs::page_size())),
            virtual_memory: Some(stat.vsize),
            start,
            open: process.fd_count().ok().map(|count| count as u64),
            open_max: limit.and_then(|limit| match limit {
                LimitValue::Value(value) => Some(value),
                LimitValue::Unlimited => None,
            }),
            threads: u64::try_from(stat.num_threads).ok(),
        })
    }
}

/// Writes the resource usage of this process.
pub(super) fn write(out: &mut Families<'_>) -> fmt::Result {
    let Usage { cpu, resident, virtual_memory, start, open, open_max, threads } =
        Usage::read().unwrap_or_default();
    if let Some(cpu) = cpu {
        out.counter("process_cpu_seconds", "User and system CPU time of tracego.", cpu)?;
    }
    let bytes = [
        ("process_resident_memory_bytes", "Resident memory of tracego.", resident),
        ("process_virtual_memory_bytes", "Address space of tracego.", virtual_memory),
        ("process_open_fds", "Open descriptors of tracego.", open),
        ("process_max_fds", "Descriptors that tracego may open.", open_max),
        ("process_threads", "Threads of tracego.", threads),
    ];
    for (name, help, value) in bytes {
        if let Some(value) = value {
            out.gauge(name, help, value)?;
        }
    }
    match start {
        Some(start) => {
            out.gauge("process_start_time_seconds", "Start of tracego, seconds since 1970.", start)
        }
        None => Ok(()),
    }
}
