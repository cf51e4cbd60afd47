//! `golang::task`: roles of processes in made-up launches. Real launches are in `tests/tests/launches`.

use std::collections::HashMap;

use tracego_common::TaskId;
use tracego_golang::{
    evidence::{ImageFacts, ProcessStart},
    role::{Role, RoleConfidence},
    task::{GoPosition, GoTask},
};

const GO: &str = "/usr/lib/go/bin/go";
const WORK: &str = "/tmp/go-build123/b001/exe/app";
const CACHE: &str =
    "/root/.cache/go-build/ab/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789-d/app";
const COMPILE: &str = "/usr/lib/go/pkg/tool/linux_amd64/compile";

/// A model of processes that fork and execute programs.
#[derive(Default)]
struct Machine {
    tasks: HashMap<u32, GoTask>,
}

impl Machine {
    fn fork(&mut self, parent: u32, child: u32) {
        let task = self.tasks.get(&parent).cloned().unwrap_or_default().forked();
        assert_eq!(task.role, None);
        self.tasks.insert(child, task);
    }

    /// Executes a program. Returns the role of the process.
    fn exec(&mut self, pid: u32, path: &str, line: &str, image: ImageFacts<'_>) -> Option<Role> {
        let args: Vec<&str> = line.split(' ').collect();
        let id = TaskId { tgid: pid, start_boottime: u64::from(pid), ..TaskId::default() };
        let start = ProcessStart { id, path, args: &args, goflags: "", image, is_cut: false };
        let task = self.tasks.get(&pid).cloned().unwrap_or_default().started(&start);
        let role = task.role;
        self.tasks.insert(pid, task);
        role
    }

    /// Forks from `parent` and executes a program. Returns the role of the child.
    fn spawn(
        &mut self,
        parent: u32,
        pid: u32,
        path: &str,
        line: &str,
        image: ImageFacts<'_>,
    ) -> Option<Role> {
        self.fork(parent, pid);
        self.exec(pid, path, line, image)
    }

    fn task(&self, pid: u32) -> &GoTask {
        &self.tasks[&pid]
    }

    /// Returns process id and package argument of the go command that started a process as its program.
    fn made_by(&self, pid: u32) -> Option<(u32, String)> {
        let command = self.task(pid).started_by()?;
        Some((
            command.id.tgid,
            command.invocation.target.as_ref().map(ToString::to_string).unwrap_or_default(),
        ))
    }
}

fn go(path: &str) -> ImageFacts<'_> {
    ImageFacts::Go {
        path,
        module: if path.starts_with("cmd/") { "" } else { "example.com/m" },
        version: "go1.27.3",
    }
}

#[test]
fn the_go_command_is_known_by_its_image_under_any_name() {
    for path in [GO, "/opt/gotip", "/tmp/copied", "/usr/bin/sh"] {
        let mut machine = Machine::default();
        assert_eq!(machine.exec(1, path, "x run .", go("cmd/go")), Some(Role::GoRun), "{path}");
        let task = machine.task(1);
        assert_eq!(
            (task.confidence, task.place, task.repeated),
            (RoleConfidence::High, GoPosition::Itself, false)
        );
        assert_eq!(&*task.command.as_ref().unwrap().version, "go1.27.3");
    }
}

#[test]
fn each_subcommand_has_its_role() {
    for (line, role) in [
        ("go run .", Role::GoRun),
        ("go run -n .", Role::GoCommand),
        ("go run -h", Role::GoCommand),
        ("go run", Role::GoCommand),
        ("go test ./...", Role::GoTest),
        ("go test -c", Role::GoTest),
        ("go build", Role::GoBuild),
        ("go install ./...", Role::GoBuild),
        ("go generate", Role::GoGenerate),
        ("go tool vet", Role::GoTool),
        ("go vet", Role::GoCommand),
        ("go env", Role::GoCommand),
        ("go", Role::GoCommand),
        ("go nonsense", Role::GoCommand),
    ] {
        assert_eq!(Machine::default().exec(1, GO, line, go("cmd/go")), Some(role), "{line}");
    }
}

