//! Statistics and the printed table.

/// One row of the table.
pub(super) struct Row {
    /// The measured quantity.
    pub(super) name: String,
    /// The goal.
    pub(super) goal: &'static str,
    /// The measured value.
    pub(super) value: String,
}

/// Creates a row.
pub(super) fn row(name: impl Into<String>, goal: &'static str, value: impl Into<String>) -> Row {
    Row { name: name.into(), goal, value: value.into() }
}

/// Prints a Markdown table.
#[expect(clippy::print_stdout, reason = "the table is the product of this arm")]
pub(super) fn print(rows: &[Row], kernel: &str, cpus: usize, file_system: &str) {
    println!(
        "\nLinux {kernel}, {cpus} CPUs, records on {file_system}\n\n| | goal | measured |\n|---|---|---|"
    );
    for Row { name, goal, value } in rows {
        println!("| {name} | {goal} | {value} |");
    }
}

/// Returns the given percentile; sorts the values.
pub(super) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// Returns the median; sorts the values.
pub(super) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50)
}

/// Returns the lowest and the highest value.
pub(super) fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&mut [1.0, 2.0, 3.0, 4.0], 99), 4.0);
        assert_eq!(range(&[2.0, 1.0, 3.0]), (1.0, 3.0));
        assert!(median(&mut []).is_nan());
    }
}
