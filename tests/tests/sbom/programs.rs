//! Programs with modules of every kind, built from a module proxy of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use tracego_tests::go;

/// The programs, built once for all tests.
pub(crate) static PROGRAMS: LazyLock<Result<BuiltPrograms, String>> = LazyLock::new(BuiltPrograms::new);

/// Go sources that use the modules of the proxy.
const MAIN: &str = "package main\n\nimport (\n\ta \"example.com/Upper/dep/v3\"\n\tb \"example.com/old\"\n\t\
    c \"example.com/pseudo\"\n\td \"example.com/original\"\n)\n\nfunc main() { println(a.Text, b.Text, c.Text, d.Text) }\n";
const REQUIRE: &str = "module example.com/hello\n\ngo 1.21\n\nrequire (\n\texample.com/Upper/dep/v3 v3.1.0\n\t\
    example.com/old v2.0.0+incompatible\n\texample.com/pseudo v0.0.0-20200101000000-abcdefabcdef\n\t\
    example.com/original v1.0.0\n)\n";

/// The programs and the folder that they are in.
pub(crate) struct BuiltPrograms {
    folder: tempfile::TempDir,
    toolchain: PathBuf,
    pub(crate) revision: String,
}

impl BuiltPrograms {
    /// Names of the programs.
    pub(crate) const NAMES: [&str; 8] =
        ["plain", "trimmed", "fork", "folder", "vendored", "workspace", "cgo", "committed"];

    fn new() -> Result<Self, String> {
        let toolchain = go::toolchain(go::GO_1_27)?;
        for tool in ["git", "cc"] {
            let found = Command::new(tool).arg("--version").output();
            found.map_err(|_| format!("needs {tool}: `apt-get install git gcc`"))?;
        }
        let mut programs = Self { folder: tempfile::tempdir().unwrap(), toolchain, revision: String::new() };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/sbom.py");
        programs.run(Command::new("python3").arg(script).arg("proxy").arg(programs.path("proxy")));
        programs.sources("plain", REQUIRE);
        programs.build("plain", "plain", &[], &[]);
        programs.build("plain", "trimmed", &["-trimpath", "-ldflags=-s -w"], &[]);
        programs.go("plain", &["mod", "vendor"], &[]);
        programs.build("plain", "vendored", &["-mod=vendor"], &[("GOFLAGS", "")]);
        let fork = "replace example.com/original => example.com/fork v1.9.0\n";
        programs.sources("fork", &format!("{REQUIRE}\n{fork}"));
        programs.build("fork", "fork", &[], &[]);
        programs.sources("folder", &format!("{REQUIRE}\nreplace example.com/original => ./local\n"));
        programs.write("folder/local/go.mod", "module example.com/original\n");
        programs.write("folder/local/text.go", "package text\n\nconst Text = \"local\"\n");
        programs.build("folder", "folder", &[], &[]);
        programs.write("workspace/hello/go.mod", "module example.com/hello\n\ngo 1.21\n");
        programs.write("workspace/other/go.mod", "module example.com/other\n\ngo 1.21\n");
        programs.write("workspace/other/text.go", "package other\n\nconst Text = \"other\"\n");
        let main = "package main\n\nimport \"example.com/other\"\n\nfunc main() { println(other.Text) }\n";
        programs.write("workspace/hello/main.go", main);
        programs.write("workspace/go.work", "go 1.21\n\nuse ./hello\nuse ./other\n");
        programs.build("workspace/hello", "workspace", &[], &[("GOFLAGS", "")]);
        programs.write("cgo/go.mod", "module example.com/cgo\n\ngo 1.21\n");
        let main = "package main\n\n// int answer(void) { return 42; }\nimport \"C\"\n\nfunc main() { println(C.answer()) }\n";
        programs.write("cgo/main.go", main);
        programs.build("cgo", "cgo", &[], &[("CGO_ENABLED", "1")]);
        programs.write("committed/go.mod", "module example.com/committed\n\ngo 1.21\n");
        programs.write("committed/main.go", "package main\n\nfunc main() {}\n");
        programs.revision = programs.commit("committed");
        programs.build("committed", "committed", &["-buildvcs=true"], &[]);
        Ok(programs)
    }

    /// Returns the path of a program, or of another file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the path of a program by its name.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.path("bin").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sources(&self, folder: &str, module: &str) {
        self.write(&format!("{folder}/go.mod"), module);
        self.write(&format!("{folder}/main.go"), MAIN);
    }

    fn commit(&self, folder: &str) -> String {
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=tracego", "-c", "user.email=tracego@example.com"];
            self.run(Command::new("git").current_dir(self.path(folder)).args(who).args(args))
        };
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", "one"]);
        git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn build(&self, folder: &str, name: &str, options: &[&str], env: &[(&str, &str)]) {
        let program = self.program(name);
        let to = ["build", "-o", program.to_str().unwrap()];
        self.go(folder, &[&to[..], options, &["."]].concat(), env);
    }

    fn go(&self, folder: &str, args: &[&str], env: &[(&str, &str)]) {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go/cache");
        let proxy = format!("file://{}", self.path("proxy").display());
        let mut go = go::command(&self.toolchain, self.folder.path());
        go.args(args).current_dir(self.path(folder));
        go.env("GOCACHE", cache).env("GOPROXY", proxy);
        go.env("GOFLAGS", "-mod=mod -modcacherw").envs(env.iter().copied());
        self.run(&mut go);
    }

    fn run(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
