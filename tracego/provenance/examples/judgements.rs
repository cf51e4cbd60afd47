//! Measures judgements: `cargo run --release -p tracego-provenance --example judgements -- tests/data/sigstore/slsa-go`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for developers")]

use std::{fs, path::PathBuf, time::Instant};

use tracego_provenance::{Provenance, Settings, Sha256Digest, Signer, Verdict, sha256_of};

/// Bundles in the large store.
const BUNDLES: usize = 10_000;

fn settings(store: PathBuf) -> Settings {
    let signer = Signer {
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        repository: Some("https://github.com/slsa-framework/example-package".to_owned()),
        ..Signer::default()
    };
    Settings { store: vec![store], signers: vec![signer], ..Settings::default() }
}

/// Memory of this process that is in use, in KiB.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    let digest: Sha256Digest =
        "f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066".parse().unwrap();
    let began = Instant::now();
    let provenance = Provenance::open(settings(folder.clone())).unwrap();
    println!("start, 2 bundles: {:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(provenance.judge(&digest, None).verdict, Verdict::Verified);
    println!("first verification: {:?}", began.elapsed());
    let mut times = Vec::new();
    for _ in 0..200 {
        provenance.reload();
        let began = Instant::now();
        provenance.judge(&digest, None);
        times.push(began.elapsed());
    }
    times.sort();
    println!("verification: {:?} median, {:?} most", times[100], times[199]);
    let many = 1_000_000;
    for (name, asked) in [("cached verdict", digest), ("unsigned", sha256_of(b"x"))] {
        let began = Instant::now();
        for _ in 0..many {
            std::hint::black_box(provenance.judge(std::hint::black_box(&asked), None));
        }
        println!("{name}: {:?}", began.elapsed() / many);
    }
    let store = tempfile::tempdir().unwrap();
    let source = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let bundle = fs::read(source).unwrap();
    for number in 0..BUNDLES {
        fs::write(store.path().join(format!("{number}.sigstore.json")), &bundle).unwrap();
    }
    let before = memory();
    let began = Instant::now();
    let large = Provenance::open(settings(store.path().to_owned())).unwrap();
    let (took, summary) = (began.elapsed(), large.summary());
    println!(
        "start, {} bundles, {} MB: {took:?}, {} KiB more",
        summary.documents,
        summary.bytes / 1_000_000,
        memory() - before
    );
}
