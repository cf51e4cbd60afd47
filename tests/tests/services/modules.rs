//! The effective go.mod, go.work and go env file, in real folders and root folders.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tracego_analyze::inspect::surroundings::{SurroundingsReader, gofiles::GoCommand};
use tracego_common::TaskId;
use tracego_model::input::facts::{GoMod, Surroundings};

use crate::{ConditionalTest, Test, daemon::Daemon, needs_root};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("the nearest go.mod above is in force", nearest),
    ("go.work is in force unless GOWORK overrides it", workspace),
    ("without modules there is none", off),
    ("-C and -modfile lead elsewhere", flags),
    ("the way up goes by PWD where that is the same folder", by_pwd),
    ("the go env file is found as Go finds it", env_file),
    ("what is no file is not opened", no_file),
    ("a command that is gone is looked up where its parent was", gone),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("in a chroot its own files count and no link leads out", chroot, needs_root),
    ("in a mount namespace its own files count", mounts, needs_root),
    ("as the go command itself says", as_go_says, needs_go),
];

/// Folders of a test. The daemon stands in for the go command, of which only the process and its root matter.
struct ModuleFolders {
    dir: TempDir,
    daemon: Daemon,
}

type Variables<'a> = &'a [(&'a str, &'a str)];

impl ModuleFolders {
    fn new(files: &[(&str, &str)]) -> Self {
        // In a folder below /tmp, because a go.mod in /tmp itself is ignored.
        let place = Self { dir: tempfile::tempdir().unwrap(), daemon: Daemon::start() };
        for (path, text) in files {
            let path = place.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        self.path(path).to_str().unwrap().to_owned()
    }

    fn look(&self, cwd: &str, env: Variables<'_>) -> Surroundings {
        self.with(cwd, env, |_| {})
    }

    fn with(&self, cwd: &str, env: Variables<'_>, edit: impl FnOnce(&mut GoCommand<'_>)) -> Surroundings {
        look(self.daemon.id, &self.text(cwd), env, edit)
    }

    fn module(&self, path: &str, module: &str) -> Option<GoMod> {
        Some(GoMod { path: self.text(path), module: module.into(), ..GoMod::default() })
    }
}

fn look(id: TaskId, cwd: &str, env: Variables<'_>, edit: impl FnOnce(&mut GoCommand<'_>)) -> Surroundings {
    let get = |name: &str| env.iter().find(|(known, _)| *known == name).map(|&(_, value)| value);
    let mut command = GoCommand {
        id,
        parent: TaskId::default(),
        mount_namespace: 0,
        cwd: cwd.as_bytes(),
        chdir: None,
        modfile: None,
        env: &get,
    };
    edit(&mut command);
    SurroundingsReader::default().go_command(&command)
}

fn nearest() {
    let place = ModuleFolders::new(&[
        ("a/go.mod", "module example.com/a\n"),
        ("a/b/c/x.go", ""),
        ("a/b/go.mod", "module example.com/b\n"),
        ("a/b/vendor/modules.txt", ""),
        ("a/d/go.mod/x", ""),
    ]);
    let found = place.look("a/b/c", &[]);
    let wanted = GoMod { vendor: true, ..place.module("a/b/go.mod", "example.com/b").unwrap() };
    assert_eq!(found, Surroundings { go_mod: Some(wanted), ..Surroundings::default() });
    assert_eq!(place.look("a", &[]).go_mod, place.module("a/go.mod", "example.com/a"));
    assert_eq!(
        place.look("a/d", &[]).go_mod,
        place.module("a/go.mod", "example.com/a"),
        "a folder is no file"
    );
    assert_eq!(place.look(".", &[]), Surroundings::default());
    // $TMPDIR/go.mod is ignored.
    let temporary = place.text("a");
    assert_eq!(place.look("a", &[("TMPDIR", &temporary)]).go_mod, None);
}

