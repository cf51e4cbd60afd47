//! `golang` on programs of real toolchains: its result equals the output of `go version -m`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::Arguments;
use toolchain::{Toolchain, toolchain};
use tracego_golang::{Build, Image, Inconsistency, Linkage, Machine, Module, Packer, parse};
use tracego_tests::{esbuild, trial};

const VERSIONS: [&str; 4] = ["1.21.13", "1.23.9", "1.24.11", "1.27.3"];
const NEWEST: &str = "1.27.3";
/// Go versions of npm packages with old programs.
const OLD: [(&str, &str); 4] = [
    ("esbuild-linux-64@0.8.57", "go1.16"),
    ("esbuild-linux-64@0.12.29", "go1.17.1"),
    ("esbuild-linux-64@0.14.0", "go1.17.2"),
    ("esbuild-android-arm64@0.12.25", "go1.17"),
];

type Test = fn(&Toolchain);
const TESTS: [(&str, Test); 6] = [
    ("the programs of the toolchain are read as it reads them", own_programs),
    ("a program is read as it was built", built),
    ("the commit and what it lacks are read", commit),
    ("replaced and vendored modules are read", modules),
    ("a program is read after what is done to it", treated),
    ("a patched program contradicts itself", patched),
];

fn main() {
    let mut trials = Vec::new();
    for version in VERSIONS {
        let toolchain = toolchain(version);
        for (name, test) in TESTS {
            let toolchain = toolchain.clone();
            let (name, missing) = (format!("go {version}: {name}"), toolchain.as_ref().err().cloned());
            trials.push(trial(&name, missing, move || test(&toolchain.unwrap())));
        }
        let name = format!("go {version}: a packed program is recognised without its mark");
        let upx = (!is_there("upx")).then(|| "needs upx: `apt-get install upx-ucl`".to_owned());
        let missing = toolchain.as_ref().err().cloned().or(upx);
        trials.push(trial(&name, missing, move || packed(&toolchain.unwrap())));
    }
    trials.push(trial("inspect prints one object a file and names what it cannot read", None, inspect));
    let newest = toolchain(NEWEST);
    for (package, version) in OLD {
        let newest = newest.clone();
        let program = newest.and_then(|newest| esbuild::program(package).map(|program| (newest, program)));
        let name = format!("{version}: a program with pointers to its build information is read");
        let missing = program.as_ref().err().cloned();
        trials.push(trial(&name, missing, move || {
            let (newest, program) = program.unwrap();
            assert_eq!(compare(&newest, &program).go.unwrap().version, version);
        }));
    }
    let mut arguments = Arguments::from_args();
    // Each test starts compilers of its own.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials).exit();
}

fn read(file: &Path) -> Image {
    parse(&fs::read(file).unwrap())
}

/// Reads a program and compares the result with the output of this toolchain's `go version -m`.
fn compare(toolchain: &Toolchain, file: &Path) -> Image {
    let output = Command::new(toolchain.root.join("bin/go"))
        .args(["version", "-m"])
        .arg(file)
        .env("GOTOOLCHAIN", "local")
        .output()
        .unwrap();
    let image = read(file);
    assert_eq!(image.damage, [], "{}", file.display());
    assert_eq!(image.inconsistent, [], "{}", file.display());
    let build = image.go.as_ref().unwrap_or_else(|| panic!("{}: {output:?}", file.display()));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, format!("{}: {}", file.display(), text(build)));
    image
}

/// Formats build information as `go version -m` prints it.
fn text(build: &Build) -> String {
    let mut text = format!("{}\n", build.version);
    if !build.path.is_empty() {
        text += &format!("\tpath\t{}\n", build.path);
    }
    let mut add = |kind: &str, module: &Module| {
        text += &format!("\t{kind}\t{}\t{}", module.path, module.version);
        text += &match &module.replacement {
            // Go ends both the line of the replacement and that of the replaced module.
            Some(other) => format!("\n\t=>\t{}\t{}\t{}\n\t\n", other.path, other.version, other.sum),
            None => format!("\t{}\n", module.sum),
        };
    };
    build.main.iter().for_each(|module| add("mod", module));
    build.dependencies.iter().for_each(|module| add("dep", module));
    for (key, value) in &build.settings {
        // No other value in these tests is quoted.
        let quoted = value.contains([' ', '"']).then(|| format!("\"{}\"", value.replace('"', "\\\"")));
        text += &format!("\tbuild\t{key}={}\n", quoted.as_deref().unwrap_or(value));
    }
    text
}

