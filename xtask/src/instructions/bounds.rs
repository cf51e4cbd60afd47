//! The committed figures, and how far new ones may be from them.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::shell;

/// Largest difference, in percent of the committed figure. Two runs of one build differ by 0.02 %.
const PERCENT: f64 = 3.0;

/// Instructions by name of the work.
pub(super) type Figures = BTreeMap<String, u64>;

/// The committed figures.
#[derive(Deserialize, Serialize)]
pub(super) struct Bounds {
    pub(super) place: Place,
    pub(super) figures: Figures,
}

/// Everything outside of the repository that figures depend on.
#[derive(Deserialize, PartialEq, Serialize)]
pub(super) struct Place {
    architecture: String,
    compiler: String,
    libc: String,
}

impl Place {
    /// Returns the place of this run.
    pub(super) fn here() -> Result<Self> {
        let libc = shell::output(Command::new("getconf").arg("GNU_LIBC_VERSION"));
        Ok(Self {
            architecture: std::env::consts::ARCH.to_owned(),
            compiler: shell::output(Command::new("rustc").arg("--version"))?,
            libc: libc.unwrap_or_else(|_| "not glibc".to_owned()),
        })
    }

    /// Returns how another place differs; `None` if figures of both can be compared.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let pairs = [
            (&self.architecture, &other.architecture),
            (&self.compiler, &other.compiler),
            (&self.libc, &other.libc),
        ];
        let (was, is) = pairs.into_iter().find(|(was, is)| was != is)?;
        Some(format!("the bounds are for {was}, and this is {is}"))
    }
}

impl Bounds {
    /// Returns a sentence for each figure that is too far from the committed one, missing or new.
    pub(super) fn differences(&self, now: &Figures) -> Vec<String> {
        let known = self.figures.iter().filter_map(|(name, &was)| match now.get(name) {
            None => Some(format!("{name}: is no longer measured")),
            Some(&now) => {
                let percent = (now as f64 - was as f64) / was.max(1) as f64 * 100.0;
                let what = if percent > 0.0 { "has grown" } else { "has fallen, so its bound is too high" };
                (percent.abs() > PERCENT).then(|| {
                    format!("{name}: {what}: {was} instructions before, {now} now ({percent:+.1} %)")
                })
            }
        });
        let new = now.keys().filter(|name| !self.figures.contains_key(*name));
        known.chain(new.map(|name| format!("{name}: has no bound"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(compiler: &str) -> Place {
        Place { architecture: "x86_64".into(), compiler: compiler.into(), libc: "glibc 2.36".into() }
    }

    fn figures(of: &[(&str, u64)]) -> Figures {
        of.iter().map(|&(name, figure)| (name.to_owned(), figure)).collect()
    }

    #[test]
    fn growth_beyond_the_bound_is_named_with_both_figures() {
        let bounds =
            Bounds { place: place("1.95"), figures: figures(&[("replay", 100_000), ("otlp", 2000)]) };
        assert_eq!(
            bounds.differences(&figures(&[("replay", 102_900), ("otlp", 1941)])),
            Vec::<String>::new()
        );
        let grown = bounds.differences(&figures(&[("replay", 103_100), ("otlp", 2000)]));
        assert_eq!(grown, ["replay: has grown: 100000 instructions before, 103100 now (+3.1 %)"]);
        let fallen = bounds.differences(&figures(&[("replay", 100_000), ("otlp", 1900)]));
        assert_eq!(
            fallen,
            ["otlp: has fallen, so its bound is too high: 2000 instructions before, 1900 now (-5.0 %)"]
        );
    }

    #[test]
    fn work_that_comes_or_goes_is_a_difference() {
        let bounds = Bounds { place: place("1.95"), figures: figures(&[("replay", 1)]) };
        assert_eq!(
            bounds.differences(&figures(&[("redaction", 1)])),
            ["replay: is no longer measured", "redaction: has no bound"]
        );
    }

    #[test]
    fn figures_of_another_compiler_are_not_compared() {
        assert_eq!(place("1.95").difference(&place("1.95")), None);
        let why = place("1.95").difference(&place("1.96"));
        assert_eq!(why.as_deref(), Some("the bounds are for 1.95, and this is 1.96"));
    }
}
