//! TG007: resource limits that are too low for a service.

use tracego_common::event::Rlimit;
use tracego_model::{
    finding::Severity::{Low, Medium},
    matcher::MatchTarget,
    record::linux::RLIMITS,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG007.
pub const RULE: Rule = Rule {
    id: "TG007",
    name: "resource-limits",
    title: "a service with too few open files, or too little of another limit",
    summary: "A Go service is limited to fewer open files, or less of something else, than it needs under load: \
              each connection is an open file, and accept(2) fails when none is left.",
    remedy: "Raise the limit where the service is started: LimitNOFILE=65536 in its unit, --ulimit nofile= of \
             its container, or ulimit -n.",
    reference: "https://pkg.go.dev/os#hdr-Concurrency",
    variants: &[
        Variant {
            name: "open-files",
            grades: Grades::production(Medium, Low),
            summary: "The program cannot have as many open files as the configuration asks for.",
            remedy: "",
        },
        Variant {
            name: "open-files-soft",
            grades: Grades::always(Low),
            summary: "The soft limit is too low and the hard one is not. Go from 1.19 on raises its own soft \
                      limit to the hard one at start; what the program starts gets the low one.",
            remedy: "Nothing breaks in Go itself; set the soft limit too, for the programs that it starts.",
        },
        Variant {
            name: "other-limit",
            grades: Grades::production(Medium, Low),
            summary: "A limit that the configuration names is too low.",
            remedy: "Raise the limit where the service is started, or what the configuration asks for.",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(start),
    service: None,
};

/// Index of RLIMIT_NOFILE.
const NOFILE: usize = 7;

/// The first Go release whose os package raises the soft limit of open files by itself: src/os/rlimit.go of
/// Go 1.19, later src/syscall/rlimit.go.
const RAISES: (u32, u32, u32) = (1, 19, 0);

fn start(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(limits) = subject.record.tracego.rlimit.as_ref() else {
        return;
    };
    let thresholds = report.thresholds();
    let low = |at: usize, least: u64| limits.0.get(at).copied().filter(|limit| limit.soft < least);
    let nofile = low(NOFILE, thresholds.nofile);
    let others = thresholds.limits.iter().filter_map(|(name, &least)| {
        let at = RLIMITS.iter().position(|known| known == name)?;
        Some((name, least, low(at, least)?))
    });
    if nofile.is_none() && others.clone().next().is_none() || !subject.is_production_program(report.settings)
    {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    if let Some(limit) = nofile {
        report.add(
            open_files(subject, limit, thresholds.nofile).sure(place.confidence()),
            place,
            &scope_target,
        );
    }
    for (name, least, limit) in others {
        let message = format!("the soft {name} limit of a Go service is {}, less than {least}", limit.soft);
        let case = FindingCase::new("other-limit", message)
            .sure(place.confidence())
            .with("tracego.rlimit.name", name)
            .with("tracego.rlimit.soft", limit.soft.to_string())
            .with("least", least.to_string());
        report.add(case, place, &scope_target);
    }
}

fn open_files(subject: &Subject<'_>, limit: Rlimit, least: u64) -> FindingCase {
    let raises = subject.build().and_then(|build| build.release()).is_some_and(|release| release >= RAISES);
    let case = if raises && limit.hard >= least {
        let message = format!(
            "a Go service starts with {} open files, less than {least}; it raises that to {} itself",
            limit.soft,
            number(limit.hard),
        );
        FindingCase::new("open-files-soft", message)
    } else {
        let message = format!(
            "a Go service may have {} open files, less than {least}",
            if raises { limit.hard } else { limit.soft }
        );
        FindingCase::new("open-files", message)
    };
    case.with("tracego.rlimit.nofile.soft", number(limit.soft))
        .with("tracego.rlimit.nofile.hard", number(limit.hard))
        .with("least", least.to_string())
}

fn number(limit: u64) -> String {
    if limit == u64::MAX { "unlimited".into() } else { limit.to_string() }
}
