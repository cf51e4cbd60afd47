//! Bundles from a server with TLS: what is accepted, what is refused and why, and what a start without the server does.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tracego_tests::{
    bundle_server::{BundleServer, ServedBundle, bundle_archive, signed_bundle},
    tracego,
};

fn check(server: &BundleServer, more: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(tracego());
    said(command.args(["policy", "check", &server.url()]).args(server.options()).args(more))
}

fn said(command: &mut Command) -> (String, Option<i32>) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (String::from_utf8([stdout, stderr].concat()).unwrap(), status.code())
}

/// Replays a capture with the policy of the server and this cache.
fn replay(server: &BundleServer, cache: &Path, more: &[&str]) -> (String, Option<i32>) {
    let capture = super::root().join("tests/golden/go.capture");
    let mut command = Command::new(tracego());
    command.arg("replay").arg(capture).args(["--output", "json", "--policy-time-limit", "5000", "--policy"]);
    command.arg(server.url()).args(server.options()).args(["--policy-wait", "0", "--policy-cache"]);
    said(command.arg(cache).args(more))
}

fn archive_of(bundle: ServedBundle) -> Vec<u8> {
    let ServedBundle::Archive(bytes, _) = bundle else { panic!("{bundle:?}") };
    bytes
}

/// A good bundle is accepted; each bad answer is refused with its reason.
pub(super) fn answers() {
    let server = BundleServer::start();
    server.serve(signed_bundle("run", 1));
    let (text, code) = check(&server, &[]);
    assert!(text.starts_with("ci: good, sha256:") && code == Some(0), "{text}");
    let module = "package tracego.process\n\ndeny contains \"no\" if false\n";
    let numbered = "{\"metadata\": {\"serial\": 1}}";
    let of = |archive: Vec<u8>| ServedBundle::Archive(archive, "\"x\"".to_owned());
    let whole = archive_of(signed_bundle("run", 1));
    for (bundle, why) in [
        (of(bundle_archive(module, numbered, None)), "not signed"),
        (of(bundle_archive(module, numbered, Some("another secret"))), "does not fit the key"),
        (of(bundle_archive(module, "{}", Some("the secret of the bundles"))), "no serial number"),
        (of(whole[..whole.len() / 2].to_vec()), "not a complete gzip-compressed tar archive"),
        (of(b"<html>".to_vec()), "not a complete gzip-compressed tar archive"),
        (ServedBundle::Truncated(whole), "the answer was cut"),
        (ServedBundle::Huge((16 << 20) + 1), "larger than 16 MiB"),
        (
            ServedBundle::Status(302, "location: https://elsewhere.example/x\r\n"),
            "redirects are not followed",
        ),
        (ServedBundle::Status(404, ""), "404 Not Found"),
        (ServedBundle::Status(304, ""), "304 Not Modified"),
    ] {
        server.serve(bundle);
        let (text, code) = check(&server, &[]);
        assert!(text.contains(why) && text.contains("ci.tar.gz") && code == Some(1), "{why}: {text}");
    }
    // Another certificate, and no key.
    let other = BundleServer::start();
    let mut foreign = Command::new(tracego());
    foreign.args(["policy", "check", &server.url()]).args(other.options());
    let (text, code) = said(&mut foreign);
    assert!(text.contains("TLS: ") && code == Some(1), "{text}");
    let (text, code) = said(Command::new(tracego()).args(["policy", "check", &server.url()]));
    assert!(text.contains("must be signed") && text.contains("--policy-key") && code == Some(1), "{text}");
    let (text, code) =
        said(Command::new(tracego()).args(["policy", "check", "http://policies.example/ci.tar.gz"]));
    assert!(text.contains("use https") && code == Some(2), "{text}");
    server.close();
    let (text, code) = check(&server, &[]);
    assert!(text.contains("no bundle within 0 s") && code == Some(1), "{text}");
}

