//! The flags of the subcommands, which decide whether a word is the value of a flag or an argument.
//!
//! The tables unite the flags of cmd/go from Go 1.21 to 1.27: no flag has changed its kind in between.

use super::subcommand::Subcommand;

/// Whether a flag takes the next argument as its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FlagKind {
    /// A value only with `=`.
    Bool,
    /// A value with `=`, or the next argument.
    Value,
}

/// Flags of AddBuildFlags and AddCoverFlags in cmd/go/internal/work/build.go.
const BUILD: (&[&str], &[&str]) = (
    &[
        "a",
        "asan",
        "buildvcs",
        "cover",
        "json",
        "linkshared",
        "modcacherw",
        "msan",
        "n",
        "race",
        "trimpath",
        "v",
        "work",
        "x",
    ],
    &[
        "asmflags",
        "buildmode",
        "compiler",
        "covermode",
        "coverpkg",
        "debug-actiongraph",
        "debug-runtime-trace",
        "debug-trace",
        "gccgoflags",
        "gcflags",
        "installsuffix",
        "ldflags",
        "mod",
        "modfile",
        "overlay",
        "p",
        "pgo",
        "pkgdir",
        "tags",
        "toolexec",
    ],
);

/// Flags of cmd/go/internal/test/testflag.go. All except [`KEPT`] also exist with the prefix `test.`.
const TEST: (&[&str], &[&str]) = (
    &["artifacts", "benchmem", "c", "failfast", "fullpath", "short"],
    &[
        "bench",
        "benchtime",
        "blockprofile",
        "blockprofilerate",
        "count",
        "coverprofile",
        "cpu",
        "cpuprofile",
        "exec",
        "fuzz",
        "fuzzminimizetime",
        "fuzztime",
        "list",
        "memprofile",
        "memprofilerate",
        "mutexprofile",
        "mutexprofilefraction",
        "o",
        "outputdir",
        "parallel",
        "run",
        "shuffle",
        "skip",
        "timeout",
        "trace",
        "vet",
    ],
);

/// Flags of `go test` that are not passed to the test binary.
const KEPT: [&str; 4] = ["c", "exec", "o", "vet"];

/// Flags of all verbs of `go mod` and `go work`.
const MODULES: (&[&str], &[&str]) = (
    &["diff", "e", "fmt", "json", "m", "modcacherw", "print", "r", "v", "vendor", "x"],
    &[
        "compat",
        "dropexclude",
        "dropgodebug",
        "dropignore",
        "dropreplace",
        "droprequire",
        "dropretract",
        "droptool",
        "dropuse",
        "exclude",
        "go",
        "godebug",
        "ignore",
        "modfile",
        "module",
        "o",
        "overlay",
        "replace",
        "require",
        "retract",
        "reuse",
        "tool",
        "toolchain",
        "use",
    ],
);

/// Returns whether a subcommand has the flags of [`BUILD`], and its own flags: boolean ones, and those with a
/// value.
fn own(subcommand: &Subcommand) -> (bool, &'static [&'static str], &'static [&'static str]) {
    use Subcommand as S;
    match subcommand {
        S::Run => (true, &[], &["exec"]),
        S::Build => (true, &[], &["o"]),
        S::Install => (true, &[], &[]),
        S::Test => (true, TEST.0, TEST.1),
        S::Vet => (true, &["diff", "fix"], &["c", "vettool"]),
        S::Fix => (true, &["diff"], &["c", "fix", "fixtool"]),
        S::Get => (true, &["d", "f", "fix", "insecure", "m", "t", "tool", "u"], &[]),
        S::List => {
            let bools =
                &["compiled", "deps", "e", "export", "find", "m", "retracted", "test", "u", "versions"];
            (true, bools, &["f", "reuse"])
        }
        S::Clean => (true, &["cache", "fuzzcache", "i", "modcache", "r", "testcache"], &[]),
        S::Generate => (true, &[], &["run", "skip"]),
        S::Tool => (false, &["modcacherw", "n"], &["modfile", "overlay"]),
        S::Version => (false, &["json", "m", "v"], &[]),
        S::Env => (false, &["changed", "json", "n", "u", "w", "x"], &[]),
        S::Doc => (false, &["all", "c", "cmd", "ex", "http", "short", "src", "u"], &[]),
        S::Fmt => (false, &["modcacherw", "n", "x"], &["mod", "modfile", "overlay"]),
        S::Bug => (false, &["v"], &[]),
        S::Mod | S::Work => (false, MODULES.0, MODULES.1),
        S::Telemetry | S::Help | S::Sidecar | S::Unknown(_) => (false, &[], &[]),
    }
}

/// Returns the kind of a flag of a subcommand; `None` when it has no such flag.
pub(super) fn kind(subcommand: &Subcommand, name: &str) -> Option<FlagKind> {
    let (build, bools, values) = own(subcommand);
    if bools.contains(&name) {
        return Some(FlagKind::Bool);
    }
    if values.contains(&name) {
        return Some(FlagKind::Value);
    }
    if build && BUILD.0.contains(&name) {
        return Some(FlagKind::Bool);
    }
    if build && BUILD.1.contains(&name) {
        return Some(FlagKind::Value);
    }
    if *subcommand == Subcommand::Test
        && let Some(name) = name.strip_prefix("test.")
        && !KEPT.contains(&name)
    {
        return match name {
            "v" => Some(FlagKind::Bool),
            _ if TEST.0.contains(&name) => Some(FlagKind::Bool),
            _ if TEST.1.contains(&name) => Some(FlagKind::Value),
            _ => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flag_is_of_two_kinds() {
        for subcommand in Subcommand::ALL {
            let (build, bools, values) = own(&subcommand);
            for name in bools {
                assert!(!values.contains(name), "{name}");
                assert!(!build || !BUILD.1.contains(name), "{name}");
            }
            for name in values {
                assert!(!build || !BUILD.0.contains(name), "{name}");
            }
        }
        for name in KEPT {
            assert_eq!(kind(&Subcommand::Test, &format!("test.{name}")), None);
        }
        assert_eq!(kind(&Subcommand::Test, "test.v"), Some(FlagKind::Bool));
        assert_eq!(kind(&Subcommand::Test, "test.run"), Some(FlagKind::Value));
    }
}
