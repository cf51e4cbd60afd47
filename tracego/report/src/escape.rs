//! Texts of a process in other languages: Markdown and Mermaid. A process chooses its arguments, so each text is
//! hostile.

use std::fmt::Write as _;

use tracego_model::text::printable;

/// Returns a text as inline code of Markdown, also within a table. What stands in it is never Markdown, HTML, a link or
/// the mention of a user.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let text = printable(text);
    let is_plain = !text.contains(['`', '|', '\\', '$']) && text.trim() == text && !text.is_empty();
    if is_plain {
        return format!("`{text}`");
    }
    let mut out = String::from("<code>");
    push_entities(&mut out, &text, "");
    out.push_str("</code>");
    out
}

/// Returns a text as plain text of Markdown, also within a table. A user that it names is not notified.
#[must_use]
pub fn markdown_text(text: &str) -> String {
    let mut out = String::new();
    // Without a break, names of users and numbers of issues become links after the Markdown is read. Not in code.
    push_entities(&mut out, &printable(text), "&#8203;");
    out
}

/// Appends a text with all characters as entities that Markdown, HTML or GitHub could read as anything else. `end`:
/// what follows the sign of a user or an issue.
fn push_entities(out: &mut String, text: &str, end: &str) {
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '@' | '#' => {
                let _written = write!(out, "&#{};{end}", u32::from(c));
            }
            // A link begins with a scheme or with www.
            ':' => out.push_str("&#58;"),
            '.' if before.eq_ignore_ascii_case(&'w') => out.push_str("&#46;"),
            '`' | '|' | '\\' | '$' | '*' | '_' | '~' | '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>'
            | '&' | '!' | '"' | '^' | '\'' => {
                let _written = write!(out, "&#{};", u32::from(c));
            }
            _ => out.push(c),
        }
        before = c;
    }
}

/// Returns a text as the name of a bar of a Mermaid chart: letters, digits and a few signs. All else is a middle dot,
/// because colons, semicolons, hashes and keywords have a meaning, whatever stands around them.
#[must_use]
pub fn mermaid_name(text: &str, max: usize) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_./=+".contains(c);
    let mut name: String = text.chars().take(max).map(|c| if is_plain(c) { c } else { '·' }).collect();
    if text.chars().nth(max).is_some() {
        name.push('…');
    }
    // Two percent signs begin a comment, and two dashes an arrow elsewhere; a name never begins or ends with a space.
    name.trim().to_owned()
}

/// Returns the beginning of a text with at most `max` characters, and whether that is all.
#[must_use]
pub fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_readable_where_it_can_be() {
        assert_eq!(markdown_code("go build -o app ./..."), "`go build -o app ./...`");
        assert_eq!(markdown_code("<b> @user #1 https://x"), "`<b> @user #1 https://x`");
        assert_eq!(markdown_code("a|b"), "<code>a&#124;b</code>");
        assert_eq!(markdown_code("`id`"), "<code>&#96;id&#96;</code>");
        assert_eq!(markdown_code("\u{202e}x\n"), "<code>&#92;u&#123;202e&#125;x&#92;n</code>");
        assert_eq!(markdown_code(""), "<code></code>");
        assert_eq!(markdown_code(" x"), "<code> x</code>");
    }

    #[test]
    fn text_has_no_meaning() {
        assert_eq!(markdown_text("go run ./cmd/server was executed"), "go run ./cmd/server was executed");
        let text = markdown_text("</td><script>@me **b** [x](http://y) www.evil.org `c` |");
        assert!(!text.contains(['<', '>', '@', '*', '[', '(', '`', '|', ':']), "{text}");
        assert!(!text.contains("www."), "{text}");
    }

    #[test]
    fn a_bar_has_no_syntax() {
        assert_eq!(mermaid_name("go run ./cmd/server", 40), "go run ./cmd/server");
        assert_eq!(mermaid_name("a:b;c#d%%e\nf", 40), "a·b·c·d··e·f");
        assert_eq!(mermaid_name("abcdef", 3), "abc…");
    }
}
