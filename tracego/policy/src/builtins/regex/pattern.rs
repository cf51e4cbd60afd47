//! The syntax of RE2 as Go has it (package regexp/syntax), translated for the engine of this program.
//!
//! The engine's own syntax is larger (`\<`, `[a&&b]`, `\u{…}`) and its classes are those of Unicode. The
//! translation writes each element out, so that nothing means anything else.

use std::{fmt, iter::Peekable, str::Chars};

use super::classes;

/// Maximum number of repetitions, also of nested ones together.
const REPEAT: u32 = 1000;
/// Maximum depth of groups.
const DEPTH: usize = 250;

/// A parsed expression.
pub(super) struct Pattern {
    /// The same expression in the syntax of the engine.
    pub(super) translated: String,
    /// Name of each group by its number; the first is the whole match.
    pub(super) names: Vec<Option<String>>,
}

/// The reason why an expression is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// An error in Go, too.
    Invalid(String),
    /// A pattern of which it is unknown whether Go accepts it, or how.
    Unknown(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(what) | Self::Unknown(what) => f.write_str(what),
        }
    }
}

type Parsed<T> = Result<T, Refusal>;

fn invalid<T>(what: impl Into<String>) -> Parsed<T> {
    Err(Refusal::Invalid(what.into()))
}

/// Returns the reason why OPA or this program refuses an expression.
pub(crate) fn refusal(pattern: &str) -> Option<String> {
    match super::compiled(pattern) {
        Ok(_) => None,
        Err(error) => Some(match Pattern::parse(pattern) {
            Err(refusal) => refusal.to_string(),
            Ok(_) => error.to_string(),
        }),
    }
}

/// Returns an expression that matches a text as it is.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    swap_greed: bool,
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
    names: Vec<Option<String>>,
    flags: Flags,
}

/// The last element, which a repetition would apply to.
#[derive(Clone, Copy)]
struct Last {
    /// Start of the element in the translation.
    start: usize,
    /// Product of the repetitions inside.
    repeats: u32,
    /// Whether it is itself a repetition.
    is_repeated: bool,
}

impl Pattern {
    pub(super) fn parse(pattern: &str) -> Parsed<Self> {
        let mut parser = Parser {
            chars: pattern.chars().peekable(),
            out: String::with_capacity(pattern.len() * 2),
            names: vec![None],
            flags: Flags::default(),
        };
        parser.alternatives(0)?;
        if parser.chars.peek().is_some() {
            return invalid("unexpected )");
        }
        Ok(Self { translated: parser.out, names: parser.names })
    }
}

