//! The packages that `cargo xtask package` makes, as the tools of the distributions read and install them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use libtest_mimic::Arguments;
use tempfile::TempDir;
use tracego_tests::{rootfs, trial};

type ConditionalTest = (&'static str, fn(), fn() -> Option<String>);

const TESTS: [ConditionalTest; 5] = [
    ("both packages have the same files", same_files, needs_tools),
    ("the RPM package says what it is", description, needs_tools),
    ("an RPM package that was damaged is found", damage, needs_tools),
    ("the RPM package is installed, upgraded and erased", installation, needs_root),
    ("the packages name the maintainer that was given", maintainer, needs_tools),
];

/// A program that is packed in the place of tracego, which is much larger.
const PROGRAM: &str = env!("CARGO_BIN_EXE_packaged");
const MAINTAINER: &str = "Packager of Tests <packager@tracego.example>";
/// Folder of the packages, which is removed at the end.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/packages");
/// Time of the commit, as the packages have it.
const EPOCH: &str = "1700000000";
const CONFIGURATION: &str = "/etc/tracego/tracego.toml";

fn main() {
    let trials = TESTS.map(|(name, test, needs)| trial(name, needs(), test)).into();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    let _never_made = fs::remove_dir_all(FOLDER);
    conclusion.exit();
}

fn needs_tools() -> Option<String> {
    let is_missing = |command: &&&str| Command::new(command).arg("--version").output().is_err();
    let tools = ["rpm", "rpmbuild", "cpio", "dpkg-deb", "dpkg-shlibdeps"];
    let missing = tools.iter().find(is_missing).map(|tool| format!("{tool} is not installed"));
    missing.or_else(|| (!xtask().exists()).then(|| "`cargo xtask test` was not run".to_owned()))
}

fn needs_root() -> Option<String> {
    needs_tools().or_else(|| (!tracego_tests::is_root()).then(|| "needs root".to_owned()))
}

/// Returns the path of the program that makes the packages.
fn xtask() -> PathBuf {
    Path::new(PROGRAM).with_file_name("xtask")
}

/// Makes the packages of two revisions, each twice.
fn make() {
    for revision in ["1", "2"] {
        let mut xtask = Command::new(xtask());
        xtask.args(["package", "--reproducible", "--revision", revision, "--maintainer", MAINTAINER]);
        xtask.args(["--program", PROGRAM]).arg("--output").arg(Path::new(FOLDER).join(revision));
        let output = xtask.env("SOURCE_DATE_EPOCH", EPOCH).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.contains("two builds gave the same bytes"), "{errors}");
    }
}

/// Returns the package of a revision with an extension. All tests share the packages.
fn package(revision: &str, extension: &str) -> PathBuf {
    static MADE: Once = Once::new();
    MADE.call_once(make);
    let paths = fs::read_dir(Path::new(FOLDER).join(revision)).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == extension)).collect();
    assert_eq!(found.len(), 1, "{extension}: {found:?}");
    found[0].clone()
}

/// Returns what a command prints, which has to succeed.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns what rpm says about the package.
fn query(options: &[&str]) -> String {
    printed(Command::new("rpm").args(["--query", "--package"]).args(options).arg(package("1", "rpm")))
}

fn same_files() {
    let archive = "rpm2cpio \"$1\" | cpio --list --quiet";
    let rpm = package("1", "rpm");
    let cpio = printed(Command::new("sh").args(["-c", archive, "sh"]).arg(&rpm));
    let listed = query(&["--list"]);
    let in_archive: BTreeSet<_> = cpio.lines().map(|path| path.trim_start_matches('.')).collect();
    assert_eq!(in_archive, listed.lines().collect(), "what is listed is in the archive");

    let mut deb = BTreeSet::new();
    for line in printed(Command::new("dpkg-deb").arg("--contents").arg(package("1", "deb"))).lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        assert_eq!(words[1], "root/root", "{line}");
        assert!(words[3] == "2023-11-14", "{line}");
        let path = words[5].trim_start_matches('.');
        if !path.ends_with('/') {
            deb.insert(path.to_owned());
        }
    }
    let rpm: BTreeSet<_> = query(&["--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]"])
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(mode, _)| !mode.starts_with('d'))
        .map(|(_, path)| path.replace("site-functions", "vendor-completions"))
        .map(|path| path.replace("/usr/share/licenses/tracego/THIRD", "/usr/share/doc/tracego/THIRD"))
        .collect();
    let only_in = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
        one.difference(other).map(|path| path.trim_start_matches("/usr/share/").to_owned()).collect()
    };
    let debian = ["doc/tracego/changelog.Debian.gz", "doc/tracego/copyright", "lintian/overrides/tracego"];
    assert_eq!(only_in(&deb, &rpm), debian);
    let licences = ["APACHE", "GPL-2.0", "MIT"].map(|name| format!("licenses/tracego/LICENSE-{name}"));
    assert_eq!(only_in(&rpm, &deb), licences);
    assert!(deb.contains("/usr/share/man/man1/tracego.1.gz") && deb.contains("/usr/bin/tracego"));
}

