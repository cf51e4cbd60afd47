//! Facts about one process start by itself: its image, its path and its arguments.

use tracego_common::TaskId;

use super::{
    command::Invocation,
    flags,
    role::{Role, RoleConfidence, Roles},
    shape::{self, PathKind},
    target::RunTarget,
};

/// Facts about the executable of a process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ImageFacts<'a> {
    /// The file could not be read.
    #[default]
    Unread,
    /// The file was read and was not built by Go.
    Foreign,
    /// The file was built by Go. Texts are empty where its build information lacks them.
    Go {
        /// Import path of the main package.
        path: &'a str,
        /// Path of the main module.
        module: &'a str,
        /// Version of Go.
        version: &'a str,
    },
}

/// The start of a process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessStart<'a, S> {
    /// The process.
    pub id: TaskId,
    /// Path of the executable, absolute and without symbolic links.
    pub path: &'a str,
    /// Arguments including the name of the program, as in the record, because findings quote them.
    pub args: &'a [S],
    /// Whether arguments are missing at the end.
    pub is_cut: bool,
    /// Value of the variable GOFLAGS; empty if unset.
    pub goflags: &'a str,
    /// Facts about the executable.
    pub image: ImageFacts<'a>,
}

/// Parses the command line if the program is the go command.
pub(super) fn go_command<S: AsRef<str>>(start: &ProcessStart<'_, S>) -> Option<(Invocation, RoleConfidence)> {
    let by_name = match start.image {
        ImageFacts::Go { path: "cmd/go", .. } => false,
        // Go 1.17 and earlier did not write the main package of their own programs.
        ImageFacts::Unread | ImageFacts::Go { path: "", .. } => true,
        _ => return None,
    };
    let is_go_name = shape::is_go_name(shape::name(start.path));
    // Whoever keeps a file from being read may give it any name, too. So `run` behind it counts.
    let may_be_go = is_go_name || (start.image == ImageFacts::Unread && says_run(start.args));
    if by_name && !may_be_go {
        return None;
    }
    let parse = if start.is_cut { Invocation::parse_cut } else { Invocation::parse };
    let invocation = parse(start.args, start.goflags);
    if !by_name {
        return Some((invocation, RoleConfidence::High));
    }
    if !is_go_name && !invocation.starts_program() {
        return None;
    }
    invocation.is_plausible().then_some((invocation, RoleConfidence::Medium))
}

/// Returns whether `run` is among the first arguments, where the go command looks for it: first, or behind `-C DIR`
/// and `--`.
fn says_run<S: AsRef<str>>(args: &[S]) -> bool {
    args.iter().skip(1).take(4).any(|arg| arg.as_ref() == "run")
}

/// Decides the role of a program for which no go command is waiting.
pub(super) fn alone<S: AsRef<str>>(
    start: &ProcessStart<'_, S>,
    shape: PathKind,
    within: Roles,
) -> Option<(Role, RoleConfidence)> {
    let medium = |role| Some((role, RoleConfidence::Medium));
    let high = |role| Some((role, RoleConfidence::High));
    if distribution(start, shape).is_some() {
        let read = start.image != ImageFacts::Unread;
        return if read { high(Role::CompilerHelper) } else { medium(Role::CompilerHelper) };
    }
    let unread = match start.image {
        ImageFacts::Foreign => return None,
        ImageFacts::Unread => true,
        ImageFacts::Go { path: DELVE, .. } => return high(Role::Debugger),
        ImageFacts::Go { .. } => false,
    };
    match shape {
        PathKind::Debug if within.contains(Role::Debugger) => return high(Role::Debugger),
        PathKind::Debug => return medium(Role::Debugger),
        PathKind::Work | PathKind::Cache => return medium(Role::GoRunChild),
        _ => {}
    }
    if let Some(confidence) = test_binary(start, shape) {
        return Some((Role::GoTestBinary, confidence));
    }
    if unread { None } else { high(Role::GoService) }
}

/// The main package of Delve.
const DELVE: &str = "github.com/go-delve/delve/cmd/dlv";

