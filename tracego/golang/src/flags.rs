//! The flags of the go command that tracego interprets, and GOFLAGS.

use super::{
    flag_table::{self, FlagKind},
    subcommand::Subcommand,
    text::text,
};

/// Flags that tell what is run and how safe that is, on the command line or in GOFLAGS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GoFlags {
    /// `-mod`: `readonly`, `vendor` or `mod`.
    pub module_mode: Option<Box<str>>,
    /// `-modfile`: a file used instead of go.mod.
    pub modfile: Option<Box<str>>,
    /// `-modcacherw`.
    pub modcache_writable: bool,
    /// `-overlay`: a file that maps source files to replacements.
    pub overlay: Option<Box<str>>,
    /// `-toolexec`: a program that runs the compiler and the linker.
    pub toolexec: Option<Box<str>>,
    /// `-exec`: a program that runs the result.
    pub exec: Option<Box<str>>,
    /// `-vettool`.
    pub vettool: Option<Box<str>>,
    /// `-buildvcs`: `true`, `false` or `auto`.
    pub buildvcs: Option<Box<str>>,
    /// `-ldflags`.
    pub ldflags: Option<Box<str>>,
    /// `-gcflags`.
    pub gcflags: Option<Box<str>>,
    /// `-tags`.
    pub tags: Option<Box<str>>,
    /// `-buildmode`.
    pub buildmode: Option<Box<str>>,
    /// `-o`.
    pub output: Option<Box<str>>,
    /// `-race`.
    pub race: bool,
    /// `-msan`.
    pub msan: bool,
    /// `-asan`.
    pub asan: bool,
    /// `-cover`, and the flags that imply it.
    pub cover: bool,
    /// `-trimpath`.
    pub trimpath: bool,
    /// `-n`: print the commands without running them.
    pub dry_run: bool,
    /// `-x`: print the commands.
    pub verbose: bool,
    /// `go test -c`: build the test binary without running it.
    pub compile_only: bool,
    /// `go get -insecure`, rejected by Go 1.16 and later.
    pub insecure: bool,
}

/// Why a flag is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FlagError {
    /// The flag does not exist in Go up to 1.27.
    Unknown,
    /// The flag has no value or a wrong one, or stands in the wrong place.
    Wrong,
}

impl GoFlags {
    /// Sets one flag. A flag that tracego does not interpret is checked and ignored.
    pub(super) fn set(&mut self, name: &str, kind: FlagKind, value: Option<&str>) -> Result<(), FlagError> {
        if kind == FlagKind::Bool && !matches!(name, "buildvcs" | "json" | "u" | "d" | "v" | "test.v") {
            let on = value.map_or(Some(true), parse_bool).ok_or(FlagError::Wrong)?;
            self.switch(name, on);
            return Ok(());
        }
        if name == "buildvcs" {
            let said = match value.unwrap_or("true") {
                "auto" => "auto",
                value if parse_bool(value).ok_or(FlagError::Wrong)? => "true",
                _ => "false",
            };
            self.buildvcs = Some(said.into());
            return Ok(());
        }
        let value = match (kind, value) {
            (FlagKind::Value, None) => return Err(FlagError::Wrong),
            (_, value) => value.unwrap_or_default(),
        };
        if matches!(name, "covermode" | "coverpkg" | "coverprofile") {
            self.cover = true;
        }
        let place = match name {
            "mod" => &mut self.module_mode,
            "modfile" => &mut self.modfile,
            "overlay" => &mut self.overlay,
            "toolexec" => &mut self.toolexec,
            "exec" => &mut self.exec,
            "vettool" | "fixtool" => &mut self.vettool,
            "ldflags" => &mut self.ldflags,
            "gcflags" => &mut self.gcflags,
            "tags" => &mut self.tags,
            "buildmode" => &mut self.buildmode,
            "o" => &mut self.output,
            _ => return Ok(()),
        };
        // An empty value is the default of every such flag.
        *place = Some(value).filter(|value| !value.is_empty()).map(text);
        Ok(())
    }

