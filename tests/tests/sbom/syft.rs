//! The package URLs are those that syft finds.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use tracego_tests::{esbuild, go, syft};

use crate::{Test, components, cyclonedx, programs::BuiltPrograms, programs::PROGRAMS};

pub(crate) static SYFT: LazyLock<Result<PathBuf, String>> = LazyLock::new(syft::program);

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("syft::programs_have_the_same_modules", built),
    ("syft::a_program_with_many_modules_has_the_same", large),
    ("syft::programs_of_toolchains_have_the_same_modules", toolchains),
];

/// Programs of other releases of Go, some of them for other systems.
const PACKAGES: [&str; 6] = [
    "esbuild-linux-64@0.8.57",
    "esbuild-linux-64@0.12.29",
    "esbuild-linux-64@0.14.0",
    "esbuild-android-arm64@0.12.25",
    "esbuild-linux-64@0.15.18",
    "@esbuild/linux-x64@0.18.20",
];

pub(crate) static ESBUILD: LazyLock<Result<Vec<PathBuf>, String>> =
    LazyLock::new(|| PACKAGES.iter().map(|package| esbuild::program(package)).collect());

pub(crate) const OF_ESBUILD: &[(&str, Test)] =
    &[("syft::programs_of_releases_from_1_16_on_have_the_same_modules", releases)];

fn releases() {
    for program in ESBUILD.as_ref().unwrap() {
        assert!(compare(program) >= 2, "{}", program.display());
    }
}

fn built() {
    let programs = PROGRAMS.as_ref().unwrap();
    for name in BuiltPrograms::NAMES {
        let count = compare(&programs.program(name));
        // The standard library, the main module, and the others.
        let wanted = match name {
            "cgo" | "committed" => 2,
            "workspace" => 3,
            "folder" => 5,
            _ => 6,
        };
        assert_eq!(count, wanted, "{name}");
    }
}

fn large() {
    // syft itself is a program with many modules.
    assert!(compare(SYFT.as_ref().unwrap()) > 180);
}

/// Compares all programs of a folder at once, because syft takes seconds to start.
fn toolchains() {
    let mut compared = 0;
    for (version, _) in go::TOOLCHAINS {
        // Those that cannot be fetched are named by the tests of the crate.
        let Ok(root) = go::toolchain(version) else { continue };
        for folder in ["bin", "pkg/tool/linux_amd64"].map(|name| root.join(name)) {
            let files: Vec<PathBuf> =
                fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
            let (status, bill) = cyclonedx(&[], &files);
            assert_eq!(status, 0, "{}", folder.display());
            let theirs = theirs(&folder).into_iter().filter(|url| !url.starts_with("pkg:golang/cmd"));
            assert_eq!(ours(&bill), theirs.collect(), "{}", folder.display());
            compared += files.len();
        }
    }
    assert!(compared >= 10, "{compared} programs");
}

fn theirs(path: &Path) -> BTreeSet<String> {
    let urls = syft::package_urls(SYFT.as_ref().unwrap(), path);
    urls.iter().filter_map(|url| normalized(url)).collect()
}

fn ours(bill: &serde_json::Value) -> BTreeSet<String> {
    let all = bill["components"].as_array().unwrap().iter();
    all.filter_map(|component| component["purl"].as_str()).map(|url| url.replace("%2B", "+")).collect()
}

/// Compares the package URLs of a program. Returns their number.
fn compare(program: &Path) -> usize {
    let theirs = theirs(program);
    let (status, bill) = cyclonedx(&[], &[program]);
    assert_eq!(status, 0, "{}", program.display());
    let ours = ours(&bill);
    let main = components(&bill, "application")[0]["name"].as_str().unwrap();
    // syft makes up a version for a main module without one.
    let is_main = |url: &String| url.split('@').next() == Some(&*format!("pkg:golang/{main}"));
    let without_main = |urls: &BTreeSet<String>| -> BTreeSet<String> {
        urls.iter().filter(|url| !is_main(url)).cloned().collect()
    };
    assert_eq!(without_main(&ours), without_main(&theirs), "{}", program.display());
    let count = |urls: &BTreeSet<String>| urls.iter().filter(|url| is_main(url)).count();
    assert_eq!((count(&ours), count(&theirs)), (1, 1), "{}", program.display());
    ours.len()
}

/// Returns a package URL of syft as ours are: `name@version#sub` is `name/sub@version`, `(devel)` is no version, and a
/// folder is no package. Returns `None` for what is no Go module.
fn normalized(url: &str) -> Option<String> {
    let url = url.strip_prefix("pkg:golang/").filter(|rest| !rest.starts_with('.'))?;
    let (url, sub) = url.split_once('#').map_or((url, ""), |(url, sub)| (url, sub));
    let (name, version) = url.split_once('@').unwrap_or((url, ""));
    let version = version.replace("%2B", "+");
    let at = if version.is_empty() || version == "(devel)" { "" } else { "@" };
    let version = version.strip_prefix("(devel)").unwrap_or(&version);
    let slash = if sub.is_empty() { "" } else { "/" };
    Some(format!("pkg:golang/{name}{slash}{sub}{at}{version}"))
}
