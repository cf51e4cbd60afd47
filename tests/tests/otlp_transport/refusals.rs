//! Permanent refusals of a receiver, and answers that only look like one.

use serde_json::{Value, json};
use tracego_deliver::{
    collector::{OtlpCompression, OtlpProtocol, OtlpSettings},
    sink::otlp::readable,
};

use crate::harness::{
    Receiver, TestSink, counted, few, identifiers, payloads, plain, quick, records, resolved, uids,
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    (
        "refusals::partial_success_is_counted_and_never_sent_again",
        partial_success_is_counted_and_never_sent_again,
    ),
    ("refusals::a_bad_record_takes_no_other_with_it", a_bad_record_takes_no_other_with_it),
    ("refusals::what_the_receiver_fails_at_is_given_up_alone", what_the_receiver_fails_at_is_given_up_alone),
    (
        "refusals::a_compression_that_the_receiver_does_not_know_costs_no_record",
        a_compression_that_the_receiver_does_not_know_costs_no_record,
    ),
    ("refusals::what_is_too_large_goes_in_parts", what_is_too_large_goes_in_parts),
    ("refusals::who_refuses_everything_gets_it_later", who_refuses_everything_gets_it_later),
    ("refusals::damage_is_refused_in_its_place", damage_is_refused_in_its_place),
    ("refusals::an_early_refusal_is_heard", an_early_refusal_is_heard),
    ("refusals::what_follows_a_refusal_is_not_lost", what_follows_a_refusal_is_not_lost),
];

const ALL: [(&str, OtlpProtocol); 3] =
    [("http", OtlpProtocol::HttpProtobuf), ("http", OtlpProtocol::HttpJson), ("grpc", OtlpProtocol::Grpc)];

fn partial_success_is_counted_and_never_sent_again() {
    let records = few(9);
    for (kind, protocol) in ALL {
        let script =
            json!([{ "partial": [2, "too old"] }, { "partial": [0, "be quick"] }, { "partial": [99, ""] }]);
        let receiver = Receiver::start(kind, &script);
        let mut side = TestSink::to(receiver.port, protocol);
        let payloads = payloads(&records, protocol);
        let delivered = side.deliver(&payloads);
        assert_eq!((delivered.done, delivered.trouble), (9, None));
        let [refused] = &delivered.refused[..] else { panic!("{:?}", delivered.refused) };
        assert_eq!((refused.first, refused.among, refused.count, &*refused.why), (0, 9, 2, "too old"));
        // A warning is not a refusal.
        side.all(&payloads);
        let delivered = side.deliver(&payloads);
        assert_eq!((delivered.done, delivered.refused[0].count), (9, 9));
        assert!(delivered.refused[0].why.contains("no reason"));
        receiver.requests(3);
    }
}

/// Returns a script that refuses requests with one of the records.
fn poison(kind: &str, uids: &[String]) -> Value {
    if kind == "grpc" {
        json!([{ "code": "INVALID_ARGUMENT", "text": "bad record", "poison": uids }])
    } else {
        json!([{ "status": 400, "text": "bad record", "poison": uids }])
    }
}

fn a_bad_record_takes_no_other_with_it() {
    let records = records();
    let bad = [0, 17, 18, records.len() - 1];
    let named = identifiers(&records);
    for (kind, protocol) in ALL {
        let poisoned: Vec<String> = bad.iter().map(|&n| named[n].clone()).collect();
        let receiver = Receiver::start(kind, &poison(kind, &poisoned));
        let delivered = TestSink::to(receiver.port, protocol).deliver(&payloads(&records, protocol));
        assert_eq!((delivered.done, delivered.trouble), (records.len(), None));
        let refused: Vec<_> = delivered.refused.iter().map(|r| (r.first, r.among, r.count)).collect();
        assert_eq!(refused, bad.map(|n| (n, 1, 1)));
        assert!(delivered.refused.iter().all(|r| r.why.ends_with("bad record")), "{:?}", delivered.refused);
        // All other records were accepted, once.
        let all = receiver.requests(receiver.count());
        let taken = all.iter().map(uids).filter(|uids| !uids.iter().any(|uid| poisoned.contains(uid)));
        let taken = counted(taken.flatten());
        assert!(taken.values().all(|&count| count == 1));
        assert_eq!(taken.len(), records.len() - bad.len());
    }
}