#[test]
fn a_name_decides_only_where_the_image_cannot() {
    let exec = |path, line, image| {
        let mut machine = Machine::default();
        machine.exec(1, path, line, image).map(|role| (role, machine.task(1).confidence))
    };
    let old = ImageFacts::Go { path: "", module: "", version: "go1.17" };
    for image in [ImageFacts::Unread, old] {
        assert_eq!(exec(GO, "go run .", image), Some((Role::GoRun, RoleConfidence::Medium)));
        assert_eq!(exec("/go1.27.3", "go run .", image), Some((Role::GoRun, RoleConfidence::Medium)));
    }
    assert_eq!(exec(GO, "go run .", ImageFacts::Foreign), None);
    assert_eq!(exec(GO, "go run .", go("example.com/go")), Some((Role::GoService, RoleConfidence::High)));
    for line in ["go", "go game.sgf", "go run", "go --black", "go run -level 9 me"] {
        let role = exec("/usr/games/go", line, ImageFacts::Unread);
        assert_eq!(role, None, "{line}");
    }
    // Whoever hides a file may name it, too.
    let hidden = Some((Role::GoRun, RoleConfidence::Medium));
    for line in ["gopher run .", "gopher -C /x run ./cmd", "gopher -- run main.go"] {
        assert_eq!(exec("/usr/bin/gopher", line, ImageFacts::Unread), hidden, "{line}");
        assert_eq!(exec("/usr/bin/gopher", line, ImageFacts::Foreign), None, "{line}");
    }
    for line in ["gopher run", "gopher run -n .", "gopher build ./run", "gopher x run ."] {
        assert_eq!(exec("/usr/bin/gopher", line, ImageFacts::Unread), None, "{line}");
    }
}

#[test]
fn the_child_carries_the_go_run_that_made_it() {
    for path in [WORK, CACHE] {
        for image in [go("example.com/m/app"), ImageFacts::Unread, ImageFacts::Foreign] {
            let mut machine = Machine::default();
            machine.exec(1, GO, "go run ./app", go("cmd/go"));
            let compile = machine.spawn(1, 2, COMPILE, "compile -V=full", go("cmd/compile"));
            assert_eq!(compile, Some(Role::CompilerHelper));
            assert_eq!(machine.spawn(1, 3, path, "app", image), Some(Role::GoRunChild));
            assert_eq!(machine.task(3).confidence, RoleConfidence::High);
            assert_eq!(machine.made_by(3), Some((1, "./app".to_owned())));
            // Programs started by the child have their own roles.
            assert_eq!(machine.spawn(3, 4, "/bin/ls", "ls", ImageFacts::Foreign), None);
            assert_eq!(machine.spawn(3, 5, "/srv/app", "app", go("example.com/app")), Some(Role::GoService));
            assert_eq!((machine.task(5).place, machine.made_by(5)), (GoPosition::Below, None));
            assert_eq!(machine.spawn(3, 6, GO, "go env", go("cmd/go")), Some(Role::GoCommand));
            assert_eq!(machine.task(6).command.as_ref().unwrap().above.unwrap().tgid, 1);
        }
    }
}

#[test]
fn wrappers_of_exec_are_passed_through() {
    // nice executes the program in its own process.
    let mut machine = Machine::default();
    machine.exec(1, GO, "go run -exec nice .", go("cmd/go"));
    assert_eq!(machine.spawn(1, 2, "/usr/bin/nice", "nice /x", ImageFacts::Foreign), None);
    assert_eq!(machine.exec(2, WORK, "app", go("example.com/m")), Some(Role::GoRunChild));
    assert_eq!(machine.made_by(2), Some((1, ".".to_owned())));

    // A shell that forks, and a wrapper built by Go.
    let mut machine = Machine::default();
    machine.exec(1, GO, "go run -exec x .", go("cmd/go"));
    machine.spawn(1, 2, "/bin/sh", "sh -c x", ImageFacts::Foreign);
    assert_eq!(machine.spawn(2, 3, "/srv/wrap", "wrap", go("example.com/wrap")), Some(Role::GoService));
    assert_eq!(machine.spawn(3, 4, CACHE, "app", go("example.com/m")), Some(Role::GoRunChild));
    assert_eq!(machine.task(4).confidence, RoleConfidence::High);
    assert_eq!(machine.made_by(4), Some((1, ".".to_owned())));
}

