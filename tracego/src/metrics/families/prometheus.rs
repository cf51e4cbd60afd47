//! Prometheus's text format, as a format of families.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::{Kind, Number, Output, Rows};
use crate::metrics::tally::latency::Latency;

/// Prometheus's text format, written by its library.
pub(super) struct PrometheusText<'a>(pub(super) DescriptorEncoder<'a>);

impl Output for PrometheusText<'_> {
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
