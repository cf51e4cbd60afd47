//! Webhooks to a faulty receiver; the accepted bodies are compared record by record.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;
use tracego_deliver::{
    format::Format,
    sink::webhook::{WebhookSettings, WebhookTransport},
};
use tracego_model::record::Record;
use tracego_tests::{
    ports::{bind_again, free_port},
    samples,
};

use super::{
    Test, all,
    receiver::{Answer, ReceivedRequest, Receiver, answer},
    slices, trouble, wait,
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a webhook delivers all records in order, in every format", formats),
    ("a webhook compresses, signs and identifies itself", dressed),
    ("a webhook compresses with zstd", compressed),
    ("requests hold as many records and bytes as is said", sized),
    ("a receiver that is busy is left alone for as long as it says", busy),
    ("an answer that breaks off, comes late or not at all means once more", broken),
    ("a record that is refused goes alone, and the others arrive", halved),
    ("a receiver that refuses everything gets all records once it takes one", refusing),
    ("the same records have the same key at each attempt", keyed),
    ("a receiver that finds requests too large gets smaller ones from then on", smaller),
    ("a mistake of the settings is never blamed on the records", mistaken),
    ("a token that was replaced is read again", replaced),
    ("a dead receiver is no error of the start, and one that comes is used", dead),
    ("another authority is refused", authority),
];

fn webhook(port: u16, format: Format, more: &str) -> WebhookTransport {
    let text = format!("url = 'http://127.0.0.1:{port}/in?token=hush'\ntimeout = '1s'\n{more}");
    let settings: WebhookSettings = toml::from_str(&text).unwrap();
    WebhookTransport::new(&settings, format).unwrap()
}

fn encode(format: Format, records: &[Record]) -> Vec<Vec<u8>> {
    let encoded = records.iter().map(|record| {
        let mut out = Vec::new();
        format.write(record, &mut out).unwrap();
        out
    });
    encoded.collect()
}

/// Returns small numbered lines.
fn lines(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("{{\"n\":{n}}}\n").into_bytes()).collect()
}

/// Returns the numbers in a request.
fn numbers(seen: &ReceivedRequest) -> Vec<u64> {
    seen.body()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap())
        .collect()
}

fn formats() {
    let records = [samples::synthetic(), samples::captured()].concat();
    for format in Format::ALL {
        let receiver = Receiver::answering(Vec::new());
        let payloads = encode(format, &records);
        let mut webhook = webhook(receiver.port, format, "batch-records = 7");
        wait(async { all(&webhook.deliver(&slices(&payloads)).await, records.len()) });
        let seen = receiver.seen();
        assert_eq!(seen.len(), records.len().div_ceil(7));
        assert!(seen.iter().all(|seen| seen.connection == 0), "the connection is kept");
        let mut got = Vec::new();
        for seen in &seen {
            assert_eq!(seen.line, "POST /in?token=hush HTTP/1.1");
            let kind = seen.headers["content-type"].as_str();
            if format == Format::CloudEvents {
                assert_eq!(kind, "application/cloudevents-batch+json");
                let batch: Vec<Value> = serde_json::from_str(&seen.body()).unwrap();
                got.extend(batch.into_iter().map(|event| event.to_string()));
            } else {
                assert_eq!(kind, format.stream_media_type());
                got.extend(seen.body().lines().map(str::to_owned));
            }
        }
        for (got, payload) in got.iter().zip(&payloads) {
            let payload = std::str::from_utf8(payload).unwrap().trim_end_matches('\n');
            if format == Format::CloudEvents {
                assert_eq!(got.parse::<Value>().unwrap(), payload.parse::<Value>().unwrap());
            } else {
                assert_eq!(got, payload);
            }
        }
        assert_eq!(got.len(), payloads.len());
    }
}

