//! Tests of matchers.

use std::sync::Arc;

use super::*;

fn matchers(text: &str) -> Result<Vec<ProcessMatcher>, String> {
    let table: toml::Table = format!("list = {text}").parse().unwrap();
    read(&table["list"])
}

fn selects(text: &str, target: &MatchTarget<'_>) -> bool {
    one_of(&matchers(text).unwrap(), target, Purpose::Select)
}

fn exempts(text: &str, target: &MatchTarget<'_>) -> bool {
    one_of(&matchers(text).unwrap(), target, Purpose::Exempt)
}

#[test]
fn all_keys_of_a_matcher_hold_and_one_matcher_of_a_list() {
    let user = User { id: 33, name: Some(Arc::from("www-data")) };
    let api = MatchTarget {
        path: Some("/srv/api/bin/server"),
        unit: Some("api-1.service"),
        user: Some(&user),
        ..MatchTarget::default()
    };
    let list = r#"[{ unit = "api-*.service", user = "www-*" }, { path = "/opt/**" }]"#;
    assert!(selects(list, &api));
    assert!(selects(list, &MatchTarget { path: Some("/opt/a/b"), unit: Some("x.service"), ..api }));
    let other = User { id: 34, name: None };
    assert!(!selects(list, &MatchTarget { user: Some(&other), ..api }));
    assert!(selects(r#"[{ user = ["33", 34] }]"#, &MatchTarget { user: Some(&other), ..api }));
    assert!(!selects(r#"[{ real-user = 33 }]"#, &api));
    assert!(!selects(r#"[{ container = "*" }]"#, &api));
    assert!(!selects(r#"[{ job = "*" }]"#, &api));
    let of_job =
        MatchTarget { claimed_jobs: [Some("deploy"), None, Some("17"), None], ..MatchTarget::default() };
    assert!(selects(r#"[{ job = "1?" }]"#, &of_job));
    assert!(!selects(r#"[{ user = "*" }]"#, &of_job));
}

#[test]
fn a_path_is_a_path_or_a_file_name() {
    let of = |path| MatchTarget { path: Some(path), ..MatchTarget::default() };
    assert!(selects(r#"[{ path = "/srv/*/server" }]"#, &of("/srv/api/server")));
    assert!(!selects(r#"[{ path = "/srv/*/server" }]"#, &of("/srv/api/bin/server")));
    assert!(selects(r#"[{ path = ["go", "curl"] }]"#, &of("/usr/bin/curl")));
    assert!(selects(r#"[{ path = "go1.*" }]"#, &of("/opt/go1.27")));
    assert!(!selects(r#"[{ path = "go" }]"#, &of("/srv/go/x")));
    assert!(!selects(r#"[{ path = "go" }]"#, &of("memfd:x/go")));
    assert!(selects(r#"[{ path = "memfd:*" }]"#, &of("memfd:x")));
}

#[test]
fn arguments_have_positions() {
    let args = ["go", "run", "-race", "./gen"].map(str::to_owned);
    let of = MatchTarget { args: MatchArgs::List(&args), ..MatchTarget::default() };
    for (text, fits) in [
        (r#"["run"]"#, true),
        (r#""run""#, true),
        (r#"["*", "-r*"]"#, true),
        (r#"["run", "./gen"]"#, false),
        (r#"["run", "*", "./*"]"#, true),
        (r#"["run", "-race", "./gen", "*"]"#, true),
        (r#"["run", "-race", "./gen", "x"]"#, false),
    ] {
        let list = format!("[{{ args = {text} }}]");
        assert_eq!(selects(&list, &of), fits, "{text}");
        assert_eq!(selects(&list, &KeptTarget::of(&of).target()), fits, "{text}");
    }
}

#[test]
fn cgroups_are_named_with_or_without_their_mount_point() {
    let of = MatchTarget { cgroup: Some("/ci.slice"), ..MatchTarget::default() };
    for name in ["/ci.slice", "/sys/fs/cgroup/ci.slice", "/sys/fs/cgroup/unified/ci.slice", "/*.slice"] {
        assert!(selects(&format!("[{{ cgroup = '{name}' }}]"), &of), "{name}");
    }
    for name in ["/sys/fs/cgroup", "/sys/fs/cgroupx/ci.slice", "/ci.slice/**"] {
        assert!(!selects(&format!("[{{ cgroup = '{name}' }}]"), &of), "{name}");
    }
}

#[test]
fn nothing_that_a_process_says_about_itself_lets_it_off() {
    let by = |opened_by| MatchTarget { opened_by: Some(opened_by), ..MatchTarget::default() };
    let claimed = [None, None, Some("nightly"), None];
    let elsewhere = MatchTarget { path: Some("/opt/a"), path_elsewhere: true, ..MatchTarget::default() };
    let host = MatchTarget { path_elsewhere: false, ..elsewhere };
    for (text, target, let_off) in [
        (r#"[{ path = "/opt/*" }]"#, host, true),
        (r#"[{ path = "/opt/*" }]"#, elsewhere, false),
        (r#"[{ path = "a" }]"#, elsewhere, false),
        ("[{ in-job = true }]", by(OpenedBy::Ancestor), true),
        ("[{ in-job = true }]", by(OpenedBy::Explicit), true),
        ("[{ in-job = true }]", by(OpenedBy::Itself), false),
        (r#"[{ job = "nightly" }]"#, MatchTarget { claimed_jobs: claimed, ..MatchTarget::default() }, false),
        (r#"[{ job = "nightly" }]"#, MatchTarget { vouched_jobs: claimed, ..MatchTarget::default() }, true),
    ] {
        assert!(selects(text, &target), "{text}: {target:?}");
        assert_eq!(exempts(text, &target), let_off, "{text}: {target:?}");
    }
    assert!(!selects("[{ in-job = true }]", &MatchTarget::default()));
}

#[test]
fn only_and_except_make_a_scope() {
    let list = |text| matchers(text).unwrap();
    let scope =
        ProcessScope { only: list(r#"[{ path = "/srv/**" }]"#), except: list(r#"[{ unit = "x*" }]"#) };
    let of = |path, unit| MatchTarget { path: Some(path), unit: Some(unit), ..MatchTarget::default() };
    assert!(scope.covers(&of("/srv/a", "a.service")));
    assert!(!scope.covers(&of("/srv/a", "x.service")));
    assert!(!scope.covers(&of("/opt/a", "a.service")));
    let (all, none) = (ProcessScope::default(), MatchTarget::default());
    assert!(all.covers(&none) && !all.names(&none, Purpose::Select));
}

#[test]
fn former_names_are_read_literally_and_named_with_the_new_ones() {
    let old = matchers(
        r#"[{ executables = ["[", "/opt/a*"], users = ["runner", 5], cgroups = ["/sys/fs/cgroup/a"] }]"#,
    );
    let old = old.unwrap();
    let five = User { id: 5, name: None };
    let of = |path| MatchTarget {
        path: Some(path),
        real_user: Some(&five),
        cgroup: Some("/a"),
        ..MatchTarget::default()
    };
    assert!(old[0].matches(&of("/usr/bin/["), Purpose::Select));
    assert!(
        old[0].matches(&of("/opt/a*"), Purpose::Select) && !old[0].matches(&of("/opt/ab"), Purpose::Select)
    );
    let warnings: Vec<_> = old[0].warnings().collect();
    assert_eq!(warnings.len(), 3);
    assert!(warnings.contains(&"users: is now called real-user".to_owned()), "{warnings:?}");
    assert_eq!(matchers(r#"[{ path = "a" }]"#).unwrap()[0].warnings().count(), 0);
}

#[test]
fn values_that_are_no_criterion_are_left_out() {
    let one = matchers("[{ path = 'go', args = [], in-job = false, user = [] }]").unwrap();
    assert_eq!(one[0].criteria().map(|(key, _)| key).collect::<Vec<_>>(), [MatchKey::Path]);
}

#[test]
fn mistakes_say_where() {
    let error = |text| matchers(text).unwrap_err();
    assert_eq!(error(r#"[{ unit = "a" }, { unti = "a" }]"#), "[1]: unti: unknown key; did you mean 'unit'?");
    assert!(error(r#"[{ path = "[" }]"#).starts_with("[0]: path: error parsing glob"));
    assert!(error("[{}]").contains("name one of: path, args, user"));
    assert!(error("[{ args = [] }]").contains("[0]: has no criteria"));
    assert!(error(r#""x""#).contains("must be a list of matchers"));
    assert!(error("[{ path = 1 }]").contains("path: must be a string"));
    assert!(error("[{ user = -1 }]").contains("user: must be a name or a number"));
    assert!(error("[{ in-job = 'yes' }]").contains("in-job: must be true or false"));
    assert!(error("[{ unit = '' }]").contains("unit: \"\": must not be empty"));
    assert!(error("[{ users = 'a', real-user = 'a' }]").contains("users: is the former name of real-user"));
    assert!(error(&format!("[{{ args = [{}] }}]", "'a', ".repeat(17))).contains("args: at most 16"));
}

#[test]
fn every_key_is_found_by_its_name() {
    for key in MatchKey::ALL {
        assert_eq!(MatchKey::find(key.name()), Some((key, None)));
        assert!(MatchKey::is_known(key.name()));
    }
    assert!(MatchKey::is_known("users") && !MatchKey::is_known("name"));
}
