//! Parses argv of the go command into an [`Invocation`], as cmd/go does from Go 1.21 to 1.27.
//!
//! Sources: cmd/go/main.go (`handleChdirFlag`, `lookupCmd`), package flag (`parseOne`),
//! cmd/go/internal/run/run.go, cmd/go/internal/test/testflag.go, cmd/go/internal/vet/vetflag.go.

use super::text::text;
use super::{
    flag_table::{self, FlagKind},
    flags::{FlagError, GoFlags},
    subcommand::{SIDECAR, Subcommand},
    target::RunTarget,
};

/// Why a command line does not do what its subcommand is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The command prints a help text.
    Help,
    /// The go command rejects the command line, prints why, and ends.
    Usage,
    /// A flag is unknown to Go up to 1.27, which rejects it. For a later Go, the words behind the flag are a
    /// guess.
    UnknownFlag,
}

/// A command line of the go command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invocation {
    /// The subcommand.
    pub subcommand: Subcommand,
    /// `-C`: the folder that the command changes to first.
    pub chdir: Option<Box<str>>,
    /// Words behind the flags, at most 64: packages for most subcommands, the verb and its arguments for
    /// `mod` and `work`, only the tool for `tool`, empty for `run`.
    pub operands: Vec<Box<str>>,
    /// The program that `run` runs.
    pub target: Option<RunTarget>,
    /// Flags that tracego interprets, including those of GOFLAGS.
    pub flags: GoFlags,
    /// Why the command does something else.
    pub problem: Option<Problem>,
}

impl Invocation {
    /// Parses a command line, including the name of the program, and the value of GOFLAGS. Arguments of the
    /// program being run are ignored.
    #[must_use]
    pub fn parse<S: AsRef<str>>(argv: &[S], goflags: &str) -> Self {
        let mut words: Vec<&str> = argv.iter().skip(1).map(AsRef::as_ref).collect();
        let mut invocation = Self {
            subcommand: Subcommand::Help,
            chdir: take_chdir(&mut words).map(text),
            operands: Vec::new(),
            target: None,
            flags: GoFlags::default(),
            problem: None,
        };
        let outcome = invocation.read(&words, goflags);
        if let Err(problem) = outcome {
            invocation.problem = Some(problem);
        }
        invocation
    }

    /// Parses a command line whose end is missing, as [`Self::parse`] does; the last argument may be a part of one.
    /// What can be `run` is: a command that is not known, and a `run` of which no more is known.
    #[must_use]
    pub fn parse_cut<S: AsRef<str>>(argv: &[S], goflags: &str) -> Self {
        let whole = argv.len().saturating_sub(1);
        let mut invocation = Self::parse(argv.get(..whole).unwrap_or_default(), goflags);
        // Without a word that is no flag the subcommand is behind the end.
        let is_open = invocation.subcommand == Subcommand::Help
            && argv.get(1..whole).is_none_or(|words| {
                words.iter().all(|word| !is_help(word.as_ref()) && word.as_ref() != "help")
            });
        if is_open {
            invocation.subcommand = Subcommand::Run;
        }
        if invocation.subcommand == Subcommand::Run && invocation.target.is_none() {
            (invocation.target, invocation.problem) = (Some(RunTarget::Unknown), None);
        }
        invocation
    }

    /// Returns whether the command builds a program or a test and starts it.
    #[must_use]
    pub fn starts_program(&self) -> bool {
        let possible = match self.subcommand {
            Subcommand::Run => self.target.is_some() && !self.flags.dry_run,
            Subcommand::Test => !self.flags.compile_only && !self.flags.dry_run,
            Subcommand::Tool => !self.operands.is_empty() && !self.flags.dry_run,
            _ => false,
        };
        possible && matches!(self.problem, None | Some(Problem::UnknownFlag))
    }

