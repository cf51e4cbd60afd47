//! Arguments and paths without what differs from run to run: folders of the job, temporary names, hashes, numbers.

use crate::history::{JobVariable, ReportedJob};

/// Folders whose entries have names that are chosen at random.
const TEMPORARY: [&str; 3] = ["/var/tmp/", "/tmp/", "/dev/shm/"];
/// Maximum length of a shape in characters.
const SHAPE_MAX: usize = 240;
/// Minimum number of hexadecimal digits that are a hash.
const HASH_MIN: usize = 8;
/// Minimum number of digits of a commit that is cut, as `git rev-parse --short` does.
const COMMIT_MIN: usize = 7;
/// Lengths of the groups of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The shape of a text of a process in a job.
pub(super) fn shape(text: &str, job: Option<&ReportedJob>) -> String {
    let mut text = text.to_owned();
    let commit = job.map_or("", |job| job.attribute("vcs.ref.head.revision"));
    if let Some(job) = job {
        for JobVariable { name, value } in &job.folders {
            text = with_folder(&text, value, name);
        }
        if commit.len() >= HASH_MIN {
            text = text.replace(commit, "$COMMIT");
        }
    }
    for folder in TEMPORARY {
        text = without_entry(&text, folder);
    }
    text = without_entry(&text, "$RUNNER_TEMP/");
    text = without_entry(&text, "$TMPDIR/");
    let folded = folded(&text, commit);
    crate::escape::shortened(&folded, SHAPE_MAX)
}

/// Returns a text with `$NAME` for a folder, where the folder is a whole path or followed by a slash.
fn with_folder(text: &str, value: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(value) {
        let (before, found) = rest.split_at(at);
        let after = &found[value.len()..];
        out.push_str(before);
        let goes_on = after.starts_with(|c: char| c.is_alphanumeric() || "_-.".contains(c));
        let is_part = before.ends_with(|c: char| c.is_alphanumeric() || "_-./".contains(c));
        if goes_on || is_part {
            out.push_str(value);
        } else {
            out.push('$');
            out.push_str(name);
        }
        rest = after;
    }
    out + rest
}

/// Returns a text with `*` for the entries of a folder.
fn without_entry(text: &str, folder: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let (before, found) = rest.split_at(at + folder.len());
        out.push_str(before);
        let ends = |c: char| c.is_whitespace() || "/'\":;,)".contains(c);
        let end = found.find(ends).unwrap_or(found.len());
        out.push_str(if end > 0 { "*" } else { "" });
        rest = &found[end..];
    }
    out + rest
}

/// Returns a text with signs for UUIDs, hashes, the beginning of the commit, random names and numbers.
fn folded(text: &str, commit: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !first.is_ascii_alphanumeric() {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if let Some(len) = uuid(rest) {
            out.push_str("<uuid>");
            rest = &rest[len..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        if out.ends_with("tmp.") || is_random(token) {
            out.push_str("<random>");
        } else if is_hash(token) || (token.len() >= COMMIT_MIN && commit.starts_with(token)) {
            out.push_str("<hash>");
        } else {
            push_without_numbers(&mut out, token);
        }
        rest = after;
    }
    out
}

fn push_without_numbers(out: &mut String, token: &str) {
    let mut is_number = false;
    for c in token.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !is_number {
            out.push_str("<n>");
        }
        is_number = c.is_ascii_digit();
    }
}

fn is_hash(token: &str) -> bool {
    token.len() >= HASH_MIN
        && token.bytes().all(|b| b.is_ascii_hexdigit())
        && token.bytes().any(|b| b.is_ascii_digit())
        && token.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether a token has capital and small letters and digits, as names of `mktemp` and hashes in base 64 have.
fn is_random(token: &str) -> bool {
    let has = |is: fn(&u8) -> bool| token.as_bytes().iter().any(is);
    // The six characters of the folders of rustc need not have a digit.
    let is_rustc = token.len() == 11 && token.starts_with("rustc");
    token.len() >= 10
        && (has(u8::is_ascii_digit) || is_rustc)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
}

/// Returns the length of the UUID that a text begins with.
fn uuid(text: &str) -> Option<usize> {
    let mut at = 0;
    for (n, len) in UUID.into_iter().enumerate() {
        if n > 0 {
            text.get(at..)?.strip_prefix('-')?;
            at += 1;
        }
        let group = text.get(at..at + len)?;
        group.bytes().all(|b| b.is_ascii_hexdigit()).then_some(())?;
        at += len;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> ReportedJob {
        let folder = |name, value: &str| JobVariable { name, value: value.to_owned() };
        let mut job = ReportedJob {
            folders: vec![
                folder("WORKSPACE", "/home/runner/work/project/project"),
                folder("RUNNER_TEMP", "/home/runner/work/_temp"),
                folder("HOME", "/home/runner"),
            ],
            ..ReportedJob::default()
        };
        job.attributes.insert("vcs.ref.head.revision", "0123456789abcdef0123456789abcdef01234567".to_owned());
        job
    }

    #[test]
    fn two_runs_have_one_shape() {
        let job = job();
        let shape = |text| shape(text, Some(&job));
        assert_eq!(shape("/home/runner/work/project/project/app"), "$WORKSPACE/app");
        assert_eq!(shape("-o=/home/runner/work/project/project"), "-o=$WORKSPACE");
        assert_eq!(shape("/home/runner/.cache"), "$HOME/.cache");
        assert_eq!(shape("/home/runners/x"), "/home/runners/x");
        assert_eq!(
            shape("/home/runner/work/_temp/5b1f9ad2-2e47-4f6e-8f4c-0c9c8f0b1a2b.sh"),
            "$RUNNER_TEMP/*"
        );
        assert_eq!(shape("cat /tmp/go-build123/b001/x.a"), "cat /tmp/*/b<n>/x.a");
        assert_eq!(shape("0123456789abcdef0123456789abcdef01234567"), "$COMMIT");
        assert_eq!(
            shape("target/debug/build/serde-0a1b2c3d4e5f6789/run"),
            "target/debug/build/serde-<hash>/run"
        );
        // The commit is cut: with letters, or by chance without, or with nothing else.
        assert_eq!(
            shape("docker build -t app:0123456 -t app:0123456789ab"),
            "docker build -t app:<hash> -t app:<hash>"
        );
        assert_eq!(shape("app:012345"), "app:<n>");
        assert_eq!(shape("5b1f9ad2-2e47-4f6e-8f4c-0c9c8f0b1a2b"), "<uuid>");
        assert_eq!(shape("./tmp.aBcDeF"), "./tmp.<random>");
        assert_eq!(shape("-L/x/rustcgtGQEx/raw"), "-L/x/<random>/raw");
        assert_eq!(shape("v1.21.3-rc2 --jobs=16"), "v<n>.<n>.<n>-rc<n> --jobs=<n>");
        assert_eq!(shape("deadbeef facade"), "deadbeef facade");
        assert_eq!(shape("\u{e4}\u{1f980} x"), "\u{e4}\u{1f980} x");
    }
}
