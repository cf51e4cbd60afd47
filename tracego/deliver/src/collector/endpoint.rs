//! Address of an OTLP receiver.

use std::fmt;

use hyper::Uri;

use super::{
    resolve::OtlpConfigError,
    settings::{OtlpProtocol, Signal},
};

/// Address of a receiver, split into its parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Whether TLS is used.
    pub(crate) secure: bool,
    /// Host name or IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as written in the endpoint.
    pub(crate) authority: String,
    /// Path and query of requests.
    pub(crate) path: String,
}

impl Endpoint {
    /// Parses an endpoint. `given_by`: the key or variable, for error texts. `whole`: the path is complete,
    /// so the path of the signal is not appended. `insecure`: decides about TLS if a gRPC endpoint has no
    /// scheme.
    pub(crate) fn parse(
        given_by: &str,
        text: &str,
        (protocol, signal): (OtlpProtocol, Signal),
        whole: bool,
        insecure: impl FnOnce() -> Result<bool, OtlpConfigError>,
    ) -> Result<Self, OtlpConfigError> {
        let wrong = |why: String| Err(OtlpConfigError::new(given_by, why));
        let grpc = protocol == OtlpProtocol::Grpc;
        let secure = match text.split_once("://") {
            Some(("https", _)) => true,
            Some(("http", _)) => false,
            Some((scheme, _)) => {
                let scheme = scheme.escape_debug();
                return wrong(format!("'{scheme}' is no scheme for OTLP; write http:// or https://"));
            }
            None if grpc => !insecure()?,
            None => return wrong("has no scheme; write http:// or https:// in front".to_owned()),
        };
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let Ok(uri) = format!("http://{bare}").parse::<Uri>() else {
            return wrong("is no URL".to_owned());
        };
        let Some(authority) = uri.authority() else { return wrong("has no host".to_owned()) };
        if authority.as_str().contains('@') {
            return wrong("holds a user or password; use headers".to_owned());
        }
        if uri.host().is_none_or(str::is_empty) {
            return wrong("has no host".to_owned());
        }
        if authority.as_str().ends_with(':') {
            return wrong("has an empty port".to_owned());
        }
        let port = match uri.port_u16() {
            Some(0) => return wrong("has port 0".to_owned()),
            Some(port) => port,
            None if authority.as_str() != authority.host() => return wrong("has no usable port".to_owned()),
            None if bare == text => return wrong("has no port; write HOST:4317".to_owned()),
            None if secure => 443,
            None => 80,
        };
        let path = if grpc {
            if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
                return wrong("has a path, which gRPC does not use; is protocol right?".to_owned());
            }
            signal.method().to_owned()
        } else {
            path(&uri, signal, whole)
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { secure, host, port, authority: authority.to_string(), path })
    }

    /// Returns `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

fn path(uri: &Uri, signal: Signal, whole: bool) -> String {
    let mut path = uri.path().to_owned();
    if path.is_empty() {
        path.push('/');
    }
    if !whole && !path.trim_end_matches('/').ends_with(&format!("/{}", signal.path())) {
        if !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(signal.path());
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    path
}

impl fmt::Display for Endpoint {
    /// Writes the URL without its query, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{}://{}{path}", self.scheme(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, protocol: OtlpProtocol, whole: bool) -> Result<Endpoint, String> {
        Endpoint::parse("endpoint", text, (protocol, Signal::Logs), whole, || Ok(true))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_path_of_the_signal_is_appended_once() {
        for (text, whole, shown) in [
            ("http://c:4318", false, "http://c:4318/v1/logs"),
            ("http://c:4318/", false, "http://c:4318/v1/logs"),
            ("https://c/otlp", false, "https://c/otlp/v1/logs"),
            ("https://c/otlp/", false, "https://c/otlp/v1/logs"),
            ("https://c/otlp/v1/logs", false, "https://c/otlp/v1/logs"),
            ("https://c/in", true, "https://c/in"),
            ("https://c", true, "https://c/"),
            ("https://c?key=secret", true, "https://c/"),
        ] {
            let endpoint = parse(text, OtlpProtocol::HttpProtobuf, whole).unwrap();
            assert_eq!(endpoint.to_string(), shown, "{text}");
        }
        let endpoint = parse("https://c/x?key=secret", OtlpProtocol::HttpJson, false).unwrap();
        assert_eq!(endpoint.path, "/x/v1/logs?key=secret");
    }

    #[test]
    fn addresses_and_ports_are_taken_apart() {
        let taken = |text: &str, protocol| {
            let endpoint = parse(text, protocol, false).unwrap();
            (endpoint.secure, endpoint.host, endpoint.port)
        };
        assert_eq!(taken("https://c", OtlpProtocol::HttpJson), (true, "c".to_owned(), 443));
        assert_eq!(taken("http://[::1]:4318", OtlpProtocol::HttpJson), (false, "::1".to_owned(), 4318));
        assert_eq!(taken("c:4317", OtlpProtocol::Grpc), (false, "c".to_owned(), 4317));
        assert_eq!(taken("[fe80::2]:1", OtlpProtocol::Grpc), (false, "fe80::2".to_owned(), 1));
    }

    #[test]
    fn mistakes_name_the_key_and_the_way_out() {
        for (text, protocol, why) in [
            ("collector:4318", OtlpProtocol::HttpJson, "no scheme"),
            ("ftp://c:1", OtlpProtocol::HttpJson, "'ftp' is no scheme"),
            ("http://", OtlpProtocol::HttpJson, "no URL"),
            ("http://:4318", OtlpProtocol::HttpJson, ""),
            ("http://u:p@c", OtlpProtocol::HttpJson, "use headers"),
            ("http://c:99999", OtlpProtocol::HttpJson, ""),
            ("http://c:", OtlpProtocol::HttpJson, "empty port"),
            ("http://c:0", OtlpProtocol::HttpJson, "port 0"),
            ("http://c d", OtlpProtocol::HttpJson, "no URL"),
            ("collector", OtlpProtocol::Grpc, "write HOST:4317"),
            ("http://c:4317/v1/logs", OtlpProtocol::Grpc, "is protocol right?"),
        ] {
            let error = parse(text, protocol, false).unwrap_err();
            assert!(error.starts_with("endpoint: ") && error.contains(why), "{text}: {error}");
            assert!(!error.contains("u:p"), "{error}");
        }
    }
}