/// An archive of a few kilobytes that becomes gigabytes is refused at the bound.
pub(super) fn bomb() {
    let server = BundleServer::start();
    let folder = tempfile::tempdir().unwrap();
    let script = "for i in $(seq 1 40); do truncate -s 4M data$i.rego; done; tar cf - *.rego | gzip -9";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().unwrap();
    assert!(made.stdout.len() < 1 << 20, "{}", made.stdout.len());
    server.serve(ServedBundle::Archive(made.stdout, "\"bomb\"".to_owned()));
    let (text, code) = check(&server, &[]);
    assert!(text.contains("64 MiB") && code == Some(1), "{text}");
}

/// The token is read for each request: one that was exchanged is accepted.
pub(super) fn token() {
    let server = BundleServer::start();
    server.serve(signed_bundle("run", 1));
    server.accept_token("new");
    let file = server.file("token");
    let options = ["--policy-token", file.to_str().unwrap()];
    fs::write(&file, "old\n").unwrap();
    let (text, code) = check(&server, &options);
    assert!(text.contains("401") && code == Some(1), "{text}");
    // Once more, with the token as it is then.
    assert_eq!(server.requests().len(), 2);
    fs::write(&file, "new\n").unwrap();
    let (text, code) = check(&server, &options);
    assert!(text.contains("good") && code == Some(0), "{text}");
    assert_eq!(server.requests().len(), 3);
    let (text, code) = check(&server, &[]);
    assert!(text.contains("--policy-token names the file") && code == Some(1), "{text}");
}

/// The last good bundle is used without the server, verified again, and never replaced by an older one.
pub(super) fn last_good() {
    let server = BundleServer::start();
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let revision = |text: &str| {
        let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of =
            |record: Value| record["tracego"]["policy"]["bundles"][0]["revision"].as_str().map(str::to_owned);
        records.filter_map(of).next().unwrap_or_default()
    };
    // Nothing is kept, and there is no server.
    let (text, code) = replay(&server, &cache, &[]);
    assert!(text.contains("no good one in --policy-cache: 404") && code == Some(1), "{text}");
    server.serve(signed_bundle("run", 7));
    let (text, code) = replay(&server, &cache, &[]);
    assert_eq!((revision(&text).as_str(), code), ("r7", Some(0)), "{text}");
    // It is asked for by its ETag, and the answer that there is no other one is enough.
    let (text, _) = replay(&server, &cache, &[]);
    assert_eq!(revision(&text), "r7");
    assert!(
        server.requests().last().unwrap().contains("if-none-match: \"7\"\r\n"),
        "{:?}",
        server.requests()
    );
    // An older one, and one with the same number, are refused; the last good one stays.
    let same = signed_bundle("build", 7);
    for (older, why) in
        [(signed_bundle("run", 6), "is older (serial 6)"), (same, "the same serial number (7)")]
    {
        let ServedBundle::Archive(bytes, _) = older else { panic!() };
        server.serve(ServedBundle::Archive(bytes, "\"other\"".into()));
        let (text, code) = replay(&server, &cache, &[]);
        assert!(text.contains(why) && text.contains("the last good bundle"), "{text}");
        assert_eq!((revision(&text).as_str(), code), ("r7", Some(0)), "{text}");
    }
    server.close();
    let (text, code) = replay(&server, &cache, &[]);
    assert!(text.contains("the last good bundle of --policy-cache is in force"), "{text}");
    assert_eq!((revision(&text).as_str(), code), ("r7", Some(0)), "{text}");
    // Somebody changed it, or the key is another one.
    let kept = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&kept).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&kept, bytes).unwrap();
    let (text, code) = replay(&server, &cache, &[]);
    assert!(text.contains("the last good bundle of --policy-cache is refused") && code == Some(1), "{text}");
}

/// `--policy-rollback` accepts an older bundle.
pub(super) fn rollback() {
    let server = BundleServer::start();
    let folder = tempfile::tempdir().unwrap();
    for (serial, options, is_refused) in
        [(9, &[][..], false), (8, &[][..], true), (8, &["--policy-rollback"], false)]
    {
        server.serve(signed_bundle("run", serial));
        let (text, _) = replay(&server, folder.path(), options);
        assert_eq!(text.contains("is older"), is_refused, "{text}");
        let revision = format!("\"revision\":\"r{}\"", if is_refused { 9 } else { serial });
        assert!(text.contains(&revision), "{revision}: {text}");
    }
}
