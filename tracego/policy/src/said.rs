//! What the engine says about a module.

/// Name of modules that are made here; what is said about them has no place.
pub(super) const GENERATED: &str = "(generated)";

/// What regorus says, without the lines of the module.
pub(super) fn message(error: &anyhow::Error) -> String {
    match located(error) {
        (Some((path, line)), what) => format!("{path}:{line}: {what}"),
        (None, what) => what,
    }
}

/// Place and text of what regorus says:
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
