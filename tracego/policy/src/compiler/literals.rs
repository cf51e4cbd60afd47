//! Checks of texts and numbers in the source.

use regorus::unstable::{Expr, Ref};

use crate::builtins;

/// Functions with the index of their regular expression.
const PATTERNS: [(&str, usize); 5] = [
    ("regex.find_all_string_submatch_n", 0),
    ("regex.find_n", 0),
    ("regex.match", 0),
    ("regex.replace", 1),
    ("regex.split", 0),
];

/// Returns the regular expression of a call and the reason why it is refused; `None` if it is not, or is known
/// only at evaluation.
pub(super) fn wrong_pattern(name: &str, params: &[Ref<Expr>]) -> Option<(String, String)> {
    let (_, index) = PATTERNS.iter().find(|(known, _)| *known == name)?;
    let (Expr::String { value, .. } | Expr::RawString { value, .. }) = &**params.get(*index)? else {
        return None;
    };
    let pattern = value.as_string().ok()?;
    builtins::pattern_refusal(pattern).map(|why| (pattern.to_string(), why))
}

/// Maximum number of digits of a number with a fraction that 64 bits hold exactly.
const DIGITS: usize = 15;

/// Returns the reason why a number is refused: OPA keeps its spelling and all its digits.
pub(super) fn wrong_number(text: &str) -> Option<&'static str> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let fits = text.parse::<u64>().is_ok();
        return (!fits).then_some("integers have at most 64 bits here");
    }
    if text.contains(['e', 'E']) {
        return Some("write the number without an exponent");
    }
    if text.ends_with('0') {
        return Some("write the number without zeros at its end");
    }
    (digits > DIGITS).then_some("numbers with a fraction have at most 15 digits here")
}