#[test]
fn a_toolchain_that_hands_over_is_one_go_run() {
    // In the same process, without -C, optionally through a script.
    for between in [false, true] {
        let mut machine = Machine::default();
        machine.exec(1, GO, "go -C sub run ./app", go("cmd/go"));
        if between {
            assert_eq!(machine.exec(1, "/bin/sh", "sh /bin/go1.28 run ./app", ImageFacts::Foreign), None);
        }
        assert_eq!(machine.exec(1, "/mod/bin/go", "go run ./app", go("cmd/go")), Some(Role::GoRun));
        let task = machine.task(1);
        assert!(task.repeated);
        assert_eq!(task.command.as_ref().unwrap().invocation.chdir.as_deref(), Some("sub"));
        assert!(!task.within.contains(Role::GoRun));
        machine.spawn(1, 2, CACHE, "app", go("example.com/m/app"));
        assert_eq!(machine.made_by(2), Some((1, "./app".to_owned())));
    }
    // In a child process.
    let mut machine = Machine::default();
    machine.exec(1, GO, "go run ./app", go("cmd/go"));
    machine.spawn(1, 2, "/sdk/go1.28/bin/go", "go run ./app", go("cmd/go"));
    assert!(machine.task(2).repeated);
    machine.spawn(2, 3, WORK, "app", go("example.com/m/app"));
    assert_eq!(machine.made_by(3), Some((1, "./app".to_owned())));
    // A second go run is a separate one.
    let mut machine = Machine::default();
    machine.exec(1, GO, "go run ./app", go("cmd/go"));
    machine.spawn(1, 2, WORK, "app", go("example.com/m/app"));
    machine.spawn(2, 3, GO, "go run ./app", go("cmd/go"));
    assert!(!machine.task(3).repeated);
    assert!(machine.task(3).within.contains(Role::GoRunChild));
}

#[test]
fn a_path_without_a_go_run_above_needs_a_go_image() {
    let exec = |path, image| {
        let mut machine = Machine::default();
        let role = machine.exec(1, path, "app", image);
        assert!(role != Some(Role::GoRunChild) || machine.made_by(1).is_none());
        role.map(|role| (role, machine.task(1).confidence))
    };
    let medium = Some((Role::GoRunChild, RoleConfidence::Medium));
    for path in [WORK, CACHE] {
        assert_eq!(exec(path, go("example.com/m")), medium);
        assert_eq!(exec(path, ImageFacts::Unread), medium);
        assert_eq!(exec(path, ImageFacts::Foreign), None);
        assert_eq!(exec(path, go("cmd/addr2line")), Some((Role::CompilerHelper, RoleConfidence::High)));
    }
    let service = Some((Role::GoService, RoleConfidence::High));
    assert_eq!(exec("/home/me/go-build123/app", go("example.com/m")), service);
    assert_eq!(exec("/home/me/go-build123/b001/app", go("example.com/m")), service);
    assert_eq!(exec("/root/.cache/go-build/tool", go("example.com/m")), service);
    assert_eq!(exec("/root/.cache/go-build/tool", ImageFacts::Unread), None);
}

#[test]
fn a_path_below_another_go_command_is_not_made_by_that() {
    for line in ["go generate ./...", "go vet ./...", "go build .", "go run -n .", "go test -c"] {
        let mut machine = Machine::default();
        machine.exec(1, GO, line, go("cmd/go"));
        machine.spawn(1, 2, WORK, "app", go("example.com/m"));
        let task = machine.task(2);
        assert_eq!((task.role, task.confidence), (Some(Role::GoRunChild), RoleConfidence::Medium), "{line}");
        assert_eq!(machine.made_by(2), None, "{line}");
    }
}

#[test]
fn a_child_outlives_its_go_run_and_starts_itself_again() {
    let mut machine = Machine::default();
    machine.exec(1, GO, "go run .", go("cmd/go"));
    machine.spawn(1, 2, CACHE, "app", go("example.com/m"));
    machine.tasks.remove(&1);
    assert_eq!(machine.exec(2, CACHE, "app", go("example.com/m")), Some(Role::GoRunChild));
    assert!(machine.task(2).repeated);
    assert_eq!(machine.made_by(2), Some((1, ".".to_owned())));
    assert_eq!(machine.spawn(2, 3, CACHE, "app worker", ImageFacts::Unread), Some(Role::GoRunChild));
    assert!(machine.task(3).repeated);
    assert_eq!(machine.exec(2, "/bin/sleep", "sleep 1", ImageFacts::Foreign), None);
    assert_eq!((machine.task(2).place, machine.task(2).repeated), (GoPosition::Below, false));
    assert!(machine.task(2).within.contains(Role::GoRunChild));
}

#[test]
fn go_generate_is_seen_from_inside() {
    let mut machine = Machine::default();
    machine.exec(1, GO, "go generate ./...", go("cmd/go"));
    machine.spawn(1, 2, "/bin/sh", "sh -c x", ImageFacts::Foreign);
    assert_eq!(machine.spawn(2, 3, GO, "go run ./gen", go("cmd/go")), Some(Role::GoRun));
    assert_eq!(machine.spawn(3, 4, WORK, "gen", go("example.com/gen")), Some(Role::GoRunChild));
    for pid in [3, 4] {
        assert!(machine.task(pid).within.contains(Role::GoGenerate));
        assert!(!machine.task(pid).repeated);
    }
    assert_eq!(machine.task(3).command.as_ref().unwrap().above.unwrap().tgid, 1);
    // The same directive in another folder is not a toolchain that hands over.
    machine.spawn(2, 5, GO, "go generate ./...", go("cmd/go"));
    assert!(!machine.task(5).repeated);
}

