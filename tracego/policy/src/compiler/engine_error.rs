//! Error messages of the engine about modules.

/// Name of generated modules; errors in them have no location.
pub(super) const GENERATED: &str = "(generated)";

/// Formats an error of regorus in one line, without the excerpt from the module.
pub(crate) fn message(error: &anyhow::Error) -> String {
    match located(error) {
        (Some((path, line)), what) => format!("{path}:{line}: {what}"),
        (None, what) => what,
    }
}

/// Splits an error of regorus into location (path and line), if known, and message:
///
/// ```text
/// --> policy.rego:4:5
///   |
/// 4 |   x = y
///   |     ^
/// error: use of undefined variable `y` is unsafe
/// ```
pub(super) fn located(error: &anyhow::Error) -> (Option<(String, u32)>, String) {
    let text = error.to_string();
    let place = text.lines().find_map(|line| {
        let (path, rest) = line.trim_start().strip_prefix("--> ")?.split_once(':')?;
        let line = rest.split(':').next()?.trim().parse().ok()?;
        (path != GENERATED).then(|| (path.to_owned(), line))
    });
    let what = text.lines().find_map(|line| line.trim_start().strip_prefix("error: "));
    let what = what.map_or_else(|| text.lines().map(str::trim).collect::<Vec<_>>().join(" "), str::to_owned);
    (place, what)
}
