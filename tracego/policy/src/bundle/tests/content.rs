//! Tests of modules, data and manifests.

use serde_json::json;

use super::{
    super::{BundleProblem, RegoVersion, VALUES_MAX},
    MODULE, loaded, refused,
};

#[test]
fn only_files_of_these_names_are_data_and_their_folder_is_their_place() {
    let bundle = loaded(&[
        ("p.rego", MODULE),
        ("data.json", r#"{"x": {"y": true}, "a": {"b": {"z": true}}}"#),
        ("a/b/c/data.json", "[1,2,3]"),
        ("a/b/d/data.json", "true"),
        ("a/b/y/data.yaml", "foo: 1"),
        ("a/b/g/data.yml", "1"),
        ("a/b/other.json", "{"),
        ("a/b/mydata.json", "{"),
    ]);
    let expected = json!({
        "a": {"b": {"c": [1, 2, 3], "d": true, "g": 1, "y": {"foo": 1}, "z": true}},
        "x": {"y": true},
    });
    assert_eq!(bundle.unwrap().data, expected);
    assert_eq!(loaded(&[("p.rego", MODULE)]).unwrap().data, json!({}));
}

#[test]
fn data_of_two_files_at_one_place_is_refused() {
    for (one, two, at) in [
        (("data.json", r#"{"a": {"b": 1}}"#), ("a/data.json", r#"{"b": 1}"#), "/a/b"),
        (("data.json", r#"{"a": 1}"#), ("a/b/data.yaml", "c: 1"), "/a"),
        (("a/data.json", r#"{"b": [1]}"#), ("a/data.yaml", "b: [2]"), "/a/b"),
    ] {
        let (file, problem) = refused(&[("p.rego", MODULE), one, two]);
        assert!(matches!(&problem, BundleProblem::Overlap(found) if found == at), "{problem}");
        assert!(file.is_some());
    }
}

#[test]
fn data_that_cannot_be_used_is_refused_by_file() {
    let nested = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let aliases = format!(
        "a0: &a0 [x, x]\n{}",
        (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect::<String>()
    );
    let documents = "a: 1\n---\nb: 1\n";
    for (name, text) in [
        ("a/data.json", "{"),
        ("a/data.json", "{} {}"),
        ("a/data.json", "a: 1"),
        ("a/data.json", nested.as_str()),
        ("a/data.yaml", nested.as_str()),
        ("a/data.yaml", aliases.as_str()),
        ("a/data.yaml", documents),
        ("a/data.yaml", "a: 1\na: 2\n"),
        ("a/data.yaml", "a: ["),
    ] {
        let (file, problem) = refused(&[("p.rego", MODULE), (name, text)]);
        assert!(matches!(problem, BundleProblem::Data(_)), "{name} {:.20}: {problem}", text);
        assert_eq!(file.as_deref(), Some(name));
    }
    for text in ["[1]", "1", "null"] {
        assert!(matches!(refused(&[("p.rego", MODULE), ("data.json", text)]).1, BundleProblem::NoObject));
    }
}

#[test]
fn values_are_counted_because_they_are_larger_in_memory() {
    let text = format!("[{}1]", "1,".repeat(VALUES_MAX));
    let (file, problem) = refused(&[("p.rego", MODULE), ("a/data.json", &text)]);
    assert!(matches!(problem, BundleProblem::Values), "{problem}");
    assert_eq!(file.as_deref(), Some("a/data.json"));
    let half = format!("[{}1]", "1,".repeat(VALUES_MAX / 2 - 2));
    let two = [("p.rego", MODULE), ("a/data.json", half.as_str()), ("b/data.json", half.as_str())];
    assert!(loaded(&two).is_ok());
    assert!(matches!(refused(&[&two[..], &[("c/data.json", "[1,2,3]")]].concat()).1, BundleProblem::Values));
}

#[test]
fn yaml_has_the_booleans_that_opa_takes_for_such_and_no_octal_numbers() {
    let text = "a: yes\nb: off\nc: true\nd: 0755\ne: 1.5\nf: ~\n1: x\ng: 0x10\nh: \"yes\"\ni: 2026-11-25\n";
    let bundle = loaded(&[("p.rego", MODULE), ("data.yaml", text)]).unwrap();
    let expected = json!({
        "a": true, "b": false, "c": true, "d": "0755", "e": 1.5, "f": null, "1": "x", "g": 16, "h": "yes",
        "i": "2026-11-25",
    });
    assert_eq!(bundle.data, expected);
    // JSON has no such number, which would silently become null.
    for number in [".nan", ".inf", "-.inf"] {
        let (_, problem) = refused(&[("p.rego", MODULE), ("data.yaml", &format!("a: {number}"))]);
        assert!(matches!(problem, BundleProblem::Data(_)), "{number}: {problem}");
    }
}

#[test]
fn a_package_outside_the_roots_is_refused_by_module_and_package() {
    let roots = |roots: &str, module: &str| {
        let manifest = format!(r#"{{"roots": {roots}}}"#);
        let result = loaded(&[(".manifest", &manifest), ("a/x.rego", module)]);
        result.map(|_| ()).map_err(|error| (error.file, error.problem))
    };
    for (list, module) in [
        (r#"["foo"]"#, "package foo.bar\n"),
        (r#"["/foo/bar/"]"#, "package foo.bar\n"),
        (r#"["a", "another"]"#, "package another\n"),
        (r#"[""]"#, "package any.thing\n"),
        (r#"["foo/b-r"]"#, "package foo[\"b-r\"].x\n"),
    ] {
        roots(list, module).unwrap();
    }
    for (list, module, package) in [
        (r#"["foo"]"#, "package fo\n", "fo"),
        (r#"["foo"]"#, "package foobar\n", "foobar"),
        (r#"["foo/bar"]"#, "package foo\n", "foo"),
        (r#"["a", "b", "c/d"]"#, "package c.e\n", "c.e"),
        (r#"["foo/bar"]"#, "package foo[\"x/bar\"]\n", "foo.x/bar"),
        ("[]", "package foo\n", "foo"),
    ] {
        let (file, problem) = roots(list, module).unwrap_err();
        assert!(matches!(&problem, BundleProblem::PackageOutside(p, _) if p == package), "{list}: {problem}");
        assert_eq!(file.as_deref(), Some("a/x.rego"));
    }
    let key = loaded(&[
        (".manifest", r#"{"roots": ["a/b"]}"#),
        ("p.rego", "package a.b\n"),
        ("data.json", r#"{"a/b": 1}"#),
    ]);
    assert!(matches!(key.unwrap_err().problem, BundleProblem::DataOutside(..)));
}

#[test]
fn data_outside_the_roots_is_refused_by_file_and_place() {
    let manifest = (".manifest", r#"{"roots": ["a", "b", "c/d"]}"#);
    let module = ("p.rego", "package a\n");
    assert!(loaded(&[manifest, module, ("data.json", r#"{"a": 1, "c": {"d": 2}}"#)]).is_ok());
    assert!(loaded(&[manifest, module, ("c/d/e/data.json", "1")]).is_ok());
    for (data, at) in [
        (("c/e/data.json", "\"bad\""), "/c/e"),
        (("data.json", r#"{"a": 1, "x": 1}"#), "/x"),
        (("data.json", r#"{"c": 1}"#), "/c"),
        (("c/data.yaml", "[1]"), "/c"),
    ] {
        let (file, problem) = refused(&[manifest, module, data]);
        assert!(matches!(&problem, BundleProblem::DataOutside(found, _) if found == at), "{problem}");
        assert_eq!(file.as_deref(), Some(data.0));
    }
}

#[test]
fn a_manifest_that_is_wrong_is_refused() {
    for (text, said) in [
        ("{", "EOF"),
        ("[]", "invalid"),
        (r#"{"roots": ["a/b", "a"]}"#, "overlap"),
        (r#"{"roots": ["", "a"]}"#, "overlap"),
        (r#"{"roots": "a"}"#, "invalid type"),
        (r#"{"rego_version": 2}"#, "no version 2 of Rego"),
        (r#"{"file_rego_versions": {"x": 7}}"#, "no version 7 of Rego"),
        (r#"{"file_rego_versions": {"[": 1}}"#, "file_rego_versions"),
    ] {
        let (file, problem) = refused(&[(".manifest", text), ("p.rego", MODULE)]);
        assert!(problem.to_string().contains(said), "{text}: {problem}");
        assert_eq!(file.as_deref(), Some(".manifest"));
    }
}

#[test]
fn the_language_of_a_module_is_what_the_manifest_says() {
    let manifest = r#"{"rego_version": 0, "metadata": {"team": "ci"},
        "file_rego_versions": {"/new/*": 1, "*/both.rego": 1}, "wasm": [], "unknown": 1}"#;
    let files =
        [(".manifest", manifest), ("old.rego", MODULE), ("new/deep/p.rego", MODULE), ("x/both.rego", MODULE)];
    let bundle = loaded(&files).unwrap();
    let found: Vec<_> = bundle.modules.iter().map(|m| (m.path.as_str(), m.rego, m.rego_declared)).collect();
    let expected = [
        ("new/deep/p.rego", RegoVersion::V1, true),
        ("old.rego", RegoVersion::V0, true),
        ("x/both.rego", RegoVersion::V1, true),
    ];
    assert_eq!(found, expected);
    assert_eq!(bundle.manifest.metadata, json!({"team": "ci"}));
    let silent = loaded(&[("p.rego", MODULE)]).unwrap();
    assert_eq!((silent.modules[0].rego, silent.modules[0].rego_declared), (RegoVersion::V1, false));
    let torn = r#"{"file_rego_versions": {"*.rego": 1, "/p.*": 0}}"#;
    assert_eq!(refused(&[(".manifest", torn), ("p.rego", MODULE)]).0.as_deref(), Some("p.rego"));
}

#[test]
fn patterns_that_are_hard_to_compile_do_not_panic() {
    let with = |pattern: &str| {
        let manifest = json!({"file_rego_versions": {pattern: 1}}).to_string();
        loaded(&[(".manifest", &manifest), ("p.rego", MODULE)])
    };
    let nested = |depth: usize| format!("{}p{}", "{".repeat(depth), "}".repeat(depth));
    for pattern in [nested(127), "{,".repeat(64) + &"}".repeat(64), "*".repeat(256), "[!a-z]".repeat(42)] {
        // The library decides whether this is a valid pattern.
        let _either = with(&pattern);
    }
    for long in [nested(1000), "[a-z]".repeat(1 << 19), "a".repeat(257)] {
        assert!(with(&long).unwrap_err().to_string().contains("more than 256 bytes"));
    }
    assert!(with(&"a".repeat(256)).is_ok());
}

#[test]
fn a_package_is_found_wherever_it_may_stand() {
    let package = |text: &str| loaded(&[("p.rego", text)]).map(|bundle| bundle.modules[0].package.join("|"));
    for (text, expected) in [
        ("package p", "p"),
        ("# METADATA\n# title: x\n\npackage a.b.c # and\n", "a|b|c"),
        ("\n\n\tpackage\n a[\"b.c\"][\"\\u0064\"].e\nimport rego.v1", "a|b.c|d|e"),
        ("package p;x := 1", "p"),
    ] {
        assert_eq!(package(text).unwrap(), expected);
    }
    for (text, line) in [
        ("", 1),
        ("# only this", 1),
        ("packagep\n", 1),
        ("\n# x\nimport rego.v1\npackage p\n", 3),
        ("package", 1),
        ("package 1a\n", 1),
        ("package a.\n", 1),
        ("package a[\"b\"\n", 1),
        ("package a[1]\n", 1),
        ("package a-b\n", 1),
    ] {
        let (file, problem) = refused(&[("p.rego", text)]);
        assert!(matches!(problem, BundleProblem::Package(found) if found == line), "{text:?}: {problem}");
        assert_eq!(file.as_deref(), Some("p.rego"));
    }
}

#[test]
fn a_module_that_is_no_text_is_refused_with_the_place() {
    let bytes = [MODULE.as_bytes(), b"# \xe9t\xe9\n"].concat();
    let tar = super::tar(&[(b'0', "p.rego", &bytes)]);
    let error = super::super::load_tar("t", &*tar, &Default::default()).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::Utf8(at) if at == MODULE.len() + 2), "{error}");
    assert_eq!(error.file.as_deref(), Some("p.rego"));
}

#[test]
fn a_patch_for_opa_is_no_bundle() {
    let problem = refused(&[("p.rego", MODULE), ("/patch.json", r#"{"data": []}"#)]).1;
    assert!(matches!(problem, BundleProblem::Delta), "{problem}");
}
