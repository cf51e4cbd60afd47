//! Instruments of the OpenTelemetry SDK that mirror the board.
//!
//! The SDK takes no finished data points, so each family is an observable instrument over the newest numbers.
//! The SDK has no observable histogram: new entries of ours are recorded again, at times with the same
//! buckets and the same sum ([`Latency::since`]).

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    metrics::{Histogram, Meter, MeterProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    metrics::{
        Aggregation, Instrument, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream,
        exporter::PushMetricExporter,
    },
};
use tracego_model::record::SCHEMA_URL;

use crate::metrics::{
    board::Board,
    families::{FamilyOutput, MetricKind, MetricValue, RowSource, collector::Collector},
    tally::latency::Latency,
};

/// The rows of a family.
type Points = Vec<(Vec<KeyValue>, MetricValue)>;
/// The newest rows, by family.
type Newest = Arc<Mutex<HashMap<String, Points>>>;

fn locked(newest: &Newest) -> MutexGuard<'_, HashMap<String, Points>> {
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The instruments that mirror the board; see the module.
pub(super) struct Mirror {
    provider: SdkMeterProvider,
    meter: Meter,
    newest: Newest,
    known: HashSet<String>,
    histograms: HashMap<String, (Histogram<f64>, Latency)>,
}

impl Mirror {
    pub(super) fn new(exporter: impl PushMetricExporter, resource: Resource) -> Self {
        // The reader's own timer is not used, because numbers are read from the board first.
        let never = Duration::from_secs(u64::from(u32::MAX));
        let reader = PeriodicReader::builder(exporter).with_interval(never).build();
        let view = |instrument: &Instrument| {
            let stream = Stream::builder().with_aggregation(Aggregation::ExplicitBucketHistogram {
                boundaries: Latency::bounds(),
                // Minimum and maximum are not known any more.
                record_min_max: false,
            });
            if instrument.kind() == InstrumentKind::Histogram { stream.build().ok() } else { None }
        };
        let provider =
            SdkMeterProvider::builder().with_resource(resource).with_reader(reader).with_view(view).build();
        let scope = InstrumentationScope::builder("tracego")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        let meter = provider.meter_with_scope(scope);
        let (newest, known, histograms) = (Newest::default(), HashSet::new(), HashMap::new());
        Self { provider, meter, newest, known, histograms }
    }

    fn read(&mut self, board: &Arc<Board>) {
        locked(&self.newest).clear();
        if let Err(error) = Collector(Arc::clone(board)).families(self) {
            tracing::debug!(%error, "metrics cannot be read");
        }
    }

    /// Reads the board and pushes its numbers.
    pub(super) fn push(&mut self, board: &Arc<Board>) {
        self.read(board);
        // The exporter has logged any failure.
        let _told = self.provider.force_flush();
    }

    /// Pushes a last time: the SDK sends by itself when it shuts down.
    pub(super) fn finish(&mut self, board: &Arc<Board>) {
        self.read(board);
        let _told = self.provider.shutdown();
    }

    /// Creates an observable instrument for a family.
    fn instrument(&self, name: &str, help: &str, kind: MetricKind, first: MetricValue) {
        let (unit, help) = (unit(name), help.to_owned());
        let rows = (Arc::clone(&self.newest), name.to_owned());
        let whole = |(newest, name): &(Newest, String), observe: &mut dyn FnMut(u64, &[KeyValue])| {
            for (labels, value) in locked(newest).get(name).into_iter().flatten() {
                if let MetricValue::Whole(value) = value {
                    observe(*value, labels);
                }
            }
        };
        let fraction = |(newest, name): &(Newest, String), observe: &mut dyn FnMut(f64, &[KeyValue])| {
            for (labels, value) in locked(newest).get(name).into_iter().flatten() {
                if let MetricValue::Fraction(value) = value {
                    observe(*value, labels);
                }
            }
        };
        // The SDK keeps the callbacks; the returned instruments are not needed.
        let name = name.to_owned();
        match (kind, first) {
            (MetricKind::Counter, MetricValue::Whole(_)) => {
                let builder = self.meter.u64_observable_counter(name).with_description(help).with_unit(unit);
                let _kept = builder
                    .with_callback(move |to| whole(&rows, &mut |value, labels| to.observe(value, labels)))
                    .build();
            }
            (MetricKind::Counter, MetricValue::Fraction(_)) => {
                let builder = self.meter.f64_observable_counter(name).with_description(help).with_unit(unit);
                let _kept = builder
                    .with_callback(move |to| fraction(&rows, &mut |value, labels| to.observe(value, labels)))
                    .build();
            }
            (MetricKind::Gauge, MetricValue::Whole(_)) => {
                let builder = self.meter.u64_observable_gauge(name).with_description(help).with_unit(unit);
                let _kept = builder
                    .with_callback(move |to| whole(&rows, &mut |value, labels| to.observe(value, labels)))
                    .build();
            }
            (MetricKind::Gauge, MetricValue::Fraction(_)) => {
                let builder = self.meter.f64_observable_gauge(name).with_description(help).with_unit(unit);
                let _kept = builder
                    .with_callback(move |to| fraction(&rows, &mut |value, labels| to.observe(value, labels)))
                    .build();
            }
        }
    }
}

impl FamilyOutput for Mirror {
    fn family(&mut self, name: &str, help: &str, kind: MetricKind, rows: &mut RowSource<'_>) -> fmt::Result {
        let mut all = Points::new();
        rows(&mut |labels, value| {
            let labels = labels.iter().map(|&(name, value)| KeyValue::new(name.to_owned(), value.to_owned()));
            all.push((labels.collect(), value));
            Ok(())
        })?;
        if let Some(&(_, first)) = all.first()
            && self.known.insert(name.to_owned())
        {
            self.instrument(name, help, kind, first);
        }
        locked(&self.newest).insert(name.to_owned(), all);
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, of: &Latency) -> fmt::Result {
        let (histogram, told) = self.histograms.entry(name.to_owned()).or_insert_with(|| {
            let builder = self.meter.f64_histogram(name.to_owned()).with_description(help.to_owned());
            (builder.with_unit(unit(name)).with_boundaries(Latency::bounds()).build(), Latency::default())
        });
        for (time, count) in of.since(told) {
            (0..count).for_each(|_| histogram.record(time, &[]));
        }
        *told = of.clone();
        Ok(())
    }
}

/// Returns the OTLP unit (UCUM) for the suffix of a Prometheus name. Counts of things have none: with `1`,
/// Prometheus would add `_ratio` to a gauge.
fn unit(name: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "",
    }
}