    /// Returns whether the go command would accept the command line: known subcommand, valid usage. Few
    /// command lines of other programs pass.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.problem.is_none() && !matches!(self.subcommand, Subcommand::Unknown(_))
    }

    /// Returns whether both commands do the same, apart from the folder. A toolchain that hands over to
    /// another has already changed to the folder of `-C` and omits the flag.
    #[must_use]
    pub fn is_same_but_chdir(&self, other: &Self) -> bool {
        let of = |it: &Self| Self { chdir: None, ..it.clone() };
        self.subcommand == other.subcommand && of(self) == of(other)
    }

    fn read(&mut self, words: &[&str], goflags: &str) -> Result<(), Problem> {
        // The go command itself has no flags except those for help.
        let words = match words {
            ["--", rest @ ..] => rest,
            [first, ..] if is_flag(first) => {
                return Err(if is_help(first) { Problem::Help } else { Problem::Usage });
            }
            _ => words,
        };
        let Some((&name, rest)) = words.split_first() else { return Err(Problem::Help) };
        self.subcommand = match name {
            "help" => return Err(Problem::Help),
            SIDECAR => Subcommand::Sidecar,
            _ => match Subcommand::of(name) {
                Some(known) => known,
                None => {
                    self.subcommand = Subcommand::Unknown(text(name));
                    return Err(Problem::Usage);
                }
            },
        };
        let mut rest = rest;
        if matches!(self.subcommand, Subcommand::Mod | Subcommand::Work) {
            let Some((&verb, behind)) = rest.split_first() else { return Err(Problem::Usage) };
            if verb == "help" {
                return Err(Problem::Help);
            }
            self.operands.push(text(verb));
            rest = behind;
        }
        self.goflags(goflags)?;
        if self.subcommand == Subcommand::Test {
            return self.read_test(rest);
        }
        let rest = self.read_flags(rest)?;
        match self.subcommand {
            Subcommand::Run => {
                self.target = RunTarget::of(rest);
                if self.target.is_none() {
                    return Err(Problem::Usage);
                }
            }
            Subcommand::Tool => self.operands.extend(rest.first().map(|tool| text(tool))),
            _ => self.keep(rest),
        }
        Ok(())
    }

    fn goflags(&mut self, goflags: &str) -> Result<(), Problem> {
        match self.subcommand {
            // `go env` must work with a broken GOFLAGS, because users repair it with `go env -w`.
            Subcommand::Env | Subcommand::Bug | Subcommand::Doc | Subcommand::Sidecar => Ok(()),
            _ => {
                let set = self.flags.set_from_goflags(goflags, &self.subcommand);
                set.map_err(|_| Problem::Usage)
            }
        }
    }

    /// Parses flags up to the first word that is none, as package flag does. Returns the words behind them.
    fn read_flags<'a, 'w>(&mut self, mut words: &'w [&'a str]) -> Result<&'w [&'a str], Problem> {
        while let Some((&first, rest)) = words.split_first() {
            if first == "--" {
                return Ok(rest);
            }
            if !is_flag(first) {
                break;
            }
            words = match self.read_flag(first, rest) {
                Ok(taken) => &rest[usize::from(taken)..],
                Err(FlagError::Wrong) => return Err(Problem::Usage),
                Err(FlagError::Unknown) if is_help(first) => return Err(Problem::Help),
                // The analyzers of `go vet` are flags that only the vet tool knows.
                Err(FlagError::Unknown) if self.has_flags_of_its_tool() => rest,
                Err(FlagError::Unknown) => {
                    self.problem = Some(Problem::UnknownFlag);
                    rest
                }
            };
        }
        Ok(words)
    }

    /// Parses one flag. Returns whether the next word was its value.
    fn read_flag(&mut self, word: &str, rest: &[&str]) -> Result<bool, FlagError> {
        let body = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or(word);
        if body.is_empty() || body.starts_with(['-', '=']) {
            return Err(FlagError::Wrong);
        }
        let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
        // The one valid `-C` has been removed already.
        if name == "C" {
            return Err(FlagError::Wrong);
        }
        let kind = flag_table::kind(&self.subcommand, name).ok_or(FlagError::Unknown)?;
        let behind = match (kind, value) {
            (FlagKind::Value, None) => Some(*rest.first().ok_or(FlagError::Wrong)?),
            _ => None,
        };
        self.flags.set(name, kind, value.or(behind))?;
        Ok(behind.is_some())
    }

    /// Parses the flags of `go test`, which may stand before and behind its packages. Unknown ones go to the
    /// test binary (testFlags of testflag.go).
    fn read_test(&mut self, mut words: &[&str]) -> Result<(), Problem> {
        let (mut in_list, mut list_done, mut after_unknown) = (false, false, false);
        while let Some((&first, rest)) = words.split_first() {
            let was_after_unknown = std::mem::take(&mut after_unknown);
            if first == "--" {
                return Ok(());
            }
            if is_help(first) {
                return Err(Problem::Help);
            }
            let body = first.strip_prefix("--").or_else(|| first.strip_prefix('-'));
            let Some(body) = body.filter(|body| !body.is_empty() && !body.starts_with(['-', '='])) else {
                if !in_list && list_done {
                    if !was_after_unknown {
                        return Ok(());
                    }
                } else {
                    (in_list, list_done) = (true, true);
                    self.keep(&[first]);
                }
                words = rest;
                continue;
            };
            in_list = false;
            words = match self.read_flag(first, rest) {
                Ok(taken) => &rest[usize::from(taken)..],
                Err(FlagError::Wrong) => return Err(Problem::Usage),
                Err(FlagError::Unknown) if body == "args" => return Ok(()),
                Err(FlagError::Unknown) => {
                    list_done = true;
                    after_unknown = !body.contains('=');
                    rest
                }
            };
        }
        Ok(())
    }

    fn has_flags_of_its_tool(&self) -> bool {
        matches!(self.subcommand, Subcommand::Vet | Subcommand::Fix)
    }

    fn keep(&mut self, words: &[&str]) {
        let room = OPERANDS.saturating_sub(self.operands.len());
        let mut bytes = self.operands.iter().map(|word| word.len()).sum::<usize>();
        for word in words.iter().take(room) {
            // What does not fit is there, but empty: each running process has such a list.
            let word = if bytes < OPERAND_BYTES { text(word) } else { Box::default() };
            bytes += word.len();
            self.operands.push(word);
        }
    }
}