    fn switch(&mut self, name: &str, on: bool) {
        let place = match name {
            "modcacherw" => &mut self.modcache_writable,
            "race" => &mut self.race,
            "msan" => &mut self.msan,
            "asan" => &mut self.asan,
            "cover" => &mut self.cover,
            "trimpath" => &mut self.trimpath,
            "n" => &mut self.dry_run,
            "x" => &mut self.verbose,
            "c" => &mut self.compile_only,
            "insecure" => &mut self.insecure,
            _ => return,
        };
        *place = on;
    }

    /// Sets the flags of GOFLAGS, which come before those of the command line
    /// (cmd/go/internal/base/goflags.go). Flags that the subcommand does not have are skipped.
    ///
    /// # Errors
    /// Fails if the go command would: an unclosed quote, a word that is no flag, a wrong value.
    pub(super) fn set_from_goflags(
        &mut self,
        goflags: &str,
        subcommand: &Subcommand,
    ) -> Result<(), FlagError> {
        let words = split(goflags).ok_or(FlagError::Wrong)?;
        for word in &words {
            let body = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or_default();
            if body.is_empty() || body.starts_with(['-', '=']) {
                return Err(FlagError::Wrong);
            }
        }
        for word in words {
            let body = word.trim_start_matches('-');
            let (name, value) =
                body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
            if let Some(kind) = flag_table::kind(subcommand, name) {
                self.set(name, kind, value)?;
            }
        }
        Ok(())
    }
}

/// Splits a text at white space. Single or double quotes enclose a whole field, without escapes
/// (cmd/internal/quoted). Used for GOFLAGS, `-exec` and `-toolexec`. Returns `None` for an unclosed quote.
#[must_use]
pub fn split(text: &str) -> Option<Vec<&str>> {
    let space = [' ', '\t', '\n', '\r'];
    let mut fields = Vec::new();
    let mut rest = text.trim_start_matches(space);
    while let Some(first) = rest.chars().next() {
        let (field, behind) = match first {
            '"' | '\'' => rest[1..].split_once(first)?,
            _ => rest.split_at(rest.find(space).unwrap_or(rest.len())),
        };
        fields.push(field);
        rest = behind.trim_start_matches(space);
    }
    Some(fields)
}

/// Parses a boolean like Go's strconv.ParseBool.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_as_the_go_command_splits_them() {
        for (text, wanted) in [
            ("", Some(&[][..])),
            (" -a\t-b=c \n", Some(&["-a", "-b=c"])),
            ("'-ldflags=-s -w' \"-tags=a b\"", Some(&["-ldflags=-s -w", "-tags=a b"])),
            ("-x='a b'", Some(&["-x='a", "b'"])),
            ("'a'b", Some(&["a", "b"])),
            ("''", Some(&[""])),
            ("'a", None),
            ("é \"é\"", Some(&["é", "é"])),
        ] {
            assert_eq!(split(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn goflags_are_taken_where_the_subcommand_has_them() {
        let of = |text: &str, subcommand: Subcommand| {
            let mut flags = GoFlags::default();
            flags.set_from_goflags(text, &subcommand).map(|()| flags)
        };
        let flags = of("-mod=mod --race '-ldflags=-s -w' -exec=nice -buildvcs", Subcommand::Run).unwrap();
        assert_eq!(flags.module_mode.as_deref(), Some("mod"));
        assert_eq!(flags.ldflags.as_deref(), Some("-s -w"));
        assert_eq!(flags.exec.as_deref(), Some("nice"));
        assert_eq!(flags.buildvcs.as_deref(), Some("true"));
        assert!(flags.race);
        assert_eq!(of("-exec=nice -mod=mod -newer", Subcommand::Env), Ok(GoFlags::default()));
        for wrong in ["mod=mod", "-", "--", "---x", "-=x", "'-x", "-mod", "-race=maybe", "-buildvcs=no"] {
            assert_eq!(of(wrong, Subcommand::Run), Err(FlagError::Wrong), "{wrong}");
        }
    }
}
