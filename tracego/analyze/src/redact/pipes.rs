//! Secrets that a command of a shell's text writes for the next one: `echo SECRET | docker login
//! --password-stdin`.

use std::ops::Range;

use super::{shell::ShellWord, values};

/// Programs that write their arguments.
const WRITERS: [&str; 2] = ["echo", "printf"];
/// Options of programs that read a secret from their input.
const OPTIONS: [&str; 12] = [
    "--password-stdin",
    "--passwd-on-stdin",
    "--password-from-stdin",
    "--password-file=-",
    "--pass-stdin",
    "--token-stdin",
    "--with-token",
    "--api-key-stdin",
    "--passphrase-fd",
    "--pinentry-mode",
    "--key-file=-",
    "--stdin",
];
/// Programs whose input is a password, or lines of users and passwords.
const READERS: [&str; 6] = ["chpasswd", "passwd", "cryptsetup", "kinit", "smbpasswd", "vncpasswd"];

/// Returns the places of the arguments that a command writes.
pub(super) fn output(words: &[ShellWord<'_>]) -> Vec<Range<usize>> {
    let [program, rest @ ..] = words else { return Vec::new() };
    if !WRITERS.contains(&program.text.as_ref()) {
        return Vec::new();
    }
    let is_option = |text: &str| matches!(text.as_bytes(), [b'-', b'n' | b'e' | b'E', ..] | [b'-', b'-']);
    let rest = rest.iter().filter(|word| !is_option(&word.text) && !word.text.starts_with('%'));
    rest.map(|word| word.place(&(0..word.text.len()))).filter(|place| !place.is_empty()).take(4).collect()
}

/// Returns the parts of the input of a command that are secret.
pub(super) fn secret_input(words: &[ShellWord<'_>], input: &[Range<usize>], text: &str) -> Vec<Range<usize>> {
    if input.is_empty() {
        return Vec::new();
    }
    let program = words.first().map_or("", |word| word.text.as_ref());
    let has = |option: &str| words.iter().any(|word| word.text == option);
    let reads = READERS.iter().any(|reader| has(reader))
        || OPTIONS.iter().any(|option| has(option))
        || program == "sudo"
            && words[1..].iter().any(|word| matches!(word.text.as_ref(), "-S" | "-kS" | "-Sk"));
    if !reads {
        return Vec::new();
    }
    let secret = |place: &Range<usize>| {
        let value = text.get(place.clone())?;
        let user = if has("chpasswd") { value.find(':').map_or(0, |colon| colon + 1) } else { 0 };
        let value = &value[user..];
        (!values::is_harmless(value) && !values::is_path(value)).then_some(place.start + user..place.end)
    };
    input.iter().filter_map(secret).collect()
}
