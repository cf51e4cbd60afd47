use tracego_model::units::{Bytes, Span};

use super::*;

const SECRET: &str = "hunter2";

fn resolved(settings: &OtlpSettings, variables: &[(&str, &str)]) -> Result<OtlpConfig, String> {
    of(Signal::Logs, settings, variables)
}

fn of(signal: Signal, settings: &OtlpSettings, variables: &[(&str, &str)]) -> Result<OtlpConfig, String> {
    let get = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    resolve(signal, settings, get).map_err(|error| error.to_string())
}

fn none() -> OtlpSettings {
    OtlpSettings::default()
}

#[test]
fn without_anything_the_defaults_of_the_specification_hold() {
    let r = resolved(&none(), &[]).unwrap();
    assert_eq!(r.endpoint.to_string(), "http://localhost:4318/v1/logs");
    assert_eq!((r.protocol, r.compression), (OtlpProtocol::HttpProtobuf, OtlpCompression::None));
    assert_eq!(r.timeout, Duration::from_secs(10));
    assert!(r.headers.is_empty() && r.resource.is_empty());
    let r = resolved(&none(), &[("OTEL_EXPORTER_OTLP_PROTOCOL", "gRPC")]).unwrap();
    assert_eq!((r.endpoint.port, r.endpoint.secure), (4317, false));
    // An empty variable counts as unset.
    let empty = ["ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION", "INSECURE", "CERTIFICATE"];
    let empty = empty.map(|name| format!("OTEL_EXPORTER_OTLP_{name}"));
    let empty: Vec<(&str, &str)> = empty.iter().map(|name| (name.as_str(), " ")).collect();
    assert_eq!(resolved(&none(), &empty).unwrap().endpoint.to_string(), "http://localhost:4318/v1/logs");
}

#[test]
fn a_key_wins_over_the_signals_variable_and_that_over_the_general_one() {
    let all = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:1/base"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs:2/as/is"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "b=2"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/general/ca"),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/logs/ca"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/general/cert"),
        ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "/logs/key"),
    ];
    let r = resolved(&none(), &all).unwrap();
    assert_eq!(r.endpoint.to_string(), "https://logs:2/as/is");
    assert_eq!((r.protocol, r.compression), (OtlpProtocol::HttpJson, OtlpCompression::Gzip));
    assert_eq!((r.headers.len(), r.timeout.as_millis()), (1, 2500));
    assert_eq!(r.headers["b"], "2");
    let path = |text: &str| Some(PathBuf::from(text));
    let files = (r.tls.ca, r.tls.cert, r.tls.key);
    assert_eq!(files, (path("/logs/ca"), path("/general/cert"), path("/logs/key")));

    // Variables of the logs signal do not affect other signals.
    let without: Vec<_> = all.iter().copied().filter(|(name, _)| !name.contains("PROTOCOL")).collect();
    for (signal, url) in [
        (Signal::Metrics, "http://general:1/base/v1/metrics"),
        (Signal::Traces, "http://general:1/base/v1/traces"),
    ] {
        let r = of(signal, &none(), &without).unwrap();
        assert_eq!(r.endpoint.to_string(), url);
        assert_eq!((r.compression, r.timeout.as_millis()), (OtlpCompression::Zstd, 1000));
        // The endpoint is not encrypted, so the certificates are not used.
        assert_eq!(r.tls, TlsSettings::default());
    }

    let settings = OtlpSettings {
        endpoint: Some("https://mine:3".to_owned()),
        protocol: Some(OtlpProtocol::HttpProtobuf),
        compression: Some(OtlpCompression::None),
        headers: [("c".to_owned(), "3".to_owned())].into(),
        timeout: Some(Span(Duration::from_secs(3))),
        tls: Some(TlsSettings { key: path("/my/key"), ..TlsSettings::default() }),
        ..none()
    };
    let r = resolved(&settings, &all).unwrap();
    assert_eq!(r.endpoint.to_string(), "https://mine:3/v1/logs");
    assert_eq!((r.protocol, r.compression), (OtlpProtocol::HttpProtobuf, OtlpCompression::None));
    assert_eq!((r.headers.len(), r.timeout.as_secs()), (1, 3));
    assert_eq!(r.headers["c"], "3");
    // Certificate and key come from the same source.
    assert_eq!((r.tls.ca, r.tls.cert, r.tls.key), (path("/logs/ca"), None, path("/my/key")));
}

