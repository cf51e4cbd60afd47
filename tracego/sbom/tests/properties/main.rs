//! Properties of bills of materials, on generated records, advisories and versions.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;
mod versions;

use proptest::{collection::vec, prelude::*};
use serde_json::json;
use tracego_golang::Module;
use tracego_sbom::{
    inventory::SoftwareInventory,
    osv::OsvDatabase,
    program::{GoProgram, ModuleList, ProgramKind},
};

/// Names that records and advisories share, so that they meet.
const NAMES: [&str; 6] =
    ["example.com/a", "example.com/b/v2", "stdlib", "toolchain", "./c", "a\u{1b}[31m\u{202e}"];
const VERSIONS: [&str; 6] = ["v1.2.3", "(devel)", "", "v2.0.0+incompatible", "v1.0.0-rc.1", "nonsense"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn version() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&VERSIONS[..])
}

fn start() -> impl Strategy<Value = String> {
    let hash = prop::sample::select(vec!["", "00", "11"]);
    let digest = prop::option::of(prop::sample::select(vec!["0", "1", "x"]));
    (name(), version(), name(), hash, digest, prop::option::of(0_usize..3), any::<bool>(), 1_u32..9).prop_map(
        |(module, version, path, hash, digest, dependencies, is_lean, pid)| {
            let build = json!({
                "path": path, "module": { "path": module, "version": version }, "dependencies": dependencies,
                "vcs": { "revision": "0123" },
            });
            let digest = digest.map(|digit| json!({ "sha256": digit.repeat(64) }));
            let file = json!({ "inode": 7, "ctime": "2026-11-25T02:00:00Z", "digest": digest });
            let go = dependencies.is_some().then_some(json!({ "build": build }));
            let runtime = json!({ "name": "go", "version": "go1.27.3" });
            let base = json!({ "schema": "tracego/2", "timestamp": format!("2026-11-25T02:00:0{pid}Z") });
            let with = |name: &str, process: serde_json::Value, own: serde_json::Value| {
                let mut record = base.clone();
                record["event_name"] = name.into();
                record["process"] = process;
                record["tracego"] = own;
                record.to_string()
            };
            let process = json!({ "pid": pid, "executable": { "path": format!("/bin/{path}") } });
            if is_lean {
                let own = json!({ "ref": { "image": hash }, "executable": file, "go": go,
                    "image": { "build_id": { "htlhash": hash }, "runtime": runtime } });
                let image = with("tracego.image", json!(null), own);
                let start = with("tracego.process.start", process, json!({ "ref": { "image": hash } }));
                format!("{start}\n{image}")
            } else {
                let mut process = process;
                process["executable"]["build_id"] = json!({ "htlhash": hash });
                process["runtime"] = runtime;
                with("tracego.process.start", process, json!({ "executable": file, "go": go }))
            }
        },
    )
}

fn advisory() -> impl Strategy<Value = String> {
    (name(), version(), version(), any::<bool>(), 0_u32..4).prop_map(|(name, introduced, fixed, withdrawn, id)| {
        let advisory = json!({
            "id": format!("GO-2026-{id:04}"), "summary": "a\u{1b}b", "aliases": ["CVE-2026-1"],
            "withdrawn": withdrawn.then_some("2026-01-01T00:00:00Z"),
            "affected": [{ "package": { "ecosystem": "Go", "name": name },
                "ranges": [{ "type": "SEMVER", "events": [{ "introduced": introduced }, { "fixed": fixed }] }] }],
        });
        advisory.to_string()
    })
}

fn module() -> impl Strategy<Value = Module> {
    let one = || {
        let sum = prop::sample::select(vec!["", "h1:a", "h1:b"]);
        (name(), version(), sum).prop_map(|(path, version, sum)| Module {
            path: path.to_owned(),
            version: version.to_owned(),
            sum: sum.to_owned(),
            replacement: None,
        })
    };
    (one(), prop::option::of(one()))
        .prop_map(|(module, other)| Module { replacement: other.map(Box::new), ..module })
}

/// Programs with modules, as executables say them.
fn inventory() -> impl Strategy<Value = SoftwareInventory> {
    let program =
        (prop::option::of(vec(module(), 0..6)), prop::option::of(module()), any::<bool>(), 0_u32..3);
    vec(program, 0..4).prop_map(|programs| {
        let mut inventory = SoftwareInventory::default();
        for (modules, main, may_have_c, digest) in programs {
            let go = GoProgram {
                version: "go1.27.3".to_owned(),
                package: "example.com/a/cmd".to_owned(),
                main,
                modules: modules.map_or(ModuleList::Unavailable, ModuleList::Known),
                revision: None,
                modified: None,
                is_contradicted: false,
                may_have_c,
            };
            inventory.add_file(format!("/{digest}"), format!("{digest:064}"), ProgramKind::Go(Box::new(go)));
        }
        inventory.merge();
        inventory
    })
}

proptest! {
    #[test]
    fn bills_of_any_modules_are_sound(inventory in inventory(), advisories in vec(advisory(), 0..4)) {
        let mut database = OsvDatabase::default();
        for advisory in &advisories {
            database.add(advisory.as_bytes()).unwrap();
        }
        check::bill(&inventory, &database);
    }

    #[test]
    fn bills_of_any_lines_are_sound(lines in vec(prop_oneof![start(), advisory(), ".{0,40}"], 0..12)) {
        check::any(lines.join("\n").as_bytes());
    }

    #[test]
    fn bills_of_any_bytes_are_sound(bytes in vec(any::<u8>(), 0..300)) {
        check::any(&bytes);
    }
}