/// A module in a folder of its own, and its go command.
struct Project {
    folder: tempfile::TempDir,
    toolchain: Toolchain,
}

impl Project {
    fn new(toolchain: &Toolchain) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), toolchain: toolchain.clone() };
        project.write("go.mod", "module example.com/hello\n\ngo 1.21\n");
        // Without fmt: the runtime alone builds quickly for another processor.
        project.write("main.go", "package main\n\nvar text = \"hello\"\n\nfunc main() { println(text) }\n");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, program: &Path, args: &[&str], env: &[(&str, &str)]) {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path());
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go/cache");
        command.env("GOCACHE", cache).env("GOPATH", self.path("gopath"));
        command.envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOFLAGS", ""), ("GOENV", "off")]);
        command.envs(env.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn go(&self, args: &[&str], env: &[(&str, &str)]) {
        self.run(&self.toolchain.root.join("bin/go"), args, env);
    }

    /// Runs `go build` with options. Returns what is read from the program.
    fn build(&self, options: &[&str], env: &[(&str, &str)]) -> Image {
        let args = [&["build", "-o", "program"], options, &["."]].concat();
        self.go(&args, env);
        compare(&self.toolchain, &self.path("program"))
    }
}

fn own_programs(toolchain: &Toolchain) {
    let mut count = 0;
    for folder in ["bin", "pkg/tool/linux_amd64"] {
        for entry in fs::read_dir(toolchain.root.join(folder)).unwrap() {
            let image = compare(toolchain, &entry.unwrap().path());
            let build = image.go.unwrap();
            assert_eq!(build.version, format!("go{}", toolchain.version));
            count += usize::from(build.is_go_command());
            assert!(image.elf.unwrap().go_build_id.is_some());
        }
    }
    assert_eq!(count, 1, "the go command alone is cmd/go");
}

/// Patches what tools read of a program, what the program itself reads, and both.
fn patched(toolchain: &Toolchain) {
    let project = Project::new(toolchain);
    for options in [&[][..], &["-ldflags=-s -w"], &["-buildmode=pie"], &["-trimpath"]] {
        project.build(options, &[("CGO_ENABLED", "0")]);
        let whole = fs::read(project.path("program")).unwrap();
        let finds = |what: &[u8]| {
            let at = |at: &usize| whole[*at..].starts_with(what);
            (0..whole.len()).filter(at).collect::<Vec<_>>()
        };
        let info = finds(b"\xff Go buildinf:")[0];
        let patch = |what: &str, with: &str, which: fn(usize, usize) -> bool| {
            assert_eq!(what.len(), with.len());
            let places: Vec<_> = finds(what.as_bytes()).into_iter().filter(|at| which(*at, info)).collect();
            assert!(!places.is_empty(), "{what}");
            let mut bytes = whole.clone();
            places.iter().for_each(|at| bytes[*at..*at + with.len()].copy_from_slice(with.as_bytes()));
            let image = parse(&bytes);
            assert_eq!(image.damage, [], "{with}");
            (image.go.unwrap(), image.inconsistent)
        };
        let version = format!("go{}", toolchain.version);
        let later = version.replace("go1.2", "go1.9");
        let earlier = version.replace("go1.2", "go1.1");
        let module = "path\texample.com/hello";
        let other = "path\texample.com/other";
        // What tools read.
        let (build, told) = patch(&version, &later, |at, info| at > info);
        assert_eq!((build.version, told), (later.clone(), vec![Inconsistency::Version]));
        let (build, told) = patch(module, other, |at, info| at > info);
        assert_eq!((&*build.path, told), ("example.com/other", vec![Inconsistency::Modules]));
        // What the program itself reads.
        let (build, told) = patch(module, other, |at, info| at < info);
        assert_eq!((&*build.path, told), ("example.com/hello", vec![Inconsistency::Modules]));
        // Both, which the tables of functions and the header of the file show in part.
        let (_, told) = patch(&version, &earlier, |_, _| true);
        assert_eq!(told, [Inconsistency::Version]);
        let (build, told) = patch("GOARCH=amd64", "GOARCH=arm64", |_, _| true);
        assert_eq!((build.setting("GOARCH"), told), (Some("arm64"), vec![Inconsistency::Architecture]));
        // No part of the file shows this.
        assert_eq!(patch(module, other, |_, _| true).1, []);
    }
}

