//! TG008: what Go takes from the machine, compared with what its cgroup allows.

use tracego_golang::Build;
use tracego_model::{
    finding::Severity::{High, Low, Medium},
    input::facts::CgroupLimits,
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG008.
pub const RULE: Rule = Rule {
    id: "TG008",
    name: "scheduler-limits",
    title: "GOMAXPROCS or GOMEMLIMIT that do not fit the cgroup",
    summary: "A Go program runs more threads, or lets its heap grow further, than its cgroup allows: the kernel \
              stops it for the rest of each period, or kills it, where the runtime could have held back.",
    remedy: "Build with Go 1.25 or newer, which follows the CPU quota, or set GOMAXPROCS; set GOMEMLIMIT to \
             about 90 percent of the memory limit.",
    reference: "https://go.dev/doc/gc-guide#Memory_limit",
    variants: &[
        Variant {
            name: "quota-ignored",
            grades: Grades::production(Medium, Low),
            summary: "GOMAXPROCS is not set, and the Go that built the program takes all CPUs of the machine \
                      whatever the CPU quota is: any before 1.25, and newer ones for a go.mod that says so.",
            remedy: "Build with Go 1.25 and a go line of 1.25 in go.mod, or set GOMAXPROCS to the CPU quota.",
        },
        Variant {
            name: "above-quota",
            grades: Grades::production(Medium, Low),
            summary: "GOMAXPROCS is set to more than the CPU quota.",
            remedy: "Set GOMAXPROCS to the CPU quota, rounded up, or leave it to Go 1.25.",
        },
        Variant {
            name: "below-quota",
            grades: Grades::always(Low),
            summary: "GOMAXPROCS is set to less than half of what the CPU quota and the machine give.",
            remedy: "Set GOMAXPROCS to the CPU quota, rounded up, or lower the quota.",
        },
        Variant {
            name: "memory-above-limit",
            grades: Grades::production(High, Medium),
            summary: "GOMEMLIMIT is above the memory limit: the kernel kills before the collector holds back.",
            remedy: "Set GOMEMLIMIT to about 90 percent of the memory limit.",
        },
        Variant {
            name: "memory-headroom",
            grades: Grades::always(Low),
            summary: "GOMEMLIMIT leaves less of the memory limit than the configuration asks for to what Go does \
                      not count.",
            remedy: "Set GOMEMLIMIT to about 90 percent of the memory limit.",
        },
        Variant {
            name: "memory-unset",
            grades: Grades::always(Low),
            summary: "Memory is limited, the configuration asks for GOMEMLIMIT, and it is not set.",
            remedy: "Set GOMEMLIMIT to about 90 percent of the memory limit.",
        },
        Variant {
            name: "memory-malformed",
            grades: Grades::always(Medium),
            summary: "GOMEMLIMIT is no number of bytes: the program ends at its start.",
            remedy: "Write GOMEMLIMIT as a number with B, KiB, MiB, GiB or TiB behind it, or off.",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// The first Go release that follows the CPU quota (go.dev/doc/go1.25, "Container-aware GOMAXPROCS").
const FOLLOWS_QUOTA: (u32, u32, u32) = (1, 25, 0);
/// The first Go release with GOMEMLIMIT.
const HAS_MEMORY_LIMIT: (u32, u32, u32) = (1, 19, 0);
/// Libraries that set GOMAXPROCS, and in the next line GOMEMLIMIT, from the cgroup at start.
const FOLLOWS_BY_LIBRARY: &str = "go.uber.org/automaxprocs";
const LIMITS_BY_LIBRARY: &str = "github.com/KimMachineGun/automemlimit";

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let (Some(build), Some(limits)) = (subject.build(), subject.surroundings.and_then(|s| s.limits)) else {
        return;
    };
    if !subject.is_own_program() || !subject.knows_environment() {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    let thresholds = report.thresholds();
    let cases = [
        cpus(subject, build, limits),
        memory(subject, build, limits, thresholds.memory_headroom, thresholds.memory_limit),
    ];
    for case in cases.into_iter().flatten() {
        report.add(case.with("process.runtime.version", &build.version), place, &scope_target);
    }
}

fn cpus(subject: &Subject<'_>, build: &Build, limits: CgroupLimits) -> Option<FindingCase> {
    let quota = limits.cpu_millis?;
    // `None` means that the CPUs could not be counted.
    let machine = Some(u64::from(limits.cpus)).filter(|cpus| *cpus > 0);
    // The same as Go 1.25 computes: the quota rounded up, at least two, at most the CPUs of the machine.
    let fits = quota.div_ceil(1000).max(2).min(machine.unwrap_or(u64::MAX));
    let evidence = |case: FindingCase| {
        case.with("cgroup.cpu_quota", format!("{}.{:03}", quota / 1000, quota % 1000))
            .with_some("cpus", machine.map(|cpus| cpus.to_string()))
    };
    // Go takes a value that is no number above 0 as unset (runtime.schedinit).
    let set = subject.variable("GOMAXPROCS").and_then(|value| value.parse::<i32>().ok());
    let set = set.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0);
    let Some(set) = set else {
        let ignored =
            !follows_quota(subject, build)? && !depends(build, FOLLOWS_BY_LIBRARY) && machine? > fits;
        let message =
            format!("{} runs Go code on {} CPUs under a quota of {}", build.version, machine?, cpu(quota));
        return ignored.then(|| evidence(FindingCase::new("quota-ignored", message)));
    };
    let message = |word| format!("GOMAXPROCS is {set}, {word} the CPU quota of {}", cpu(quota));
    // A library sets it only where the environment does not (automaxprocs honours GOMAXPROCS).
    let case = if set > fits {
        FindingCase::new("above-quota", message("above"))
    } else if set * 2 < quota.div_ceil(1000).min(machine.unwrap_or(u64::MAX)) {
        FindingCase::new("below-quota", message("less than half of"))
    } else {
        return None;
    };
    Some(evidence(case.with("GOMAXPROCS", set.to_string())))
}

fn cpu(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        (millis / 1000).to_string()
    } else {
        format!("{:.2}", millis as f64 / 1000.0)
    }
}

/// Whether Go itself follows the quota; `None` for a version that is no release. GODEBUG of the process wins
/// over the default that the go line of go.mod set at build time.
fn follows_quota(subject: &Subject<'_>, build: &Build) -> Option<bool> {
    if build.release()? < FOLLOWS_QUOTA {
        return Some(false);
    }
    let debug = [subject.variable("GODEBUG"), build.setting("DefaultGODEBUG")];
    Some(debug.into_iter().flatten().find_map(|list| debug_setting(list, "containermaxprocs")) != Some("0"))
}

/// Returns a setting of a GODEBUG list; the last of a name wins (internal/godebug).
fn debug_setting<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.rsplit(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn depends(build: &Build, module: &str) -> bool {
    build.dependencies.iter().any(|dependency| dependency.path == module)
}

fn memory(
    subject: &Subject<'_>,
    build: &Build,
    limits: CgroupLimits,
    headroom: u64,
    required: bool,
) -> Option<FindingCase> {
    if build.release().is_some_and(|release| release < HAS_MEMORY_LIMIT) {
        return None;
    }
    let set = subject.variable("GOMEMLIMIT");
    let bytes = match set.map(memory_limit) {
        Some(Some(bytes)) => bytes,
        Some(None) => {
            let message = "GOMEMLIMIT is no number of bytes: Go ends the program at its start";
            return Some(FindingCase::new("memory-malformed", message).with_some("GOMEMLIMIT", set));
        }
        None => u64::MAX,
    };
    let limit = limits.memory_bytes?;
    let evidence =
        |case: FindingCase| case.with("cgroup.memory_limit", limit.to_string()).with_some("GOMEMLIMIT", set);
    let missing = required && set.is_none() && !depends(build, LIMITS_BY_LIBRARY);
    let case = if missing {
        FindingCase::new(
            "memory-unset",
            format!("memory is limited to {limit} bytes and GOMEMLIMIT is not set"),
        )
    } else if bytes == u64::MAX {
        // Unset or off: both are somebody's choice.
        return None;
    } else if bytes > limit {
        let message = format!("GOMEMLIMIT is {bytes} bytes, above the memory limit of {limit}");
        FindingCase::new("memory-above-limit", message)
    } else if u128::from(bytes) * 100 > u128::from(limit) * u128::from(100 - headroom.min(100)) {
        let message = format!(
            "GOMEMLIMIT is {bytes} bytes and leaves less than {headroom} percent of the memory limit of {limit}"
        );
        FindingCase::new("memory-headroom", message)
    } else {
        return None;
    };
    Some(evidence(case))
}

/// Parses GOMEMLIMIT as Go does (`readGOMEMLIMIT` and `parseByteCount` of src/runtime, Go 1.27): digits, with
/// a sign in front at most, then nothing, `B`, or `KiB` to `TiB`; at most 2⁶³−1. `off` is no limit. Returns
/// `None` for other texts.
#[must_use]
pub fn memory_limit(text: &str) -> Option<u64> {
    const MAX: u64 = i64::MAX.unsigned_abs();
    if text == "off" {
        return Some(u64::MAX);
    }
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0), ("", 0)];
    let (digits, shift) = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))?;
    // A sign may stand in front; only zero may be negative.
    let negative = digits.starts_with('-');
    let digits = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse::<u64>().ok()?.checked_mul(1 << shift)?;
    (number <= MAX && !(negative && number > 0)).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_limits_are_read_as_go_reads_them() {
        // Each of these, and of those below except the empty one, was given to a program of Go 1.27.3.
        let good = [
            ("1", 1),
            ("12345", 12345),
            ("12345B", 12345),
            ("0B", 0),
            ("0", 0),
            ("1KiB", 1 << 10),
            ("05MiB", 5 << 20),
            ("9GiB", 9 << 30),
            ("8388607TiB", 8_388_607 << 40),
            ("+1KiB", 1 << 10),
            ("-0", 0),
            ("off", u64::MAX),
            ("9223372036854775807", i64::MAX as u64),
            ("9007199254740991KiB", 9_007_199_254_740_991 << 10),
        ];
        for (text, bytes) in good {
            assert_eq!(memory_limit(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "B",
            "KiB",
            "-1",
            "+",
            "-",
            "+-1",
            "--0",
            "1.5GiB",
            "1 GiB",
            "1kib",
            "1KB",
            "1K",
            "1GB",
            "iB",
            "12iB",
            "OFF",
            "9223372036854775808",
            "8388608TiB",
            "99999999999999999999999",
            "1KiBB",
            "0x10",
            "1_000",
        ] {
            assert_eq!(memory_limit(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_setting_of_a_name_wins() {
        assert_eq!(debug_setting("a=1,containermaxprocs=0,b=2", "containermaxprocs"), Some("0"));
        assert_eq!(debug_setting("containermaxprocs=0,containermaxprocs=1", "containermaxprocs"), Some("1"));
        assert_eq!(debug_setting("xcontainermaxprocs=0", "containermaxprocs"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_with_a_unit_is_read_back(number in 0u64..1 << 23, unit in 0usize..5) {
            let (name, shift) = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)][unit];
            prop_assert_eq!(memory_limit(&format!("{number}{name}")), Some(number << shift));
        }

        #[test]
        fn no_text_panics_and_none_is_above_the_largest(text in "[0-9]{0,25}[A-Za-z]{0,4}|\\PC{0,12}") {
            if let Some(bytes) = memory_limit(&text) {
                prop_assert!(bytes <= i64::MAX as u64 || text == "off");
            }
        }
    }
}
