//! Settings of `--otlp-traces` and `--otlp-metrics`, from the options and the environment.

use std::env;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use tracego_deliver::{
    collector::{
        CollectorCompression, CollectorProtocol, CollectorTarget, OtlpCompression, OtlpConfig, OtlpProtocol,
        OtlpSettings, Signal, resolve,
    },
    traces::{TracePipeline, attribute, builder::BuilderLimits, export},
};
use tracego_model::{meta::Meta, record::Origin};

use crate::{cli::RecordOptions, metrics};

/// Starts the stage that makes spans, if `--otlp-traces` is given.
///
/// # Errors
/// Fails on invalid settings; the text names the variable or option.
pub(super) fn traces(options: &RecordOptions, meta: &Meta) -> anyhow::Result<Option<TracePipeline>> {
    if !options.otlp_traces {
        return Ok(None);
    }
    let resolved = resolved(options, Signal::Traces).context("--otlp-traces")?;
    let resource = resource(&meta.origin, &resolved);
    let settings = export::TraceExportSettings::new(target(resolved), resource);
    TracePipeline::start(BuilderLimits::default(), settings).map(Some).context("--otlp-traces")
}

/// Checks the settings of `--otlp-traces`, if it is given.
///
/// # Errors
/// Fails like [`traces`].
pub(super) fn check_traces(options: &RecordOptions) -> anyhow::Result<()> {
    if options.otlp_traces {
        resolved(options, Signal::Traces).context("--otlp-traces")?;
    }
    Ok(())
}

/// Returns the settings of the metrics push, if `--otlp-metrics` is given.
///
/// # Errors
/// Fails like [`traces`].
pub(super) fn metrics(
    options: &RecordOptions,
    meta: &Meta,
) -> anyhow::Result<Option<metrics::otlp::PushSettings>> {
    if !options.otlp_metrics {
        return Ok(None);
    }
    let resolved = resolved(options, Signal::Metrics).context("--otlp-metrics")?;
    let resource = resource(&meta.origin, &resolved);
    let interval = metrics::otlp::interval(env::var("OTEL_METRIC_EXPORT_INTERVAL").ok().as_deref());
    Ok(Some(metrics::otlp::PushSettings { target: target(resolved), resource, interval }))
}

fn resolved(options: &RecordOptions, signal: Signal) -> anyhow::Result<OtlpConfig> {
    let settings = OtlpSettings { endpoint: options.otlp_endpoint.clone(), ..OtlpSettings::default() };
    Ok(resolve(signal, &settings, |name| env::var(name).ok())?)
}

/// Returns the attributes of the machine and the agent; the user's own attributes override them.
fn resource(origin: &Origin, resolved: &OtlpConfig) -> Vec<KeyValue> {
    let own = attribute::resource(origin).into_iter();
    let own = own.filter(|pair| resolved.resource.iter().all(|(name, _)| *name != pair.key.as_str()));
    let given = resolved.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    own.chain(given).collect()
}

/// Converts the settings for OpenTelemetry's exporters, which are built without JSON and zstd here.
fn target(resolved: OtlpConfig) -> CollectorTarget {
    let protocol = match resolved.protocol {
        OtlpProtocol::Grpc => CollectorProtocol::Grpc,
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => CollectorProtocol::HttpProtobuf,
    };
    let compression = match resolved.compression {
        OtlpCompression::None => CollectorCompression::None,
        OtlpCompression::Gzip | OtlpCompression::Zstd => CollectorCompression::Gzip,
    };
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = resolved.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    CollectorTarget {
        endpoint: resolved.endpoint.to_string(),
        protocol,
        headers: headers.collect(),
        compression,
        timeout: resolved.timeout,
        tls: resolved.tls,
    }
}