#[test]
fn tools_and_what_makes_them() {
    for (line, path, image, role) in [
        ("go tool compile -h", COMPILE, go("cmd/compile"), Role::GoTool),
        ("go tool addr2line x", CACHE, go("cmd/addr2line"), Role::GoTool),
        ("go tool stringer", CACHE, go("golang.org/x/tools/cmd/stringer"), Role::GoTool),
        ("go tool golang.org/x/tools/cmd/stringer", WORK, ImageFacts::Unread, Role::GoTool),
        ("go tool stringer", COMPILE, go("cmd/compile"), Role::CompilerHelper),
        ("go tool stringer", COMPILE, ImageFacts::Unread, Role::CompilerHelper),
        ("go tool -n compile", COMPILE, go("cmd/compile"), Role::CompilerHelper),
        ("go run cmd/addr2line", WORK, go("cmd/addr2line"), Role::GoRunChild),
        ("go run .", WORK, go("cmd/covdata"), Role::CompilerHelper),
        ("go vet", "/usr/lib/go/pkg/tool/linux_amd64/vet", go("cmd/vet"), Role::CompilerHelper),
        ("go vet -vettool=/bin/check", "/bin/check", go("example.com/check"), Role::CompilerHelper),
        ("go fmt", "/usr/lib/go/bin/gofmt", go("cmd/gofmt"), Role::CompilerHelper),
    ] {
        let mut machine = Machine::default();
        machine.exec(1, GO, line, go("cmd/go"));
        assert_eq!(machine.spawn(1, 2, path, "x -V=full", image), Some(role), "{line} {path}");
        assert_eq!(machine.task(2).confidence, RoleConfidence::High, "{line}");
    }
    // Without a go command above.
    let mut machine = Machine::default();
    assert_eq!(machine.exec(1, "/bin/gofmt", "gofmt -l .", go("cmd/gofmt")), Some(Role::CompilerHelper));
    assert_eq!(machine.exec(2, COMPILE, "compile x", ImageFacts::Unread), Some(Role::CompilerHelper));
    assert_eq!(machine.task(2).confidence, RoleConfidence::Medium);
    let mine = ImageFacts::Go { path: "cmd/server", module: "cmd/server", version: "go1.27.3" };
    assert_eq!(machine.exec(3, "/srv/server", "server", mine), Some(Role::GoService));
}

#[test]
fn a_toolexec_wrapper_is_a_helper_and_never_the_child() {
    for (path, line, image) in [
        (CACHE, "/opt/app /usr/lib/go/pkg/tool/linux_amd64/compile -V=full", go("example.com/wrap")),
        ("/bin/sh", "/bin/sh /opt/app /usr/lib/go/pkg/tool/linux_amd64/asm", ImageFacts::Foreign),
    ] {
        let mut machine = Machine::default();
        machine.exec(1, GO, "go run -toolexec=/opt/app ./x", go("cmd/go"));
        assert_eq!(machine.spawn(1, 2, path, line, image), Some(Role::CompilerHelper));
        assert_eq!(
            machine.spawn(2, 3, COMPILE, "compile -V=full", go("cmd/compile")),
            Some(Role::CompilerHelper)
        );
        assert_eq!(machine.spawn(1, 4, WORK, "x", go("example.com/m/x")), Some(Role::GoRunChild));
        assert_eq!(machine.made_by(4), Some((1, "./x".to_owned())));
    }
}

