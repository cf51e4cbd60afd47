//! Families of metrics in the words of the library that writes them.

use std::fmt;

use prometheus_client::{
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
    },
    metrics::MetricType,
};

use super::latency::Latency;

/// Where families go.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

impl Families<'_> {
    /// `name` without `_total`, which the library puts there.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl EncodeCounterValue) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        count(&mut encoder, &value)
    }

    /// The same with labels.
    pub(super) fn counters<L: EncodeLabelSet, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        self.rows(name, help, MetricType::Counter, rows, count)
    }

    /// A value that comes and goes.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        encoder.encode_gauge(&value)
    }

    /// The same with labels.
    pub(super) fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        self.rows(name, help, MetricType::Gauge, rows, |encoder, value| encoder.encode_gauge(value))
    }

    /// Times.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(of.sum(), of.count(), &of.buckets(), None)
    }

    /// Nothing is written of a family without rows.
    fn rows<L: EncodeLabelSet, V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        rows: impl IntoIterator<Item = (L, V)>,
        write: impl Fn(&mut MetricEncoder<'_>, &V) -> fmt::Result,
    ) -> fmt::Result {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in rows {
            write(&mut encoder.encode_family(&labels)?, &value)?;
        }
        Ok(())
    }
}

fn count<V: EncodeCounterValue>(encoder: &mut MetricEncoder<'_>, value: &V) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, V, f64>(value, None)
}

/// Rows that differ in one label.
pub(super) fn label<const N: usize>(
    name: &'static str,
    rows: [(&'static str, u64); N],
) -> [([(&'static str, &'static str); 1], u64); N] {
    rows.map(|(value, count)| ([(name, value)], count))
}
