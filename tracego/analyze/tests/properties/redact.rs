//! `redact`: secrets are removed, everything else stays, and a second pass changes nothing.

use proptest::{collection::vec, prelude::*, sample::select};
use tracego_analyze::redact::{MARK, Redactor};

/// Arguments that resemble secrets but contain none.
const HARMLESS: [&str; 18] = [
    "build",
    "--release",
    "-j4",
    "src/main.rs",
    "token.go",
    "--keyring",
    "monkey",
    "keyboard",
    "a=b",
    "https://host/path?x=1",
    "git@host:o/r.git",
    "ssh://git@host/o/r",
    "--tokenizer=bpe",
    "/etc/passwd",
    "--no-password",
    "--token-file=/run/t",
    "pkg/secret",
    "A <a@b>",
];

/// Ways to pass a secret, marked by `SECRET`.
const FORMS: [&str; 12] = [
    "--token=SECRET",
    "--password SECRET",
    "--db-password=SECRET",
    "API_KEY=SECRET",
    "MYSQL_PWD=SECRET",
    "https://SECRET@host/r",
    "https://user:SECRET@host/r",
    "Authorization: Bearer SECRET",
    "X-Api-Key: SECRET",
    "https://host/?access_token=SECRET&x=1",
    "{\"password\": \"SECRET\"}",
    "--client-secret=SECRET",
];

/// Pieces with a meaning to the patterns.
const PIECES: [&str; 32] = [
    "--token",
    "--password",
    "-u",
    "curl",
    "=",
    ":",
    " ",
    "\"",
    "'",
    "&",
    "://",
    "user",
    "@",
    "/",
    "--",
    "PASSWORD",
    "API_KEY",
    "authorization",
    "bearer",
    "x-api-key",
    "$",
    "[",
    "]",
    ";",
    ",",
    "{",
    "}",
    MARK,
    "ghp_0123456789012345678901234567890123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "hunter2",
    "pass:word",
];

/// Generates arguments of meaningful pieces.
fn argument() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(&PIECES[..]).prop_map(str::to_owned),
        3 => vec(select(&PIECES[..]), 1..6).prop_map(|pieces| pieces.concat()),
        1 => ".{0,12}",
    ]
}

fn clean(input: &[String]) -> (Vec<String>, usize) {
    let mut output = input.to_vec();
    let changed = Redactor::standard().args(&mut output).changed.len();
    (output, changed)
}

proptest! {
    #![proptest_config(super::cases(2048))]

    #[test]
    fn twice_is_once(input in vec(argument(), 0..6)) {
        let (once, changed) = clean(&input);
        prop_assert_eq!(changed == 0, once == input);
        prop_assert_eq!(clean(&once), (once, 0));
    }

    #[test]
    fn originals_of_changed_arguments_are_returned(input in vec(argument(), 0..6)) {
        let mut args = input.clone();
        for (at, original) in Redactor::standard().take_from_args(&mut args) {
            args[usize::try_from(at).unwrap()] = original;
        }
        prop_assert_eq!(args, input);
    }

    #[test]
    fn what_is_no_secret_stays(input in vec(prop_oneof![
        select(&HARMLESS[..]).prop_map(str::to_owned),
        // Lacks letters that the names of secrets need.
        "[b-df-hjlmqu-xz0-9./=_, -]{0,24}",
    ], 0..8)) {
        prop_assert_eq!(clean(&input), (input, 0));
    }

    #[test]
    fn a_secret_in_a_known_form_goes(
        form in select(&FORMS[..]),
        secret in "[A-Za-z0-9]{10,24}",
        before in vec(select(&HARMLESS[..]), 0..3),
        inside in any::<bool>(),
    ) {
        let line = form.replace("SECRET", &secret);
        // The first argument is the program, whatever it looks like.
        let mut input: Vec<String> = ["true"].into_iter().chain(before).map(str::to_owned).collect();
        match line.split_once(' ') {
            // An option and its value are two arguments.
            Some((option, value)) if form.starts_with("--") => input.extend([option.into(), value.into()]),
            _ if inside => input.push(format!("run {line}")),
            _ => input.push(line),
        }
        let (output, changed) = clean(&input);
        prop_assert!(changed > 0 && !output.concat().contains(&secret), "{output:?}");
    }
}