#[test]
fn test_binaries() {
    let test = "/tmp/go-build123/b001/demo.test";
    let line = "/tmp/go-build123/b001/demo.test -test.paniconexit0 -test.timeout=10m0s";
    let old = |path| ImageFacts::Go { path, module: "example.com/m", version: "go1.23.9" };
    for image in [go("example.com/m.test"), old("example.com/m"), ImageFacts::Unread] {
        let mut machine = Machine::default();
        machine.exec(1, GO, "go test", go("cmd/go"));
        assert_eq!(machine.spawn(1, 2, test, line, image), Some(Role::GoTestBinary));
        assert_eq!(
            (machine.task(2).confidence, machine.task(2).place),
            (RoleConfidence::High, GoPosition::Program)
        );
        // exec.Command("go", "run", …) in a test.
        assert_eq!(machine.spawn(2, 3, GO, "go run ./x", go("cmd/go")), Some(Role::GoRun));
        assert!(machine.task(3).within.contains(Role::GoTest));
        machine.spawn(3, 4, WORK, "x", go("example.com/m/x"));
        assert_eq!(machine.made_by(4), Some((3, "./x".to_owned())));
    }
    // A wrapper built by Go runs the test binary.
    let mut machine = Machine::default();
    machine.exec(1, GO, "go test -exec wrap", go("cmd/go"));
    let wrapped = "wrap -x /tmp/go-build123/b001/demo.test -test.v";
    assert_eq!(machine.spawn(1, 2, "/x/wrap", wrapped, old("example.com/wrap")), Some(Role::GoService));
    assert_eq!(
        machine.spawn(2, 3, test, "demo.test -test.v", old("example.com/m")),
        Some(Role::GoTestBinary)
    );
    assert_eq!(machine.task(3).place, GoPosition::Program);
    let alone = |path, line, image| {
        let mut machine = Machine::default();
        machine.exec(1, path, line, image).map(|role| (role, machine.task(1).confidence))
    };
    let (high, medium) = (
        Some((Role::GoTestBinary, RoleConfidence::High)),
        Some((Role::GoTestBinary, RoleConfidence::Medium)),
    );
    let service = Some((Role::GoService, RoleConfidence::High));
    assert_eq!(alone("/x/t", "t -test.v", go("example.com/m.test")), high);
    assert_eq!(alone("/x/t", "t", go("example.com/m.test")), medium);
    assert_eq!(alone("/x/m.test", "m.test -test.v", old("example.com/m")), high);
    assert_eq!(alone("/x/t", "t -test.v", old("example.com/m")), medium);
    assert_eq!(alone("/x/t", "t -test.v", go("example.com/m")), service);
    assert_eq!(
        alone("/x/m", "m", ImageFacts::Go { path: "m.test", module: "m.test", version: "go1.27" }),
        service
    );
    assert_eq!(alone(test, line, ImageFacts::Unread), medium);
    assert_eq!(alone("/x/t", "t -test.v", ImageFacts::Unread), None);
}

#[test]
fn debuggers() {
    let mut machine = Machine::default();
    let dlv = "github.com/go-delve/delve/cmd/dlv";
    assert_eq!(machine.exec(1, "/go/bin/dlv", "dlv debug", go(dlv)), Some(Role::Debugger));
    assert_eq!(machine.spawn(1, 2, GO, "go build -o __debug_bin1 .", go("cmd/go")), Some(Role::GoBuild));
    assert_eq!(machine.spawn(1, 3, "/x/__debug_bin1", "x", go("example.com/m")), Some(Role::Debugger));
    assert_eq!(machine.task(3).confidence, RoleConfidence::High);
    assert_eq!(machine.spawn(1, 4, "/x/app", "app", go("example.com/m")), Some(Role::GoService));
    assert!(machine.task(4).within.contains(Role::Debugger));
    assert_eq!(machine.exec(9, "/x/__debug_bin1", "x", go("example.com/m")), Some(Role::Debugger));
    assert_eq!(machine.task(9).confidence, RoleConfidence::Medium);
    assert_eq!(machine.exec(10, "/x/__debug_bin1", "x", ImageFacts::Foreign), None);
}

#[test]
fn what_is_no_go_run() {
    for (path, line, image) in [
        ("/go/bin/gopls", "gopls", go("golang.org/x/tools/gopls")),
        (
            "/go/bin/golangci-lint",
            "golangci-lint run",
            go("github.com/golangci/golangci-lint/cmd/golangci-lint"),
        ),
        ("/go/bin/mage", "mage go run", go("github.com/magefile/mage")),
        ("/go/bin/air", "air", go("github.com/air-verse/air")),
        ("/x/app", "./app go run", go("example.com/m")),
        ("/x/run", "./run", go("example.com/m")),
        ("/x/tmp/main", "tmp/main", go("example.com/m")),
    ] {
        assert_eq!(Machine::default().exec(1, path, line, image), Some(Role::GoService), "{line}");
    }
    for (path, line) in
        [("/bin/sh", "sh -c go run ."), ("/usr/bin/make", "make run"), ("/usr/bin/env", "env go run .")]
    {
        for image in [ImageFacts::Foreign, ImageFacts::Unread] {
            assert_eq!(Machine::default().exec(1, path, line, image), None, "{line}");
        }
    }
}

#[test]
fn names_are_the_same_everywhere() {
    for role in Role::ALL {
        assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{}\"", role.as_str()));
    }
}
