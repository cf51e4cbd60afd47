//! `command` and `task`: the order of flags, the place of `-C` and the arguments of the
//! program change nothing, and no words cause a panic.

use proptest::{collection::vec, prelude::*, sample::select};
use tracego_common::TaskId;
use tracego_golang::{
    command::Invocation,
    evidence::{ImageFacts, ProcessStart},
    role::Role,
    task::GoTask,
};

/// Flags of `go run`, each in all of its spellings.
const FLAGS: [&[&str]; 15] = [
    &["-race", "--race", "-race=true", "--race=1"],
    &["-trimpath", "--trimpath=T"],
    &["-x", "--x"],
    &["-work"],
    &["-a"],
    &["-cover"],
    &["-modcacherw"],
    &["-buildvcs=auto", "--buildvcs=auto"],
    &["-p 4", "-p=4", "--p 4"],
    &["-mod mod", "-mod=mod", "--mod=mod"],
    &["-tags run", "-tags=run", "--tags run"],
    &["-ldflags -s", "-ldflags=-s", "--ldflags -s"],
    &["-exec nice", "-exec=nice", "--exec=nice"],
    &["-overlay ./x", "-overlay=./x"],
    &["-toolexec go", "-toolexec=go"],
];

const TARGETS: [&str; 8] = [
    "main.go a.go",
    ".",
    "./run",
    "../x",
    "cmd/vet",
    "example.com/x",
    "example.com/x@v1.2.3",
    "example.com/x@latest",
];

/// Words behind the target, which are arguments of the program.
const ARGUMENTS: [&str; 8] = ["-C x", "-n", "run", "--", "-race=maybe", "-h", "a@b", "-exec"];

const CHDIR: [&str; 4] = ["-C sub", "--C sub", "-C=sub", "--C=sub"];

/// Words with a meaning to the parser.
const WORDS: [&str; 28] = [
    "go",
    "run",
    "test",
    "build",
    "tool",
    "mod",
    "work",
    "vet",
    "help",
    "-C",
    "--C=",
    "-C=x",
    "--",
    "-",
    "-=",
    "---x",
    "-n",
    "-race=x",
    "-exec",
    "-mod",
    "-args",
    "-test.v",
    "@",
    "x@y",
    ".go",
    "é.go",
    "",
    "** telemetry **",
];

fn words(parts: &[&str]) -> Vec<String> {
    parts.join(" ").split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Generates flags in any order, each in one spelling.
fn flags() -> impl Strategy<Value = (Vec<usize>, Vec<&'static str>)> {
    let shuffled = Just((0..FLAGS.len()).collect::<Vec<_>>()).prop_shuffle();
    (shuffled, 0..=FLAGS.len()).prop_flat_map(|(mut order, len)| {
        order.truncate(len);
        let ways: Vec<_> = order.iter().map(|&flag| select(FLAGS[flag])).collect();
        (Just(order), ways)
    })
}

#[test]
fn what_is_cut_off_may_be_run() {
    let cut = |line: &str| {
        let invocation = Invocation::parse_cut(&words(&[line]), "");
        let target = invocation.target.as_ref().map(ToString::to_string);
        (invocation.starts_program(), target.unwrap_or_default())
    };
    let unknown = (true, "(unknown)".to_owned());
    for line in [
        "go",
        "go r",
        "go -C dir",
        "go -C dir ru",
        "go -C dir -- run",
        "go run",
        "go run -tags a",
        "go run .",
    ] {
        assert_eq!(cut(line), unknown, "{line}");
    }
    assert_eq!(cut("go run ./cmd/x lo"), (true, "./cmd/x".to_owned()));
    for line in ["go build -o a ./cmd", "go help ru", "go -h x", "go mod download x", "go vet ./... x"] {
        assert_eq!(cut(line), (false, String::new()), "{line}");
    }
}

fn parse(parts: &[&str]) -> Invocation {
    Invocation::parse(&words(parts), "")
}

fn role(line: &[String]) -> (Option<Role>, GoTask) {
    let image = ImageFacts::Go { path: "cmd/go", module: "", version: "go1.27.3" };
    let start = ProcessStart {
        id: TaskId::default(),
        path: "/usr/bin/go",
        args: line,
        goflags: "",
        image,
        is_cut: false,
    };
    let task = GoTask::default().started(&start);
    (task.role, task)
}

proptest! {
    #![proptest_config(super::cases(1024))]

    #[test]
    fn the_order_of_flags_and_the_place_of_chdir_change_nothing(
        (order, ways) in flags(),
        target in select(&TARGETS[..]),
        arguments in vec(select(&ARGUMENTS[..]), 0..3),
        chdir in select(&CHDIR[..]),
    ) {
        let given = ways.join(" ");
        let arguments = arguments.join(" ");
        let mut sorted = order;
        sorted.sort_unstable();
        let sorted: Vec<&str> = sorted.iter().map(|&flag| FLAGS[flag][0]).collect();

        // The order of the table, the first spelling, no arguments.
        let wanted = parse(&["go -C sub run", &sorted.join(" "), target]);
        prop_assert_eq!(wanted.problem, None);
        prop_assert!(wanted.starts_program());
        for line in [
            [&format!("go {chdir} run"), &*given, target, &arguments],
            [&format!("go run {chdir}"), &*given, target, &arguments],
            [&format!("go {chdir} -- run"), &*given, target, &arguments],
        ] {
            prop_assert_eq!(&parse(&line), &wanted, "{:?}", line);
            prop_assert_eq!(role(&words(&line)).0, Some(Role::GoRun));
        }

        // GOFLAGS gives the same flags as the command line.
        let quoted: Vec<String> = ways.iter().map(|way| format!("'{}'", way.replace(' ', "="))).collect();
        let line = words(&["go -C sub run", target, &arguments]);
        prop_assert_eq!(&Invocation::parse(&line, &quoted.join(" ")), &wanted);

        // A second -C is rejected in any place.
        let twice = parse(&["go", chdir, "run", &given, chdir, target]);
        prop_assert!(!twice.starts_program());
    }

    #[test]
    fn no_words_end_in_a_panic_and_only_go_run_has_a_target(
        line in vec(prop_oneof![
            3 => select(&WORDS[..]).prop_map(str::to_owned),
            1 => ".{0,6}",
        ], 0..10),
        goflags in prop_oneof![2 => Just(String::new()), 1 => ".{0,12}"],
    ) {
        let invocation = Invocation::parse(&line, &goflags);
        prop_assert!(invocation.target.is_none() || invocation.subcommand.as_str() == "run");
        let (role, task) = role(&line);
        prop_assert!(role.is_some());
        prop_assert_eq!(role == Some(Role::GoRun), {
            let plain = &task.command.as_ref().unwrap().invocation;
            plain.subcommand.as_str() == "run" && plain.starts_program()
        });
    }
}
