//! Removes secrets from arguments before anything is written; on unless `--raw-args` is given.
//!
//! Recognised are option names (`--token=…`, `--password …`), assignments (`DB_PASSWORD=…`), headers, URLs
//! with credentials, and token formats of well-known issuers. This is a net, not a proof: a secret in an
//! unknown form passes.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// The replacement for a secret.
pub const MARK: &str = "[tracego:redacted]";

/// Pattern of the words that mark an option or variable as a secret when its name ends with them.
const SECRET: &str = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|secret[-_]?key|private[-_]?key|auth[-_]?key|credentials?|client[-_]?secret)";

/// Patterns of which a text with a secret contains at least one. Most arguments are decided by this one pass.
static HINTS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)pass|pwd|secret|token|key|credential|authorization|bearer",
        r"://[^/]*@",
        r"gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|A[KS]IA|eyJ|sk-|sk_|AIza|hvs\.|npm_|pypi-|dckr_pat_",
    ])
    .ok()
});

/// Assignments `NAME=value`, `--name=value` and `--name:value`, also inside a longer text.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r#"(?i)((?:^|[\s;&?'",{{-])(?:[a-z0-9_.-]*[._-])?{SECRET}["']?\s?[=:]\s?["']?)([^\s"'&;,}}]+)"#
    ))
    .ok()
});

/// Options whose value is the next argument.
static OPTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)^--?(?:[a-z0-9-]*[.-])?{SECRET}$")).ok());

/// Assignments to upper-case variables with joined words: `DBPASSWORD=…`, `MYSQL_PWD=…`.
static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b([A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|PWD_?|APIKEY|API_KEY)=)([^\s;&]+)").ok()
});

/// Authorization headers, up to the end of the value.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)((?:authorization|x-api-key|private-token|job-token|x-auth-token)\s*:\s*(?:(?:bearer|basic|token)\s+)?)([^\s'\x22]+)").ok()
});

/// Credentials in URLs: `scheme://user:password@` and `scheme://token@`. `git@host` without a scheme is no
/// secret, and neither is a user name alone in ssh.
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)([a-z][a-z0-9+.-]*://(?:[^/\s:@]*:)?)([^/\s@]+)@").ok());

/// Tokens that are known by their format. The `+` covers glued tokens, which have no word boundary between
/// them.
static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}",
        r"|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}",
        r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+|sk-(?:[a-z]+-)*[A-Za-z0-9_-]{20,}",
        r"|sk_live_[A-Za-z0-9]{16,}|hvs\.[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}",
        r"|dckr_pat_[A-Za-z0-9_-]{20,})+",
    ))
    .ok()
});

/// Redacts the arguments of one process. Returns the number of changed arguments.
pub fn args(args: &mut [String]) -> u32 {
    let mut changed = 0;
    let mut secret_next = false;
    let curl = args.first().is_some_and(|program| program.rsplit('/').next() == Some("curl"));
    for arg in args.iter_mut() {
        if std::mem::take(&mut secret_next) && !arg.starts_with("--") {
            let new = match arg.split_once(':') {
                // curl -u USER:PASSWORD: the user name stays.
                Some((user, _)) if curl && arg != MARK => format!("{user}:{MARK}"),
                _ => MARK.to_owned(),
            };
            changed += u32::from(*arg != new);
            *arg = new;
            continue;
        }
        let user = curl && matches!(arg.as_str(), "-u" | "--user" | "-U" | "--proxy-user");
        secret_next = user || (arg.starts_with('-') && OPTION.as_ref().is_some_and(|re| is_option(re, arg)));
        changed += u32::from(text(arg));
    }
    changed
}

/// Whether an argument is an option with a secret value. `--no-password` and the like take no value.
fn is_option(option: &Regex, arg: &str) -> bool {
    !arg.starts_with("--no-") && option.is_match(arg)
}

/// Redacts one text. Returns whether the text changed.
pub fn text(text: &mut String) -> bool {
    if HINTS.as_ref().is_some_and(|hints| !hints.is_match(text)) {
        return false;
    }
    let mut changed = false;
    for _ in 0..PASSES {
        if !pass(text) {
            break;
        }
        changed = true;
    }
    changed
}

/// Maximum number of passes over one text. A mark is a word boundary where the secret was none, so the text
/// next to it may match only in the next pass. Bounded, since the text is untrusted.
const PASSES: u32 = 4;

