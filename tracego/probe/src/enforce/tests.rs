//! Tests of the way from a configuration to a decision.

use tracego_common::verdict::{Action, KEYS_MAX};
use tracego_model::enforcement::Mode;

use super::{
    compiler::{CheckMatch, CompiledRules, JobExtent, compile},
    decision::{Start, decide},
    lockout,
    machine::{File, MachineState},
    settings::Enforce,
};

/// Returns a machine with three files, one of them a link, and a user.
fn machine() -> MachineState {
    let files = [
        ("/usr/bin/go", 10, "/usr/local/go/bin/go"),
        ("/usr/local/go/bin/go", 10, "/usr/local/go/bin/go"),
        ("/usr/bin/sudo", 11, "/usr/bin/sudo"),
        ("/bin/bash", 12, "/bin/bash"),
        ("/usr/bin/bash", 12, "/usr/bin/bash"),
    ];
    let file = |(path, inode, real): (&str, u64, &str)| {
        (path.into(), File { inode: (1, inode), real: real.to_owned() })
    };
    MachineState {
        files: files.map(file).into(),
        users: [("runner".to_owned(), 1001)].into(),
        cgroups: [("/ci".into(), 77)].into(),
        ..MachineState::default()
    }
}

fn compiled(text: &str, mode: Mode) -> Result<CompiledRules, String> {
    let table: toml::Table = text.parse().expect("TOML");
    let enforce = Enforce::read(table)?;
    let check = CheckMatch { executable: "tracego".to_owned(), args: vec!["--version".into(), "x".into()] };
    compile(&enforce, mode, JobExtent::Variables, Some(&check), &["/usr/bin/sudo".into()], &machine())
}

fn decided(with: &CompiledRules, start: &Start<'_>) -> Option<(Action, String)> {
    decide(with, start).map(|(action, rule)| (action, rule.name.clone()))
}

