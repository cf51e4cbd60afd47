//! What one program start says by itself: its image, its path and its arguments.

use tracego_common::TaskId;

use super::{
    command::Invocation,
    flags,
    role::{Confidence, Role, Roles},
    shape::{self, Shape},
    target::Target,
};

/// What is known about the file that a process runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ImageFacts<'a> {
    /// It could not be read.
    #[default]
    Unread,
    /// It was read, and Go did not make it.
    Foreign,
    /// Go made it. Texts are empty where its build information does not say.
    Go {
        /// Import path of the main package.
        path: &'a str,
        /// Path of the main module.
        module: &'a str,
        /// Version of Go.
        version: &'a str,
    },
}

/// The start of a program.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a, S> {
    /// The process.
    pub id: TaskId,
    /// Its executable, absolute and without symbolic links.
    pub path: &'a str,
    /// Its arguments with the name of the program in front, as they stand in the record: what is
    /// taken from them goes into findings.
    pub args: &'a [S],
    /// Its variable GOFLAGS; empty without.
    pub goflags: &'a str,
    /// What is known about the executable.
    pub image: ImageFacts<'a>,
}

/// The command line, when the program is the go command.
pub(super) fn go_command<S: AsRef<str>>(start: &Start<'_, S>) -> Option<(Invocation, Confidence)> {
    let by_name = match start.image {
        ImageFacts::Go { path: "cmd/go", .. } => false,
        // Go 1.17 and before did not write the path of its own programs.
        ImageFacts::Unread | ImageFacts::Go { path: "", .. } => true,
        _ => return None,
    };
    if by_name && !shape::is_go_name(shape::name(start.path)) {
        return None;
    }
    let invocation = Invocation::parse(start.args, start.goflags);
    if !by_name {
        return Some((invocation, Confidence::High));
    }
    invocation.is_plausible().then_some((invocation, Confidence::Medium))
}

/// What a program is without a go command that waits for it.
pub(super) fn alone<S: AsRef<str>>(
    start: &Start<'_, S>,
    shape: Shape,
    within: Roles,
) -> Option<(Role, Confidence)> {
    let medium = |role| Some((role, Confidence::Medium));
    let high = |role| Some((role, Confidence::High));
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
        Shape::Debug if within.contains(Role::Debugger) => return high(Role::Debugger),
        Shape::Debug => return medium(Role::Debugger),
        Shape::Work | Shape::Cache => return medium(Role::GoRunChild),
        _ => {}
    }
    if let Some(confidence) = test_binary(start, shape) {
        return Some((Role::GoTestBinary, confidence));
    }
    if unread { None } else { high(Role::GoService) }
}

/// Main package of Delve.
const DELVE: &str = "github.com/go-delve/delve/cmd/dlv";

/// Whether Go made it.
pub(super) fn is_go(image: ImageFacts<'_>) -> bool {
    matches!(image, ImageFacts::Go { .. })
}

/// The name of a program of the Go distribution other than go. Its main package is in no module,
/// so a user's package `cmd/vet` is none.
pub(super) fn distribution<'a, S>(start: &Start<'a, S>, shape: Shape) -> Option<&'a str> {
    match start.image {
        ImageFacts::Go { path, module: "", .. } => match path.strip_prefix("cmd/") {
            Some(name) => Some(name),
            None if path.is_empty() && shape == Shape::Distribution => Some(shape::name(start.path)),
            None => None,
        },
        ImageFacts::Unread if shape == Shape::Distribution => Some(shape::name(start.path)),
        _ => None,
    }
}

/// Whether it is what `-toolexec` or `-vettool` names.
pub(super) fn stands_in<S: AsRef<str>>(invocation: &Invocation, start: &Start<'_, S>) -> bool {
    let args = start.args.iter().map(AsRef::as_ref);
    let named = |program: &str| {
        let program = shape::name(program);
        // A script shows as its interpreter, with the script behind it.
        shape::name(start.path) == program || args.clone().take(2).any(|arg| shape::name(arg) == program)
    };
    let wrapper =
        invocation.flags.toolexec.as_deref().and_then(|words| flags::split(words)?.first().copied());
    let tool = |arg| matches!(Shape::of(arg), Shape::Distribution | Shape::Work | Shape::Cache);
    if wrapper.is_some_and(named) && args.clone().skip(1).any(tool) {
        return true;
    }
    let vettool = invocation.flags.vettool.as_deref().unwrap_or_default();
    !vettool.is_empty() && named(vettool)
}

/// Whether `go tool` was asked for a program of the distribution.
pub(super) fn asks_for(invocation: &Invocation, name: &str) -> bool {
    invocation.operands.first().is_some_and(|tool| shape::name(tool) == name)
}

/// Whether `go run` was asked for a program of the distribution.
pub(super) fn runs(invocation: &Invocation, name: &str) -> bool {
    matches!(&invocation.target, Some(Target::Local(package)) if shape::name(package) == name)
}

/// Whether it has a flag of test binaries. What starts one has that in front of them.
pub(super) fn has_test_flags<S: AsRef<str>>(args: &[S]) -> bool {
    let mut flags = args.iter().skip(1).map(AsRef::as_ref).take_while(|arg| arg.starts_with('-'));
    flags.any(|flag| flag.starts_with("-test."))
}

/// Whether it is a test binary, from itself.
fn test_binary<S: AsRef<str>>(start: &Start<'_, S>, shape: Shape) -> Option<Confidence> {
    let flags = has_test_flags(start.args);
    let ImageFacts::Go { path, module, version } = start.image else {
        return (shape == Shape::Test && flags).then_some(Confidence::Medium);
    };
    // Go 1.27 writes `example.com/demo.test`, and so does 1.24 for packages that are no programs; a
    // module may be called like that, too.
    if path.ends_with(".test") && path != module {
        return Some(if flags { Confidence::High } else { Confidence::Medium });
    }
    // Before, a test binary says the same as the program beside it.
    let named = shape::name(start.path).ends_with(".test");
    let silent = path.is_empty() || is_before_1_27(version);
    match (silent, flags, named) {
        (true, true, true) => Some(Confidence::High),
        (true, true, false) => Some(Confidence::Medium),
        _ => None,
    }
}

/// Whether a version of Go is 1.26 or before.
fn is_before_1_27(version: &str) -> bool {
    let minor = version.strip_prefix("go1.").unwrap_or_default();
    let digits = minor.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse::<u32>().is_ok_and(|minor| minor < 27)
}
