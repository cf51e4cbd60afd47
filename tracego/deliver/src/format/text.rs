//! Arguments of a program as one text.

use std::fmt;

use serde::{Serialize, Serializer};

/// Arguments with spaces between, as audit tools write them; the boundaries are lost.
pub(super) struct Joined<'a>(pub(super) &'a [String]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { " " })?;
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// Arguments as input for a POSIX shell: in single quotes where needed (POSIX 2.2, "Quoting"). Formats
/// without lists use this text, because it can be split again.
pub(crate) struct Quoted<'a>(pub(crate) &'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b) || b >= 0x80;
        for (n, word) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { " " })?;
            if !word.is_empty() && word.bytes().all(plain) {
                f.write_str(word)?;
                continue;
            }
            f.write_str("'")?;
            for (n, part) in word.split('\'').enumerate() {
                f.write_str(if n == 0 { "" } else { "'\\''" })?;
                f.write_str(part)?;
            }
            f.write_str("'")?;
        }
        Ok(())
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Quoted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_would_split_it_the_same_way() {
        let words = ["sh", "-c", "echo 'a  b' \"$1\"\n*", "", "a=b", "~", "ä", "#"].map(str::to_owned);
        let script = format!("printf '%s\\0' {}", Quoted(&words));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let wanted: String = words.iter().map(|word| format!("{word}\0")).collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), wanted);
        assert_eq!(Quoted(&words[..2]).to_string(), "sh -c");
        assert_eq!(Joined(&words[3..6]).to_string(), " a=b ~");
    }
}
