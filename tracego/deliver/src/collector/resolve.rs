//! Resolution of settings and OpenTelemetry's environment variables (specification, "OpenTelemetry Protocol
//! Exporter", "SDK Environment Variables", and "Resource SDK") to the complete settings of a sink.
//!
//! A configuration key wins over the variable of the signal, that over the variable of all signals, and that
//! over the default. An empty variable counts as unset. An invalid value is an error, where an SDK would
//! continue with its default: records must not go where nobody asked for.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;

use super::{
    endpoint::Endpoint,
    settings::{OtlpCompression, OtlpProtocol, OtlpSettings, Signal, header_map},
};
use crate::http::tls::{TlsError, TlsSettings};

/// Reason why an OTLP sink cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum OtlpConfigError {
    /// A key or variable has an invalid value.
    #[error("{0}: {1}")]
    Setting(String, String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl OtlpConfigError {
    pub(crate) fn new(given_by: &str, why: impl Into<String>) -> Self {
        Self::Setting(given_by.to_owned(), why.into())
    }
}

/// Default timeout of one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Complete settings of a sink.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// Signal to send.
    pub signal: Signal,
    /// Address of the receiver.
    pub endpoint: Endpoint,
    /// Protocol of requests.
    pub protocol: OtlpProtocol,
    /// Compression of requests.
    pub compression: OtlpCompression,
    /// Headers beside those that every request needs. Their values are hidden in debug output.
    pub headers: HeaderMap,
    /// Timeout of one request.
    pub timeout: Duration,
    /// TLS settings, used if the endpoint asks for TLS.
    pub tls: TlsSettings,
    /// Resource attributes that win over those of the record.
    pub resource: Vec<(String, String)>,
    /// Maximum size of a request before compression, in bytes.
    pub batch_bytes: usize,
    /// Maximum number of records per request.
    pub batch_records: usize,
}

/// Merges settings with the environment. `env` returns the value of a variable.
///
/// # Errors
/// Fails if a value is invalid. The error names the key or the variable.
pub fn resolve(
    signal: Signal,
    settings: &OtlpSettings,
    env: impl Fn(&str) -> Option<String>,
) -> Result<OtlpConfig, OtlpConfigError> {
    settings.check()?;
    let env = Environment { signal, get: &env };
    let protocol = match settings.protocol {
        Some(protocol) => protocol,
        None => env.choice("PROTOCOL", &OtlpProtocol::ALL, OtlpProtocol::name)?.unwrap_or_default(),
    };
    let compression = match settings.compression {
        Some(compression) => compression,
        None => env.choice("COMPRESSION", &OtlpCompression::ALL, OtlpCompression::name)?.unwrap_or_default(),
    };
    let endpoint = endpoint(settings, protocol, &env)?;
    let headers = if settings.headers.is_empty() {
        env.headers()?
    } else {
        header_map("headers", settings.headers.iter().map(|(name, value)| (&**name, &**value)))?
    };
    let timeout = match settings.timeout {
        Some(span) => span.0,
        None => env.timeout()?.unwrap_or(TIMEOUT),
    };
    Ok(OtlpConfig {
        tls: tls(settings, &endpoint, &env)?,
        resource: resource(settings, &env)?,
        batch_bytes: usize::try_from(settings.batch_bytes.0).unwrap_or(usize::MAX),
        batch_records: settings.batch_records,
        signal,
        endpoint,
        protocol,
        compression,
        headers,
        timeout,
    })
}

fn endpoint(
    settings: &OtlpSettings,
    protocol: OtlpProtocol,
    env: &Environment,
) -> Result<Endpoint, OtlpConfigError> {
    let (kind, insecure) = ((protocol, env.signal), || env.insecure());
    if let Some(text) = &settings.endpoint {
        return Endpoint::parse("endpoint", text, kind, false, insecure);
    }
    if let Some((name, text)) = env.of_signal("ENDPOINT") {
        return Endpoint::parse(&name, &text, kind, true, insecure);
    }
    if let Some((name, text)) = env.of_all("ENDPOINT") {
        return Endpoint::parse(&name, &text, kind, false, insecure);
    }
    let default =
        if protocol == OtlpProtocol::Grpc { "http://localhost:4317" } else { "http://localhost:4318" };
    Endpoint::parse("endpoint", default, kind, false, insecure)
}

