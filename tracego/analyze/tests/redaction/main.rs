//! `redact`: bounds, the operator's shapes, and variables, paths and texts. The command lines beside this file are
//! read by the unit tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;

use std::time::{Duration, Instant};

use tracego_analyze::redact::{LOOKED_AT_MAX, MARK, RedactSettings, Redaction, Redactor};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn operator(toml: &str) -> Redactor {
    let table: toml::Table = toml.parse().unwrap();
    Redactor::new(&RedactSettings::read(table.into()).unwrap()).unwrap()
}

#[test]
fn what_is_not_looked_at_is_replaced_and_counted() {
    let redactor = Redactor::standard();
    let mut args = texts(&["true", "a", "--token", "abc"]);
    args.insert(1, "b".repeat(LOOKED_AT_MAX - 5));
    let long = args.clone();
    let done = redactor.args(&mut args);
    assert_eq!(done, Redaction { changed: vec![3, 4], unread: 2 });
    assert_eq!(args, [&long[0], &long[1], &long[2], MARK, MARK]);
    assert_eq!(redactor.args(&mut args), Redaction::default());
    let mut text = "b".repeat(LOOKED_AT_MAX + 1);
    assert!(redactor.text(&mut text) && text == MARK);
}

#[test]
fn positions_are_those_of_the_changed_arguments() {
    let mut args = texts(&["curl", "-u", "me:pw", "-s", "https://u:p@h/", "x"]);
    assert_eq!(Redactor::standard().args(&mut args), Redaction { changed: vec![2, 4], unread: 0 });
}

#[test]
fn texts_with_very_many_secrets_are_replaced_whole() {
    let mut args = vec!["true".to_owned(), "https://b:c@h ".repeat(100)];
    Redactor::standard().args(&mut args);
    assert_eq!(args[1], MARK);
}

/// Texts that would take long if each sign, quote or prefix made the rest of the text be looked at.
#[test]
fn hostile_texts_take_linear_time() {
    let redactor = Redactor::standard();
    let mut slow = Vec::new();
    for pattern in hostile::HOSTILE {
        for shell in [false, true] {
            let text = pattern.repeat(24_000 / pattern.len());
            let mut args = match shell {
                true => vec!["sh".to_owned(), "-c".to_owned(), text.clone(), text],
                false => vec!["true".to_owned(), text.clone(), text],
            };
            let start = Instant::now();
            redactor.args(&mut args);
            // A quadratic step takes a minute without optimization.
            if start.elapsed() > Duration::from_secs(4) {
                slow.push(format!("{pattern}: {:?}", start.elapsed()));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

#[test]
fn the_name_of_a_variable_decides_first() {
    let redactor = Redactor::standard();
    for (name, value, wanted) in [
        ("DB_PASSWORD", "two words", MARK),
        ("API_TOKEN", "abc", MARK),
        ("API_TOKEN", "$OTHER", "$OTHER"),
        ("PWD", "/srv/app", "/srv/app"),
        ("PWD", "/", "/"),
        ("GOFLAGS", "-ldflags=-X=main.token=abc", "-ldflags=-X=main.token=[tracego:redacted]"),
        ("CI_REPOSITORY_URL", "https://a:b@h/r", "https://a:[tracego:redacted]@h/r"),
        ("HTTP_AUTH", "me:pw", "me:[tracego:redacted]"),
        (
            "GITHUB_SHA",
            "0123456789abcdef0123456789abcdef01234567",
            "0123456789abcdef0123456789abcdef01234567",
        ),
    ] {
        let mut text = value.to_owned();
        assert_eq!(redactor.variable(name, &mut text), value != wanted, "{name}");
        assert_eq!(text, wanted, "{name}");
        assert!(!redactor.variable(name, &mut text), "{name}: twice");
    }
}

#[test]
fn paths_keep_all_but_tokens_and_credentials() {
    let redactor = Redactor::standard();
    let token = format!("glpat-{}", "a1B2".repeat(5));
    for (path, wanted) in [
        ("/usr/bin/true".to_owned(), "/usr/bin/true".to_owned()),
        ("/srv/secret/token.go".to_owned(), "/srv/secret/token.go".to_owned()),
        (format!("/builds/{token}/x"), format!("/builds/{MARK}/x")),
        ("/srv/password=hunter2/x".to_owned(), format!("/srv/password={MARK}/x")),
        ("/srv/https://u:p@h/x".to_owned(), format!("/srv/https://u:{MARK}@h/x")),
        ("memfd:token (deleted)".to_owned(), "memfd:token (deleted)".to_owned()),
        ("/home/a@b:c/x".to_owned(), "/home/a@b:c/x".to_owned()),
    ] {
        let mut text = path.clone();
        assert_eq!(redactor.path(&mut text), path != wanted, "{path}");
        assert_eq!(text, wanted);
    }
}

#[test]
fn the_operator_adds_and_removes_shapes() {
    let redactor = operator(
        "remove = [\"mysql\", \"github\"]\n\
         add = [{ name = \"a\", names = [\"acme-pin\"] },\n\
                { name = \"b\", prefixes = [\"acme_\"], body = \"a-z0-9\", parts = [8] },\n\
                { name = \"c\", commands = [\"acmectl\"], within = [\"login\"], options = [\"-k\"] }]",
    );
    let token = format!("ghp_{}", "a1".repeat(18));
    let mut args =
        texts(&["mysql", "-px", &token, "ACME_PIN=12ab", "--acme-pin", "q", "acme_12345678", "acme_1"]);
    redactor.args(&mut args);
    let wanted = ["mysql", "-px", &token, "ACME_PIN=[tracego:redacted]", "--acme-pin", MARK, MARK, "acme_1"];
    assert_eq!(args, wanted);
    let mut args = texts(&["acmectl", "login", "-k", "abc"]);
    redactor.args(&mut args);
    assert_eq!(args[3], MARK);
}

#[test]
fn texts_outside_of_command_lines_are_redacted_too() {
    let redactor = Redactor::standard();
    for (text, wanted) in [
        ("-X main.apiToken=abc -X main.version=1", "-X main.apiToken=[tracego:redacted] -X main.version=1"),
        ("was started by mysql --password=a b", "was started by mysql --password=[tracego:redacted] b"),
        ("a process claims 0123456789abcdef", "a process claims 0123456789abcdef"),
    ] {
        let mut value = text.to_owned();
        assert_eq!(redactor.text(&mut value), text != wanted);
        assert_eq!(value, wanted);
    }
}
