//! Helm templates as YAML.

/// Replaces the actions of Go templates by as many bytes of YAML: a line that holds nothing else becomes blank.
pub(in crate::document) fn without_templates(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut position = 0;
    while let Some(found) = plain.get(position..).and_then(|rest| memchr::memmem::find(rest, b"{{")) {
        let start = position + found;
        let rest = plain.get(start..).unwrap_or_default();
        let end = start + memchr::memmem::find(rest, b"}}").map_or(rest.len(), |end| end + 2);
        let before = plain.get(..start).unwrap_or_default();
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let behind = plain.get(end..).unwrap_or_default();
        let line_end = end + memchr::memchr(b'\n', behind).unwrap_or(behind.len());
        let is_blank = |range: std::ops::Range<usize>| {
            plain.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_whitespace))
        };
        // A line of actions alone has several, of which the earlier ones are blank by now.
        let rest_is_actions = is_blank(end..line_end) || behind.trim_ascii_start().starts_with(b"{{");
        let filler = if is_blank(line_start..start) && rest_is_actions { b' ' } else { b'_' };
        for byte in plain.get_mut(start..end).unwrap_or_default() {
            if *byte != b'\n' {
                *byte = filler;
            }
        }
        position = end;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_become_blank_or_text_of_the_same_length() {
        let template =
            "{{- if .Values.x }}\nimage: {{ .Values.image }}:{{ .Values.tag }}\n  {{ end }} {{ end }}\n";
        let plain = String::from_utf8(without_templates(template.as_bytes())).unwrap();
        assert_eq!(plain.len(), template.len());
        assert!(!plain.contains("{{"));
        assert!(plain.contains("\nimage: ___"));
        assert!(plain.starts_with("   ") && plain.ends_with(" \n"));
        assert_eq!(without_templates(b"{{ x"), b"    ");
    }
}
