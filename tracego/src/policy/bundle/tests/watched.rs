//! Bundles that change while they are in use.

use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc};

use super::{
    super::{Options, Problem, Watched},
    MODULE, archive, folder, put,
};

fn start(path: &Path) -> Watched {
    Watched::start(path, Options { trust: None, allow_writable: true }).unwrap()
}

#[test]
fn a_change_brings_a_new_bundle_and_no_change_brings_none() {
    let folder = folder(&[("p.rego", MODULE), ("data.json", "{}")]);
    let mut watched = start(folder.path());
    assert!(watched.poll().unwrap().is_none());
    let first = watched.bundle().digest.clone();
    // The same length, and perhaps the same time as the kernel's clock has it.
    put(folder.path(), "p.rego", &MODULE.replace("no", "oh"));
    let second = watched.poll().unwrap().unwrap();
    assert_ne!(second.digest, first);
    assert!(Arc::ptr_eq(&second, watched.bundle()));
    assert!(watched.poll().unwrap().is_none());
    put(folder.path(), "new/data.json", "1");
    assert_eq!(watched.poll().unwrap().unwrap().data, serde_json::json!({"new": 1}));
    fs::remove_dir_all(folder.path().join("new")).unwrap();
    assert_eq!(watched.poll().unwrap().unwrap().digest, second.digest);
    // What decides nothing makes no new bundle.
    put(folder.path(), "README", "x");
    assert!(watched.poll().unwrap().is_none());
}

#[test]
fn what_is_refused_is_said_and_the_old_bundle_stays_whole() {
    let folder = folder(&[("p.rego", MODULE), ("data.json", r#"{"a": 1}"#)]);
    let mut watched = start(folder.path());
    let before = Arc::clone(watched.bundle());
    put(folder.path(), "p.rego", "package other\n");
    put(folder.path(), "data.json", "{");
    let error = watched.poll().unwrap_err();
    assert!(matches!(error.problem, Problem::Data(_)), "{error}");
    assert!(Arc::ptr_eq(&before, watched.bundle()));
    put(folder.path(), "data.json", "{}");
    let after = watched.poll().unwrap().unwrap();
    assert_eq!(after.modules[0].package, ["other"]);
    assert_eq!(before.modules[0].package, ["tracego", "process"]);
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(watched.poll().unwrap_err().problem, Problem::Io(_)));
    assert!(watched.poll().unwrap().is_none(), "said once");
    assert!(Arc::ptr_eq(&after, watched.bundle()));
}

#[test]
fn an_archive_that_is_replaced_is_noticed() {
    let folder = folder(&[]);
    let path = folder.path().join("policy.tar.gz");
    fs::write(&path, archive(&[("p.rego", MODULE)])).unwrap();
    let mut watched = start(&path);
    let new = folder.path().join("new");
    fs::write(&new, archive(&[("p.rego", "package other\n")])).unwrap();
    fs::rename(&new, &path).unwrap();
    assert_eq!(watched.poll().unwrap().unwrap().modules[0].package, ["other"]);
    fs::write(&path, "half").unwrap();
    assert!(matches!(watched.poll().unwrap_err().problem, Problem::Archive(_)));
    assert_eq!(watched.bundle().modules[0].package, ["other"]);
}

#[test]
fn a_config_map_that_changes_is_noticed_though_its_links_stay() {
    let folder = folder(&[("..1/p.rego", MODULE), ("..2/p.rego", "package other\n")]);
    symlink("..1", folder.path().join("..data")).unwrap();
    symlink("..data/p.rego", folder.path().join("p.rego")).unwrap();
    let mut watched = start(folder.path());
    symlink("..2", folder.path().join("..data_tmp")).unwrap();
    fs::rename(folder.path().join("..data_tmp"), folder.path().join("..data")).unwrap();
    assert_eq!(watched.poll().unwrap().unwrap().modules[0].package, ["other"]);
}

#[test]
fn what_has_settled_is_not_read_again() {
    let folder = folder(&[("p.rego", MODULE)]);
    let mut watched = start(folder.path());
    std::thread::sleep(std::time::Duration::from_millis(2200));
    assert!(watched.poll().unwrap().is_none());
    let seen = super::super::watch::look(folder.path(), std::time::SystemTime::now()).unwrap();
    assert!(seen.settled);
    assert_eq!(watched.seen, Some(seen));
}