/// Applies every pattern once. Returns whether the text changed.
fn pass(text: &mut String) -> bool {
    let mut changed = false;
    for (pattern, with) in [
        (&URL, format!("${{1}}{MARK}@")),
        (&HEADER, format!("${{1}}{MARK}")),
        (&ASSIGNED, format!("${{1}}{MARK}")),
        (&VARIABLE, format!("${{1}}{MARK}")),
        (&SHAPE, MARK.to_owned()),
    ] {
        let Some(pattern) = pattern.as_ref() else { continue };
        if !pattern.is_match(text) {
            continue;
        }
        let new = pattern.replace_all(text, |found: &regex::Captures<'_>| replacement(found, &with));
        if new != *text {
            changed = true;
            *text = new.into_owned();
        }
    }
    changed
}

/// Returns the replacement, or the text itself if it is no secret.
fn replacement(found: &regex::Captures<'_>, with: &str) -> String {
    let value = found.get(2).map_or("", |m| m.as_str());
    let front = found.get(1).map_or("", |m| m.as_str());
    // Already redacted; a reference such as `$TOKEN`; a user name alone in an ssh URL.
    let harmless = value.starts_with("[tracego")
        || front.ends_with("[tracego:")
        || value.starts_with('$')
        || (front.starts_with("ssh://") && !front.ends_with(':'));
    if harmless && !value.is_empty() {
        return found.get(0).map_or("", |m| m.as_str()).to_owned();
    }
    let mut out = String::new();
    found.expand(with, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(input: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = input.iter().map(|&a| a.to_owned()).collect();
        args(&mut all);
        all
    }

    #[test]
    fn secrets_go_and_their_names_stay() {
        let m = MARK;
        for (input, wanted) in [
            (vec!["x", "--token=abc"], vec!["x".into(), format!("--token={m}")]),
            (
                vec!["x", "--github-token", "abc", "y"],
                vec!["x".into(), "--github-token".into(), m.into(), "y".into()],
            ),
            (vec!["mysql", "--password=p@ss word"], vec!["mysql".into(), format!("--password={m} word")]),
            (vec!["x", "password=hunter2"], vec!["x".into(), format!("password={m}")]),
            (
                vec!["env", "DB_PASSWORD=x", "MYSQL_PWD=y"],
                vec!["env".into(), format!("DB_PASSWORD={m}"), format!("MYSQL_PWD={m}")],
            ),
            (
                vec!["git", "clone", "https://u:p@h/r"],
                vec!["git".into(), "clone".into(), format!("https://u:{m}@h/r")],
            ),
            (
                vec!["git", "clone", "https://tok3n@h/r"],
                vec!["git".into(), "clone".into(), format!("https://{m}@h/r")],
            ),
            (
                vec!["curl", "-u", "me:pw", "h"],
                vec!["curl".into(), "-u".into(), format!("me:{m}"), "h".into()],
            ),
            (
                vec!["curl", "-H", "Authorization: Bearer abc"],
                vec!["curl".into(), "-H".into(), format!("Authorization: Bearer {m}")],
            ),
            (
                vec!["curl", "-H", "PRIVATE-TOKEN: abc"],
                vec!["curl".into(), "-H".into(), format!("PRIVATE-TOKEN: {m}")],
            ),
            (vec!["x", "ghp_0123456789012345678901234567890123456789"], vec!["x".into(), m.into()]),
            (vec!["x", "AKIAIOSFODNN7EXAMPLE"], vec!["x".into(), m.into()]),
            (
                vec!["x", "AKIAIOSFODNN7EXAMPLEghp_0123456789012345678901234567890123456789"],
                vec!["x".into(), m.into()],
            ),
            (
                vec!["sh", "-c", "API_KEY=abc ./run"],
                vec!["sh".into(), "-c".into(), format!("API_KEY={m} ./run")],
            ),
            (
                vec!["curl", "https://h/?access_token=abc&x=1"],
                vec!["curl".into(), format!("https://h/?access_token={m}&x=1")],
            ),
        ] {
            assert_eq!(clean(&input), wanted);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for input in [
            vec!["x", "--token-file=/run/t"],
            vec!["x", "--password-file", "/run/p"],
            vec!["x", "--no-password", "y"],
            vec!["git", "clone", "git@host:o/r.git"],
            vec!["git", "clone", "ssh://git@host/o/r.git"],
            vec!["git", "commit", "--author", "A <a@b>"],
            vec!["go", "build", "token.go", "./pkg/secret"],
            vec!["ls", "/etc/passwd", "keyboard"],
            vec!["x", "--keyring", "y", "--tokenizer=bpe"],
        ] {
            assert_eq!(clean(&input), input);
        }
    }

    #[test]
    fn twice_is_once() {
        let mut all = clean(&["x", "--token=abc", "https://u:p@h/r", "https://tok3n@h/r"]);
        let once = all.clone();
        args(&mut all);
        assert_eq!(all, once);
    }
}
