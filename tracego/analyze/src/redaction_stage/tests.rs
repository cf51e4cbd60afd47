use tracego_golang::{Build, Elf, Image, Linkage, Module};
use tracego_model::{
    clock::Reading,
    finding::{Confidence, Severity},
    ledger::Ledger,
    record::Executable,
};

use super::*;
use crate::{enrich::Enricher, redact};

/// A start with a password in each text that a process controls.
fn start(meta: Meta) -> Record {
    let mut record = Enricher::new(meta).heartbeat(Ledger::default(), Reading::default());
    let args = ["go", "run", ".", "--token", "hunter22"].map(str::to_owned);
    record.event_name = event_name::START;
    record.body = text::one_line(&args);
    record.tracego.exec_id = Some("a-1-1".into());
    record.tracego.findings.push(Finding {
        id: "TG001",
        name: "go-run",
        variant: None,
        severity: Severity::High,
        confidence: Confidence::High,
        message: "runs with hunter22\n".into(),
        remedy: "",
        claimed: false,
        unenforced: None,
        by_arguments: false,
        evidence: [("process.command_args", args.join(" ")), ("GOFLAGS", "-X=hunter22".into())].into(),
    });
    let variables =
        [("GIVEN", "--token=abcdefgh"), ("LOST", "--token=hunter22")].map(|(k, v)| (k.into(), v.to_owned()));
    record.process = Some(Box::new(Process {
        command_args: Some(args.to_vec()),
        executable: Some(Executable {
            path: "/srv/https:ghp_0123456789012345678901234567890123456789".into(),
            name: "ghp_0123456789012345678901234567890123456789".into(),
            build_id: None,
            elsewhere: false,
        }),
        environment_variable: Some(Arc::new(std::collections::BTreeMap::from(variables).into())),
        ..Process::default()
    }));
    record
}

