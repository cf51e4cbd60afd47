//! Comments that allow a finding: `tracego:allow TG001 until=2027-01-31 reason`.

mod statement;

use std::sync::Arc;

use tracego_analyze::rules::registry;

use crate::source::SourceFile;

/// Maximum length of a line with a suppression, in bytes.
const MAX_LINE: usize = 4096;
/// Maximum number of lines of comments between a suppression and its line.
const MAX_COMMENT: usize = 64;

/// The word that begins a suppression.
const MARKER: &[u8] = b"tracego:allow";
/// Beginnings of comments in the languages that are read.
const COMMENTS: [&str; 7] = ["#", "//", "/*", ";", "--", "<!--", "*"];

/// A comment that allows findings on its line, or in the statement that begins on the next line that is no comment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Suppression {
    /// Line of the comment.
    pub line: usize,
    /// First line of the statement that the comment is about.
    pub target: usize,
    /// Last line of the statement.
    pub last: usize,
    /// Ids of rules.
    pub rules: Vec<String>,
    /// Last day on which the suppression holds.
    pub until: Option<String>,
    /// Reason.
    pub reason: String,
    /// Mistake in the comment.
    pub mistake: Option<String>,
}

/// A comment that suppresses nothing, and why.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct SuppressionProblem {
    /// Path.
    pub path: String,
    /// Line of the comment.
    pub line: usize,
    /// Description.
    pub message: String,
}

impl Suppression {
    /// Returns the suppressions of a file.
    #[must_use]
    pub fn all(file: &SourceFile) -> Vec<Self> {
        let mut found = Vec::new();
        let mut done = 0;
        for offset in memchr::memmem::find_iter(file.bytes(), MARKER) {
            // One comment in a line, which is no longer than a person writes.
            if offset < done {
                continue;
            }
            let line = file.line_number(offset);
            done = file.line_range(line).end;
            if file.line(line).len() > MAX_LINE {
                continue;
            }
            let text = String::from_utf8_lossy(file.line(line)).into_owned();
            let Some((before, behind)) = text.split_once("tracego:allow") else { continue };
            let before = before.trim_end();
            let Some(comment) = COMMENTS.iter().find(|comment| before.ends_with(*comment)) else { continue };
            let is_alone = before.trim_end_matches(*comment).trim().is_empty();
            let target = if is_alone { next_line(file, line) } else { line };
            let last = statement::last_line(file, target);
            found.push(Self { last, ..Self::parse(behind, line, target) });
        }
        found
    }

    fn parse(text: &str, line: usize, target: usize) -> Self {
        let text = text.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        let mut words = text.split_whitespace();
        let rules: Vec<String> = words
            .next()
            .unwrap_or_default()
            .split(',')
            .map(str::to_owned)
            .filter(|id| !id.is_empty())
            .collect();
        let mut until = None;
        let mut reason: Vec<&str> = Vec::new();
        for word in words {
            let bare = word.trim_matches(['(', ')', ',', ';']);
            match bare.strip_prefix("until=").or_else(|| bare.strip_prefix("until:")) {
                Some(day) => until = Some(day.to_owned()),
                None => reason.push(word),
            }
        }
        let unknown = rules.iter().find(|id| registry::find(id).is_none());
        let mistake = match () {
            () if rules.is_empty() => Some("it names no rule: tracego:allow TG001 reason".to_owned()),
            () if unknown.is_some() => {
                unknown.map(|id| format!("there is no rule {id}; {}", registry::nearest_id(id)))
            }
            () if !reason.iter().any(|word| word.contains(char::is_alphabetic)) => {
                Some("it gives no reason: tracego:allow TG001 reason".to_owned())
            }
            () if until.as_deref().is_some_and(|day| !is_day(day)) => {
                Some("until is not a day as in until=2027-01-31".to_owned())
            }
            () => None,
        };
        Self { line, target, last: target, rules, until, reason: reason.join(" "), mistake }
    }

    /// Whether the suppression is about a finding of a rule in lines from `start` to `end`.
    #[must_use]
    pub fn covers(&self, rule: &str, name: &str, start: usize, end: usize, today: &str) -> bool {
        let is_named =
            self.rules.iter().any(|id| id.eq_ignore_ascii_case(rule) || id.eq_ignore_ascii_case(name));
        let is_there = start <= self.last && self.target <= end || (start..=end).contains(&self.line);
        self.mistake.is_none() && is_named && is_there && !self.is_over(today)
    }

    /// Whether the last day of the suppression is over.
    #[must_use]
    pub fn is_over(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }
}

impl SuppressionProblem {
    /// Returns the suppressions that did nothing.
    #[must_use]
    pub fn of(all: &[Suppression], used: &[bool], path: &Arc<str>, today: &str) -> Vec<Self> {
        let unused = all.iter().zip(used).filter(|(_, used)| !**used).map(|(suppression, _)| suppression);
        let problem = |suppression: &Suppression| {
            let ids = suppression.rules.join(",");
            let message = match &suppression.mistake {
                Some(mistake) => format!("the suppression is ignored: {mistake}"),
                None if suppression.is_over(today) => {
                    let until = suppression.until.as_deref().unwrap_or_default();
                    format!("the suppression of {ids} ended on {until}")
                }
                None => format!("the suppression of {ids} suppresses nothing; remove it"),
            };
            Self { path: path.to_string(), line: suppression.line, message }
        };
        unused.map(problem).collect()
    }
}

/// Returns the first line behind `line` that is no comment.
fn next_line(file: &SourceFile, line: usize) -> usize {
    let is_comment = |number: &usize| {
        let text = file.line(*number).trim_ascii();
        text.is_empty()
            || COMMENTS.iter().any(|comment| *comment != "*" && text.starts_with(comment.as_bytes()))
    };
    (line + 1..=file.line_count()).take(MAX_COMMENT).find(|number| !is_comment(number)).unwrap_or(line)
}

/// Whether a text is a day such as `2027-01-31`.
pub(crate) fn is_day(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| parts.next().filter(|part| part.len() == digits)?.parse::<u16>().ok();
    let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else { return false };
    let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
    let day = u8::try_from(day).unwrap_or_default();
    month.is_some_and(|month| time::Date::from_calendar_date(i32::from(year), month, day).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Suppression> {
        Suppression::all(&SourceFile::new("x", text.into()))
    }

    #[test]
    fn a_comment_is_about_its_line_or_the_next() {
        let found = all(
            "# tracego:allow TG001 it is a tool\n# more\ngo run ./x\ngo run ./y # tracego:allow go-run,TG004 until=2027-01-31 ok\n",
        );
        assert_eq!((found[0].line, found[0].target), (1, 3));
        assert_eq!((found[1].line, found[1].target), (4, 4));
        assert!(found[0].covers("TG001", "go-run", 3, 3, "2026-01-01"));
        assert!(!found[0].covers("TG004", "x", 3, 3, "2026-01-01"));
        assert!(found[1].covers("TG001", "go-run", 4, 4, "2027-01-31"));
        assert!(!found[1].covers("TG001", "go-run", 4, 4, "2027-02-01"));
    }

    #[test]
    fn mistakes_are_reported() {
        for (text, part) in [
            ("// tracego:allow", "no rule"),
            ("// tracego:allow TG001", "no reason"),
            ("// tracego:allow TG0001 x", "TG001"),
            ("// tracego:allow TG001 until=soon x", "day"),
        ] {
            assert!(all(text)[0].mistake.as_ref().unwrap().contains(part), "{text}");
        }
        assert!(all("s = \"tracego:allow TG001 x\"").is_empty());
    }
}
