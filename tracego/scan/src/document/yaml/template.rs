//! Helm templates as YAML.

/// Replaces the actions of Go templates by as many bytes of YAML: a line that holds nothing else becomes blank.
pub(in crate::document) fn without_templates(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut position = 0;
    // Whether the line has had nothing but blanks and actions so far.
    let mut is_blank = true;
    while let Some(found) = plain.get(position..).and_then(|rest| memchr::memmem::find(rest, b"{{")) {
        let start = position + found;
        for byte in plain.get(position..start).unwrap_or_default() {
            is_blank = *byte == b'\n' || is_blank && byte.is_ascii_whitespace();
        }
        let rest = plain.get(start..).unwrap_or_default();
        let end = start + memchr::memmem::find(rest, b"}}").map_or(rest.len(), |end| end + 2);
        let mut behind = plain.get(end..).unwrap_or_default().iter();
        let next = behind.find(|byte| **byte == b'\n' || !byte.is_ascii_whitespace());
        // An action behind this one is looked at in its turn; a text makes the line one.
        let ends_line = next.is_none_or(|byte| matches!(byte, b'\n' | b'{'));
        let filler = if is_blank && ends_line { b' ' } else { b'_' };
        is_blank &= ends_line;
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
