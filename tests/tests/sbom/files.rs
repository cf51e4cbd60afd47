//! Bills of executables that are given as files.

use std::{fs, process::Command};

use serde_json::json;

use crate::{Test, command, components, cyclonedx, programs::PROGRAMS, property, sbom};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("files::modules_are_those_that_were_built", modules),
    ("files::a_commit_and_a_digest_are_named", commit),
    ("files::what_is_not_known_is_said", unknown),
    ("files::a_bill_is_the_same_twice", reproducible),
    ("files::a_program_that_ran_is_read_only_if_it_is_the_same", read_executables),
];

fn modules() {
    let programs = PROGRAMS.as_ref().unwrap();
    let (status, bill) = cyclonedx(&[], &[&programs.program("fork")]);
    assert_eq!(status, 0);
    let libraries = components(&bill, "library");
    let urls: Vec<_> = libraries.iter().map(|library| library["purl"].as_str().unwrap()).collect();
    let wanted = [
        "pkg:golang/example.com/Upper/dep/v3@v3.1.0",
        "pkg:golang/example.com/fork@v1.9.0",
        "pkg:golang/example.com/old@v2.0.0%2Bincompatible",
        "pkg:golang/example.com/pseudo@v0.0.0-20200101000000-abcdefabcdef",
        "pkg:golang/stdlib@1.27.3",
    ];
    assert_eq!(urls, wanted);
    assert_eq!(property(libraries[1], "tracego:go:replaces"), Some("example.com/original@v1.0.0"));
    assert!(property(libraries[1], "tracego:go:sum").unwrap().starts_with("h1:"));
    let [program] = components(&bill, "application")[..] else { panic!("{bill}") };
    let of = |reference: &serde_json::Value| {
        let all = bill["dependencies"].as_array().unwrap();
        all.iter().find(|one| one["ref"] == *reference).unwrap()["dependsOn"].clone()
    };
    assert_eq!(of(&program["bom-ref"]), json!(wanted));
    assert_eq!(of(&bill["metadata"]["component"]["bom-ref"]), json!([program["bom-ref"]]));
    // A folder is no package.
    let (_, bill) = cyclonedx(&[], &[&programs.program("folder")]);
    let folder = components(&bill, "library")[0];
    assert_eq!((&folder["name"], folder.get("purl")), (&json!("./local"), None));
    assert_eq!(property(folder, "tracego:go:replaces"), Some("example.com/original@v1.0.0"));
}

fn commit() {
    let programs = PROGRAMS.as_ref().unwrap();
    let file = programs.program("committed");
    let (status, bill) = cyclonedx(&[], &[&file]);
    assert_eq!((status, &bill["metadata"]["lifecycles"]), (0, &json!([{ "phase": "post-build" }])));
    let program = components(&bill, "application")[0];
    assert_eq!(program["pedigree"]["commits"], json!([{ "uid": programs.revision }]));
    let sum = Command::new("sha256sum").arg(&file).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(
        program["hashes"],
        json!([{ "alg": "SHA-256", "content": sum.split_whitespace().next().unwrap() }])
    );
    assert_eq!(program["evidence"]["occurrences"], json!([{ "location": file }]));
}