fn built(toolchain: &Toolchain) {
    let project = Project::new(toolchain);
    let static_elf = [("CGO_ENABLED", "0")];
    let plain = project.build(&[], &static_elf);
    let (elf, go) = (plain.elf.unwrap(), plain.go.unwrap());
    assert_eq!((elf.linkage, elf.pie, elf.stripped, elf.debug), (Linkage::Static, false, false, true));
    assert_eq!((elf.machine, elf.bits, go.cgo()), (Machine::X86_64, 64, Some(false)));
    // Go's own linker writes a GNU build id since 1.24.
    assert_eq!(elf.gnu_build_id.is_some(), go.release() >= Some((1, 24, 0)));

    let small = project.build(&["-ldflags", "-s -w -X 'main.text=a b'"], &static_elf);
    let (elf, go) = (small.elf.unwrap(), small.go.unwrap());
    assert_eq!((elf.stripped, elf.debug), (true, false));
    assert_eq!(go.ldflags(), Some("-s -w -X 'main.text=a b'"));

    let trimmed = project.build(&["-trimpath", "-tags", "one,two"], &static_elf).go.unwrap();
    assert!(trimmed.trimpath());
    assert_eq!(trimmed.tags().collect::<Vec<_>>(), ["one", "two"]);

    let pie = project.build(&["-buildmode=pie"], &static_elf);
    let (elf, go) = (pie.elf.unwrap(), pie.go.unwrap());
    assert_eq!((elf.linkage, elf.pie, go.build_mode()), (Linkage::Dynamic, true, Some("pie")));
    assert!(elf.interpreter.is_some() && elf.needed.is_empty());

    let race = project.build(&["-race"], &[("CGO_ENABLED", "1")]);
    let (elf, go) = (race.elf.unwrap(), race.go.unwrap());
    assert!(go.race() && go.cgo() == Some(true));
    assert!(elf.linkage == Linkage::Dynamic && elf.needed.contains(&"libc.so.6".to_owned()), "{elf:?}");

    for (processor, machine, bits, big_endian) in [
        ("arm64", Machine::Aarch64, 64, false),
        ("386", Machine::I386, 32, false),
        ("s390x", Machine::S390x, 64, true),
        ("ppc64", Machine::Ppc64, 64, true),
        ("mips", Machine::Mips, 32, true),
    ] {
        let image = project.build(&[], &[("GOOS", "linux"), ("GOARCH", processor), ("CGO_ENABLED", "0")]);
        let elf = image.elf.unwrap();
        assert_eq!((elf.machine, elf.bits, elf.big_endian), (machine, bits, big_endian), "{processor}");
        assert_eq!(image.go.unwrap().setting("GOARCH"), Some(processor));
    }
}

fn commit(toolchain: &Toolchain) {
    let project = Project::new(toolchain);
    project.write(".gitignore", "program\n/gopath\n");
    let git = |args: &[&str]| {
        let mut all = vec!["-c", "user.name=tracego", "-c", "user.email=tracego@example.com"];
        all.extend(args);
        project.run(Path::new("git"), &all, &[]);
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "one"]);
    let head =
        Command::new("git").args(["rev-parse", "HEAD"]).current_dir(project.folder.path()).output().unwrap();
    let head = String::from_utf8(head.stdout).unwrap();
    let clean = project.build(&["-buildvcs=true"], &[]).go.unwrap();
    assert_eq!((clean.vcs(), clean.revision()), (Some("git"), Some(head.trim())));
    assert_eq!((clean.modified(), clean.commit_time().map(str::len)), (Some(false), Some(20)));
    project.write("new.go", "package main\n");
    assert_eq!(project.build(&[], &[]).go.unwrap().modified(), Some(true));
    assert_eq!(project.build(&["-buildvcs=false"], &[]).go.unwrap().revision(), None);
}

