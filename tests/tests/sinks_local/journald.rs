pub(crate) const TESTS: &[(&str, super::Test)] = &[];
pub(crate) fn missing() -> Option<String> {
    None
}