/// Computes an HMAC with an independent implementation.
fn hmac(secret: &str, body: &[u8]) -> String {
    let code =
        "import hmac,sys;print(hmac.new(sys.argv[1].encode(),sys.stdin.buffer.read(),'sha256').hexdigest())";
    let mut python = Command::new("python3");
    python.args(["-c", code, secret]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

fn dressed() {
    let receiver = Receiver::answering(Vec::new());
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "Bearer abc\n").unwrap();
    let more = format!(
        "compression = 'gzip'\nmethod = 'PUT'\nsecret = 'shared'\n\
         headers = {{ Authorization = {{ file = {token:?} }}, x-site = 'berlin', content-type = 'text/json' }}"
    );
    let payloads = lines(100);
    let mut webhook = webhook(receiver.port, Format::Json, &more);
    wait(async { all(&webhook.deliver(&slices(&payloads)).await, 100) });
    let seen = receiver.seen().remove(0);
    assert!(seen.line.starts_with("PUT "), "{}", seen.line);
    for (name, value) in [
        ("authorization", "Bearer abc"),
        ("x-site", "berlin"),
        ("content-type", "text/json"),
        ("content-encoding", "gzip"),
        ("user-agent", concat!("tracego/", env!("CARGO_PKG_VERSION"))),
        ("x-tracego-signature-256", &format!("sha256={}", hmac("shared", &seen.raw))),
    ] {
        assert_eq!(seen.headers[name], value);
    }
    assert_eq!(numbers(&seen), (0..100).collect::<Vec<_>>());
    assert!(seen.raw.len() < 400, "{}", seen.raw.len());
}

fn compressed() {
    let receiver = Receiver::answering(Vec::new());
    let payloads = lines(100);
    let mut webhook = webhook(receiver.port, Format::Json, "compression = 'zstd'");
    wait(async { all(&webhook.deliver(&slices(&payloads)).await, 100) });
    let seen = receiver.seen().remove(0);
    assert_eq!(seen.headers["content-encoding"], "zstd");
    assert_eq!(numbers(&seen), (0..100).collect::<Vec<_>>());
    assert!(seen.raw.len() < 400, "{}", seen.raw.len());
}

fn sized() {
    let receiver = Receiver::answering(Vec::new());
    let mut payloads = lines(10);
    payloads[4] = format!("{{\"n\":4,\"x\":\"{}\"}}\n", "x".repeat(200)).into_bytes();
    let mut webhook = webhook(receiver.port, Format::Json, "batch-records = 3\nbatch-bytes = 100");
    wait(async { all(&webhook.deliver(&slices(&payloads)).await, 10) });
    let requests: Vec<_> = receiver.seen().iter().map(numbers).collect();
    assert_eq!(requests, [vec![0, 1, 2], vec![3], vec![4], vec![5, 6, 7], vec![8, 9]]);
}

fn busy() {
    let soon = SystemTime::now() + Duration::from_secs(100);
    let date = format!("Retry-After: {}\r\n", http_date(soon));
    let receiver = Receiver::answering(vec![
        answer("429 Too Many Requests", "Retry-After: 7\r\n", "slow down\n"),
        answer("503 Service Unavailable", &date, ""),
        answer("500 Internal Server Error", "", "<html>"),
        answer("408 Request Timeout", "", ""),
        answer("425 Too Early", "", ""),
    ]);
    let payloads = lines(3);
    let mut webhook = webhook(receiver.port, Format::Json, "");
    wait(async {
        let delivered = webhook.deliver(&slices(&payloads)).await;
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0));
        trouble(&delivered, "/in: 429 Too Many Requests: slow down");
        assert!(!delivered.trouble.as_ref().unwrap().why.contains("hush"));
        assert_eq!(delivered.trouble.unwrap().after, Some(Duration::from_secs(7)));
        let after = webhook.deliver(&slices(&payloads)).await.trouble.unwrap().after.unwrap();
        assert!((90..=100).contains(&after.as_secs()), "{after:?}");
        for said in ["500", "408", "425"] {
            let delivered = webhook.deliver(&slices(&payloads)).await;
            assert_eq!(delivered.done, 0);
            trouble(&delivered, said);
            assert_eq!(delivered.trouble.unwrap().after, None);
        }
        all(&webhook.deliver(&slices(&payloads)).await, 3);
    });
    assert_eq!(receiver.seen().len(), 6);
}

/// Formats an IMF-fixdate with an independent implementation.
fn http_date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut date = Command::new("date");
    date.env("LC_ALL", "C").args(["-u", "-d", &format!("@{seconds}"), "+%a, %d %b %Y %H:%M:%S GMT"]);
    let output = date.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn broken() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let receiver = Receiver::answering(vec![
        Answer::SayAndClose(cut.to_owned()),
        Answer::SayAndClose("HTTP/1.1 200".to_owned()),
        Answer::SayAndClose("no http at all\r\n\r\n".to_owned()),
        Answer::Close,
        Answer::Wait(Duration::from_millis(1500)),
        Answer::Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned()),
    ]);
    let payloads = lines(3);
    let mut webhook = webhook(receiver.port, Format::Json, "");
    wait(async {
        for n in 0..6 {
            let start = Instant::now();
            let delivered = webhook.deliver(&slices(&payloads)).await;
            assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{n}: {delivered:?}");
            trouble(&delivered, if n < 4 { "127.0.0.1" } else { "no answer within 1 s" });
            assert!(start.elapsed() < Duration::from_millis(1400), "{:?}", start.elapsed());
        }
        all(&webhook.deliver(&slices(&payloads)).await, 3);
    });
    assert!(receiver.seen().iter().all(|seen| numbers(seen) == [0, 1, 2]));
}

