//! The command line of Go's linker.

use super::{
    evidence::{self, ProcessStart},
    shape::PathKind,
};

/// The command line of Go's linker, as far as it tells what is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LinkCommand {
    /// The file that is written (`-o`), as given; `None` if the command line does not name it.
    pub output: Option<Box<str>>,
    /// The build id that the program gets (`-buildid`); `None` if it gets none, or if that is not known.
    pub build_id: Option<Box<str>>,
    /// Whether the command line is cut, or names a file with further arguments (`@FILE`), so that what is missing is
    /// not known.
    pub is_partial: bool,
}

/// Maximum number of bytes of an output: PATH_MAX.
const OUTPUT_MAX: usize = 4096;
/// Maximum number of bytes of a build id; those of the go command have 83.
const BUILD_ID_MAX: usize = 256;

impl LinkCommand {
    /// Reads the command line of a program start; `None` if the program is not Go's linker, or only prints its
    /// version. The linker is recognised by its build information, whatever its name.
    #[must_use]
    pub fn of<S: AsRef<str>>(start: &ProcessStart<'_, S>) -> Option<Self> {
        if evidence::distribution(start, PathKind::of(start.path)) != Some("link") {
            return None;
        }
        let mut args = start.args.iter().skip(1).map(AsRef::as_ref).peekable();
        if args.peek().is_some_and(|first| first.trim_start_matches('-').starts_with('V')) {
            return None;
        }
        let mut command = Self { is_partial: start.is_cut, ..Self::default() };
        while let Some(arg) = args.next() {
            command.is_partial |= arg.starts_with('@');
            let Some(flag) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else { continue };
            let (name, value) =
                flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
            let (place, max) = match name {
                "o" => (&mut command.output, OUTPUT_MAX),
                "buildid" => (&mut command.build_id, BUILD_ID_MAX),
                _ => continue,
            };
            // As in Go's package flag, the last one counts.
            let value = value.or_else(|| args.next()).unwrap_or_default();
            // Longer ones are none that a file can have: no path, and no build id of the go command.
            *place = (1..=max).contains(&value.len()).then(|| value.into());
        }
        Some(command)
    }

    /// Whether a program can have been written by this command, judged by its build id. The go command replaces the
    /// last part of the id once the program is linked.
    #[must_use]
    pub fn fits(&self, build_id: Option<&str>) -> bool {
        match (self.build_id.as_deref(), build_id.filter(|id| !id.is_empty())) {
            (None, None) => true,
            (None, Some(_)) => self.is_partial,
            (Some(wanted), Some(id)) => without_content(wanted) == without_content(id),
            (Some(_), None) => false,
        }
    }
}

/// Returns a build id without its last part, the hash of the content, if it has one.
#[must_use]
pub fn without_content(build_id: &str) -> &str {
    build_id.rsplit_once('/').map_or(build_id, |(rest, _)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::ImageFacts;

    fn of(path: &str, image: ImageFacts<'_>, args: &str) -> Option<LinkCommand> {
        let args: Vec<&str> = args.split_whitespace().collect();
        LinkCommand::of(&ProcessStart {
            id: Default::default(),
            path,
            args: &args,
            goflags: "",
            image,
            is_cut: false,
        })
    }

    const LINK: ImageFacts<'_> = ImageFacts::Go { path: "cmd/link", module: "", version: "go1.27.3" };

    #[test]
    fn every_spelling_of_the_output_is_read() {
        for args in
            ["link -o x a.a", "link -o=x a.a", "link --o=x a.a", "link -s --o x a.a", "link -o y -o x a.a"]
        {
            let command = of("/tmp/ld", LINK, args).unwrap();
            assert_eq!((command.output.as_deref(), command.build_id), (Some("x"), None), "{args}");
        }
        assert_eq!(of("/tmp/ld", LINK, "link a.a").unwrap().output, None);
        assert_eq!(of("/tmp/ld", LINK, "link -o").unwrap().output, None);
        assert!(of("/tmp/ld", LINK, "link @file").unwrap().is_partial);
        assert_eq!(of("/tmp/ld", LINK, "link -V=full"), None);
    }

    #[test]
    fn only_the_linker_of_the_distribution_counts() {
        let module = ImageFacts::Go { path: "cmd/link", module: "cmd/link", version: "go1.27.3" };
        let compile = ImageFacts::Go { path: "cmd/compile", module: "", version: "go1.27.3" };
        let tool = "/usr/lib/go/pkg/tool/linux_amd64/link";
        for (path, image) in
            [(tool, module), (tool, compile), (tool, ImageFacts::Foreign), ("/bin/link", ImageFacts::Unread)]
        {
            assert_eq!(of(path, image, "link -o x a.a"), None, "{path} {image:?}");
        }
        assert!(of(tool, ImageFacts::Unread, "link -o x a.a").is_some());
    }

    #[test]
    fn a_build_id_tells_programs_apart() {
        let command = |id: &str| of("/tmp/ld", LINK, &format!("link -buildid={id} -o x a.a")).unwrap();
        for (wanted, id, fits) in [
            ("a/b/c/a", Some("a/b/c/d"), true),
            ("a/b/c/a", Some("a/x/c/d"), false),
            ("a/b/c/a", None, false),
            ("redacted", Some("redacted"), true),
            ("redacted", Some("other"), false),
            ("", None, true),
            ("", Some(""), true),
            ("", Some("a"), false),
        ] {
            assert_eq!(command(wanted).fits(id), fits, "{wanted} {id:?}");
        }
        assert!(of("/tmp/ld", LINK, "link @file").unwrap().fits(Some("a/b/c/d")));
    }
}
