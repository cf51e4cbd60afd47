//! Linkers that ran at a time, and programs that start later.

use tracego_golang::{
    Build, Elf,
    evidence::{ImageFacts, ProcessStart},
};

use super::*;

const MS: i64 = 1_000_000;
const WORK: &str = "/tmp/go-build12/b001/exe/a.out";

fn id(tgid: u32) -> TaskId {
    TaskId { tgid, pad: 0, start_boottime: u64::from(tgid) * 1_000_000_000 }
}

fn line(pid: u32, executable: &str, up: Option<&Arc<Line>>) -> Arc<Line> {
    let line = Line { id: id(pid), executable: executable.into(), ..Line::default() };
    Line::below(up.map(Arc::clone), line)
}

fn start(line: &Arc<Line>, ms: i64) -> LinkedStart<'_> {
    LinkedStart { time: Time(ms * MS), mount_namespace: 7, job_root: TaskId::default(), line }
}

/// Returns a Go program that was created and modified at these times.
fn program(born_ms: Option<u64>, modified_ms: u64, build_id: &str) -> Image {
    let ns = |ms: u64| ms * 1_000_000;
    let elf = Elf { go_build_id: (!build_id.is_empty()).then(|| build_id.to_owned()), ..Elf::default() };
    let times = FileTimes { born_ns: born_ms.map(ns), modified_ns: ns(modified_ms) };
    Image { elf: Some(elf), go: Some(Build::default()), times: Some(times), ..Image::default() }
}

fn started(task: &GoTask, pid: u32, name: &str, args: &str) -> GoTask {
    let args: Vec<&str> = args.split_whitespace().collect();
    let path = format!("cmd/{name}");
    let image = ImageFacts::Go { path: &path, module: "", version: "go1.27.3" };
    task.started(&ProcessStart {
        id: id(pid),
        path: "/usr/bin/x",
        args: &args,
        goflags: "",
        image,
        is_cut: false,
    })
}

/// Returns runs with one linker, which process 10 below process 5 called from 1,000 to 1,100 ms.
fn runs(go: &str, linker: &str, above: &str) -> LinkRuns {
    let above = line(5, above, None);
    let linker_line = line(10, "/usr/lib/go/link", Some(&above));
    let args: Vec<&str> = linker.split_whitespace().collect();
    let image = ImageFacts::Go { path: "cmd/link", module: "", version: "go1.27.3" };
    let link = ProcessStart { id: id(10), path: "/x/link", args: &args, goflags: "", image, is_cut: false };
    let task =
        if go.is_empty() { GoTask::default() } else { started(&GoTask::default(), 5, "go", go).forked() };
    let mut runs = LinkRuns::default();
    runs.add(LinkCommand::of(&link).unwrap(), "/w/sub", &task.started(&link), start(&linker_line, 1000));
    runs.exit(id(10), Time(1100 * MS));
    runs
}

type Found = Option<(LinkOrigin, Confidence)>;

/// Returns who linked a program that process 20, below process 5, starts.
fn find(runs: &LinkRuns, path: &str, changed_ms: i64, image: Option<&Image>) -> Found {
    let line = line(20, path, Some(&line(5, "/bin/sh", None)));
    let found = runs.of(start(&line, 2000), path, Some(Time(changed_ms * MS)), image);
    found.map(|(run, confidence)| (run.origin, confidence))
}

const DIRECT: Found = Some((LinkOrigin::Direct, Confidence::High));

#[test]
fn a_file_where_the_linker_wrote_is_its_output_until_its_inode_changes() {
    for (output, path) in
        [("-o x", "/w/sub/x"), ("-o=../x", "/w/x"), ("-o /a/./b/../x", "/a/x"), ("", "/w/sub/a.out")]
    {
        let runs = runs("", &format!("link {output} a.a"), "/bin/sh");
        for changed in [1000, 1050, 1100] {
            assert_eq!(find(&runs, path, changed, None), DIRECT, "{output}");
        }
        assert_eq!(find(&runs, path, 1102, None), None, "{output}: changed later");
        assert_eq!(find(&runs, path, 980, None), None, "{output}: of before");
        assert_eq!(find(&runs, "/w/sub/other", 1050, None), None, "{output}");
    }
}

#[test]
fn a_program_of_the_time_of_the_run_is_its_output_wherever_it_lies() {
    let anonymous = runs("", "link -o x a.a", "/bin/sh");
    let named = runs("", "link -buildid=a/b/c/a -o x a.a", "/bin/sh");
    let direct = |confidence| Some((LinkOrigin::Direct, confidence));
    for (born, modified, is_found) in [
        (Some(1050), 1050, true),
        (Some(1050), 3000, true),
        (Some(10), 1050, true),
        (None, 1050, true),
        (Some(10), 3000, false),
        (Some(1500), 1500, false),
        (None, 900, false),
    ] {
        let look = |runs, id| find(runs, "/elsewhere", 1900, Some(&program(born, modified, id)));
        assert_eq!(
            look(&anonymous, ""),
            direct(Confidence::Medium).filter(|_| is_found),
            "{born:?} {modified}"
        );
        assert_eq!(
            look(&named, "a/b/c/d"),
            direct(Confidence::High).filter(|_| is_found),
            "{born:?} {modified}"
        );
        assert_eq!((look(&anonymous, "a/b/c/d"), look(&named, "")), (None, None), "another build id");
    }
    let foreign = Image { go: None, ..program(Some(1050), 1050, "") };
    assert_eq!(find(&anonymous, "/elsewhere", 1900, Some(&foreign)), None);
}