fn modules(toolchain: &Toolchain) {
    let project = Project::new(toolchain);
    project.write(
        "go.mod",
        "module example.com/hello\n\ngo 1.21\n\nrequire example.com/other v1.2.3\n\n\
         replace example.com/other => ./other\n",
    );
    project.write("other/go.mod", "module example.com/other\n\ngo 1.21\n");
    project.write("other/other.go", "package other\n\nconst Text = \"other\"\n");
    project.write(
        "main.go",
        "package main\n\nimport \"example.com/other\"\n\nfunc main() { println(other.Text) }\n",
    );
    let check = |build: &Build| {
        let [other] = build.dependencies.as_slice() else { panic!("{build:?}") };
        assert_eq!((other.path.as_str(), other.version.as_str()), ("example.com/other", "v1.2.3"));
        assert_eq!(other.replacement.as_ref().unwrap().path, "./other");
        assert_eq!(build.main.as_ref().unwrap().path, "example.com/hello");
    };
    check(&project.build(&[], &[]).go.unwrap());
    project.go(&["mod", "vendor"], &[]);
    check(&project.build(&["-mod=vendor"], &[]).go.unwrap());
    // A file given by name has no main module.
    project.go(&["build", "-o", "program", "main.go"], &[]);
    let build = compare(toolchain, &project.path("program")).go.unwrap();
    assert_eq!((build.path.as_str(), build.main.is_some()), ("command-line-arguments", false));
}

fn inspect() {
    let folder = tempfile::tempdir().unwrap();
    let (text, gone) = (folder.path().join("text"), folder.path().join("gone"));
    fs::write(&text, "no program\x1b[31m").unwrap();
    let own = std::env::current_exe().unwrap();
    let run = |output: &str| {
        let mut tracego = Command::new(tracego_tests::tracego());
        tracego.args(["inspect", "--output", output]).args([&own, &gone, &text]).output().unwrap()
    };
    let json = run("json");
    let lines: Vec<serde_json::Value> = String::from_utf8(json.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [program, other] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(program["file"], own.to_str().unwrap());
    assert_eq!(program["size"], fs::metadata(&own).unwrap().len());
    assert_eq!((&program["elf"]["linkage"], &program["elf"]["stripped"]), (&"dynamic".into(), &false.into()));
    assert!(program["go"].is_null() && other["elf"].is_null());
    assert_eq!(json.status.code(), Some(1));
    let error = format!("tracego: inspect {}: no such file\n", gone.display());
    assert_eq!(String::from_utf8(json.stderr).unwrap(), error);

    let text = String::from_utf8(run("text").stdout).unwrap();
    assert!(text.contains("not an ELF file") && text.contains("needed        libc.so.6"), "{text}");
}

/// Returns whether a program can be started.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn treated(toolchain: &Toolchain) {
    let project = Project::new(toolchain);
    for options in [&[][..], &["-buildmode=pie"]] {
        let build = project.build(options, &[("CGO_ENABLED", "0")]).go;
        let program = project.path("program");
        // From binutils, which Rust needs for linking anyway.
        project.run(Path::new("strip"), &["-o", "stripped", "program"], &[]);
        let stripped = compare(toolchain, &project.path("stripped"));
        assert!(stripped.go == build && stripped.elf.unwrap().stripped);
        // As sstrip does it: only the program headers are left.
        let mut bytes = fs::read(&program).unwrap();
        let end = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
        assert!(end > 0);
        bytes[40..48].fill(0);
        bytes[58..64].fill(0);
        let image = parse(&bytes);
        assert_eq!((image.go, image.damage), (build.clone(), vec![]));
        assert!(image.elf.as_ref().unwrap().stripped && image.elf.unwrap().go_build_id.is_some());
        // A cut section table.
        let near_the_end = bytes.len() as u64 - 100;
        bytes[40..48].copy_from_slice(&near_the_end.to_le_bytes());
        bytes[58] = 64;
        bytes[60] = 20;
        let image = parse(&bytes);
        assert_eq!((image.go, image.damage.len()), (build, 1));
    }
}

fn packed(toolchain: &Toolchain) {
    let project = Project::new(toolchain);
    project.build(&[], &[("CGO_ENABLED", "0")]);
    project.run(Path::new("upx"), &["-q", "-o", "packed", "program"], &[]);
    let bytes = fs::read(project.path("packed")).unwrap();
    let packed = parse(&bytes);
    assert_eq!((packed.elf.unwrap().packer, packed.go), (Some(Packer::Upx), None));
    let mut hidden = bytes;
    while let Some(at) = hidden.windows(4).position(|word| word == b"UPX!") {
        hidden[at..at + 4].copy_from_slice(b"\x7fABC");
    }
    assert_eq!(parse(&hidden).elf.unwrap().packer, Some(Packer::Upx));
}