impl Parser<'_> {
    /// Parses up to the end of the group. Returns the largest product of repetitions in it.
    fn alternatives(&mut self, depth: usize) -> Parsed<u32> {
        if depth > DEPTH {
            return Err(Refusal::Unknown("expression nests too deeply".to_owned()));
        }
        let outer = self.flags;
        let (mut last, mut most) = (None::<Last>, 1);
        while let Some(&c) = self.chars.peek() {
            if c == ')' {
                break;
            }
            self.chars.next();
            let start = self.out.len();
            let element = Some(Last { start, repeats: 1, is_repeated: false });
            last = match c {
                '|' => {
                    self.out.push('|');
                    None
                }
                '(' => self.group(depth, last)?,
                '[' => {
                    let set = self.set()?;
                    self.emit(&set);
                    element
                }
                '.' => {
                    self.out.push_str(if self.flags.dot_all { "(?s:.)" } else { "[^\\n]" });
                    element
                }
                '^' => {
                    self.out.push_str(if self.flags.multi_line { "(?m:^)" } else { "\\A" });
                    element
                }
                '$' => {
                    self.out.push_str(if self.flags.multi_line { "(?m:$)" } else { "\\z" });
                    element
                }
                '*' | '+' | '?' => self.repeat(last, &c.to_string(), 1)?,
                '{' => match self.counts()? {
                    None => {
                        self.literal('{');
                        element
                    }
                    Some((counts, most)) => self.repeat(last, &counts, most)?,
                },
                '\\' => self.escape(start, last)?,
                c => {
                    self.literal(c);
                    element
                }
            };
            most = most.max(last.map_or(1, |last| last.repeats));
        }
        self.flags = outer;
        Ok(most)
    }

    /// Appends an element, with the flags that apply to it.
    fn emit(&mut self, element: &str) {
        if self.flags.ignore_case {
            self.out.push_str("(?i:");
            self.out.push_str(element);
            self.out.push(')');
        } else {
            self.out.push_str(element);
        }
    }

    fn literal(&mut self, c: char) {
        let element = point(c);
        self.emit(&element);
    }

    /// Repeats the last element.
    fn repeat(&mut self, last: Option<Last>, operator: &str, times: u32) -> Parsed<Option<Last>> {
        let Some(last) = last else {
            return invalid(format!("missing argument to repetition operator: {operator}"));
        };
        if last.is_repeated {
            return invalid(format!("invalid nested repetition operator: {operator}"));
        }
        let repeats = last.repeats.saturating_mul(times.max(1));
        if repeats > REPEAT {
            return invalid(format!("invalid repeat count: {operator}"));
        }
        let lazy = self.chars.next_if_eq(&'?').is_some();
        let element = self.out.split_off(last.start);
        self.out.push_str("(?:");
        self.out.push_str(&element);
        self.out.push(')');
        self.out.push_str(operator);
        if lazy != self.flags.swap_greed {
            self.out.push('?');
        }
        Ok(Some(Last { start: last.start, repeats, is_repeated: true }))
    }

    /// Parses the counts behind a brace. Returns `None` if the brace is a character.
    fn counts(&mut self) -> Parsed<Option<(String, u32)>> {
        let mut ahead = self.chars.clone();
        let Some(least) = count(&mut ahead) else { return Ok(None) };
        let most = if ahead.next_if_eq(&',').is_none() {
            Some(least)
        } else if ahead.peek() == Some(&'}') {
            None
        } else {
            match count(&mut ahead) {
                None => return Ok(None),
                most => most,
            }
        };
        if ahead.next() != Some('}') {
            return Ok(None);
        }
        self.chars = ahead;
        let operator = match most {
            Some(most) if most == least => format!("{{{least}}}"),
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        if least > REPEAT || most.is_some_and(|most| most > REPEAT || most < least) {
            return invalid(format!("invalid repeat count: {operator}"));
        }
        Ok(Some((operator, most.unwrap_or(least))))
    }

    /// Parses a group, or flags for the rest of the group around. Flags leave the last element as it was.
    fn group(&mut self, depth: usize, last: Option<Last>) -> Parsed<Option<Last>> {
        let start = self.out.len();
        let outer = self.flags;
        if self.chars.next_if_eq(&'?').is_none() {
            self.names.push(None);
            self.out.push('(');
        } else {
            let mut ahead = self.chars.clone();
            let _p = ahead.next_if_eq(&'P');
            if ahead.next_if_eq(&'<').is_some() {
                self.chars = ahead;
                self.name()?;
                self.out.push('(');
            } else if !self.flags()? {
                return Ok(last);
            } else {
                self.out.push_str("(?:");
            }
        }
        let repeats = self.alternatives(depth + 1)?;
        if self.chars.next().is_none() {
            return invalid("missing closing )");
        }
        self.flags = outer;
        self.out.push(')');
        Ok(Some(Last { start, repeats, is_repeated: false }))
    }

    fn name(&mut self) -> Parsed<()> {
        let mut name = String::new();
        loop {
            match self.chars.next() {
                Some('>') => break,
                Some(c) if c == '_' || c.is_ascii_alphanumeric() => name.push(c),
                Some(c) if c.is_alphanumeric() => {
                    return Err(Refusal::Unknown(format!("group name with {c:?}")));
                }
                _ => return invalid("invalid named capture"),
            }
        }
        if name.is_empty() {
            return invalid("invalid named capture");
        }
        self.names.push(Some(name));
        Ok(())
    }

    /// Parses flags. Returns whether they are those of a group that begins, `(?i:`.
    fn flags(&mut self) -> Parsed<bool> {
        let (mut flags, mut on, mut any) = (self.flags, true, false);
        loop {
            match self.chars.next() {
                Some('-') if on => (on, any) = (false, false),
                Some(end @ (':' | ')')) if on || any => {
                    self.flags = flags;
                    return Ok(end == ':');
                }
                Some(c) => {
                    let flag = match c {
                        'i' => &mut flags.ignore_case,
                        'm' => &mut flags.multi_line,
                        's' => &mut flags.dot_all,
                        'U' => &mut flags.swap_greed,
                        _ => return invalid("invalid or unsupported Perl syntax after (?"),
                    };
                    (*flag, any) = (on, true);
                }
                None => return invalid("missing argument or closing ) after (?"),
            }
        }
    }

    /// Parses an escape outside of a set.
    fn escape(&mut self, start: usize, before: Option<Last>) -> Parsed<Option<Last>> {
        let element = Some(Last { start, repeats: 1, is_repeated: false });
        let Some(c) = self.chars.next() else { return invalid("trailing backslash at end of expression") };
        match c {
            'A' => self.out.push_str("\\A"),
            'z' => self.out.push_str("\\z"),
            'b' => self.out.push_str("(?-u:\\b)"),
            'B' => self.out.push_str("(?-u:\\B)"),
            'Q' => {
                // Without a character, what stands before is the last element.
                let mut last = before.map(|last| Last { is_repeated: false, ..last });
                loop {
                    match self.chars.next() {
                        None => return Ok(last),
                        Some('\\') if self.chars.peek() == Some(&'E') => {
                            self.chars.next();
                            return Ok(last);
                        }
                        Some(c) => {
                            last = Some(Last { start: self.out.len(), repeats: 1, is_repeated: false });
                            self.literal(c);
                        }
                    }
                }
            }
            'p' | 'P' => {
                let set = format!("[{}]", self.unicode(c == 'P')?);
                self.emit(&set);
            }
            c => match classes::perl(c) {
                Some((set, negated)) => {
                    let set = format!("[{}{set}]", if negated { "^" } else { "" });
                    self.emit(&set);
                }
                None => {
                    let c = self.character(c)?;
                    self.literal(c);
                }
            },
        }
        Ok(element)
    }

    /// Parses the name of a Unicode class. Returns the class as the inside of a set.
    fn unicode(&mut self, mut negated: bool) -> Parsed<String> {
        let name = match self.chars.next() {
            Some('{') => {
                let mut name = String::new();
                loop {
                    match self.chars.next() {
                        Some('}') => break name,
                        Some(c) => name.push(c),
                        None => return invalid("invalid character class range"),
                    }
                }
            }
            Some(c) => c.to_string(),
            None => return invalid("invalid character class range"),
        };
        let plain = name.strip_prefix('^').inspect(|_| negated = !negated).unwrap_or(&name);
        let set = classes::unicode(plain).map_err(Refusal::Unknown)?;
        Ok(match (set.is_empty(), negated) {
            (true, false) => NOTHING.to_owned(),
            (true, true) => r"\x{0}-\x{10FFFF}".to_owned(),
            (false, negated) => format!("[{}{set}]", if negated { "^" } else { "" }),
        })
    }

    /// Parses an escape that stands for one character, after its backslash.
    fn character(&mut self, c: char) -> Parsed<char> {
        let wrong = || invalid(format!("invalid escape sequence: \\{c}"));
        match c {
            // A back reference is refused, an octal number is not.
            '1'..='7' if !self.chars.peek().is_some_and(|next| ('0'..='7').contains(next)) => wrong(),
            '0'..='7' => {
                let mut number = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.chars.peek().and_then(|next| next.to_digit(8)) else { break };
                    number = number * 8 + digit;
                    self.chars.next();
                }
                char::from_u32(number).map_or_else(wrong, Ok)
            }
            'x' => {
                let mut number = 0_u32;
                if self.chars.next_if_eq(&'{').is_some() {
                    let mut digits = 0;
                    loop {
                        match self.chars.next() {
                            Some('}') if digits > 0 => break,
                            Some(c) => {
                                let Some(digit) = c.to_digit(16) else { return wrong() };
                                number = number.saturating_mul(16).saturating_add(digit);
                                digits += 1;
                            }
                            None => return wrong(),
                        }
                        if number > 0x0010_ffff {
                            return wrong();
                        }
                    }
                } else {
                    for _ in 0..2 {
                        let digit = self.chars.next().and_then(|c| c.to_digit(16));
                        let Some(digit) = digit else { return wrong() };
                        number = number * 16 + digit;
                    }
                }
                char::from_u32(number).map_or_else(wrong, Ok)
            }
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => wrong(),
        }
    }

    /// Parses a set after its bracket. Returns it translated.
    fn set(&mut self) -> Parsed<String> {
        let mut set = String::from("[");
        if self.chars.next_if_eq(&'^').is_some() {
            set.push('^');
        }
        let (begin, mut first) = (set.len(), true);
        loop {
            let ahead = self.chars.clone();
            let Some(c) = self.chars.next() else { return invalid("missing closing ]") };
            if c == ']' && !first {
                break;
            }
            first = false;
            if c == '['
                && self.chars.peek() == Some(&':')
                && let Some(class) = self.posix()?
            {
                set.push_str(&class);
                continue;
            }
            if c == '\\' {
                match self.chars.peek() {
                    Some(&p @ ('p' | 'P')) => {
                        self.chars.next();
                        let class = self.unicode(p == 'P')?;
                        set.push_str(&class);
                        continue;
                    }
                    Some(&letter) => {
                        if let Some((class, negated)) = classes::perl(letter) {
                            self.chars.next();
                            set.push_str(&format!("[{}{class}]", if negated { "^" } else { "" }));
                            continue;
                        }
                    }
                    None => return invalid("trailing backslash at end of expression"),
                }
            }
            self.chars = ahead;
            let low = self.member()?;
            let mut high = low;
            let mut behind = self.chars.clone();
            if behind.next() == Some('-') && behind.peek().is_some_and(|c| *c != ']') {
                self.chars = behind;
                high = self.member()?;
                if high < low {
                    return invalid("invalid character class range");
                }
            }
            set.push_str(&format!("{}-{}", point(low), point(high)));
        }
        if set.len() == begin {
            set.push_str(NOTHING);
        }
        set.push(']');
        Ok(set)
    }

    /// Parses one character of a set.
    fn member(&mut self) -> Parsed<char> {
        match self.chars.next() {
            None => invalid("missing closing ]"),
            Some('\\') => match self.chars.next() {
                None => invalid("trailing backslash at end of expression"),
                Some(c) => self.character(c),
            },
            Some(c) => Ok(c),
        }
    }

    /// Parses a POSIX class `[:alpha:]` after its first bracket; returns `None` if it is none.
    fn posix(&mut self) -> Parsed<Option<String>> {
        let rest: String = self.chars.clone().skip(1).collect();
        let Some((name, _)) = rest.split_once(":]") else { return Ok(None) };
        let (plain, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some(class) = classes::posix(plain) else {
            return invalid(format!("invalid character class range: [:{name}:]"));
        };
        for _ in 0..name.chars().count() + 3 {
            self.chars.next();
        }
        Ok(Some(format!("[{}{class}]", if negated { "^" } else { "" })))
    }
}

/// A class, as the inside of a set, that no character belongs to.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

fn count(chars: &mut Peekable<Chars<'_>>) -> Option<u32> {
    let mut number: Option<u32> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        // Go takes no leading zeros.
        if number == Some(0) {
            return None;
        }
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
        chars.next();
    }
    number
}

fn point(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\x{{{:x}}}", c as u32) }
}