fn what_the_receiver_fails_at_is_given_up_alone() {
    let records = records();
    let named = identifiers(&records);
    let bad = [0, 17, 18];
    for (kind, protocol) in ALL {
        let poisoned: Vec<String> = bad.iter().map(|&n| named[n].clone()).collect();
        let mut step = poison(kind, &poisoned);
        if kind == "grpc" {
            step[0]["code"] = "INTERNAL".into();
        } else {
            step[0]["status"] = 500.into();
        }
        let receiver = Receiver::start(kind, &step);
        let mut side = TestSink::to(receiver.port, protocol);
        let payloads = payloads(&records, protocol);
        assert!(side.trouble(&payloads).why.contains("bad record"));
        let (mut done, mut given_up) = (0, Vec::new());
        while done < payloads.len() {
            let delivered = side.isolate(&payloads[done..]);
            assert_eq!(delivered.trouble, None);
            assert!(delivered.refused.iter().all(|one| one.poison && one.among == 1), "{delivered:?}");
            given_up.extend(delivered.refused.iter().map(|one| done + one.first));
            done += delivered.done;
        }
        assert_eq!(given_up, bad);
        let all = receiver.requests(receiver.count());
        let taken = all.iter().map(uids).filter(|uids| !uids.iter().any(|uid| poisoned.contains(uid)));
        assert_eq!(counted(taken.flatten()).len(), records.len() - bad.len());
    }
}

fn what_is_too_large_goes_in_parts() {
    let records = few(20);
    for (kind, protocol) in ALL {
        let step = if kind == "grpc" {
            json!([{ "code": "RESOURCE_EXHAUSTED", "text": "larger than max", "most": 3 }])
        } else {
            json!([{ "status": 413, "most": 3 }])
        };
        let receiver = Receiver::start(kind, &step);
        TestSink::to(receiver.port, protocol).all(&payloads(&records, protocol));
        let taken: Vec<_> =
            receiver.requests(receiver.count()).iter().map(uids).filter(|uids| uids.len() <= 3).collect();
        assert_eq!(taken.concat(), identifiers(&records));
    }
}

fn a_compression_that_the_receiver_does_not_know_costs_no_record() {
    let records = records();
    for (given, ignored, used) in [
        (OtlpCompression::Zstd, json!(["zstd"]), "gzip"),
        (OtlpCompression::Zstd, json!(["zstd", "gzip"]), "none"),
        (OtlpCompression::Gzip, json!(["gzip"]), "none"),
    ] {
        for status in [400, 415] {
            for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::HttpJson] {
                let step = json!([{ "ignores": ignored, "unreadable": status }]);
                let receiver = Receiver::start("http", &step);
                let settings = OtlpSettings { compression: Some(given), ..plain(receiver.port, protocol) };
                let mut side = TestSink::new(&resolved(&settings));
                side.all(&payloads(&records, protocol));
                let note = side.otlp.note().unwrap();
                assert!(note.ends_with(&format!("records are sent with \"{used}\"")), "{note}");
                assert_eq!(receiver.arrived(records.len()).len(), records.len());
            }
        }
    }
}