/// Number of bytes from which on no further operand is kept.
const OPERAND_BYTES: usize = 8192;
/// Maximum number of operands kept.
const OPERANDS: usize = 64;

/// Removes `-C dir` from a command line. It stands before the subcommand or right behind it
/// (handleChdirFlag). Returns the folder.
fn take_chdir<'a>(words: &mut Vec<&'a str>) -> Option<&'a str> {
    let group = |word: &str| matches!(word, "mod" | "work");
    let at = match words.first() {
        Some(first) if group(first) => 1 + usize::from(words.get(1).is_some_and(|verb| is_verb(verb))),
        Some(first) if Subcommand::of(first).is_some() => 1,
        _ => 0,
    };
    let word = *words.get(at)?;
    if let "-C" | "--C" = word {
        let folder = *words.get(at + 1)?;
        words.drain(at..at + 2);
        return Some(folder);
    }
    let folder = word.strip_prefix("-C=").or_else(|| word.strip_prefix("--C="))?;
    words.remove(at);
    Some(folder)
}

/// Returns whether a word can be a verb of `go mod` or `go work`: any word that is no flag.
fn is_verb(word: &str) -> bool {
    !word.starts_with('-')
}

/// Returns whether package flag takes a word for a flag.
fn is_flag(word: &str) -> bool {
    word.len() >= 2 && word.starts_with('-')
}

fn is_help(word: &str) -> bool {
    matches!(word, "-h" | "-help" | "--h" | "--help" | "-?" | "--?")
}
