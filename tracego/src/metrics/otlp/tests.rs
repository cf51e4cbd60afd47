//! Tests that pushed metrics equal those of `/metrics`, by what the SDK passes to an exporter.

use std::{collections::BTreeMap, sync::Mutex};

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use tracego_model::{counters::Counters as KernelCounters, finding::Severity, ledger::Ledger};
use tracego_probe::programs::ProgramStats;

use super::*;
use crate::metrics::{StageNumbers, tally::PipelineTally};

/// Values by name and labels as Prometheus writes them; histograms by their parts.
type Values = BTreeMap<String, f64>;

/// The values that were exported last, and their units.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<(Values, BTreeMap<String, String>)>>);

fn labelled<'a>(name: &str, labels: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut labels: Vec<_> =
        labels.map(|pair| format!("{}=\"{}\"", pair.key.as_str(), pair.value.as_str())).collect();
    labels.sort();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

trait Float {
    fn float(self) -> f64;
}

impl Float for f64 {
    fn float(self) -> f64 {
        self
    }
}

impl Float for u64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of a test")]
    fn float(self) -> f64 {
        self as f64
    }
}

fn points<T: Float + Copy>(name: &str, data: &MetricData<T>, values: &mut Values) {
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                values.insert(labelled(name, point.attributes()), point.value().float());
            }
        }
        MetricData::Sum(sum) => {
            assert!(sum.is_monotonic() && sum.temporality() == Temporality::Cumulative, "{name}");
            for point in sum.data_points() {
                values.insert(labelled(&format!("{name}_total"), point.attributes()), point.value().float());
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                values.insert(format!("{name}_count"), point.count().float());
                values.insert(format!("{name}_sum"), point.sum().float());
                let mut below = 0;
                for (bound, count) in point.bounds().zip(point.bucket_counts()) {
                    below += count;
                    values.insert(format!("{name}_bucket{{le=\"{bound}\"}}"), below.float());
                }
                values.insert(format!("{name}_bucket{{le=\"+Inf\"}}"), point.count().float());
                assert_eq!((point.min().is_none(), point.max().is_none()), (true, true));
            }
        }
        MetricData::ExponentialHistogram(_) => panic!("{name}"),
    }
}

impl PushMetricExporter for Kept {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let (mut values, mut units) = (Values::new(), BTreeMap::new());
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            assert!(metric.description().ends_with('.'), "{}", metric.name());
            units.insert(metric.name().to_owned(), metric.unit().to_owned());
            match metric.data() {
                AggregatedMetrics::F64(data) => points(metric.name(), data, &mut values),
                AggregatedMetrics::U64(data) => points(metric.name(), data, &mut values),
                AggregatedMetrics::I64(_) => panic!("{}", metric.name()),
            }
        }
        *self.0.lock().unwrap() = (values, units);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// Returns the values of Prometheus's text.
fn text(board: &Arc<Board>) -> Values {
    let text = board.text();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.map(|row| row.rsplit_once(' ').unwrap());
    rows.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

fn board() -> Arc<Board> {
    Arc::new(Board::new(8 << 20, Some("00ff".to_owned())))
}

fn fill(board: &Board, n: u64, runs: u64) {
    let kernel = KernelCounters { hooked: 100 * n, sent: 90 * n, ring_full: n, ..KernelCounters::default() };
    let run = |name: &str, time_ns| ProgramStats { program: name.to_owned(), time_ns, count: runs };
    board.set_kernel(kernel, &[run("process_exec", 1_500_000_000 * runs), run("process_exit", runs)], 3);
    let mut tally = PipelineTally::default();
    tally.findings.insert(("TG001", Severity::High), n);
    tally.jobs.add("job 7", n);
    for ms in 0..n {
        tally.latency.add(ms * 1_000_000);
    }
    let ledger = Ledger { processed: 80 * n, written: 70 * n, ..Ledger::default() };
    board.set_stages(StageNumbers { ledger, tally: Some(tally), ..StageNumbers::default() });
}

/// Removes metrics of the process itself, which are read anew each time.
fn comparable(values: Values) -> Values {
    values.into_iter().filter(|(name, _)| !name.starts_with("process_")).collect()
}

#[test]
fn a_collector_gets_each_number_that_prometheus_gets() {
    let (kept, board) = (Kept::default(), board());
    let mut mirror = Mirror::new(kept.clone(), collector::resource(Vec::new()));
    // The second round has rows and families that the first has not, and larger numbers.
    for (n, runs) in [(0, 0), (50, 7), (120, 9)] {
        fill(&board, n, runs);
        mirror.push(&board);
        let (pushed, units) = kept.0.lock().unwrap().clone();
        let shown = text(&board);
        let names = |values: &Values| values.keys().cloned().collect::<Vec<_>>();
        if n > 0 {
            assert_eq!(names(&pushed), names(&shown));
        }
        let (pushed, shown) = (comparable(pushed), comparable(shown));
        for (name, value) in &pushed {
            assert!((value - shown[name]).abs() < 1e-6, "{name}: {value} is shown as {}", shown[name]);
        }
        assert!(pushed.len() > 80 && units["tracego_events"].is_empty());
        assert_eq!(units["tracego_ring_size_bytes"], "By");
        assert_eq!(units["process_start_time_seconds"], "s");
    }
    assert_eq!(kept.0.lock().unwrap().1["tracego_record_latency_seconds"], "s");
}

#[test]
fn what_is_no_longer_shown_is_no_longer_pushed() {
    let (kept, board) = (Kept::default(), board());
    let mut mirror = Mirror::new(kept.clone(), collector::resource(Vec::new()));
    let jobs = |kept: &Kept| {
        let all = kept.0.lock().unwrap();
        all.0.keys().filter(|name| name.starts_with("tracego_job_events_lost")).cloned().collect::<Vec<_>>()
    };
    let mut tally = PipelineTally::default();
    tally.jobs.add("a", 1);
    board.set_stages(StageNumbers { tally: Some(tally), ..StageNumbers::default() });
    mirror.push(&board);
    assert_eq!(jobs(&kept), ["tracego_job_events_lost_total{job=\"a\"}"]);
    let mut tally = PipelineTally::default();
    tally.jobs.add("b", 1);
    board.set_stages(StageNumbers { tally: Some(tally), ..StageNumbers::default() });
    mirror.push(&board);
    assert_eq!(jobs(&kept), ["tracego_job_events_lost_total{job=\"b\"}"]);
}

#[test]
fn an_interval_is_milliseconds_or_the_usual_one() {
    assert_eq!(interval(Some("1500")), Duration::from_millis(1500));
    for usual in [None, Some(""), Some("0"), Some("-1"), Some("soon")] {
        assert_eq!(interval(usual), INTERVAL, "{usual:?}");
    }
}
