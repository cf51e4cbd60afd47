//! Secrets that were found in the arguments of a record, and their removal from its other texts.

use tracego_model::text;

use crate::redact::{self, Redactor};

/// Maximum length of a message or of a piece of evidence, in characters.
const LENGTH_MAX: usize = 400;

/// Least length of a secret that is also removed from the middle of a word, in bytes.
const INSIDE_MIN: usize = 6;

/// Maximum number of secrets that are looked for in other texts of a record.
const SECRETS_MAX: usize = 32;

/// Maximum length of a secret that is looked for in other texts, in bytes. A longer one is cut by the texts.
const SECRET_MAX: usize = 4096;

/// The secrets that were found in the values of a record, as far as they are told from the text around them.
#[derive(Clone, Debug, Default)]
pub(super) struct FoundSecrets {
    secrets: Vec<String>,
    /// Paths that changed, each with its redacted form.
    paths: Vec<(String, String)>,
    /// Whether an argument changed, whether or not its secret is known.
    has_argument: bool,
}

impl FoundSecrets {
    /// Redacts arguments and keeps what was taken out. Returns the positions of changed arguments.
    pub(super) fn args(&mut self, args: &mut [String], redactor: &Redactor) -> Vec<u32> {
        let originals = redactor.take_from_args(args);
        self.has_argument |= !originals.is_empty();
        for (&at, raw) in &originals {
            if let Some(redacted) = usize::try_from(at).ok().and_then(|at| args.get(at)) {
                self.take_in(raw, redacted);
            }
        }
        originals.into_keys().collect()
    }

    /// Keeps the parts of an argument that the mark stands for.
    fn take_in(&mut self, raw: &str, redacted: &str) {
        let mut rest = raw;
        let mut kept = redacted.split(redact::MARK);
        if let Some(front) = kept.next() {
            rest = rest.strip_prefix(front).unwrap_or(rest);
        }
        for piece in kept {
            let end = if piece.is_empty() { Some(rest.len()) } else { rest.find(piece) };
            let Some(end) = end else { break };
            let (secret, behind) = rest.split_at(end);
            let fits = self.secrets.len() < SECRETS_MAX && (1..=SECRET_MAX).contains(&secret.len());
            if fits && !self.secrets.iter().any(|known| known == secret) {
                self.secrets.push(secret.to_owned());
            }
            rest = behind.get(piece.len()..).unwrap_or_default();
        }
    }

    /// Redacts a path and keeps both forms. Returns whether the path changed.
    pub(super) fn path(&mut self, path: &mut String, redactor: &Redactor) -> bool {
        let Some(raw) = redactor.take_from_path(path) else { return false };
        if self.paths.len() < SECRETS_MAX {
            self.paths.push((raw, path.clone()));
        }
        true
    }

    /// Adds what was found in an earlier record about the same process.
    pub(super) fn merge(&mut self, earlier: Self) {
        for secret in earlier.secrets {
            if self.secrets.len() < SECRETS_MAX && !self.secrets.contains(&secret) {
                self.secrets.push(secret);
            }
        }
        for path in earlier.paths {
            if self.paths.len() < SECRETS_MAX && !self.paths.contains(&path) {
                self.paths.push(path);
            }
        }
    }

    /// Whether an argument changed.
    pub(super) fn has_argument(&self) -> bool {
        self.has_argument
    }

    /// Whether there is nothing to look for in other texts.
    pub(super) fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.paths.is_empty()
    }

    /// Whether a sentence contains a found secret, or one that its shape betrays.
    pub(super) fn is_in(&self, value: &str, redactor: &Redactor) -> bool {
        let mut copy = value.to_owned();
        self.take_out_of_sentence(&mut copy, redactor);
        copy != value
    }

    /// Removes the found secrets, and those that their shape betrays, from a value of the process.
    pub(super) fn take_out(&self, value: &mut String, redactor: &Redactor) {
        self.remove(value, redactor, 0);
    }

    /// Removes the found secrets, and those that their shape betrays, from a sentence about the process. Short
    /// secrets stay there: they may be words of the sentence.
    pub(super) fn take_out_of_sentence(&self, value: &mut String, redactor: &Redactor) {
        self.remove(value, redactor, INSIDE_MIN);
    }

    fn remove(&self, value: &mut String, redactor: &Redactor, least: usize) {
        for (raw, redacted) in &self.paths {
            if value.contains(raw.as_str()) {
                *value = value.replace(raw.as_str(), redacted);
            }
        }
        redactor.text(value);
        for secret in self.secrets.iter().filter(|secret| secret.len() >= least) {
            if value.contains(secret.as_str()) {
                *value = without(value, secret);
            }
        }
    }
}

/// Replaces a secret in a text. A short one is replaced only where it is a word.
fn without(value: &str, secret: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find(secret) {
        let (front, found) = rest.split_at(at);
        let behind = found.get(secret.len()..).unwrap_or_default();
        let word =
            !front.chars().next_back().is_some_and(is_part) && !behind.chars().next().is_some_and(is_part);
        out.push_str(front);
        out.push_str(if word || secret.len() >= INSIDE_MIN { redact::MARK } else { secret });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Makes a value fit to be shown: on one line, without control characters, and not too long. Parts of it come
/// from the process.
pub(super) fn shown(value: &str) -> String {
    let mut line = String::with_capacity(value.len().min(LENGTH_MAX));
    for (n, c) in value.chars().enumerate() {
        if n == LENGTH_MAX {
            line.push('…');
            break;
        }
        text::push_printable(&mut line, c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_process_are_made_harmless() {
        assert_eq!(shown("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), LENGTH_MAX + 1);
    }

    #[test]
    fn a_secret_of_an_argument_goes_from_other_texts() {
        let redactor = Redactor::standard();
        let mut found = FoundSecrets::default();
        let mut args = ["x", "--token", "hunter22", "--password=ab"].map(str::to_owned);
        assert_eq!(found.args(&mut args, &redactor), [2, 3]);
        let mut text = "runs with hunter22x, ab and abacus".to_owned();
        found.take_out(&mut text, &redactor);
        let mark = redact::MARK;
        assert_eq!(text, format!("runs with {mark}x, {mark} and abacus"));
        let mut sentence = "ab runs with hunter22".to_owned();
        found.take_out_of_sentence(&mut sentence, &redactor);
        assert_eq!(sentence, format!("ab runs with {mark}"));
        assert!(found.is_in("hunter22", &redactor) && !found.is_in("nothing of it", &redactor));
    }
}
