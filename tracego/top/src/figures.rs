//! Numbers, rates, sizes and times for people.

use tracego_model::clock::Time;

/// Returns a number in at most five characters: `12345`, `123k`, `12M`.
pub(crate) fn count(number: u64) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..10_000_000 => format!("{}k", number / 1000),
        10_000_000..10_000_000_000 => format!("{}M", number / 1_000_000),
        _ => format!("{}G", number / 1_000_000_000),
    }
}

/// Returns a rate per second.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second >= 99.95 { format!("{per_second:.0}") } else { format!("{per_second:.1}") }
}

/// Returns a size; a dash for 0.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "K", "M", "G", "T"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    match (bytes, value) {
        (0, _) => "-".to_owned(),
        (_, small) if small < 10.0 && unit > 0 => format!("{small:.1}{}", units[unit]),
        (_, value) => format!("{value:.0}{}", units[unit]),
    }
}

/// Returns the time between two moments in its two largest units.
pub(crate) fn age(from: Time, to: Time) -> String {
    let seconds = to.0.saturating_sub(from.0).max(0) / 1_000_000_000;
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, s) => format!("{m}m{s:02}s"),
        (0, h, m, _) => format!("{h}h{m:02}m"),
        (d, h, ..) => format!("{d}d{h:02}h"),
    }
}

/// Returns the time of day in UTC.
pub(crate) fn time_of_day(time: Time) -> String {
    time.text().get(11..19).unwrap_or("-").to_owned()
}

/// Returns the day and the time in UTC.
pub(crate) fn day_and_time(time: Time) -> String {
    time.text().get(..19).unwrap_or("-").replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0, 99_999, 100_000, 12_345_678, u64::MAX].map(count),
            ["0", "99999", "100k", "12M", "18446744073G"]
        );
        assert_eq!([0.0, 12.34, 99.96, 1234.5].map(rate), ["0.0", "12.3", "100", "1234"]);
        assert_eq!([0, 999, 1500, 23_564_288, 1 << 40].map(size), ["-", "999B", "1.5K", "22M", "1.0T"]);
    }

    #[test]
    fn times_are_short() {
        let text = |seconds: i64| age(Time(0), Time(seconds * 1_000_000_000));
        assert_eq!([5, 65, 3660, 90_000].map(text), ["5s", "1m05s", "1h01m", "1d01h"]);
        assert_eq!(age(Time(9), Time(0)), "0s");
        let time = Time::parse("2026-11-25T02:11:46Z").unwrap();
        assert_eq!((&*time_of_day(time), &*day_and_time(time)), ("02:11:46", "2026-11-25 02:11:46"));
    }
}
