//! Records of executables, with what they consist of.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use tracego_tests::{Session, go};

use crate::{ConditionalTest, Test};

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("each executable has one record with its modules", modules as Test, || {
        go::toolchain(go::GO_1_27).err()
    })];

/// Writes a module whose two dependencies are replaced, one by a folder with a secret in its name.
fn write_project(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let dependencies = [("one", "./one"), ("two", "./token=hunter2abc")];
    let mut module = "module example.com/shop\n\ngo 1.21\n".to_owned();
    for (name, place) in dependencies {
        let path = format!("example.com/{name}");
        module += &format!("\nrequire {path} v1.2.3\n\nreplace {path} => {place}\n");
        write(&format!("{place}/go.mod"), &format!("module {path}\n\ngo 1.21\n"));
        write(&format!("{place}/a.go"), &format!("package {name}\n"));
    }
    write("go.mod", &module);
    write(
        "main.go",
        "package main\n\nimport (\n\t_ \"example.com/one\"\n\t_ \"example.com/two\"\n)\n\nfunc main() {}\n",
    );
}

/// Returns the executables of a session that consist of Go modules, by what they consist of.
fn go_images(session: &Session) -> Vec<&Value> {
    let images = session.records.iter().filter(|record| record["event_name"] == "tracego.image");
    images.map(|record| &record["tracego"]["image"]).filter(|image| image.get("modules").is_some()).collect()
}

fn modules() {
    let home = tempfile::tempdir().unwrap();
    let root = go::toolchain(go::GO_1_27).unwrap();
    let module = home.path().join("module");
    write_project(&module);
    let script =
        "go build -o shop . && go build -ldflags=-s -o other . && ./shop && ./shop && ./other && ./shop";
    for detail in ["lean", "full"] {
        let run = |options: &[&str]| {
            let options = [&["--detail", detail], options].concat();
            let session = Session::run(&options, &["sh", "-c", script], |tracego| {
                let path = format!("{}/bin:/usr/bin:/bin", root.display());
                tracego.current_dir(&module).envs(go::environment(&root, home.path())).env("PATH", path);
            });
            assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
            session
        };
        assert_eq!(go_images(&run(&[])), [] as [&Value; 0], "nobody asked for modules");
        let session = run(&["--modules"]);
        let found = go_images(&session);
        let replaced = |name: &str, place: &str| json!({ "path": name, "version": "v1.2.3", "replacement": { "path": place, "version": "(devel)" } });
        let wanted = json!([
            replaced("example.com/one", "./one"),
            replaced("example.com/two", "./token=[tracego:redacted]")
        ]);
        let ids: BTreeSet<&str> = found
            .iter()
            .map(|image| {
                assert_eq!(image["modules"], wanted, "{detail}");
                image["build_id"]["htlhash"].as_str().unwrap()
            })
            .collect();
        // Once with the digest, and once before that is known, if a start comes so early; `shop` starts three times.
        assert_eq!(ids.len(), 2, "{detail}: {found:#?}");
        assert!(found.len() <= 4, "{detail}: {found:#?}");
        // Each image stands before the first start of its program.
        let place = |of: &dyn Fn(&Value) -> bool| session.records.iter().position(of).unwrap();
        let image = place(&|record| record["tracego"]["image"]["modules"].is_array());
        let start = place(&|record| record["process"]["command_args"] == json!(["./shop"]));
        assert!(image < start, "{image} {start}");
        assert!(!format!("{:?}", session.records).contains("hunter2abc"), "{detail}");
        let libraries = |record: &Value| {
            record["tracego"]["image"]["needed"].as_array().is_some_and(|all| !all.is_empty())
        };
        assert!(session.records.iter().any(libraries), "the shell needs a library");
    }
}