fn description() {
    let tags = "%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{BUILDHOST} %{BUILDTIME} %{LICENSE}";
    let licence = "(MIT OR Apache-2.0) AND (MIT OR GPL-2.0-only)";
    let wanted = format!(
        "tracego {} 1 {} localhost {EPOCH} {licence}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    assert_eq!(query(&["--queryformat", tags]), wanted);
    assert_eq!(query(&["--configfiles"]), format!("{CONFIGURATION}\n"));
    let files = query(&[
        "--queryformat",
        "[%{FILEFLAGS:fflags} %{FILEMODES:perms} %{FILEUSERNAME} \
                         %{FILEGROUPNAME} %{FILEMTIMES} %{FILENAMES}\n]",
    ]);
    // c: a configuration file; n: changes are not replaced; l: a licence; d: a document.
    for wanted in [
        format!("cn -rw-r----- root tracego {EPOCH} {CONFIGURATION}"),
        format!(" -rwxr-xr-x root root {EPOCH} /usr/bin/tracego"),
        format!(" drwxr-xr-x root root {EPOCH} /etc/tracego/conf.d"),
        format!("l -rw-r--r-- root root {EPOCH} /usr/share/licenses/tracego/LICENSE-MIT"),
        format!("d -rw-r--r-- root root {EPOCH} /usr/share/man/man1/tracego.1.gz"),
    ] {
        assert!(files.lines().any(|line| line == wanted), "{wanted}: {files}");
    }
    // The libraries of the program, by their versions.
    let requires = query(&["--requires"]);
    for wanted in ["libc.so.6(GLIBC_2.34)(64bit)", "systemd", "/bin/sh"] {
        assert!(requires.lines().any(|line| line == wanted), "{wanted}: {requires}");
    }
    printed(Command::new("rpm").args(["--checksig", "--nosignature"]).arg(package("1", "rpm")));
}

fn damage() {
    let mut bytes = fs::read(package("1", "rpm")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.rpm");
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let output = Command::new("rpm").args(["--checksig", "--nosignature"]).arg(&damaged).output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A root folder with a shell, and stand-ins for systemd's programs that write their calls down.
struct Root {
    folder: TempDir,
}

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        rootfs::fill(folder.path(), &["/bin/sh".into()]);
        let root = Self { folder };
        root.script("systemctl", "");
        root.script("systemd-tmpfiles", "");
        root.script("rm", "");
        fs::write(root.path("/dev/null"), "").unwrap();
        // What sysusers reads makes the group, as it would.
        let group =
            "while read -r kind name rest; do [ \"$kind\" = u ] && echo \"$name:x:990:\" >>/etc/group; done";
        root.script("systemd-sysusers", group);
        fs::create_dir_all(root.path("/run/systemd/system")).unwrap();
        fs::write(root.path("/etc/group"), "root:x:0:\n").unwrap();
        fs::write(root.path("/etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    fn script(&self, name: &str, more: &str) {
        let path = self.path(&format!("/bin/{name}"));
        fs::write(&path, format!("#!/bin/sh\necho \"{name} $*\" >>/calls\n{more}\nexit 0\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs rpm, and returns what was called.
    fn rpm(&self, options: &[&str], package: &Path) -> Vec<String> {
        let mut rpm = Command::new("rpm");
        // Debian's rpm would rather install nothing, and its database has no package that others need.
        rpm.args(["--force-debian", "--nodeps", "--root"]).arg(self.folder.path()).args(options).arg(package);
        let output = rpm.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !errors.contains("scriptlet failed"), "{errors}");
        let calls = fs::read_to_string(self.path("/calls")).unwrap_or_default();
        let _none_called = fs::remove_file(self.path("/calls"));
        calls.lines().map(str::to_owned).collect()
    }
}

fn installation() {
    let root = Root::new();
    let calls = root.rpm(&["--install"], &package("1", "rpm"));
    let sysusers = "systemd-sysusers --replace=/usr/lib/sysusers.d/tracego.conf -";
    let tmpfiles = "systemd-tmpfiles --create tracego.conf";
    let preset = "systemctl --no-reload preset tracego.service";
    let reload = "systemctl daemon-reload";
    assert_eq!(calls, [sysusers, tmpfiles, preset, reload], "an installation starts nothing");
    let configuration = root.path(CONFIGURATION);
    let metadata = fs::metadata(&configuration).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (0o640, 990));
    printed(Command::new(root.path("/usr/bin/tracego")).arg("--version"));
    printed(
        Command::new("rpm").arg("--root").arg(root.folder.path()).args(["--verify", "--nodeps", "tracego"]),
    );

    let changed = fs::read_to_string(&configuration).unwrap() + "# changed by the administrator\n";
    fs::write(&configuration, &changed).unwrap();
    let calls = root.rpm(&["--upgrade"], &package("2", "rpm"));
    let restart = "systemctl try-restart tracego.service";
    assert_eq!(calls, [sysusers, tmpfiles, reload, reload, restart], "an upgrade restarts what runs");
    assert_eq!(fs::read_to_string(&configuration).unwrap(), changed);

    let calls = root.rpm(&["--erase"], Path::new("tracego"));
    assert_eq!(
        calls,
        ["systemctl --no-reload disable --now tracego.service", "rm -rf /sys/fs/bpf/tracego", reload]
    );
    assert!(!root.path("/usr/bin/tracego").exists() && !configuration.exists());
    let kept = configuration.with_extension("toml.rpmsave");
    assert_eq!(fs::read_to_string(kept).unwrap(), changed, "a changed configuration is kept aside");
}

fn maintainer() {
    assert_eq!(query(&["--queryformat", "%{PACKAGER}"]), MAINTAINER);
    let field = printed(Command::new("dpkg-deb").arg("--field").arg(package("1", "deb")).arg("Maintainer"));
    assert_eq!(field.trim(), MAINTAINER);
    let mut xtask = Command::new(xtask());
    xtask.args(["package", "--maintainer", "tracego", "--program", PROGRAM]);
    let output = xtask.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("NAME <ADDRESS>"), "{errors}");
}
