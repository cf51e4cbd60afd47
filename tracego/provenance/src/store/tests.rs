use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::{bundle::LONGEST_DOCUMENT, sha256_of, statement::DEFAULT_PREDICATE_TYPES};

/// A bundle about files with these contents.
fn bundle(predicate_type: &str, contents: &[&str]) -> String {
    let subject =
        |content: &&str| format!(r#"{{"digest":{{"sha256":"{}"}}}}"#, sha256_of(content.as_bytes()));
    let subjects: Vec<String> = contents.iter().map(subject).collect();
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{}],"predicateType":"{predicate_type}"}}"#,
        subjects.join(",")
    );
    format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{}},"dsseEnvelope":
        {{"payloadType":"application/vnd.in-toto+json","payload":"{}","signatures":[{{"sig":""}}]}}}}"#,
        STANDARD.encode(statement)
    )
    .replace('\n', "")
}

const PROVENANCE: &str = DEFAULT_PREDICATE_TYPES[0];

fn index(folder: &Path) -> Index {
    Index::read(&[folder.to_owned()], &DEFAULT_PREDICATE_TYPES.map(str::to_owned))
}

/// Returns the names of the files with documents about a content.
fn found(index: &Index, content: &str) -> Vec<String> {
    let name = |number| {
        let (place, path) = index.place(number).unwrap();
        let text = String::from_utf8(place.read(path).unwrap()).unwrap();
        assert!(text.starts_with('{') && text.ends_with('}'), "{text}");
        path.file_name().unwrap().to_str().unwrap().to_owned()
    };
    index.about(&sha256_of(content.as_bytes())).map(name).collect()
}

#[test]
fn documents_are_found_by_digest_whatever_the_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let (a, b) = (bundle(PROVENANCE, &["a"]), bundle(PROVENANCE, &["b", "c"]));
    write("a.sigstore.json", a.clone());
    write("deep/er/b.sigstore", b.replace("},", "},\n"));
    write("sha256:x.jsonl", format!("{a}\n\nnonsense\n{b}"));
    write("attestation.json", format!("{a}\n{b}\n"));
    write("..data/hidden.sigstore.json", a.clone());
    write("a.txt", a.clone());
    write("package.json", r#"{"name": "x"}"#.to_owned());
    symlink(dir.path().join("a.txt"), dir.path().join("link.sigstore.json")).unwrap();
    let index = index(dir.path());
    assert_eq!(
        found(&index, "a"),
        ["a.sigstore.json", "attestation.json", "link.sigstore.json", "sha256:x.jsonl"]
    );
    assert_eq!(found(&index, "c"), ["attestation.json", "b.sigstore", "sha256:x.jsonl"]);
    assert_eq!(found(&index, "d"), [""; 0]);
    let summary = &index.summary;
    assert_eq!((summary.documents, summary.subjects), (7, 10));
    assert_eq!((summary.skipped.other_files, summary.skipped.damaged), (1, 1));
    assert_eq!((summary.problems.len(), summary.problems[0].line), (1, Some(3)));
}

#[test]
fn what_says_nothing_of_a_build_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let of = |kind: &str| bundle(kind, &["a"]);
    let release = of("https://in-toto.io/attestation/release/v0.2");
    let lines = [release, of("https://spdx.dev/Document"), bundle(PROVENANCE, &[]), of(PROVENANCE)];
    fs::write(dir.path().join("all.jsonl"), lines.join("\n")).unwrap();
    let index = index(dir.path());
    let wanted =
        SkippedCounts { releases: 1, other_predicates: 1, without_digest: 1, ..SkippedCounts::default() };
    assert_eq!((index.summary.documents, index.summary.skipped), (1, wanted));
}