fn workspace() {
    let place = ModuleFolders::new(&[
        ("go.work", "go 1.24\nuse ./a\n"),
        ("a/go.mod", "module example.com/a\n"),
        ("a/x/y.go", ""),
        ("other/go.work", "go 1.24\n"),
        ("vendor/modules.txt", ""),
    ]);
    let work = |path: &str| Some(place.text(path));
    let own = place.module("a/go.mod", "example.com/a").unwrap();
    let wanted = GoMod { work: work("go.work"), vendor: true, ..own.clone() };
    assert_eq!(place.look("a/x", &[]).go_mod, Some(wanted));
    assert_eq!(place.look("a/x", &[("GOWORK", "off")]).go_mod, Some(own.clone()));
    let path = place.text("other/go.work");
    let wanted = GoMod { work: Some(path.clone()), ..own };
    assert_eq!(place.look("a/x", &[("GOWORK", &path)]).go_mod, Some(wanted));
    let alone = GoMod { work: work("go.work"), vendor: true, ..GoMod::default() };
    assert_eq!(place.look(".", &[]).go_mod, Some(alone), "modules are in force without a go.mod");
}

fn off() {
    let place = ModuleFolders::new(&[("go.mod", "module example.com/a\n"), ("env", "GO111MODULE=off\n")]);
    assert_eq!(place.look(".", &[("GO111MODULE", "off")]).go_mod, None);
    let env = place.text("env");
    let found = place.look(".", &[("GOENV", &env)]);
    assert_eq!((found.go_mod, found.go_env["GO111MODULE"].as_str()), (None, "off"));
    // The environment overrides the file.
    assert!(place.look(".", &[("GOENV", &env), ("GO111MODULE", "on")]).go_mod.is_some());
}

fn flags() {
    let place = ModuleFolders::new(&[
        ("go.mod", "module example.com/a\n"),
        ("other.mod", "module example.com/other\n"),
        ("b/go.mod", "module example.com/b\n"),
    ]);
    let found = place.with(".", &[], |command| command.chdir = Some("b"));
    assert_eq!(found.go_mod, place.module("b/go.mod", "example.com/b"));
    let found = place.with("b", &[], |command| command.chdir = Some(".."));
    assert_eq!(found.go_mod, place.module("go.mod", "example.com/a"));
    let other = place.module("other.mod", "example.com/other");
    assert_eq!(place.with(".", &[], |command| command.modfile = Some("other.mod")).go_mod, other);
    assert_eq!(place.look(".", &[("GOFLAGS", "-mod=mod -modfile=other.mod")]).go_mod, other);
    let found = place.with(".", &[], |command| command.chdir = Some("gone"));
    assert_eq!((found.go_mod, found.unavailable["go_mod"].as_str()), (None, "not found"));
}

fn by_pwd() {
    let place =
        ModuleFolders::new(&[("a/go.mod", "module example.com/a\n"), ("a/b/x.go", ""), ("home/x", "")]);
    let link = place.path("home/link");
    symlink(place.path("a/b"), &link).unwrap();
    assert!(place.look("a/b", &[]).go_mod.is_some());
    // Go searches upwards from home/link, where there is none.
    assert_eq!(place.look("a/b", &[("PWD", link.to_str().unwrap())]).go_mod, None);
    // A PWD that names another folder is ignored.
    assert!(place.look("a/b", &[("PWD", &place.text("home"))]).go_mod.is_some());
    // After -C the folder has its true name.
    let found = place.with("home", &[], |command| command.chdir = Some("link"));
    assert_eq!(found.go_mod, place.module("a/go.mod", "example.com/a"));
}

fn env_file() {
    let place = ModuleFolders::new(&[
        ("home/.config/go/env", "GOFLAGS=-mod=mod\nCC=clang\n"),
        ("config/go/env", "GOPROXY=direct\nGOSUMDB=off\n"),
        ("own", "GOPRIVATE=*\n"),
    ]);
    let (home, config, own) = (place.text("home"), place.text("config"), place.text("own"));
    let read = |env: Variables<'_>| -> BTreeMap<String, String> {
        let found = place.look(".", env);
        assert_eq!(found.unavailable, BTreeMap::new());
        found.go_env
    };
    let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
    };
    assert_eq!(read(&[("HOME", &home)]), of(&[("GOFLAGS", "-mod=mod")]));
    let both = of(&[("GOPROXY", "direct"), ("GOSUMDB", "off")]);
    assert_eq!(read(&[("HOME", &home), ("XDG_CONFIG_HOME", &config)]), both);
    assert_eq!(read(&[("HOME", &home), ("GOENV", &own)]), of(&[("GOPRIVATE", "*")]));
    assert_eq!(read(&[("HOME", &home), ("GOENV", "own")]), of(&[("GOPRIVATE", "*")]));
    assert_eq!(read(&[("HOME", &home), ("GOENV", "off")]), of(&[]));
    assert_eq!(read(&[("HOME", &home), ("XDG_CONFIG_HOME", "config")]), of(&[]));
    assert_eq!(read(&[("HOME", "/nowhere")]), of(&[]));
    assert_eq!(read(&[]), of(&[]));
}

