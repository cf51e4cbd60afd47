//! Matchers: every key in every place of the configuration that chooses processes.

use std::sync::Arc;

use tracego_analyze::rules::{registry, settings::RuleSettings};
use tracego_common::verdict::Action;
use tracego_deliver::sink::settings::{self as sinks, filter::Filter};
use tracego_model::{
    clock::Time,
    enforcement::Mode,
    finding::Severity,
    linux::users::User,
    matcher::{MatchKey, MatchTarget},
    record::{
        Container, Executable, LinuxCgroup, Record,
        job::{Context, Job, OpenedBy, attribute},
        tree::Tree,
    },
};
use tracego_probe::enforce::{
    compiler::{JobExtent, compile},
    decision::{Start, decide},
    machine::{File, MachineState},
    settings::Enforce,
};

/// A key with a value that matches the process of the test, and one that does not; or, for enforcement, a part
/// of the error that says the way out.
struct Case {
    key: MatchKey,
    matching: &'static str,
    other: &'static str,
    refused: Option<&'static str>,
}

/// Returns the case of a key. A new key does not compile until it has one.
fn case(key: MatchKey) -> Case {
    let (matching, other, refused) = match key {
        MatchKey::Path => ("'/opt/app'", "'/opt/other'", None),
        MatchKey::Args => ("['serve', '-p*']", "['serve', '-q*']", None),
        MatchKey::User => ("'effective'", "'real'", Some("write real-user")),
        MatchKey::RealUser => ("['real', 7]", "'effective'", None),
        MatchKey::Unit => ("'api-*.service'", "'db.service'", Some("write cgroup")),
        MatchKey::Container => ("'0123*'", "'4567*'", Some("write cgroup")),
        MatchKey::Job => ("'nightly'", "'daily'", Some("write in-job = true")),
        MatchKey::InJob => ("true", "'no'", None),
        MatchKey::Cgroup => ("'/sys/fs/cgroup/a.slice'", "'/b.slice'", None),
    };
    Case { key, matching, other, refused }
}

/// Returns a record of the process. `outside`: it is in no job.
fn record(outside: bool) -> Record {
    let mut record = tracego_tests::samples::start();
    let process = record.process.as_mut().expect("a process");
    let name = "app".to_owned();
    process.executable = Some(Executable { path: "/opt/app".into(), name, build_id: None, elsewhere: false });
    process.command_args = Some(["app", "serve", "-p80"].map(str::to_owned).to_vec());
    process.user = Some(User { id: 8, name: Some(Arc::from("effective")) });
    process.real_user = Some(User { id: 7, name: Some(Arc::from("real")) });
    process.linux = Some(LinuxCgroup { cgroup: "/a.slice".into() });
    record.container = Some(Container { id: "0123456789ab".into(), runtime: None, image: None });
    record.tracego.unit = Some("api-1.service".into());
    let job = Job {
        opened_by: Some(OpenedBy::Ancestor).filter(|_| !outside),
        vouched: vec![(attribute::TASK, "nightly".to_owned())],
        ..Job::default()
    };
    record.tracego.job = Some(Arc::new(job.into()));
    let cicd = Tree::new(vec![("pipeline.task.name", "nightly".to_owned())]);
    record.context = Some(Arc::new(Context { cicd, vcs: Tree::default() }));
    record
}

/// Whether a rule with the exception leaves the process alone.
fn rules(criterion: &str, record: &Record) -> Result<bool, String> {
    let mut settings = RuleSettings::default();
    settings.read(&format!("[rules.TG001]\nexcept = [{{ {criterion} }}]").parse().expect("TOML"))?;
    let rule = registry::find("TG001").expect("a rule");
    Ok(settings.grade(rule, "file", Severity::High, &MatchTarget::of(record)).is_none())
}

/// Whether a sink with the exception leaves the record out.
fn sink(criterion: &str, record: &Record) -> Result<bool, String> {
    let text = format!("[[sinks]]\ntype = 'stdout'\nexcept = [{{ {criterion} }}]");
    let mut table: toml::Table = text.parse().expect("TOML");
    let Some(toml::Value::Array(tables)) = table.remove("sinks") else { panic!("{text}") };
    let sinks = sinks::read(tables)?;
    let filter = Filter::new(&sinks[0].common.filter())?;
    Ok(!filter.takes(record).expect("a record"))
}