#[test]
fn who_called_the_linker_is_told_apart() {
    let by_hand = program(Some(1050), 1050, "a/b/c/d");
    let of = |go: &str, output: &str, above: &str| {
        let runs = runs(go, &format!("link -o {output} -buildid a/b/c/a a.a"), above);
        find(&runs, "/elsewhere", 1900, Some(&by_hand)).map(|(origin, _)| origin)
    };
    let bazel = "/cache/install/bazel-real";
    for (go, output, above, origin) in [
        ("", "x", "/bin/sh", LinkOrigin::Direct),
        ("", WORK, "/bin/sh", LinkOrigin::Direct),
        ("go tool link", "x", "/bin/sh", LinkOrigin::Direct),
        ("go generate", "x", "/bin/sh", LinkOrigin::Direct),
        ("go build -toolexec w .", "x", "/bin/sh", LinkOrigin::Direct),
        ("go build .", WORK, "/bin/sh", LinkOrigin::GoBuild),
        ("go install .", WORK, "/bin/sh", LinkOrigin::GoBuild),
        ("go test ./...", "/tmp/go-build12/b001/x.test", "/bin/sh", LinkOrigin::GoBuild),
        ("go run .", WORK, "/bin/sh", LinkOrigin::GoRun),
        ("", "/e/bazel-out/k8/bin/x", bazel, LinkOrigin::BuildSystem),
        ("", "/e/bazel-out/k8/bin/x", "/c/_bazel_me/install/1/jdk/bin/java", LinkOrigin::BuildSystem),
        ("", "/e/bazel-out/k8/bin/x", "/bin/sh", LinkOrigin::Direct),
        ("", "/e/out/x", bazel, LinkOrigin::Direct),
    ] {
        assert_eq!(of(go, output, above), Some(origin), "{go} {output} {above}");
    }
}

#[test]
fn a_copy_of_what_go_run_linked_has_its_build_id() {
    let of = |go: &str| runs(go, &format!("link -o {WORK} -buildid a/b/c/a a.a"), "/bin/sh");
    let copy = program(Some(1500), 1500, "a/b/c/d");
    let go_run = Some((LinkOrigin::GoRun, Confidence::High));
    assert_eq!(find(&of("go run ."), "/w/copy", 1600, Some(&copy)), go_run);
    assert_eq!(find(&of("go run ."), "/w/copy", 1600, Some(&program(Some(1500), 1500, "a/x/c/d"))), None);
    assert_eq!(find(&of("go run ."), "/w/copy", 1600, Some(&program(Some(500), 500, "a/b/c/d"))), None);
    assert_eq!(find(&of(""), "/w/copy", 1600, Some(&copy)), None, "by hand, any id can be given");
}

#[test]
fn only_the_same_job_or_tree_counts() {
    let runs = runs("", "link -o x a.a", "/bin/sh");
    let alone = line(20, "/w/sub/x", Some(&line(6, "/bin/sh", Some(&line(1, "/sbin/init", None)))));
    let look = |start| runs.of(start, "/w/sub/x", Some(Time(1050 * MS)), None).is_some();
    assert!(!look(start(&alone, 2000)), "another tree");
    let below = line(21, "/w/sub/x", Some(&line(5, "/bin/sh", None)));
    assert!(look(start(&below, 2000)));
    let elsewhere = LinkedStart { mount_namespace: 8, ..start(&below, 2000) };
    assert!(!look(elsewhere), "the path is one of another mount namespace");
    let mut runs = LinkRuns::default();
    let linker = line(10, "/x/link", None);
    let job = LinkedStart { job_root: id(4), ..start(&linker, 1000) };
    let command = LinkCommand { output: Some("/w/x".into()), ..LinkCommand::default() };
    runs.add(command, "/", &GoTask::default(), job);
    let look = |start| runs.of(start, "/w/x", Some(Time(1050 * MS)), None).is_some();
    assert!(look(LinkedStart { job_root: id(4), ..start(&alone, 2000) }));
    assert!(!look(LinkedStart { job_root: id(3), ..start(&alone, 2000) }));
}

#[test]
fn a_program_that_go_build_copies_is_of_its_linker_until_go_build_ends() {
    let mut runs = runs("go build .", &format!("link -o {WORK} -buildid a/b/c/a a.a"), "/bin/sh");
    let copied = program(Some(1500), 1500, "a/b/c/d");
    let built = Some((LinkOrigin::GoBuild, Confidence::High));
    assert_eq!(find(&runs, "/w/app", 1600, Some(&copied)), built);
    runs.exit(id(5), Time(1400 * MS));
    assert_eq!(find(&runs, "/w/app", 1600, Some(&copied)), None, "a later copy");
    assert_eq!(find(&runs, "/w/app", 1600, Some(&program(Some(1050), 1200, "a/b/c/d"))), built);
}
