//! Families of metrics, independent of the format: that of Prometheus ([`PrometheusText`]) or OTLP
//! (`super::otlp`). Names never change, because alerts depend on them.
//!
//! Each other file writes the families of one part of the agent. Structures are destructured field by field
//! there, so that a new counter does not compile until it has a metric.

pub(super) mod collector;
mod enforcement;
mod inspection;
mod kernel;
mod kubernetes;
mod process;
mod prometheus;
mod records;
mod sinks;
mod traces;

use std::fmt;

use prometheus::PrometheusText;

use super::tally::latency::Latency;

/// The kind of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::metrics) enum MetricKind {
    /// A number that only grows; Prometheus's library adds `_total` to its name.
    Counter,
    /// A number that rises and falls.
    Gauge,
}

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::metrics) enum MetricValue {
    Whole(u64),
    Fraction(f64),
}

impl From<u64> for MetricValue {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for MetricValue {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<usize> for MetricValue {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<f64> for MetricValue {
    fn from(value: f64) -> Self {
        Self::Fraction(value)
    }
}

/// Label names with their values.
pub(in crate::metrics) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A function that takes one row of a family.
pub(in crate::metrics) type RowWriter<'a> = dyn FnMut(Labels<'_>, MetricValue) -> fmt::Result + 'a;
/// A function that passes each row of a family to another function.
pub(in crate::metrics) type RowSource<'a> = dyn FnMut(&mut RowWriter<'_>) -> fmt::Result + 'a;

/// A format that families are written in.
pub(in crate::metrics) trait FamilyOutput {
    /// Writes a family, which has at least one row.
    fn family(&mut self, name: &str, help: &str, kind: MetricKind, rows: &mut RowSource<'_>) -> fmt::Result;

    /// Writes a histogram of times.
    fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result;
}

/// A writer of families to an [`FamilyOutput`].
pub(in crate::metrics) struct Families<'a>(pub(in crate::metrics) &'a mut dyn FamilyOutput);

impl Families<'_> {
    /// Writes a counter. `name` without `_total`, which Prometheus's library adds.
    pub(in crate::metrics) fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: impl Into<MetricValue>,
    ) -> fmt::Result {
        self.rows(name, help, MetricKind::Counter, [([], value)])
    }

    /// Writes a counter with labels.
    pub(in crate::metrics) fn counters<'l, const N: usize, V: Into<MetricValue>>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = ([(&'l str, &'l str); N], V)>,
    ) -> fmt::Result {
        self.rows(name, help, MetricKind::Counter, rows)
    }

    /// Writes a gauge.
    pub(in crate::metrics) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl Into<MetricValue>,
    ) -> fmt::Result {
        self.rows(name, help, MetricKind::Gauge, [([], value)])
    }

    /// Writes a gauge with labels.
    pub(in crate::metrics) fn gauges<'l, const N: usize, V: Into<MetricValue>>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = ([(&'l str, &'l str); N], V)>,
    ) -> fmt::Result {
        self.rows(name, help, MetricKind::Gauge, rows)
    }

    /// Writes a histogram of times.
    pub(in crate::metrics) fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result {
        self.0.histogram(name, help, of)
    }

    /// Writes a family, unless it has no rows.
    fn rows<'l, const N: usize, V: Into<MetricValue>>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricKind,
        rows: impl IntoIterator<Item = ([(&'l str, &'l str); N], V)>,
    ) -> fmt::Result {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        self.0.family(name, help, kind, &mut |write| {
            rows.by_ref().try_for_each(|(labels, value)| write(&labels, value.into()))
        })
    }
}

/// Returns rows that differ in one label.
pub(in crate::metrics) fn label<const N: usize>(
    name: &'static str,
    rows: [(&'static str, u64); N],
) -> [([(&'static str, &'static str); 1], u64); N] {
    rows.map(|(value, count)| ([(name, value)], count))
}