/// Whether enforcement with the exception lets the start through.
fn enforcement(criterion: &str, outside: bool) -> Result<bool, String> {
    let text = format!(
        "exceptions = [{{ name = 'e', owner = 'o', reason = 'r', expires = '2100-01-01', {criterion} }}]\n\
         rules = [{{ name = 'all', args = ['serve'] }}]"
    );
    let enforce = Enforce::read(text.parse().expect("TOML"))?;
    let file = |path: &str, inode| (path.into(), File { inode: (1, inode), real: path.to_owned() });
    let machine = MachineState {
        files: [file("/opt/app", 10), file("/opt/other", 11)].into(),
        users: [("real".to_owned(), 7), ("effective".to_owned(), 8)].into(),
        cgroups: [("/a.slice".to_owned(), 77), ("/b.slice".to_owned(), 78)].into(),
        today: Time(0),
    };
    let compiled = compile(&enforce, Mode::Kill, JobExtent::Variables, None, &[], &machine)?;
    let start = Start {
        path: "/opt/app",
        inode: (1, 10),
        argv: &["app", "serve", "-p80"],
        in_job: !outside,
        inherited_job: !outside,
        uid: 7,
        cgroup: 77,
    };
    Ok(decide(&compiled, &start).is_some_and(|(action, _)| action == Action::Allow))
}

#[test]
fn every_key_means_the_same_in_every_place() {
    for case in MatchKey::ALL.map(case) {
        let name = case.key.name();
        let is_in_job = case.key == MatchKey::InJob;
        // Outside of jobs, `in-job` is the criterion that does not hold; false is none.
        let criteria = [(case.matching, true), (if is_in_job { "true" } else { case.other }, false)];
        for (value, expected) in criteria {
            let criterion = format!("{name} = {value}");
            let outside = is_in_job && !expected;
            let record = record(outside);
            assert_eq!(rules(&criterion, &record), Ok(expected), "rules: {criterion}");
            assert_eq!(sink(&criterion, &record), Ok(expected), "sinks: {criterion}");
            match (enforcement(&criterion, outside), case.refused) {
                (found, None) => assert_eq!(found, Ok(expected), "enforcement: {criterion}"),
                (Err(error), Some(way)) => {
                    let place = format!("enforce.exceptions \"e\": {name}: the kernel side");
                    assert!(error.starts_with(&place) && error.contains(way), "{error}");
                }
                (found, Some(_)) => panic!("enforcement: {criterion}: {found:?}"),
            }
        }
    }
}

#[test]
fn mistakes_read_the_same_in_every_place() {
    let record = record(false);
    for (criterion, said) in [
        ("paht = 'x'", "paht: unknown key; did you mean 'path'?"),
        ("unit = 1", "unit: must be a string or a list of strings"),
        ("in-job = 'x'", "in-job: must be true or false"),
        ("path = '['", "path: error parsing glob"),
        ("args = []", "has no criteria, so it is for every process; name one of: path, args"),
    ] {
        let errors = [rules(criterion, &record), sink(criterion, &record), enforcement(criterion, false)];
        for (place, error) in ["rules", "sinks", "enforcement"].iter().zip(errors) {
            let error = error.expect_err(criterion);
            assert!(error.contains(said), "{place}: {criterion}: {error}");
        }
    }
}

#[test]
fn a_sink_takes_the_processes_that_it_names_and_all_that_are_about_no_process() {
    let takes = |text: &str, record: &Record| {
        let mut table: toml::Table = format!("[[sinks]]\ntype = 'stdout'\n{text}").parse().expect("TOML");
        let Some(toml::Value::Array(tables)) = table.remove("sinks") else { panic!("{text}") };
        let sinks = sinks::read(tables).expect("sinks");
        Filter::new(&sinks[0].common.filter()).expect("a filter").takes(record).expect("a record")
    };
    let record = record(false);
    assert!(takes("only = [{ unit = 'api-*' }]", &record));
    assert!(!takes("only = [{ unit = 'db-*' }]", &record));
    assert!(!takes("only = [{ unit = 'api-*' }]\nexcept = [{ path = '/opt/**' }]", &record));
    let machine = Record { process: None, ..record };
    assert!(takes("only = [{ unit = 'db-*' }]", &machine));
}
