//! Variables in front of a command, such as `$(Q)` and `$SUDO`.

use crate::word::Word;

/// Parts of the names of variables whose programs print or look for what follows.
const PRINTERS: [&str; 7] = ["ECHO", "PRINT", "LOG", "INFO", "WARN", "GREP", "MSG"];
/// Maximum number of words between an unknown program and the go command.
const MAX_UNKNOWN: usize = 4;

/// Returns the words behind a variable in front that is not known, such as `$(Q)go run` or `$SUDO go run`, if the go command
/// follows: most such variables are empty or name a wrapper.
pub(super) fn behind_hole(words: &[Word]) -> Option<Vec<Word>> {
    let (first, rest) = words.split_first().filter(|(first, _)| first.has_holes && !first.is_quoted)?;
    let value = first.value();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let end = match value.strip_prefix('$')?.bytes().next()? {
        b'{' => value.find('}')? + 1,
        byte if is_name(&byte) => 1 + value.bytes().skip(1).take_while(is_name).count(),
        _ => return None,
    };
    let name = value.get(..end)?.to_ascii_uppercase();
    if PRINTERS.iter().any(|printer| name.contains(printer)) {
        return None;
    }
    let tail = Word { text: first.text.slice(end..first.text.len()), has_holes: false, ..first.clone() };
    match tail.text.bytes().first() {
        // A path below a folder that is not known.
        Some(b'/') => None,
        Some(_) => Some(std::iter::once(tail).chain(rest.iter().cloned()).collect()),
        None => {
            let go = rest.iter().position(Word::is_go_command).filter(|go| *go <= MAX_UNKNOWN)?;
            rest.get(go..).map(<[Word]>::to_vec)
        }
    }
}
