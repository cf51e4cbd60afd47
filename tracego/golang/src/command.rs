//! argv of the go command → [`Invocation`], as cmd/go reads it from Go 1.21 to 1.27.
//!
//! Sources: cmd/go/main.go (`handleChdirFlag`, `lookupCmd`), package flag (`parseOne`),
//! cmd/go/internal/run/run.go, cmd/go/internal/test/testflag.go, cmd/go/internal/vet/vetflag.go.

use super::{
    flag_table::{self, Kind},
    flags::{Flags, Refused},
    subcommand::{SIDECAR, Subcommand},
    target::Target,
};

/// Why a command line does not do what its subcommand is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// It prints a help text.
    Help,
    /// The go command refuses it, prints why and ends.
    Usage,
    /// It has a flag that no Go up to 1.27 knows. These refuse it; for a later one, what stands
    /// behind the flag is a guess.
    UnknownFlag,
}

/// A command line of the go command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invocation {
    /// What it is asked to do.
    pub subcommand: Subcommand,
    /// `-C`: the folder that it goes to first.
    pub chdir: Option<Box<str>>,
    /// What is behind the flags: packages for most, the verb and its arguments for `mod` and `work`,
    /// the tool alone for `tool`, nothing for `run`. At most 64.
    pub operands: Vec<Box<str>>,
    /// What `run` runs.
    pub target: Option<Target>,
    /// Flags of interest, those of GOFLAGS too.
    pub flags: Flags,
    /// Why it does something else.
    pub problem: Option<Problem>,
}

impl Invocation {
    /// Of a command line with the name of the program in front, and of the variable GOFLAGS.
    /// Arguments of the program that is run are not looked at.
    #[must_use]
    pub fn parse<S: AsRef<str>>(argv: &[S], goflags: &str) -> Self {
        let mut words: Vec<&str> = argv.iter().skip(1).map(AsRef::as_ref).collect();
        let mut invocation = Self {
            subcommand: Subcommand::Help,
            chdir: take_chdir(&mut words).map(text),
            operands: Vec::new(),
            target: None,
            flags: Flags::default(),
            problem: None,
        };
        let outcome = invocation.read(&words, goflags);
        if let Err(problem) = outcome {
            invocation.problem = Some(problem);
        }
        invocation
    }

    /// Whether it builds a program or a test and starts it.
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

    /// Whether the go command would do something with it: a subcommand that there is, and no wrong
    /// usage. Few command lines of other programs are like that.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.problem.is_none() && !matches!(self.subcommand, Subcommand::Unknown(_))
    }

    /// Whether both do the same, the folder aside: a toolchain that hands over to another has gone
    /// to the folder of `-C` already and leaves the flag out.
    #[must_use]
    pub fn is_same_but_chdir(&self, other: &Self) -> bool {
        let of = |it: &Self| Self { chdir: None, ..it.clone() };
        self.subcommand == other.subcommand && of(self) == of(other)
    }

    fn read(&mut self, words: &[&str], goflags: &str) -> Result<(), Problem> {
        // The go command itself has no flags but those for help.
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
                self.target = Target::of(rest);
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
            // `go env` is what people mend it with.
            Subcommand::Env | Subcommand::Bug | Subcommand::Doc | Subcommand::Sidecar => Ok(()),
            _ => {
                let set = self.flags.set_from_goflags(goflags, &self.subcommand);
                set.map_err(|_| Problem::Usage)
            }
        }
    }

    /// Package flag: flags up to the first word that is none. Gives what is behind.
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
                Err(Refused::Wrong) => return Err(Problem::Usage),
                Err(Refused::Unknown) if is_help(first) => return Err(Problem::Help),
                // The analyzers of `go vet` are flags, and the vet tool alone knows them.
                Err(Refused::Unknown) if self.has_flags_of_its_tool() => rest,
                Err(Refused::Unknown) => {
                    self.problem = Some(Problem::UnknownFlag);
                    rest
                }
            };
        }
        Ok(words)
    }

    /// Takes one flag; whether the word behind it was its value.
    fn read_flag(&mut self, word: &str, rest: &[&str]) -> Result<bool, Refused> {
        let body = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or(word);
        if body.is_empty() || body.starts_with(['-', '=']) {
            return Err(Refused::Wrong);
        }
        let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
        // The one that is allowed has been taken.
        if name == "C" {
            return Err(Refused::Wrong);
        }
        let kind = flag_table::kind(&self.subcommand, name).ok_or(Refused::Unknown)?;
        let behind = match (kind, value) {
            (Kind::Value, None) => Some(*rest.first().ok_or(Refused::Wrong)?),
            _ => None,
        };
        self.flags.set(name, kind, value.or(behind))?;
        Ok(behind.is_some())
    }

    /// `go test` takes its flags in front of and behind its packages, and hands the others to the
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
                Err(Refused::Wrong) => return Err(Problem::Usage),
                Err(Refused::Unknown) if body == "args" => return Ok(()),
                Err(Refused::Unknown) => {
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
        self.operands.extend(words.iter().take(room).map(|word| text(word)));
    }
}

/// Operands that are kept.
const OPERANDS: usize = 64;
/// Bytes of one text that are kept.
const TEXT: usize = 4096;

/// A copy, cut where it is too long.
pub(super) fn text(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(TEXT)].into()
}

/// `-C dir` in front of the subcommand or right behind it (handleChdirFlag). It is taken out of the
/// command line.
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

/// Verbs of `go mod` and `go work`; one that is missing here is a word, too, and no flag.
fn is_verb(word: &str) -> bool {
    !word.starts_with('-')
}

/// A flag, as package flag sees it.
fn is_flag(word: &str) -> bool {
    word.len() >= 2 && word.starts_with('-')
}

fn is_help(word: &str) -> bool {
    matches!(word, "-h" | "-help" | "--h" | "--help" | "-?" | "--?")
}