fn go<'a>(argv: &'a [&'a str]) -> Start<'a> {
    Start { path: "/usr/local/go/bin/go", inode: (1, 10), argv, in_job: true, ..Start::default() }
}

#[test]
fn go_run_is_stopped_however_it_is_written() {
    let rules = compiled("", Mode::Kill).expect("built-in rules");
    for argv in [
        &["go", "run", "main.go"][..],
        &["anything", "run"],
        &["go", "-C", "dir", "run", "."],
        &["go", "--C", "dir", "run", "."],
        &["go", "-C=dir", "run", "."],
        &["go", "--", "run", "."],
        &["go", "-C=dir", "--", "run", "."],
    ] {
        assert_eq!(decided(&rules, &go(argv)), Some((Action::Kill, "go-run".into())), "{argv:?}");
        assert_eq!(decided(&rules, &Start { in_job: false, ..go(argv) }), None, "{argv:?}");
    }
    for argv in [
        &["go"][..],
        &["go", "build"],
        &["go", "runner"],
        &["go", "-C", "run", "build"],
        &["go", "--", "build", "run"],
        &["go", ""],
    ] {
        assert_eq!(decided(&rules, &go(argv)), None, "{argv:?}");
    }
    assert_eq!(decided(&rules, &Start { path: "/usr/bin/docker", ..go(&["docker", "run"]) }), None);
}

#[test]
fn a_mode_is_the_most_that_a_rule_does() {
    let text = "rules = [{ name = 'a', executables = ['a'] }, { name = 'k', executables = ['k'], action = 'kill' }, \
                { name = 't', executables = ['t'], action = 'audit' }]";
    for (mode, a, k) in [
        (Mode::Audit, Action::Audit, Action::Audit),
        (Mode::Kill, Action::Kill, Action::Kill),
        (Mode::Deny, Action::Deny, Action::Kill),
    ] {
        let rules = compiled(text, mode).expect("rules");
        let of = |path| decide(&rules, &Start { path, ..Start::default() }).map(|(action, _)| action);
        assert_eq!((of("/a"), of("/k"), of("/t")), (Some(a), Some(k), Some(Action::Audit)), "{mode:?}");
    }
    assert_eq!(compiled(text, Mode::Off).expect("nothing"), CompiledRules::default());
}

#[test]
fn the_first_that_matches_decides_and_exceptions_come_before() {
    let text = "rules = [{ name = 'one', executables = ['go'], args = ['r*'] }, { name = 'two', args = ['run'] }]\n\
                exceptions = [{ name = 'past', owner = 'o', reason = 'r', expires = '1970-01-01', args = ['run'] }, \
                { name = 'gen', owner = 'o', reason = 'r', expires = '2100-01-01', args = ['run', './gen'] }]";
    let rules = compiled(text, Mode::Kill).expect("rules");
    assert_eq!(decided(&rules, &go(&["go", "run", "./gen"])), Some((Action::Allow, "gen".into())));
    assert_eq!(decided(&rules, &go(&["go", "run", "./cmd"])), Some((Action::Kill, "one".into())));
    assert_eq!(decided(&rules, &go(&["go", "rx"])), Some((Action::Kill, "one".into())));
    let other = Start { path: "/bin/x", ..go(&["x", "run"]) };
    assert_eq!(decided(&rules, &other), Some((Action::Kill, "two".into())), "the trie's longest has both");
}

#[test]
fn paths_users_and_cgroups_are_those_of_the_machine() {
    let text = "rules = [{ name = 'p', executables = ['/usr/bin/go', '/gone'], users = ['runner', 5], \
                cgroup = '/sys/fs/cgroup/ci' }]";
    let rules = compiled(text, Mode::Kill).expect("rules");
    assert_eq!(rules.absent, ["/gone"]);
    let start = Start { uid: 1001, cgroup: 77, ..go(&["go"]) };
    assert_eq!(decided(&rules, &start), Some((Action::Kill, "p".into())));
    assert_eq!(decided(&rules, &Start { uid: 6, ..start.clone() }), None);
    assert_eq!(decided(&rules, &Start { cgroup: 78, ..start.clone() }), None);
    // Another file at the same path, and one at another path.
    let other = Start { inode: (1, 99), ..start };
    assert_eq!(decided(&rules, &other), Some((Action::Kill, "p".into())));
    assert_eq!(decided(&rules, &Start { path: "/usr/bin/gone", ..other }), None);
    for (text, what) in [
        ("rules = [{ name = 'u', users = ['nobody-here'] }]", "no user"),
        ("rules = [{ name = 'c', cgroups = ['/tmp'] }]", "not a folder of cgroups v2"),
    ] {
        let error = compiled(text, Mode::Kill).expect_err(text);
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn there_is_room_for_so_many_rules_and_no_more() {
    let rules = |count: usize| {
        let one = |n| format!("{{ name = 'r{n}', executables = ['e{n}'], args = ['a{n}', 'b', 'c'] }}");
        let list = (0..count).map(one).collect::<Vec<_>>().join(", ");
        compiled(&format!("rules = [{list}]"), Mode::Kill)
    };
    let most = rules(62).expect("as many as there is room for");
    assert_eq!(most.rules.active, u64::MAX);
    assert!(most.args.len() + most.names.len() < KEYS_MAX as usize / 2);
    assert!(rules(63).expect_err("one more").contains("more than 64"));
}

#[test]
fn nobody_is_locked_out() {
    for text in [
        "rules = [{ name = 'all', users = [0] }]",
        "rules = [{ name = 'shells', executables = ['bash'] }]",
        "rules = [{ name = 'jobs', in-job = true }]",
    ] {
        let rules = compiled(text, Mode::Deny).expect("rules");
        let stopped = lockout::stopped(&rules, &machine()).expect(text);
        assert!(stopped.0.contains("bash"), "{stopped:?}: sudo is exempt, a shell is not");
    }
    let rules = compiled("rules = [{ name = 'x', executables = ['bash'], args = ['-c'] }]", Mode::Deny);
    assert_eq!(lockout::stopped(&rules.expect("rules"), &machine()), None);
    let rules = compiled("rules = [{ name = 'sudo', executables = ['sudo'] }]", Mode::Deny).expect("rules");
    assert_eq!(lockout::stopped(&rules, &machine()), None, "it is exempt");
}

#[test]
fn the_canary_is_stopped_ahead_of_all_else() {
    let rules = compiled("", Mode::Deny).expect("rules");
    let start = |argv| Start { path: "/usr/bin/tracego", argv, ..Start::default() };
    let (action, rule) = decide(&rules, &start(&["tracego", "--version", "x"])).expect("a decision");
    assert!(action == Action::Deny && rule.own);
    assert!(decide(&rules, &start(&["tracego", "--version", "y"])).is_none());
}

#[test]
fn what_lets_a_start_through_goes_by_inode_and_by_the_job_of_another() {
    let text = "exceptions = [{ name = 'tool', owner = 'o', reason = 'r', expires = '2100-01-01', \
                path = '/usr/bin/go' }, { name = 'ci', owner = 'o', reason = 'r', expires = '2100-01-01', \
                in-job = true, args = ['x'] }]\n\
                rules = [{ name = 'seen', path = '/opt/seen', action = 'audit' }, { name = 'all', args = ['*'] }]";
    let rules = compiled(text, Mode::Kill).expect("rules");
    let kill = Some((Action::Kill, "all".into()));
    assert_eq!(decided(&rules, &go(&["go", "run"])), Some((Action::Allow, "tool".into())));
    // Another file, mounted at the same path in another mount namespace.
    let other = Start { inode: (1, 99), ..go(&["go", "run"]) };
    assert_eq!(decided(&rules, &other), kill);
    assert_eq!(decided(&rules, &Start { path: "/opt/seen", ..other.clone() }), kill);
    // A job that the start itself opens.
    let own = Start { argv: &["go", "x"], inherited_job: false, ..other };
    assert_eq!(decided(&rules, &own), kill);
    let inherited = Start { inherited_job: true, ..own };
    assert_eq!(decided(&rules, &inherited), Some((Action::Allow, "ci".into())));
    // In audit mode every rule only reports, and none lets anything through.
    let rules = compiled(text, Mode::Audit).expect("rules");
    let seen = Start { path: "/opt/seen", inode: (1, 99), argv: &["seen"], ..Start::default() };
    assert_eq!(decided(&rules, &seen), Some((Action::Audit, "seen".into())));
}

#[test]
fn everything_is_in_a_job_where_the_command_line_says_so() {
    let enforce = Enforce::read("rules = [{ name = 'j', in-job = true }]".parse().expect("TOML"));
    let enforce = enforce.expect("rules");
    let outside = Start { path: "/opt/x", argv: &["x"], ..Start::default() };
    for (extent, name) in
        [(JobExtent::Variables, None), (JobExtent::Tree, None), (JobExtent::Everything, Some("j".to_owned()))]
    {
        let rules = compile(&enforce, Mode::Kill, extent, None, &[], &machine()).expect("rules");
        assert_eq!(decided(&rules, &outside).map(|(_, name)| name), name, "{extent:?}");
        assert_eq!(rules.findings_in_job, extent == JobExtent::Variables);
    }
}