fn halved() {
    let receiver = Receiver::new(|seen| {
        let all = numbers(seen);
        if all.contains(&3) || all.contains(&17) {
            return answer("422 Unprocessable Entity", "", "{\"error\":\"field n\"}");
        }
        answer("200 OK", "", "fine")
    });
    let payloads = lines(20);
    let mut webhook = webhook(receiver.port, Format::Json, "batch-records = 16");
    let delivered = wait(async { webhook.deliver(&slices(&payloads)).await });
    assert_eq!((delivered.done, &delivered.trouble), (20, &None));
    let refused: Vec<_> = delivered.refused.iter().map(|one| (one.first, one.among, one.count)).collect();
    assert_eq!(refused, [(3, 1, 1), (17, 1, 1)]);
    assert_eq!(delivered.refused[0].why, "422 Unprocessable Entity: {\"error\":\"field n\"}");
    let taken = |seen: &&ReceivedRequest| !numbers(seen).iter().any(|n| [3, 17].contains(n));
    let took: Vec<u64> = receiver.seen().iter().filter(taken).flat_map(numbers).collect();
    let expected: Vec<u64> = (0..20).filter(|n| ![3, 17].contains(n)).collect();
    assert_eq!(took, expected);

    // Records acknowledged before a failure stay acknowledged, and records refused before it are reported.
    let receiver = Receiver::new(|seen| match numbers(seen)[..] {
        [0] => answer("400 Bad Request", "", ""),
        [1] => answer("200 OK", "", ""),
        [2, ..] => answer("503 Service Unavailable", "", ""),
        _ => answer("400 Bad Request", "", ""),
    });
    let mut webhook = self::webhook(receiver.port, Format::Json, "");
    let delivered = wait(async { webhook.deliver(&slices(&lines(4))).await });
    assert_eq!((delivered.done, delivered.refused.len()), (2, 1), "{delivered:?}");
    trouble(&delivered, "503");
}

fn refusing() {
    // A mistake in the query, until the operator fixes it.
    let fixed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_fixed = std::sync::Arc::clone(&fixed);
    let receiver = Receiver::new(move |seen| {
        let bad = numbers(seen).contains(&7);
        if bad || !is_fixed.load(std::sync::atomic::Ordering::Relaxed) {
            return answer("400 Bad Request", "", "unknown parameter: tokn");
        }
        answer("200 OK", "", "")
    });
    let payloads = lines(100);
    let mut webhook = webhook(receiver.port, Format::Json, "batch-records = 10");
    wait(async {
        for _ in 0..20 {
            let delivered = webhook.deliver(&slices(&payloads)).await;
            assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
            trouble(
                &delivered,
                "/in: 400 Bad Request: unknown parameter: tokn; the receiver has taken no record",
            );
            let delivered = webhook.deliver(&slices(&payloads[..1])).await;
            assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
        }
        let requests = receiver.seen().len();
        assert!(requests < 20 * 20, "{requests}");
        fixed.store(true, std::sync::atomic::Ordering::Relaxed);
        let delivered = webhook.deliver(&slices(&payloads)).await;
        assert_eq!((delivered.done, delivered.refused.len()), (100, 1), "{delivered:?}");
        assert_eq!(delivered.refused[0].first, 7);
        // From now on, a record that is refused is given up even alone.
        let delivered = webhook.deliver(&slices(&payloads[7..8])).await;
        assert_eq!((delivered.done, delivered.refused.len()), (1, 1), "{delivered:?}");
    });
}

fn keyed() {
    let receiver = Receiver::answering(vec![Answer::Close, answer("503 Service Unavailable", "", "")]);
    let text = format!(
        "url = 'http://127.0.0.1:{}/in/{{batch}}?key={{batch}}'\ncompression = 'gzip'",
        receiver.port
    );
    let settings: WebhookSettings = toml::from_str(&text).unwrap();
    let payloads = lines(3);
    wait(async {
        for attempt in 0..3 {
            // Each attempt is that of another process.
            let mut webhook = WebhookTransport::new(&settings, Format::Json).unwrap();
            let delivered = webhook.deliver(&slices(&payloads)).await;
            assert_eq!(delivered.trouble.is_none(), attempt == 2, "{delivered:?}");
        }
        let mut webhook = WebhookTransport::new(&settings, Format::Json).unwrap();
        all(&webhook.deliver(&slices(&payloads[..2])).await, 2);
    });
    let seen = receiver.seen();
    let keys: Vec<_> = seen.iter().map(|seen| seen.headers["idempotency-key"].trim_matches('"')).collect();
    assert_eq!((keys.len(), keys[0].len()), (4, 32));
    assert!(keys[..3].iter().all(|key| *key == keys[0]) && keys[3] != keys[0], "{keys:?}");
    for (seen, key) in seen.iter().zip(keys) {
        assert_eq!(seen.line, format!("POST /in/{key}?key={key} HTTP/1.1"));
    }
}