#[test]
fn hostile_files_stop_nothing_and_are_counted_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let good = bundle(PROVENANCE, &["a"]);
    write("0-huge.sigstore.json", &" ".repeat(LONGEST_DOCUMENT + 1));
    write("1-deep.sigstore.json", &"[".repeat(1 << 20));
    let deep = "{".repeat(1 << 20);
    write("2-lines.jsonl", &format!("{deep}\n{good}\n{}\n{good}", "x".repeat(2 * LONGEST_DOCUMENT)));
    write("3-half.sigstore.json", good.get(..100).unwrap());
    write("4-bytes.sigstore.json", "\u{0}\u{7f}\u{80}");
    fs::create_dir(dir.path().join("5-folder.sigstore.json")).unwrap();
    symlink("nowhere", dir.path().join("6-dangling.sigstore.json")).unwrap();
    symlink(dir.path().join("7-loop.jsonl"), dir.path().join("7-loop.jsonl")).unwrap();
    let pipe = dir.path().join("8-pipe.jsonl");
    let status = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(status.success());
    write("9-good.sigstore.json", &good);
    let index = index(dir.path());
    assert_eq!(found(&index, "a"), ["2-lines.jsonl", "9-good.sigstore.json"]);
    let reason = |problem: &StoreProblem| {
        let name = problem.path.file_name().unwrap().to_str().unwrap();
        (
            format!("{}{}", &name[..1], problem.line.map(|line| format!(":{line}")).unwrap_or_default()),
            problem.reason.clone(),
        )
    };
    let reasons: BTreeMap<String, String> = index.summary.problems.iter().map(reason).collect();
    for (key, word) in [
        ("0", "more than 4 MiB"),
        ("1", "invalid type"),
        ("2:1", "key must be a string"),
        ("2:3", "more than 4 MiB; the rest of the file is left out"),
        ("3", "EOF"),
        ("4", "expected"),
        ("6", "No such file"),
        ("7", "symbolic links"),
        ("8", "not a regular file"),
    ] {
        assert!(reasons.get(key).is_some_and(|reason| reason.contains(word)), "{key} {word}: {reasons:?}");
    }
    assert_eq!((reasons.len(), index.summary.skipped.damaged), (9, 9));
}

#[test]
fn of_a_huge_file_no_more_is_read_than_of_a_bundle() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.jsonl", "b.sigstore.json", "c.json", "d.bundle", "e.sig"] {
        fs::File::create(dir.path().join(name)).unwrap().set_len(3 << 30).unwrap();
    }
    fs::write(dir.path().join("f.sigstore.json"), bundle(PROVENANCE, &["a"])).unwrap();
    let index = index(dir.path());
    assert_eq!(found(&index, "a"), ["f.sigstore.json"]);
    assert_eq!(index.summary.skipped.damaged, 5, "{:?}", index.summary.problems);
    assert!(index.summary.bytes < 2 * LONGEST_DOCUMENT as u64, "{}", index.summary.bytes);
}

#[test]
fn thousands_of_damaged_lines_are_counted_and_a_hundred_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.jsonl"), "{\n".repeat(5000)).unwrap();
    let index = index(dir.path());
    assert_eq!((index.summary.skipped.damaged, index.summary.problems.len()), (5000, 100));
}

#[test]
fn a_signature_is_found_by_the_file_beside_it_or_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().canonicalize().unwrap();
    fs::write(folder.join("app"), "app").unwrap();
    fs::write(folder.join("app.sig"), "AAAA").unwrap();
    let digest = sha256_of(b"other");
    fs::write(folder.join(format!("sha256-{digest}.sig")), "AAAA").unwrap();
    let index = index(&folder);
    assert!(index.beside(&folder.join("app")).is_some() && index.beside(&folder.join("b")).is_none());
    assert_eq!(index.about(&digest).len(), 1);
}

#[test]
fn the_fingerprint_changes_with_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let of = || index(dir.path()).fingerprint;
    let empty = of();
    let path = dir.path().join("a.sigstore.json");
    fs::write(&path, "{}").unwrap();
    let one = of();
    assert!(empty != one && one == of());
    fs::write(&path, "{ }").unwrap();
    assert_ne!(one, of());
    fs::write(dir.path().join("unrelated.txt"), "").unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(empty, of());
}

#[test]
fn bundles_about_one_digest_are_about_one_digest() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..82 {
        let path = dir.path().join(format!("{number}.sigstore.json"));
        fs::write(path, bundle(PROVENANCE, &["a"])).unwrap();
    }
    let StoreSummary { documents, subjects, digests, .. } = index(dir.path()).summary;
    assert_eq!((documents, subjects, digests), (82, 82, 1));
    let listed = crate::listing::StoreListing::read(&[dir.path().to_owned()]).summary;
    assert_eq!((listed.documents, listed.digests), (82, 1));
}

#[test]
fn a_missing_folder_is_a_problem_with_its_name() {
    let index = index(Path::new("/no/such/folder"));
    assert_eq!(index.summary.problems[0].path, Path::new("/no/such/folder"));
    let file = tempfile::NamedTempFile::with_suffix(".txt").unwrap();
    assert!(self::index(file.path()).summary.problems[0].reason.contains("not named as a bundle"));
}
