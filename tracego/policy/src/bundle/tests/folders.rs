//! Tests of folders and single files.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use super::{
    super::{
        BundleOptions, BundleProblem, FILES_MAX, files,
        folder::{self, AllowedWriters},
        load, load_with,
    },
    MODULE, archive, folder, load_folder, put,
};

const FILES: [(&str, &str); 5] = [
    (".manifest", r#"{"revision": "r1", "roots": ["tracego", "ci"]}"#),
    ("process.rego", MODULE),
    ("process_test.rego", "package tracego.process_test\n"),
    ("ci/data.yaml", "allowed:\n  - go\n"),
    ("README.md", "A policy.\n"),
];

#[test]
fn a_folder_and_its_archive_are_the_same_bundle() {
    let folder = folder(&FILES);
    put(folder.path(), ".git/config", "hidden");
    put(folder.path(), "ci/.cache/data.json", "not even JSON");
    let one = load_folder(folder.path()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let packed = elsewhere.path().join("made.tar.gz");
    let mut tar = std::process::Command::new("tar");
    let done = tar.arg("czf").arg(&packed).arg("-C").arg(folder.path()).arg(".").status().unwrap();
    assert!(done.success());
    let two = load_folder(&packed).unwrap();
    let file = elsewhere.path().join("mine.tgz");
    fs::write(&file, archive(&FILES)).unwrap();
    let three = load_folder(&file).unwrap();
    assert_eq!(three.name, "mine");
    for other in [&two, &three] {
        assert_eq!(one.digest, other.digest);
        assert_eq!(format!("{:?}", one.modules), format!("{:?}", other.modules));
        assert_eq!(one.data, other.data);
    }
    assert_eq!(one.data, serde_json::json!({"ci": {"allowed": ["go"]}}));
    assert_eq!(one.manifest.revision.as_deref(), Some("r1"));
    let tests: Vec<_> = one.modules.iter().map(|module| (module.path.as_str(), module.test)).collect();
    assert_eq!(tests, [("process.rego", false), ("process_test.rego", true)]);
    assert_eq!(Some(one.name.as_str()), folder.path().file_name().and_then(|name| name.to_str()));
}

#[test]
fn the_digest_is_of_all_that_decides_and_of_nothing_else() {
    let digest = |files: &[(&str, &str)]| load_folder(folder(files).path()).unwrap().digest;
    let first = digest(&FILES);
    assert_eq!(first.len(), 7 + 64);
    for (at, (name, text)) in FILES.into_iter().enumerate() {
        let mut changed = FILES;
        let text = format!("{text} ");
        changed[at] = (name, &text);
        assert_eq!(digest(&changed) == first, name == "README.md", "{name}");
        changed[at] = (name, FILES[at].1);
        let moved = format!("moved/{name}");
        changed[at].0 = &moved;
        // A manifest in another folder is a hidden file.
        if !matches!(name, ".manifest" | "ci/data.yaml") {
            assert_eq!(digest(&changed) == first, name == "README.md", "{name}");
        }
    }
    // The digest must never change, because logged decisions hold it.
    let one = load_folder(folder(&[("p.rego", "package p\n")]).path()).unwrap();
    assert_eq!(one.digest, "sha256:f8aa1618cbfbd797d3a67b8d04fb4f6898ee38934238457a15267d4fde8d7df6");
}

#[test]
fn a_module_alone_is_the_folder_that_has_it_alone() {
    let folder = folder(&[("p.rego", MODULE)]);
    let alone = load_folder(&folder.path().join("p.rego")).unwrap();
    assert_eq!((alone.name.as_str(), alone.modules[0].path.as_str()), ("p", "p.rego"));
    assert_eq!(alone.digest, load_folder(folder.path()).unwrap().digest);
}

#[test]
fn a_link_may_lead_to_a_file_inside_and_nowhere_else() {
    // The layout of a ConfigMap that Kubernetes mounts.
    let map = folder(&[("..2026_11_25/p.rego", MODULE)]);
    symlink("..2026_11_25", map.path().join("..data")).unwrap();
    symlink("..data/p.rego", map.path().join("p.rego")).unwrap();
    assert_eq!(load_folder(map.path()).unwrap().modules.len(), 1);

    let outside = folder(&[("q.rego", MODULE)]);
    let target = outside.path().join("q.rego");
    for (to, expected) in [
        (target.as_path(), "leads nowhere or out"),
        (Path::new("../../../../../../etc/passwd"), "leads nowhere or out"),
        (Path::new("missing"), "leads nowhere or out"),
        (Path::new("link.rego"), "leads nowhere or out"),
        (Path::new("/proc/self/exe"), "leads nowhere or out"),
        (Path::new("sub"), "is a link to a folder"),
        (Path::new("pipe.fifo"), "is neither a file nor a folder"),
    ] {
        let folder = folder(&[("p.rego", MODULE), ("sub/data.json", "{}")]);
        if to == Path::new("pipe.fifo") {
            // The pipe is hidden, so that the walk skips it.
            let pipe = folder.path().join(".pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            symlink(".pipe", folder.path().join("link.rego")).unwrap();
        } else {
            symlink(to, folder.path().join("link.rego")).unwrap();
        }
        let error = load_folder(folder.path()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.file.as_deref(), Some("link.rego"));
    }
}

#[test]
fn a_pipe_or_socket_is_refused_and_nobody_waits_for_it() {
    let folder = folder(&[("p.rego", MODULE)]);
    let pipe = folder.path().join("q.rego");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(load_folder(folder.path()).unwrap_err().problem, BundleProblem::NoFile));
    assert!(matches!(load_folder(&pipe).unwrap_err().problem, BundleProblem::Kind));
}

#[test]
fn bounds_hold_in_a_folder() {
    let many = folder(&[("p.rego", MODULE)]);
    for n in 0..FILES_MAX {
        fs::create_dir(many.path().join(n.to_string())).unwrap();
    }
    assert!(matches!(load_folder(many.path()).unwrap_err().problem, BundleProblem::Many));
    let large = folder(&[("p.rego", MODULE)]);
    let file = fs::File::create(large.path().join("data.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = load_folder(large.path()).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::Large), "{error}");
    assert_eq!(error.file.as_deref(), Some("data.json"));
    let deep = folder(&[(&format!("{}p.rego", "d/".repeat(40)), MODULE)]);
    assert!(matches!(load_folder(deep.path()).unwrap_err().problem, BundleProblem::Name(_)));
}

#[test]
fn what_others_may_write_is_refused_by_name_for_root() {
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let made = || {
        let folder = folder(&[("p.rego", MODULE), ("sub/data.json", "{}")]);
        for (name, bits) in [("", 0o755), ("sub", 0o755), ("p.rego", 0o644), ("sub/data.json", 0o644)] {
            mode(&folder.path().join(name), bits);
        }
        folder
    };
    assert!(folder::read(made().path(), AllowedWriters::Owner).is_ok());
    for (name, bits) in [("", 0o775), ("sub", 0o757), ("p.rego", 0o664), ("sub/data.json", 0o646)] {
        let folder = made();
        mode(&folder.path().join(name), bits);
        let fault = folder::read(folder.path(), AllowedWriters::Owner).unwrap_err();
        assert!(
            matches!(fault.problem, BundleProblem::Writable(found) if found == bits),
            "{}",
            fault.problem
        );
        assert_eq!(fault.file.unwrap_or_default(), name);
        assert!(folder::read(folder.path(), AllowedWriters::Any).is_ok());
    }
    // A single file, and the folder above it, where another file could be put in its place.
    let folder = made();
    let file = folder.path().join("p.rego");
    assert!(folder::open(&file, AllowedWriters::Owner).is_ok());
    mode(folder.path(), 0o777);
    let fault = folder::open(&file, AllowedWriters::Owner).unwrap_err();
    assert!(matches!(fault.problem, BundleProblem::Writable(0o777)), "{}", fault.problem);
    mode(folder.path(), 0o1777);
    assert!(folder::open(&file, AllowedWriters::Owner).is_ok());
    mode(&file, 0o666);
    assert!(folder::open(&file, AllowedWriters::Owner).is_err());
    // The same check through the public functions.
    let root = rustix::process::geteuid().is_root();
    assert_eq!(load(&file, None).is_err(), root);
    assert!(load_with(&file, &BundleOptions { trust: None, allow_writable: true }).is_ok());
}

#[test]
fn a_path_that_is_no_bundle_is_refused_with_the_way_out() {
    let folder = folder(&[("policy.txt", MODULE)]);
    let error = load_folder(&folder.path().join("policy.txt")).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::Kind), "{error}");
    let error = load_folder(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(error.problem, BundleProblem::Io(_)), "{error}");
    assert!(matches!(load_folder(folder.path()).unwrap_err().problem, BundleProblem::Empty));
    let tests_alone = super::folder(&[("p_test.rego", MODULE)]);
    assert!(matches!(load_folder(tests_alone.path()).unwrap_err().problem, BundleProblem::Empty));
}

#[test]
fn hidden_is_all_that_starts_with_a_dot_but_the_two_files_of_opa() {
    for (name, expected) in [
        (".manifest", false),
        (".signatures.json", false),
        ("a/.manifest", true),
        ("a/.signatures.json", true),
        (".git/p.rego", true),
        ("a/.b/c.rego", true),
        ("a/b.c", false),
    ] {
        assert_eq!(files::ignored(name), expected, "{name}");
    }
}