fn unknown() {
    let programs = PROGRAMS.as_ref().unwrap();
    let (text, gone) = (programs.path("text"), programs.path("gone"));
    fs::write(&text, "no program").unwrap();
    let own = std::env::current_exe().unwrap();
    let aggregate = |bill: &serde_json::Value, reference: &serde_json::Value| {
        let all = bill["compositions"].as_array().unwrap();
        let of = |one: &&serde_json::Value| one["dependencies"].as_array().unwrap().contains(reference);
        all.iter().find(of).unwrap()["aggregate"].clone()
    };
    // A program of another language is counted, and nothing says that it has no parts.
    let (status, bill) = cyclonedx(&[], &[&own, &programs.program("plain"), &programs.program("cgo")]);
    assert_eq!(status, 0);
    for program in components(&bill, "application") {
        let wanted = match program["name"].as_str().unwrap() {
            "example.com/hello" => "complete",
            _ => "unknown",
        };
        assert_eq!(aggregate(&bill, &program["bom-ref"]), wanted, "{program}");
    }
    assert_eq!(property(&bill["metadata"], "tracego:programs_not_of_go"), Some("1"));
    // A file that cannot be read.
    let (status, stdout, stderr) = sbom(&[], &[&text, &gone, &programs.program("plain")]);
    let bill: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!((status, aggregate(&bill, &json!("programs"))), (1, json!("incomplete")));
    assert!(stderr.contains("text:1: no record") && stderr.contains("gone: No such file"), "{stderr}");
    // A part of the build information is damaged: the modules that follow are not "none".
    let mut bytes = fs::read(programs.program("plain")).unwrap();
    let at = bytes.windows(8).rposition(|word| word == b"dep\texam").unwrap();
    bytes[at + 3] = b'\n';
    bytes[at..at + 3].copy_from_slice(b"=>\t");
    let damaged = programs.path("damaged");
    fs::write(&damaged, bytes).unwrap();
    let (status, bill) = cyclonedx(&[], &[&damaged]);
    let program = components(&bill, "application")[0];
    assert_eq!((status, aggregate(&bill, &program["bom-ref"])), (4, json!("incomplete")), "{bill}");
}

fn reproducible() {
    let programs = PROGRAMS.as_ref().unwrap();
    let (plain, fork) = (programs.program("plain"), programs.program("fork"));
    for format in crate::FORMATS {
        let once = sbom(&["--format", format], &[&plain, &fork]).1;
        // The order of files does not matter, and neither does a file that is given twice.
        assert!(once == sbom(&["--format", format], &[&fork, &plain, &fork]).1, "{format}");
        assert!(once != sbom(&["--format", format], &[&plain]).1, "{format}");
    }
    let dated = |epoch: &str| {
        let output = command("sbom").env("SOURCE_DATE_EPOCH", epoch).arg(&plain).output().unwrap();
        (output.status.code(), output.stdout)
    };
    let bill: serde_json::Value = serde_json::from_slice(&dated("1700000000").1).unwrap();
    assert_eq!(bill["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(cyclonedx(&[], &[&plain]).1["metadata"].get("timestamp"), None);
    assert_eq!(dated("yesterday").0, Some(2));
}

fn read_executables() {
    let programs = PROGRAMS.as_ref().unwrap();
    let file = programs.path("ran");
    fs::copy(programs.program("plain"), &file).unwrap();
    let records = programs.path("records.json");
    fs::write(&records, crate::records::start(&file, 4)).unwrap();
    // Records have no list of modules and no digest: the bill says so.
    let (status, bill) = cyclonedx(&[], &[&records]);
    let program = components(&bill, "application")[0];
    assert_eq!(status, 4);
    assert_eq!(property(program, "tracego:go:modules_not_listed"), Some("4"));
    assert_eq!((program.get("hashes"), components(&bill, "library").len()), (None, 1));
    // The executable is still the one that ran.
    let (status, bill) = cyclonedx(&["--read-executables"], &[&records]);
    assert_eq!((status, components(&bill, "library").len()), (0, 5));
    let program = components(&bill, "application")[0];
    assert_eq!(program["hashes"][0]["content"].as_str().unwrap().len(), 64);
    assert_eq!(program["evidence"]["occurrences"][0]["additionalContext"], "pid 77, job 42/1/build");
    // Given as a file beside its records it is one program.
    let (status, bill) = cyclonedx(&["--read-executables"], &[&records, &programs.program("plain")]);
    assert_eq!((status, components(&bill, "application").len()), (0, 1));
    // The same bytes, written again, are another file.
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, bytes).unwrap();
    let (status, bill) = cyclonedx(&["--read-executables"], &[&records]);
    assert_eq!((status, components(&bill, "library").len()), (4, 1));
}
