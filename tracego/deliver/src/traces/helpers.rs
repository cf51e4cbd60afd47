//! Compilers and linkers, folded into the go command that started them: a build has hundreds.

use std::time::Duration;

use opentelemetry::KeyValue;

/// Maximum number of kinds with counts of their own; `-toolexec` may start any number of programs.
const KINDS: usize = 16;
/// Kind that counts all others together.
const OTHER: &str = "other";

/// Counts of one kind of helper.
#[derive(Clone, Debug, Default)]
struct HelperKind {
    name: String,
    count: u32,
    failed: u32,
    time: Duration,
}

/// Helpers of one go command.
#[derive(Clone, Debug, Default)]
pub(super) struct Helpers(Vec<HelperKind>);

impl Helpers {
    /// Counts a helper that started. Returns the place to pass to [`ended`](Self::ended).
    pub(super) fn started(&mut self, executable: &str) -> usize {
        let plain = |name: &str| {
            let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
            (1..=32).contains(&name.len()) && name.bytes().all(letters)
        };
        let mut name = if plain(executable) { executable } else { OTHER };
        let find = |all: &[HelperKind], name: &str| all.iter().position(|kind| kind.name == name);
        if find(&self.0, name).is_none() && self.0.len() >= KINDS {
            name = OTHER;
        }
        let at = find(&self.0, name).unwrap_or_else(|| {
            self.0.push(HelperKind { name: name.to_owned(), ..HelperKind::default() });
            self.0.len() - 1
        });
        self.0[at].count = self.0[at].count.saturating_add(1);
        at
    }

    /// Counts the end of a helper of the kind at this place.
    pub(super) fn ended(&mut self, at: usize, time: Duration, failed: bool) {
        let Some(kind) = self.0.get_mut(at) else { return };
        kind.failed = kind.failed.saturating_add(u32::from(failed));
        kind.time = kind.time.saturating_add(time);
    }

    /// Returns `tracego.go.helpers.<name>.count`, `.failed` and `.run_time_ns`; without a name, those of all
    /// helpers.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut out = Vec::new();
        let mut put = |prefix: &str, count: u32, failed: u32, time: Duration| {
            out.push(KeyValue::new(format!("{prefix}.count"), i64::from(count)));
            if failed > 0 {
                out.push(KeyValue::new(format!("{prefix}.failed"), i64::from(failed)));
            }
            let time = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
            out.push(KeyValue::new(format!("{prefix}.run_time_ns"), time));
        };
        if !self.0.is_empty() {
            let sum = |of: fn(&HelperKind) -> u32| {
                self.0.iter().fold(0_u32, |all, kind| all.saturating_add(of(kind)))
            };
            let time = self.0.iter().fold(Duration::ZERO, |all, kind| all.saturating_add(kind.time));
            put("tracego.go.helpers", sum(|kind| kind.count), sum(|kind| kind.failed), time);
        }
        for kind in &self.0 {
            put(&format!("tracego.go.helpers.{}", kind.name), kind.count, kind.failed, kind.time);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_wrappers_makes_sixteen_kinds_and_one() {
        let mut helpers = Helpers::default();
        for n in 0..1000 {
            let at = helpers.started(&format!("wrapper-{n}"));
            helpers.ended(at, Duration::from_nanos(1), n % 2 == 0);
        }
        let odd = helpers.started("Ünïcode $(x)");
        helpers.ended(odd, Duration::from_nanos(1), false);
        helpers.ended(usize::MAX, Duration::MAX, true);
        let all = helpers.attributes();
        let value = |name: &str| {
            all.iter().find(|pair| pair.key.as_str() == name).map(|pair| pair.value.as_str().into_owned())
        };
        assert_eq!(value("tracego.go.helpers.count").as_deref(), Some("1001"));
        assert_eq!(value("tracego.go.helpers.failed").as_deref(), Some("500"));
        assert_eq!(value("tracego.go.helpers.run_time_ns").as_deref(), Some("1001"));
        assert_eq!(value("tracego.go.helpers.other.count").as_deref(), Some("985"));
        assert_eq!(helpers.0.len(), KINDS + 1);
    }
}