fn no_file() {
    let place = ModuleFolders::new(&[("a/x", ""), ("large/go.mod", &" ".repeat((1 << 20) + 1))]);
    assert!(Command::new("mkfifo").arg(place.path("a/go.mod")).status().unwrap().success());
    let found = place.look("a", &[("GOENV", "/dev/zero")]);
    assert_eq!(found.unavailable["go_mod"], "not a regular file");
    assert_eq!(found.unavailable["go_env"], "not a regular file");
    assert_eq!(place.look("large", &[("GOENV", "/proc/self/environ")]).unavailable["go_mod"], "too large");
    symlink("/proc/self/root/etc/hostname", place.path("magic")).unwrap();
    assert_eq!(place.look("a", &[("GOENV", &place.text("magic"))]).unavailable["go_env"], "ELOOP");
}

fn gone() {
    let place = ModuleFolders::new(&[("a/go.mod", "module example.com/a\n")]);
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    let id = TaskId { tgid: child.id(), start_boottime: 1, ..TaskId::default() };
    let cwd = place.text("a");
    let found = look(id, &cwd, &[], |_| {});
    assert_eq!((found.go_mod, found.unavailable["go_mod"].as_str()), (None, "gone"));
    let link = fs::read_link("/proc/self/ns/mnt").unwrap();
    let own = link.to_str().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    let wanted = place.module("a/go.mod", "example.com/a");
    let found =
        look(id, &cwd, &[], |command| (command.parent, command.mount_namespace) = (place.daemon.id, own));
    assert_eq!(found.go_mod, wanted);
    let found = look(id, &cwd, &[], |command| command.mount_namespace = own);
    assert_eq!(found.go_mod, wanted, "in the root folder of this program");
    let found = look(id, &cwd, &[], |command| {
        (command.parent, command.mount_namespace) = (place.daemon.id, own + 1);
    });
    assert_eq!(found.unavailable["go_mod"], "gone", "another mount namespace has other files");
}

fn chroot() {
    let mut place = ModuleFolders::new(&[
        ("go.mod", "module example.com/outside\n"),
        ("secret", "GOFLAGS=outside\n"),
        ("jail/app/x.go", ""),
        ("jail/home/.config/go/env", "GOFLAGS=inside\n"),
    ]);
    place.daemon.tell(&format!("chroot {}", place.text("jail")));
    // The kernel side reports the path from the root of the mount namespace.
    let found = place.look("jail/app", &[("HOME", "/home")]);
    assert_eq!(found.go_mod, None, "what is above its root is not there for it");
    assert_eq!(found.go_env["GOFLAGS"], "inside");
    fs::write(place.path("jail/go.mod"), "module example.com/jail\n").unwrap();
    let found = place.look("jail/app", &[]);
    let wanted = GoMod { path: "/go.mod".into(), module: "example.com/jail".into(), ..GoMod::default() };
    assert_eq!(found.go_mod, Some(wanted), "as the command sees it");
    for out in [place.text("secret"), "../../secret".into(), "/proc/1/root/etc/hostname".into()] {
        let link = place.path("jail/link");
        symlink(out, &link).unwrap();
        let found = place.look("jail/app", &[("GOENV", "/link")]);
        assert_eq!((found.go_env.len(), found.unavailable.len()), (0, 0));
        fs::remove_file(link).unwrap();
    }
    let found = place.look(".", &[]);
    assert_eq!(found.unavailable["go_mod"], "outside of this namespace", "its folder is outside of its root");
}

