//! Tests with hostile archives.

use std::time::Instant;

use super::{
    super::{BundleOptions, BundleProblem, FILE_MAX, FILES_MAX, TOTAL_MAX, load_archive, load_tar},
    MODULE, archive, gzip, header, loaded, tar,
};

fn refused(tar: &[u8]) -> (Option<String>, BundleProblem) {
    let error = load_tar("test", tar, &BundleOptions::default()).unwrap_err();
    let zipped = load_archive("test", &*gzip(tar), &BundleOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), zipped.to_string());
    assert!(!error.to_string().contains(|c: char| c.is_control()), "{error}");
    (error.file, error.problem)
}

#[test]
fn names_that_lead_out_of_the_bundle_are_refused() {
    for name in ["../x.rego", "a/../../x.rego", "a/..", "./../x.rego", "/../x.rego", "..", "/.."] {
        let (file, problem) = refused(&tar(&[(b'0', "a.rego", MODULE.as_bytes()), (b'0', name, b"x")]));
        assert!(matches!(problem, BundleProblem::Name("has `..` in its name")), "{name}: {problem}");
        assert_eq!(file.as_deref(), Some(name));
    }
}

#[test]
fn one_slash_in_front_is_the_root_as_opa_writes_it_and_two_are_refused() {
    let opa = loaded(&[("/.manifest", r#"{"revision":"7"}"#), ("/a/p.rego", MODULE)]).unwrap();
    let tar = loaded(&[("./.manifest", r#"{"revision":"7"}"#), ("./a/p.rego", MODULE)]).unwrap();
    assert_eq!((opa.modules[0].path.as_str(), opa.manifest.revision.as_deref()), ("a/p.rego", Some("7")));
    assert_eq!(opa.digest, tar.digest);
    for name in ["//etc/passwd", "a//b.rego", "a/./b.rego", ".//x"] {
        let problem = super::refused(&[(name, MODULE)]).1;
        assert!(matches!(problem, BundleProblem::Name("has an empty part in its name")), "{name}: {problem}");
    }
}

#[test]
fn an_absolute_name_is_a_file_of_the_bundle_and_touches_nothing_else() {
    let bundle = loaded(&[("/p.rego", MODULE), ("/etc/data.json", r#"{"a":1}"#)]).unwrap();
    assert_eq!(bundle.data, serde_json::json!({"etc": {"a": 1}}));
}

#[test]
fn two_names_of_one_file_are_a_duplicate() {
    for names in [["p.rego", "p.rego"], ["p.rego", "./p.rego"], ["/p.rego", "p.rego"]] {
        let (file, problem) = super::refused(&[(names[0], MODULE), (names[1], "package other\n")]);
        assert!(matches!(problem, BundleProblem::Twice), "{problem}");
        assert_eq!(file.as_deref(), Some("p.rego"));
    }
}

#[test]
fn links_devices_and_pipes_are_refused_even_hidden_ones() {
    let kinds = [(b'1', "link"), (b'2', "link"), (b'3', "device"), (b'4', "device"), (b'6', "pipe")];
    for (kind, said) in [&kinds[..], &[(b'S', "sparse file"), (b'?', "entry of an unknown kind")]].concat() {
        for name in ["p.rego", ".hidden"] {
            let (file, problem) = refused(&tar(&[(b'0', "a.rego", MODULE.as_bytes()), (kind, name, b"")]));
            assert!(matches!(problem, BundleProblem::Special(found) if found == said), "{problem}");
            assert_eq!(file.as_deref(), Some(name));
        }
    }
}

#[test]
fn names_that_move_a_terminal_or_are_no_text_are_refused_and_shown_harmlessly() {
    let (file, problem) = refused(&tar(&[(b'0', "a\x1b[2J.rego", b"")]));
    assert!(matches!(problem, BundleProblem::Name("has a control character in its name")), "{problem}");
    assert_eq!(file.as_deref(), Some("a\u{FFFD}[2J.rego"));
    let mut bytes = header(b'0', b"a\xff.rego", 0).to_vec();
    bytes.resize(2048, 0);
    assert!(matches!(refused(&bytes).1, BundleProblem::Name("has a name that is not UTF-8")));
}

#[test]
fn depth_and_length_of_names_are_bounded() {
    let deep = |folders: usize| format!("{}p.rego", "d/".repeat(folders));
    assert!(loaded(&[(&deep(31), MODULE)]).is_ok());
    assert!(matches!(
        super::refused(&[(&deep(32), MODULE)]).1,
        BundleProblem::Name("has more than 32 parts in its name")
    ));
    // A name that is too long for a header is stored like a file.
    let name = format!("{}.rego", "n".repeat(1020));
    let long = tar(&[(b'L', "././@LongLink", name.as_bytes()), (b'0', "n", MODULE.as_bytes())]);
    assert!(matches!(refused(&long).1, BundleProblem::Name("has a name of more than 1024 bytes")));
}

#[test]
fn more_than_the_most_files_are_refused_and_folders_count() {
    let names: Vec<_> = (0..5000).map(|n| format!("d/{n}.rego")).collect();
    let files: Vec<_> = names.iter().map(|name| (b'0', name.as_str(), MODULE.as_bytes())).collect();
    assert!(matches!(refused(&tar(&files)).1, BundleProblem::Many));
    assert!(load_tar("t", &*tar(&files[..FILES_MAX]), &BundleOptions::default()).is_ok());
    let folders: Vec<_> = names.iter().map(|name| (b'5', name.as_str(), &b""[..])).collect();
    assert!(matches!(refused(&tar(&folders)).1, BundleProblem::Many));
}

#[test]
fn a_file_that_is_too_large_is_refused_by_what_it_says_of_itself() {
    // 8 GiB are declared, but there is no content.
    let mut bytes = header(b'0', b"p.rego", (8 << 30) - 1).to_vec();
    bytes.resize(4096, 0);
    let (file, problem) = refused(&bytes);
    assert!(matches!(problem, BundleProblem::Large), "{problem}");
    assert_eq!(file.as_deref(), Some("p.rego"));
    let most = vec![b'#'; FILE_MAX as usize];
    let more = vec![b'#'; FILE_MAX as usize + 1];
    let with = |content| tar(&[(b'0', "a.rego", MODULE.as_bytes()), (b'0', "README", content)]);
    assert!(load_tar("t", &*with(&most), &BundleOptions::default()).is_ok());
    assert!(matches!(refused(&with(&more)).1, BundleProblem::Large));
}

#[test]
fn a_bomb_ends_at_the_bound_on_all_files_and_does_not_take_long() {
    let part = vec![0; FILE_MAX as usize];
    let names: Vec<_> = (0..17).map(|n| format!("{n}.bin")).collect();
    let files: Vec<_> = names.iter().map(|name| (b'0', name.as_str(), &*part)).collect();
    assert_eq!(FILE_MAX * 16, TOTAL_MAX);
    let bomb = gzip(&tar(&files));
    assert!(bomb.len() < 1 << 20);
    let started = Instant::now();
    let error = load_archive("test", &*bomb, &BundleOptions::default()).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::Total), "{error}");
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn a_bomb_in_what_is_passed_over_ends_at_the_bound_too() {
    // A long name of a gigabyte, a hidden file, and zeros behind the end.
    let gigabyte = |head: &[u8]| {
        let zeros = std::io::Read::take(std::io::repeat(0), 1 << 30);
        load_tar("test", std::io::Read::chain(head, zeros), &BundleOptions::default()).unwrap_err()
    };
    let name = header(b'L', b"././@LongLink", 1 << 30);
    assert!(matches!(gigabyte(&name).problem, BundleProblem::Total));
    let hidden = header(b'0', b".hidden", 1 << 30);
    assert!(matches!(gigabyte(&hidden).problem, BundleProblem::Total));
    let behind = tar(&[(b'0', "p.rego", MODULE.as_bytes())]);
    assert!(matches!(gigabyte(&behind).problem, BundleProblem::Total));
}

#[test]
fn an_archive_that_was_cut_anywhere_or_changed_is_refused() {
    let whole = archive(&[("p.rego", MODULE), ("data.json", r#"{"a":[1,2,3]}"#)]);
    assert!(load_archive("t", &*whole, &BundleOptions::default()).is_ok());
    for len in 0..whole.len() {
        let error = load_archive("t", &whole[..len], &BundleOptions::default()).unwrap_err();
        assert!(matches!(error.problem, BundleProblem::Archive(_)), "{len}: {error}");
    }
    // Changes a byte of the checksum at the end, and one in the middle.
    for at in [whole.len() - 8, whole.len() / 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(load_archive("t", &*changed, &BundleOptions::default()).is_err());
    }
}

#[test]
fn what_stands_behind_the_end_is_not_overlooked() {
    let mut bytes = tar(&[(b'0', "p.rego", MODULE.as_bytes())]);
    bytes.extend(tar(&[(b'0', "q.rego", MODULE.as_bytes())]));
    assert!(matches!(refused(&bytes).1, BundleProblem::Behind));
    let two = [gzip(&tar(&[(b'0', "p.rego", MODULE.as_bytes())])), gzip(b"more")].concat();
    let error = load_archive("t", &*two, &BundleOptions::default()).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::Behind), "{error}");
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [&b""[..], b"PK\x03\x04", b"package p", &gzip(b"package p\n"), &gzip(&[0x41; 2000])] {
        let error = load_archive("t", bytes, &BundleOptions::default()).unwrap_err();
        assert!(matches!(error.problem, BundleProblem::Archive(_)), "{error}");
    }
    assert!(matches!(super::refused(&[]).1, BundleProblem::Empty));
}