fn who_refuses_everything_gets_it_later() {
    let records = few(20);
    for (kind, protocol) in ALL {
        let script = if kind == "grpc" {
            let step = json!({ "code": "INVALID_ARGUMENT", "text": "not here" });
            json!([step, step, {}])
        } else {
            json!([{ "status": 400, "text": "not here" }, { "status": 415 }, {}])
        };
        let receiver = Receiver::start(kind, &script);
        let mut side = TestSink::to(receiver.port, protocol);
        let payloads = payloads(&records, protocol);
        let why = side.trouble(&payloads).why;
        assert!(why.contains("not here; a request without records is refused as well"), "{why}");
        side.all(&payloads);
        assert_eq!(
            receiver.requests(3).iter().map(|request| uids(request).len()).collect::<Vec<_>>(),
            [20, 0, 20]
        );
    }
    // A compression that the receiver lacks is not the records' fault either.
    let receiver = Receiver::start("grpc", &json!([{}]));
    let compression = Some(OtlpCompression::Zstd);
    let settings = OtlpSettings { compression, ..plain(receiver.port, OtlpProtocol::Grpc) };
    let mut side = TestSink::new(&resolved(&settings));
    side.all(&payloads(&records, OtlpProtocol::Grpc));
    let note = side.otlp.note().unwrap_or_default();
    assert!(note.ends_with("with \"gzip\""), "{note}");
}

fn damage_is_refused_in_its_place() {
    let records = few(5);
    let receiver = Receiver::start("http", &json!([{}]));
    let mut all = payloads(&records, OtlpProtocol::HttpProtobuf);
    all.insert(0, b"?".to_vec());
    all.insert(3, vec![9; 50]);
    all.push(vec![1, 0xff, 0xff, 0xff, 0xff, 1, 2]);
    // Invalid JSON is noticed when it has to be written anew.
    all.push([&[2, 2, 0, 0, 0][..], b"{}{\"x"].concat());
    let delivered = TestSink::to(receiver.port, OtlpProtocol::HttpProtobuf).deliver(&all);
    assert_eq!((delivered.done, delivered.trouble), (9, None));
    let refused: Vec<_> = delivered.refused.iter().map(|r| (r.first, &*r.why)).collect();
    let [(0, short), (3, unknown), (7, cut), (8, none)] = refused[..] else { panic!("{refused:?}") };
    assert!(short.contains("too short") && unknown.contains("unknown encoding") && cut.contains("is cut"));
    assert!(none.starts_with("record: "), "{none}");
    let requests = receiver.requests(2);
    assert_eq!(requests.iter().flat_map(uids).collect::<Vec<_>>(), identifiers(&records));
    // Refused payloads are readable, and can be sent by hand.
    assert_eq!(readable(&all[0])["base64"], "Pw==");
    let shown = readable(&all[1]);
    let attributes = &shown["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"];
    assert!(attributes.to_string().contains(&identifiers(&records)[0]), "{shown:#}");
}

fn an_early_refusal_is_heard() {
    let mut large = few(4);
    for record in &mut large {
        record.body = "x".repeat(700_000);
    }
    // Answered before the body was read, as proxies do; the probe and the halves are accepted.
    let receiver = Receiver::start("http", &json!([{ "status": 413, "early": 0.3 }, {}]));
    TestSink::to(receiver.port, OtlpProtocol::HttpProtobuf)
        .all(&payloads(&large, OtlpProtocol::HttpProtobuf));
    let requests = receiver.requests(4);
    assert_eq!(requests.iter().flat_map(uids).collect::<Vec<_>>(), identifiers(&large));
}

fn what_follows_a_refusal_is_not_lost() {
    let records = few(4);
    let named = identifiers(&records);
    // The first record is refused, and the second meets a failing receiver: only the first is acknowledged.
    let script = json!([
        {}, { "status": 400 }, {}, { "status": 400 }, { "status": 400 }, { "status": 503 }, {},
    ]);
    let receiver = Receiver::start("http", &script);
    let mut side = TestSink::new(&resolved(&quick(plain(receiver.port, OtlpProtocol::HttpProtobuf))));
    let payloads = payloads(&records, OtlpProtocol::HttpProtobuf);
    side.all(&payloads[..1]);
    let delivered = side.deliver(&payloads);
    assert_eq!((delivered.done, delivered.refused.len()), (1, 1), "{delivered:?}");
    assert!(delivered.trouble.unwrap().why.contains("503"));
    side.all(&payloads[delivered.done..]);
    assert_eq!(uids(receiver.requests(7).last().unwrap()), named[1..]);
}