fn mounts() {
    let script = "mount -t tmpfs none /mnt && mkdir /mnt/src && echo module example.com/inside > /mnt/src/go.mod && exec \"$0\"";
    let daemon = Daemon::through(&["unshare", "--mount", "/bin/sh", "-c", script]);
    assert!(!Path::new("/mnt/src").exists());
    let found = look(daemon.id, "/mnt/src", &[], |_| {});
    let wanted =
        GoMod { path: "/mnt/src/go.mod".into(), module: "example.com/inside".into(), ..GoMod::default() };
    assert_eq!(found.go_mod, Some(wanted));
    // Through a link, the name is resolved in this program's namespaces.
    let found = look(daemon.id, "/mnt", &[], |command| command.chdir = Some("src/../src"));
    assert_eq!(found.go_mod.unwrap().path, "/mnt/src/go.mod");
}

/// Returns `$TRACEGO_GO`, or `go` in PATH.
fn go() -> PathBuf {
    std::env::var_os("TRACEGO_GO").map_or("go".into(), PathBuf::from)
}

fn needs_go() -> Option<String> {
    let version = Command::new(go()).arg("version").output();
    version.is_err().then(|| "no go in PATH or TRACEGO_GO".to_owned())
}

fn as_go_says() {
    let place = ModuleFolders::new(&[
        ("w/go.work", "go 1.21\nuse ./a\n"),
        ("w/a/go.mod", "module example.com/a\n\ngo 1.21\n"),
        ("w/a/b/x.go", ""),
        ("plain/go.mod", "module example.com/plain\n\ngo 1.21\n"),
        ("plain/sub/x.go", ""),
        ("none/x.go", ""),
        ("home/.config/go/env", "GOFLAGS=-mod=mod\nGOPRIVATE=example.com\n"),
        ("off", "GO111MODULE=off\n"),
    ]);
    symlink(place.path("plain/sub"), place.path("none/link")).unwrap();
    let (home, link, off) = (place.text("home"), place.text("none/link"), place.text("off"));
    let temporary = place.text("plain");
    let cases: [(&str, Variables<'_>); 12] = [
        ("w/a/b", &[]),
        ("w/a/b", &[("GOWORK", "off")]),
        ("w", &[]),
        ("plain/sub", &[]),
        ("plain/sub", &[("GO111MODULE", "off")]),
        ("plain/sub", &[("GO111MODULE", "auto")]),
        ("plain/sub", &[("GOENV", &off)]),
        ("plain/sub", &[("PWD", &link)]),
        ("plain/sub", &[("TMPDIR", &temporary)]),
        ("none", &[]),
        ("none", &[("GO111MODULE", "auto")]),
        ("none/link", &[]),
    ];
    for (cwd, env) in cases {
        let mut env = env.to_vec();
        env.push(("HOME", &home));
        let mut command = Command::new(go());
        command.args(["env", "GOMOD", "GOWORK", "GOFLAGS", "GOPRIVATE"]).current_dir(place.path(cwd));
        // Without PWD, Go asks the kernel.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(env.iter().copied());
        command.env("GOTOOLCHAIN", "local");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let said: Vec<&str> = text.lines().collect();
        // The folder as the kernel side reports it: without links.
        let physical = fs::canonicalize(place.path(cwd)).unwrap();
        let found = look(place.daemon.id, physical.to_str().unwrap(), &env, |_| {});
        assert_eq!(found.unavailable, BTreeMap::new());
        let module = found.go_mod.unwrap_or_default();
        let work = module.work.unwrap_or_default();
        // GOMOD is /dev/null when modules are on but none is found.
        let said_work = if said[1] == "off" { "" } else { said[1] };
        let said_mod = if said[0] == "/dev/null" { "" } else { said[0] };
        assert_eq!((module.path.as_str(), work.as_str()), (said_mod, said_work), "{cwd} {env:?}");
        let get = |name: &str| found.go_env.get(name).map_or("", String::as_str);
        assert_eq!([get("GOFLAGS"), get("GOPRIVATE")], said[2..4], "{cwd} {env:?}");
    }
}