fn tls(
    settings: &OtlpSettings,
    endpoint: &Endpoint,
    env: &Environment,
) -> Result<TlsSettings, OtlpConfigError> {
    if !endpoint.secure {
        // Variables for TLS may be meant for another signal; the key is meant for this sink.
        return match settings.tls {
            Some(_) => Err(OtlpConfigError::new(
                "tls",
                format!("is given, but {endpoint} is not encrypted; use https"),
            )),
            None => Ok(TlsSettings::default()),
        };
    }
    let mut tls = settings.tls.clone().unwrap_or_default();
    let file = |option| env.find(option).map(|(_, path)| PathBuf::from(path));
    if tls.ca.is_none() {
        tls.ca = file("CERTIFICATE");
    }
    // Certificate and key are a pair, so both must come from the same source.
    if tls.cert.is_none() && tls.key.is_none() {
        (tls.cert, tls.key) = (file("CLIENT_CERTIFICATE"), file("CLIENT_KEY"));
    }
    Ok(tls)
}

fn resource(settings: &OtlpSettings, env: &Environment) -> Result<Vec<(String, String)>, OtlpConfigError> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let mut all: BTreeMap<String, String> = match env.named(name) {
        Some(text) => pairs(name, &text)?.into_iter().collect(),
        None => BTreeMap::new(),
    };
    if let Some(service) = env.named("OTEL_SERVICE_NAME") {
        all.insert("service.name".to_owned(), service);
    }
    all.extend(settings.resource.clone());
    Ok(all.into_iter().collect())
}

/// Parses `name=value,…` with percent-encoding, like W3C Baggage without properties. Values may be passwords,
/// so errors name only the position of an entry.
fn pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>, OtlpConfigError> {
    let mut all = Vec::new();
    for (n, entry) in text.split(',').enumerate() {
        if entry.trim().is_empty() {
            continue;
        }
        let wrong = |why| Err(OtlpConfigError::new(variable, format!("entry {} {why}", n + 1)));
        let Some((name, value)) = entry.split_once('=') else { return wrong("has no '='") };
        let decoded =
            |text: &str| percent_decode_str(text.trim()).decode_utf8().map(|text| text.into_owned());
        let (Ok(name), Ok(value)) = (decoded(name), decoded(value)) else { return wrong("is no UTF-8") };
        if name.is_empty() {
            return wrong("has no name");
        }
        all.push((name, value));
    }
    Ok(all)
}

struct Environment<'a> {
    signal: Signal,
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    fn named(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn of_all(&self, option: &str) -> Option<(String, String)> {
        let name = format!("OTEL_EXPORTER_OTLP_{option}");
        self.named(&name).map(|value| (name, value))
    }

    fn of_signal(&self, option: &str) -> Option<(String, String)> {
        self.of_all(&format!("{}_{option}", self.signal.variable()))
    }

    /// Returns the variable that decides, and its value.
    fn find(&self, option: &str) -> Option<(String, String)> {
        self.of_signal(option).or_else(|| self.of_all(option))
    }

    fn choice<T: Copy>(
        &self,
        option: &str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Result<Option<T>, OtlpConfigError> {
        let Some((variable, text)) = self.find(option) else { return Ok(None) };
        let found = all.iter().copied().find(|&one| name(one).eq_ignore_ascii_case(&text));
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        let wrong = || {
            OtlpConfigError::new(
                &variable,
                format!("'{}' is none of {}", text.escape_debug(), names.join(", ")),
            )
        };
        found.map(Some).ok_or_else(wrong)
    }

    fn headers(&self) -> Result<HeaderMap, OtlpConfigError> {
        let Some((variable, text)) = self.find("HEADERS") else { return Ok(HeaderMap::new()) };
        let pairs = pairs(&variable, &text)?;
        header_map(&variable, pairs.iter().map(|(name, value)| (&**name, &**value)))
    }

    /// Returns the timeout, which the variable gives in milliseconds. The specification's "0 is no limit" is
    /// rejected: a silent receiver would block the sink forever.
    fn timeout(&self) -> Result<Option<Duration>, OtlpConfigError> {
        let Some((variable, text)) = self.find("TIMEOUT") else { return Ok(None) };
        match text.parse() {
            Ok(millis) if millis > 0 => Ok(Some(Duration::from_millis(millis))),
            _ => Err(OtlpConfigError::new(&variable, "is in milliseconds, and more than 0: write 10000")),
        }
    }

    fn insecure(&self) -> Result<bool, OtlpConfigError> {
        let Some((variable, text)) = self.find("INSECURE") else { return Ok(false) };
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(OtlpConfigError::new(&variable, "is true or false")),
        }
    }
}

#[cfg(test)]
mod tests;