fn smaller() {
    let receiver = Receiver::new(|seen| {
        if seen.raw.len() > 20_000 {
            return answer("413 Content Too Large", "", "");
        }
        answer("200 OK", "", "")
    });
    let payloads: Vec<Vec<u8>> =
        (0..100).map(|n| format!("{{\"n\":{n},\"x\":\"{}\"}}\n", "x".repeat(1000)).into_bytes()).collect();
    let mut webhook = webhook(receiver.port, Format::Json, "");
    wait(async {
        all(&webhook.deliver(&slices(&payloads)).await, 100);
        let first = receiver.seen().len();
        all(&webhook.deliver(&slices(&payloads)).await, 100);
        let again = &receiver.seen()[first..];
        assert!(again.iter().all(|seen| seen.raw.len() <= 20_000), "it has learned");
    });
    let took = |seen: &&ReceivedRequest| seen.raw.len() <= 20_000;
    let took: Vec<u64> = receiver.seen().iter().filter(took).flat_map(numbers).collect();
    assert_eq!(took, (0..100).chain(0..100).collect::<Vec<_>>());
}

fn mistaken() {
    let receiver = Receiver::answering(vec![
        answer("401 Unauthorized", "", ""),
        answer("403 Forbidden", "", ""),
        answer("404 Not Found", "", ""),
        answer("405 Method Not Allowed", "", ""),
        answer("415 Unsupported Media Type", "", ""),
        answer("301 Moved Permanently", "Location: http://127.0.0.1:1/other\r\n", ""),
        answer("307 Temporary Redirect", "Location: /other\r\n", ""),
    ]);
    let payloads = lines(5);
    let mut webhook = webhook(receiver.port, Format::Json, "");
    wait(async {
        for said in ["headers", "headers", "url", "method", "format", "redirects", "redirects"] {
            let delivered = webhook.deliver(&slices(&payloads)).await;
            assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
            trouble(&delivered, said);
        }
        all(&webhook.deliver(&slices(&payloads)).await, 5);
    });
    assert_eq!(receiver.seen().len(), 8, "no redirect was followed");
}

fn replaced() {
    let receiver = Receiver::new(|seen| match seen.headers["authorization"].as_str() {
        "new" => answer("200 OK", "", ""),
        _ => answer("401 Unauthorized", "", ""),
    });
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "old").unwrap();
    let more = format!("headers = {{ authorization = {{ file = {token:?} }} }}");
    let mut webhook = webhook(receiver.port, Format::Json, &more);
    fs::write(&token, "new").unwrap();
    wait(async {
        trouble(&webhook.deliver(&slices(&lines(1))).await, "401");
        all(&webhook.deliver(&slices(&lines(1))).await, 1);
        // A missing file changes nothing.
        fs::remove_file(&token).unwrap();
        all(&webhook.deliver(&slices(&lines(1))).await, 1);
    });
}

fn dead() {
    let port = free_port();
    let mut webhook = webhook(port, Format::Json, "");
    wait(async {
        let delivered = webhook.deliver(&slices(&lines(2))).await;
        assert_eq!(delivered.done, 0);
        trouble(&delivered, "Connection refused");
        let listener = bind_again(|| TcpListener::bind(("127.0.0.1", port)));
        let receiver = Receiver::on(listener, |_| {
            Answer::SayAndClose("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into())
        });
        // The receiver closes each connection after its answer, so the next request opens another.
        for _ in 0..5 {
            all(&webhook.deliver(&slices(&lines(2))).await, 2);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(receiver.seen().len(), 5);
    });
}

fn authority() {
    use super::{certificates::Certificates, tls::secured};
    let (files, other) = (Certificates::new(), Certificates::new());
    for (trusted, right) in [(&other, false), (&files, true)] {
        let port = secured(&files);
        let text =
            format!("url = 'https://localhost:{port}/'\ntls = {{ ca = '{}' }}", trusted.path("ca.pem"));
        let settings: WebhookSettings = toml::from_str(&text).unwrap();
        let mut webhook = WebhookTransport::new(&settings, Format::Json).unwrap();
        let delivered = wait(async { webhook.deliver(&slices(&lines(2))).await });
        if right {
            all(&delivered, 2);
        } else {
            assert_eq!(delivered.done, 0);
            trouble(&delivered, "UnknownIssuer");
        }
    }
}