#[test]
fn a_scheme_decides_about_tls_and_without_one_insecure_does() {
    let secure = |endpoint: &str, insecure: &[(&str, &str)]| {
        let grpc = OtlpSettings { protocol: Some(OtlpProtocol::Grpc), ..none() };
        let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
        all.extend(insecure);
        resolved(&grpc, &all).map(|r| r.endpoint.secure)
    };
    let general = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    assert_eq!(secure("c:4317", &[]), Ok(true));
    assert_eq!(secure("c:4317", &[general]), Ok(false));
    assert_eq!(secure("c:4317", &[general, ("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "FALSE")]), Ok(true));
    assert_eq!(secure("https://c:4317", &[general]), Ok(true));
    assert_eq!(secure("http://c:4317", &[]), Ok(false));
    let error = secure("c:4317", &[("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "yes")]).unwrap_err();
    assert_eq!(error, "OTEL_EXPORTER_OTLP_LOGS_INSECURE: is true or false");
}

#[test]
fn lists_are_decoded_and_attributes_come_together_by_name() {
    let list = "authorization=Bearer%20a%2Cb%3D, x-scope = team a ,,";
    let r = resolved(&none(), &[("OTEL_EXPORTER_OTLP_HEADERS", list)]).unwrap();
    assert_eq!((r.headers.len(), &r.headers["x-scope"]), (2, &"team a".parse().unwrap()));
    assert_eq!(r.headers["authorization"], "Bearer a,b=");
    assert!(!format!("{r:?}").contains("Bearer"), "headers hold passwords");

    let environment = [
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,team=caf%C3%A9,site=a%2Cb,site=last"),
        ("OTEL_SERVICE_NAME", "audit"),
    ];
    let settings = OtlpSettings { resource: [("team".to_owned(), "mine".to_owned())].into(), ..none() };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        resolved(&none(), &environment).unwrap().resource,
        [pair("service.name", "audit"), pair("site", "last"), pair("team", "café")]
    );
    assert_eq!(resolved(&settings, &environment).unwrap().resource[2], pair("team", "mine"));
}

#[test]
fn mistakes_name_the_variable_or_key_and_no_secret() {
    for (name, value, why) in [
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http", "'http' is none of grpc, http/protobuf, http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "br", "'br' is none of none, gzip, zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "is in milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "more than 0"),
        ("OTEL_EXPORTER_OTLP_HEADERS", SECRET, "entry 1 has no '='"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,=hunter2", "entry 2 has no name"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=hunter2%FF", "entry 1 is no UTF-8"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=hunter2", "'a b' is no name of a header"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=hunter2%0A", "the value of a holds"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Content-Type=hunter2", "content-type is set by tracego"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "grpc-timeout=hunter2", "grpc-timeout is set by tracego"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "has no scheme"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "file:///x", "'file' is no scheme"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team", "entry 1 has no '='"),
    ] {
        let error = resolved(&none(), &[(name, value)]).unwrap_err();
        assert!(error.starts_with(&format!("{name}: ")) && error.contains(why), "{error}");
        assert!(!error.contains(SECRET), "{error}");
    }
    let headers = [("te".to_owned(), String::new())];
    for (settings, why) in [
        (OtlpSettings { batch_bytes: Bytes(10), ..none() }, "batch-bytes: write 64K"),
        (OtlpSettings { batch_records: 0, ..none() }, "batch-records: write 1"),
        (OtlpSettings { timeout: Some(Span::default()), ..none() }, "timeout: "),
        (OtlpSettings { headers: headers.into(), ..none() }, "headers: te is set"),
        (OtlpSettings { resource: [(String::new(), String::new())].into(), ..none() }, "resource: "),
        (
            OtlpSettings { tls: Some(TlsSettings::default()), ..none() },
            "tls: is given, but http://localhost:4318",
        ),
    ] {
        let error = resolved(&settings, &[]).unwrap_err();
        assert!(error.starts_with(why), "{error}");
    }
}

#[test]
fn a_table_is_read_and_keys_that_are_none_are_refused() {
    let text = "endpoint = \"https://c\"\nprotocol = \"http/json\"\ncompression = \"zstd\"\ntimeout = \"5s\"\n\
                batch-bytes = \"1M\"\nbatch-records = 100\nheaders = { a = \"b\" }\ntls = { ca = \"/ca\" }\n\
                resource = { team = \"x\" }";
    let settings: OtlpSettings = toml::from_str(text).unwrap();
    let r = resolved(&settings, &[]).unwrap();
    assert_eq!(
        (r.protocol, r.compression, r.batch_bytes),
        (OtlpProtocol::HttpJson, OtlpCompression::Zstd, 1 << 20)
    );
    assert_eq!((r.batch_records, r.tls.ca, r.resource.len()), (100, Some(PathBuf::from("/ca")), 1));
    assert!(toml::from_str::<OtlpSettings>("endpiont = \"x\"").is_err());
    assert!(toml::from_str::<OtlpSettings>("protocol = \"http\"").is_err());
}
