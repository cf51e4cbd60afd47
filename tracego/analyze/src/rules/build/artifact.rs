//! TG002: a process whose program `go run` made, or the linker by itself.

use tracego_golang::role::Role;
use tracego_model::{
    finding::{
        Confidence,
        Severity::{High, Low, Medium},
    },
    input::note::OpenFailure,
    matcher::MatchTarget,
    record::go::LinkOrigin,
};

use super::go_run::{self, GENERATE, PROGRAM, TOOL};
use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG002.
pub const RULE: Rule = Rule {
    id: "TG002",
    name: "run-artifact",
    title: "a program that go run made and that has no artifact",
    summary: "A program runs that go run linked into a temporary folder or into the build cache, or that was \
              linked by hand: there is no artifact of it. Nobody can say later what ran, sign it, scan it or start \
              it again.",
    remedy: "Build once with go build, keep and ship the file, and start that.",
    reference: "https://pkg.go.dev/cmd/go#hdr-Compile_and_run_Go_program",
    variants: &[
        Variant { name: "file", grades: PROGRAM, summary: "go run was given files.", remedy: "" },
        Variant {
            name: "local",
            grades: PROGRAM,
            summary: "go run was given a package of its module.",
            remedy: "",
        },
        Variant {
            name: "unpinned",
            grades: PROGRAM,
            summary: "go run was given a package of another module without a fixed version.",
            remedy: "",
        },
        Variant {
            name: "pinned",
            grades: TOOL,
            summary: "go run was given a package of another module in a fixed version.",
            remedy: "Add a tool line to go.mod (Go 1.24) and use go tool, or go install it into the image of the job.",
        },
        Variant {
            name: "cut",
            grades: PROGRAM,
            summary: "What go run was given is not known: its command line is longer than what is kept of it.",
            remedy: "",
        },
        Variant {
            name: "generate",
            grades: GENERATE,
            summary: "go run was started by go generate.",
            remedy: "Commit what is generated, and let the job check it instead of making it.",
        },
        Variant {
            name: "unknown-parent",
            grades: Grades { ci: Medium, production: High, guessed: High, terminal: Low, other: Low },
            summary: "The executable is where go run puts what it links, and which go run it was is not known: it \
                      ended, or ran before tracego. go tool puts its tools there too.",
            remedy: "",
        },
        Variant {
            name: "linked",
            grades: PROGRAM,
            summary: "Go's linker wrote the executable in the same job or below the same process, and neither go \
                      build nor go install had called it: what go run does, by hand. It does not matter where the \
                      file lies or what it is called.",
            remedy: "",
        },
        Variant {
            name: "build-system",
            grades: Grades::always(Low),
            summary: "The same, but a process called like Bazel, Buck or Please called the linker, for a file in its \
                      output folder. Whether the file is kept is up to it.",
            remedy: "Keep and ship the file that the build system made, and start that.",
        },
        Variant {
            name: "unread",
            grades: Grades { ci: Medium, production: Low, guessed: Low, terminal: Low, other: Low },
            summary: "A program of a CI job could not be read: what it is, and whether go run made it, is not known. \
                      The file system kept it from being read, or did not answer.",
            remedy: "Start programs from file systems that root can read.",
        },
        Variant {
            name: "vanished",
            grades: Grades::always(Low),
            summary: "A program of a CI job had ended before it could be read, and its file was gone or changed by \
                      then, or had just been written: what it was is not known. Builds try such programs out.",
            remedy: "",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: Some(start),
    service: None,
};

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(task) = subject.task.filter(|task| task.role == Some(Role::GoRunChild)) else {
        if !linked(subject, report) {
            unread(subject, report);
        }
        return;
    };
    if task.repeated {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    let path = subject.path();
    let build = subject.build();
    let made =
        task.started_by().and_then(|command| Some((command.id.tgid, command.invocation.target.as_ref()?)));
    let Some((pid, target)) = made else {
        let message = format!("{path} is where go run puts what it links, and has no artifact");
        let case = FindingCase::new("unknown-parent", message)
            .sure(Confidence::Medium)
            .with("process.executable.path", path)
            .with_some("package", build.map(|build| build.path.as_str()));
        report.add(case, place, &scope_target);
        return;
    };
    // A module that go.mod requires comes with its checksum, the main module does not.
    let main = build.and_then(|build| build.main.as_ref());
    let foreign = |_: &str| main.is_some_and(|main| !main.sum.is_empty());
    let variant = if subject.is_generated() { "generate" } else { go_run::variant(target, foreign) };
    let case = FindingCase::new(
        variant,
        format!("a program runs that go run {target} (process {pid}) made; it has no artifact"),
    )
    .sure(subject.confidence())
    .with("package", target.to_string())
    .with("go_run.pid", pid.to_string())
    .with("process.executable.path", path);
    report.add(case, place, &scope_target);
}

/// Reports a program that Go's linker wrote by itself. Returns whether it is one.
fn linked(subject: &Subject<'_>, report: &mut FindingCollector<'_>) -> bool {
    let go = subject.record.tracego.go.as_ref();
    let Some(linker) = go.and_then(|go| go.linker.as_ref()) else { return false };
    let path = subject.path();
    let pid = linker.pid;
    let (variant, message) = match linker.origin {
        LinkOrigin::GoBuild => return false,
        LinkOrigin::GoRun => (
            "linked",
            format!("{path} was linked for go run (Go's linker: process {pid}); it has no artifact"),
        ),
        LinkOrigin::Direct => (
            "linked",
            format!("{path} was linked without go build (Go's linker: process {pid}); it has no artifact"),
        ),
        LinkOrigin::BuildSystem => {
            ("build-system", format!("{path} was linked by a build system (Go's linker: process {pid})"))
        }
    };
    let case = FindingCase::new(variant, message)
        .sure(linker.confidence)
        .with("process.executable.path", path)
        .with("tracego.go.linker.pid", pid.to_string());
    report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
    true
}

/// Reports a program of a job about which nothing is known, once for each path of a job.
fn unread(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let file = subject.record.tracego.executable.as_ref();
    let Some(why) = file.and_then(|file| file.unread).filter(|_| subject.role().is_none()) else { return };
    let place = subject.place(report.settings);
    let path = subject.path();
    if !place.ci || !report.memory.is_new(&("unread", subject.job(), path)) {
        return;
    }
    let message = format!("{path} could not be read ({why}), so what ran in the job is not known");
    let vanished = [OpenFailure::Gone, OpenFailure::Changed, OpenFailure::Unstable];
    let variant = if vanished.iter().any(|known| known.as_str() == why) { "vanished" } else { "unread" };
    let case = FindingCase::new(variant, message)
        .with("process.executable.path", path)
        .with("tracego.executable.unread", why);
    report.add(case, place, &MatchTarget::of(subject.record));
}
