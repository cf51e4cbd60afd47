//! Prometheus's text format, as a format of families.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::{FamilyOutput, MetricKind, MetricValue, RowSource};
use crate::metrics::tally::latency::Latency;

/// Prometheus's text format, written by its library.
pub(super) struct PrometheusText<'a>(pub(super) DescriptorEncoder<'a>);

impl FamilyOutput for PrometheusText<'_> {
    fn family(&mut self, name: &str, help: &str, kind: MetricKind, rows: &mut RowSource<'_>) -> fmt::Result {
        let metric = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
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

fn write(encoder: &mut MetricEncoder<'_>, kind: MetricKind, value: MetricValue) -> fmt::Result {
    match (kind, value) {
        (MetricKind::Counter, MetricValue::Whole(value)) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        }
        (MetricKind::Counter, MetricValue::Fraction(value)) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        }
        (MetricKind::Gauge, MetricValue::Whole(value)) => encoder.encode_gauge(&value),
        (MetricKind::Gauge, MetricValue::Fraction(value)) => encoder.encode_gauge(&value),
    }
}