fn json(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

#[test]
fn no_text_of_a_record_has_the_secret_of_an_argument() {
    let meta = Meta { injected: vec![("GIVEN".into(), "--token=abcdefgh".into())], ..Meta::default() };
    let mut stage = RedactionStage::new(&meta);
    let mut record = start(meta);
    assert!(json(&record).matches("hunter22").count() >= 5);
    stage.redact(&mut record);
    let whole = json(&record);
    assert!(!whole.contains("hunter22") && !whole.contains("ghp_"), "{whole}");
    assert!(!whole.contains("abcdefgh"), "a variable of --env is one like any other: {whole}");
    assert_eq!(record.body, format!("go run . --token {}", redact::MARK));
    assert_eq!(record.tracego.findings[0].evidence["process.command_args"], record.body);
    // One argument, one path, two variables.
    assert_eq!(record.tracego.completeness.redacted, 4);

    let mut later = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
    later.tracego.exec_id = Some("a-1-1".into());
    later.body = "it was started with hunter22".into();
    stage.redact(&mut later);
    assert!(!later.body.contains("hunter22"), "{}", later.body);
}

#[test]
fn raw_records_stay_and_their_findings_are_short_lines() {
    let meta = Meta { raw: true, ..Meta::default() };
    let mut stage = RedactionStage::new(&meta);
    let mut record = start(meta);
    stage.redact(&mut record);
    assert_eq!(record.tracego.findings[0].message, "runs with hunter22\\n");
    assert_eq!(record.tracego.completeness.redacted, 0);
}

#[test]
fn a_secret_that_is_too_long_to_be_kept_is_in_no_other_text_either() {
    let mut stage = RedactionStage::new(&Meta::default());
    let mut record = start(Meta::default());
    let long = "Zx9".repeat(2000);
    let args = ["deploy".to_owned(), format!("--token={long}")];
    record.body = text::one_line(&args);
    record.tracego.findings[0].evidence = [("process.command_args", args.join(" "))].into();
    record.process.as_mut().unwrap().command_args = Some(args.to_vec());
    stage.redact(&mut record);
    assert!(!json(&record).contains("Zx9"), "{}", record.body);
}

#[test]
fn a_secret_path_goes_from_ancestors_and_from_texts_about_it() {
    let path = "/srv/token=hunter2abc/bin/go";
    let grandparent = Line::below(None, Line { executable: path.into(), ..Line::default() });
    let parent = Line::below(Some(grandparent), Line { executable: "/bin/sh".into(), ..Line::default() });
    let mut stage = RedactionStage::new(&Meta::default());
    // Twice: the second comes from what is remembered.
    for _ in 0..2 {
        let mut record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        record.event_name = event_name::EXEC_FAILED;
        record.body = format!("{path}: ENOENT");
        record.tracego.ancestors = Some(tracego_model::record::lineage::Lineage(Some(Arc::clone(&parent))));
        record.tracego.exec = Some(tracego_model::record::linux::ExecCall {
            filename: path.to_owned(),
            ..tracego_model::record::linux::ExecCall::default()
        });
        record.process = Some(Box::default());
        stage.redact(&mut record);
        assert!(!json(&record).contains("hunter2"), "{}", json(&record));
        assert!(json(&record).contains("/bin/sh"));
    }
}

#[test]
fn what_a_policy_quotes_goes_from_each_of_its_texts() {
    let mut stage = RedactionStage::new(&Meta::default());
    let mut record = start(Meta::default());
    let mut decision = tracego_model::record::policy::PolicyDecision::new(Arc::default());
    decision.allow = false;
    decision.violations = Arc::new(vec![Violation {
        bundle: "b".into(),
        id: "uses-hunter22".into(),
        msg: "has hunter22".into(),
        severity: None,
        remediation: Some("drop hunter22".into()),
        action: None,
    }]);
    record.tracego.policy = Some(Box::new(decision));
    stage.redact(&mut record);
    assert!(!json(&record).contains("hunter22"), "{}", json(&record));
}

#[test]
fn a_later_program_of_a_process_does_not_bring_the_secret_of_an_earlier_one_back() {
    let mut stage = RedactionStage::new(&Meta::default());
    let mut first = start(Meta::default());
    stage.redact(&mut first);
    let mut second = start(Meta::default());
    second.process.as_mut().unwrap().command_args = Some(vec!["true".to_owned()]);
    second.tracego.findings.clear();
    stage.redact(&mut second);
    let mut ended = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
    ended.tracego.exec_id = Some("a-1-1".into());
    ended.body = "killed: started with hunter22".into();
    stage.redact(&mut ended);
    assert!(!ended.body.contains("hunter22"), "{}", ended.body);
}

#[test]
fn an_argv0_that_looks_like_an_option_takes_nothing_with_it() {
    let mut stage = RedactionStage::new(&Meta::default());
    let mut record = start(Meta::default());
    let args = ["--token", "run", "secret.go"].map(str::to_owned);
    record.body = text::one_line(&args);
    record.tracego.findings[0].message = "go run makes a program".into();
    record.process.as_mut().unwrap().command_args = Some(args.to_vec());
    stage.redact(&mut record);
    assert_eq!(record.process.as_ref().unwrap().command_args.as_deref(), Some(&args[..]));
    assert_eq!(record.tracego.findings[0].message, "go run makes a program");
}

#[test]
fn modules_stay_as_they_are_but_for_secrets_in_the_folders_that_replace_them() {
    let modules = [
        ("golang.org/x/sys", "v0.0.0-20210921155107-089bfa567519"),
        ("github.com/secure-systems-lab/go-securesystemslib", "v0.9.1"),
        ("github.com/golang-jwt/jwt", "v3.2.2+incompatible"),
        ("k8s.io/apiserver/pkg/token", "v1.0.0-rc.1"),
        ("github.com/hashicorp/go-secure-stdlib/password", "v0.1.4"),
        ("filippo.io/edwards25519", "v1.1.1-0.20260214113505-5d4f2a7b3c1e"),
    ];
    let module = |(path, version): (&str, &str)| Module {
        path: path.to_owned(),
        version: version.to_owned(),
        ..Module::default()
    };
    let part = |modules: Vec<Module>| {
        let go = Build { dependencies: modules, ..Build::default() };
        let elf = Elf { needed: vec!["libpassword-store.so.1".into(), "libc.so.6".into()], ..Elf::default() };
        let image = Image { elf: Some(elf), go: Some(go), ..Image::default() };
        Arc::new(Frozen::from(Linked { image: Some(Arc::new(image)), ..linked_statically() }))
    };
    let redactor = Redactor::standard();
    let whole = part(modules.map(module).to_vec());
    assert!(Arc::ptr_eq(&part::linked(&whole, &redactor), &whole));
    let folder = module(("/src/token=hunter2abc/x", "(devel)"));
    let replaced = Module { replacement: Some(Box::new(folder)), ..module(modules[0]) };
    let redacted = part::linked(&part(vec![replaced.clone()]), &redactor);
    let shown = &redacted.image.as_ref().unwrap().go.as_ref().unwrap().dependencies[0];
    assert_eq!((&shown.path, &shown.version), (&replaced.path, &replaced.version));
    let folder = &shown.replacement.as_ref().unwrap().path;
    assert!(folder.contains(redact::MARK) && !folder.contains("hunter2abc"), "{folder}");
}

fn linked_statically() -> Linked {
    Linked {
        linkage: Linkage::Static,
        interpreter: None,
        pie: false,
        stripped: false,
        debug: false,
        packer: None,
        damage: Vec::new(),
        image: None,
    }
}
/// The start of a process and of a child of it, as the enricher makes them.
fn family(args: &[String], is_cut: bool) -> (Record, Record) {
    let parent = Line::below(None, Line::default());
    let mut record = start(Meta::default());
    record.tracego.shown_args = Some(parent.args.clone());
    record.process.as_mut().unwrap().command_args = Some(args.to_vec());
    if is_cut {
        record.tracego.completeness.truncated.push(ARGS);
    }
    // A fork shares the place.
    let fork = Line::below(None, Line { args: parent.args.clone(), ..Line::default() });
    let mut child = start(Meta::default());
    child.tracego.exec_id = Some("a-2-2".into());
    child.body = "true".to_owned();
    child.tracego.findings.clear();
    child.tracego.ancestors = Some(tracego_model::record::lineage::Lineage(Some(fork)));
    child.process.as_mut().unwrap().command_args = Some(vec!["true".to_owned()]);
    (record, child)
}

#[test]
fn a_child_shows_its_parent_as_the_record_of_the_parent_does() {
    // The name of a secret may stand behind its value, and far behind what a child shows.
    let pairs = format!(r#"{{"name":"DB_PASSWORD","value":"hunter22"}}{}"#, " x".repeat(200));
    let block =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "hunter22".repeat(1000));
    let url = format!("https://user:{}@example.org/", "hunter22".repeat(40));
    let cases = [
        vec!["deploy", "--token", "hunter22"],
        vec!["sh", "-c", "curl -u me:hunter22 https://example.org"],
        vec!["set", &pairs],
        vec!["load", &block],
        vec!["get", &url],
    ];
    for args in cases {
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let mut stage = RedactionStage::new(&Meta::default());
        let (mut parent, mut child) = family(&args, false);
        stage.redact(&mut parent);
        stage.redact(&mut child);
        let own = parent.process.unwrap().command_args.unwrap();
        assert!(own != args, "{args:?}");
        let shown = child.tracego.parent.as_ref().unwrap();
        assert_eq!(*shown.command_args, *tracego_model::record::parent::cut(&own, false));
        assert!(!json(&child).contains("hunter22"), "{}", json(&child));
    }
}

#[test]
fn a_parent_that_was_not_redacted_is_not_shown() {
    let mut stage = RedactionStage::new(&Meta::default());
    let (_, mut child) = family(&["deploy".to_owned(), "--token=hunter22".to_owned()], false);
    stage.redact(&mut child);
    assert!(child.tracego.parent.is_none());
}

#[test]
fn arguments_of_a_parent_that_the_kernel_cut_end_with_the_mark() {
    let mut stage = RedactionStage::new(&Meta::default());
    let (mut parent, mut child) = family(&["make".to_owned()], true);
    stage.redact(&mut parent);
    stage.redact(&mut child);
    assert_eq!(*child.tracego.parent.unwrap().command_args, ["make", "…"]);
}

#[test]
fn a_form_that_is_added_later_holds_for_parents_that_ran_before() {
    let mut stage = RedactionStage::new(&Meta::default());
    let (mut parent, mut child) = family(&["deploy".to_owned(), "--sesame=hunter22".to_owned()], false);
    stage.redact(&mut parent);
    let mut before = child.clone();
    stage.redact(&mut before);
    assert!(json(&before).contains("hunter22"), "the form is new");
    let shape = redact::Shape {
        name: "sesame".to_owned(),
        names: vec!["sesame".to_owned()],
        ..redact::Shape::default()
    };
    let settings = redact::RedactSettings { add: vec![shape], ..redact::RedactSettings::default() };
    stage.set_redactor(Arc::new(Redactor::new(&settings).unwrap()));
    stage.redact(&mut child);
    assert_eq!(
        *child.tracego.parent.unwrap().command_args,
        ["deploy", &format!("--sesame={}", redact::MARK)]
    );
}

#[test]
fn raw_records_show_the_parent_as_it_is_and_cut() {
    let mut stage = RedactionStage::new(&Meta { raw: true, ..Meta::default() });
    let (mut parent, mut child) =
        family(&["deploy".to_owned(), format!("--token={}", "x".repeat(300))], false);
    stage.redact(&mut parent);
    stage.redact(&mut child);
    let args = child.tracego.parent.unwrap().command_args;
    assert_eq!(args[1], format!("--token={}…", "x".repeat(241)));
}