/// Returns whether Go built the file.
pub(super) fn is_go(image: ImageFacts<'_>) -> bool {
    matches!(image, ImageFacts::Go { .. })
}

/// Returns the name of a program of the Go distribution other than go. Its main package belongs to no module,
/// so a user's package `cmd/vet` does not count.
pub(super) fn distribution<'a, S>(start: &ProcessStart<'a, S>, shape: PathKind) -> Option<&'a str> {
    match start.image {
        ImageFacts::Go { path, module: "", .. } => match path.strip_prefix("cmd/") {
            Some(name) => Some(name),
            None if path.is_empty() && shape == PathKind::Distribution => Some(shape::name(start.path)),
            None => None,
        },
        ImageFacts::Unread if shape == PathKind::Distribution => Some(shape::name(start.path)),
        _ => None,
    }
}

/// Returns whether the program is the one named by `-toolexec` or `-vettool`.
pub(super) fn stands_in<S: AsRef<str>>(invocation: &Invocation, start: &ProcessStart<'_, S>) -> bool {
    let args = start.args.iter().map(AsRef::as_ref);
    let named = |program: &str| {
        let program = shape::name(program);
        // A script appears as its interpreter, followed by the script.
        shape::name(start.path) == program || args.clone().take(2).any(|arg| shape::name(arg) == program)
    };
    let wrapper =
        invocation.flags.toolexec.as_deref().and_then(|words| flags::split(words)?.first().copied());
    let tool = |arg| matches!(PathKind::of(arg), PathKind::Distribution | PathKind::Work | PathKind::Cache);
    if wrapper.is_some_and(named) && args.clone().skip(1).any(tool) {
        return true;
    }
    let vettool = invocation.flags.vettool.as_deref().unwrap_or_default();
    !vettool.is_empty() && named(vettool)
}

/// Returns whether `go tool` was asked for this program of the distribution.
pub(super) fn asks_for(invocation: &Invocation, name: &str) -> bool {
    invocation.operands.first().is_some_and(|tool| shape::name(tool) == name)
}

/// Returns whether `go run` was asked for this program of the distribution.
pub(super) fn runs(invocation: &Invocation, name: &str) -> bool {
    matches!(&invocation.target, Some(RunTarget::Local(package)) if shape::name(package) == name)
}

/// Returns whether a flag of test binaries is given. The go command passes such flags first.
pub(super) fn has_test_flags<S: AsRef<str>>(args: &[S]) -> bool {
    let mut flags = args.iter().skip(1).map(AsRef::as_ref).take_while(|arg| arg.starts_with('-'));
    flags.any(|flag| flag.starts_with("-test."))
}

/// Returns whether the program is a test binary, judged by itself, and with which confidence.
fn test_binary<S: AsRef<str>>(start: &ProcessStart<'_, S>, shape: PathKind) -> Option<RoleConfidence> {
    let flags = has_test_flags(start.args);
    let ImageFacts::Go { path, module, version } = start.image else {
        return (shape == PathKind::Test && flags).then_some(RoleConfidence::Medium);
    };
    // Go 1.27 writes `example.com/demo.test`, and so does 1.24 for packages that are not programs. A module
    // may have such a name, too.
    if path.ends_with(".test") && path != module {
        return Some(if flags { RoleConfidence::High } else { RoleConfidence::Medium });
    }
    // In earlier versions a test binary has the same path as the program beside it.
    let named = shape::name(start.path).ends_with(".test");
    let silent = path.is_empty() || is_before_1_27(version);
    match (silent, flags, named) {
        (true, true, true) => Some(RoleConfidence::High),
        (true, true, false) => Some(RoleConfidence::Medium),
        _ => None,
    }
}

/// Returns whether a version of Go is 1.26 or earlier.
fn is_before_1_27(version: &str) -> bool {
    let minor = version.strip_prefix("go1.").unwrap_or_default();
    let digits = minor.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse::<u32>().is_ok_and(|minor| minor < 27)
}
