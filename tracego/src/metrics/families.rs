//! Families of metrics, independent of the format: Prometheus's text ([`Text`]) or OTLP (`super::otlp`).

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::latency::Latency;

/// The kind of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A number that only grows; Prometheus's library adds `_total` to its name.
    Counter,
    /// A number that rises and falls.
    Gauge,
}

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(u64),
    Fraction(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Fraction(value)
    }
}

/// Label names with their values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A function that takes one row of a family.
pub(super) type Write<'a> = dyn FnMut(Labels<'_>, Number) -> fmt::Result + 'a;
/// A function that passes each row of a family to another function.
pub(super) type Rows<'a> = dyn FnMut(&mut Write<'_>) -> fmt::Result + 'a;

/// A format that families are written in.
pub(super) trait Output {
    /// Writes a family, which has at least one row.
    fn family(&mut self, name: &str, help: &str, kind: Kind, rows: &mut Rows<'_>) -> fmt::Result;

    /// Writes a histogram of times.
    fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result;
}

/// A writer of families to an [`Output`].
pub(super) struct Families<'a>(pub(super) &'a mut dyn Output);

impl Families<'_> {
    /// Writes a counter. `name` without `_total`, which Prometheus's library adds.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Into<Number>) -> fmt::Result {
        self.rows(name, help, Kind::Counter, [([], value)])
    }

    /// Writes a counter with labels.
    pub(super) fn counters<'l, const N: usize, V: Into<Number>>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = ([(&'l str, &'l str); N], V)>,
    ) -> fmt::Result {
        self.rows(name, help, Kind::Counter, rows)
    }

    /// Writes a gauge.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Into<Number>) -> fmt::Result {
        self.rows(name, help, Kind::Gauge, [([], value)])
    }

    /// Writes a gauge with labels.
    pub(super) fn gauges<'l, const N: usize, V: Into<Number>>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = ([(&'l str, &'l str); N], V)>,
    ) -> fmt::Result {
        self.rows(name, help, Kind::Gauge, rows)
    }

    /// Writes a histogram of times.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result {
        self.0.histogram(name, help, of)
    }

    /// Writes a family, unless it has no rows.
    fn rows<'l, const N: usize, V: Into<Number>>(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
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

/// Prometheus's text format, written by its library.
pub(super) struct Text<'a>(pub(super) DescriptorEncoder<'a>);

impl Output for Text<'_> {
    fn family(&mut self, name: &str, help: &str, kind: Kind, rows: &mut Rows<'_>) -> fmt::Result {
        let metric = match kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        };
        let mut encoder = self.0.encode_descriptor(name, help, None, metric)?;
        rows(&mut |labels, value| {
            if labels.is_empty() {
                write(&mut encoder, kind, value)
            } else {
                write(&mut encoder.encode_family(&labels)?, kind, value)
            }
        })
    }

    fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(of.sum(), of.count(), &of.buckets(), None)
    }
}

fn write(encoder: &mut MetricEncoder<'_>, kind: Kind, value: Number) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Number::Whole(value)) => encoder.encode_counter::<NoLabelSet, _, f64>(&value, None),
        (Kind::Counter, Number::Fraction(value)) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        }
        (Kind::Gauge, Number::Whole(value)) => encoder.encode_gauge(&value),
        (Kind::Gauge, Number::Fraction(value)) => encoder.encode_gauge(&value),
    }
}

/// Returns rows that differ in one label.
pub(super) fn label<const N: usize>(
    name: &'static str,
    rows: [(&'static str, u64); N],
) -> [([(&'static str, &'static str); 1], u64); N] {
    rows.map(|(value, count)| ([(name, value)], count))
}
