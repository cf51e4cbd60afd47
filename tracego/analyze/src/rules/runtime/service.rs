//! TG006, TG017 and TG018: the state of a running service.

use tracego_model::{
    finding::Severity::{High, Low, Medium},
    input::facts::{Pidfile, PidfileState, ServiceState},
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::KeptProcess,
};

/// The rule TG006.
pub const PIDFILE: Rule = Rule {
    id: "TG006",
    name: "pidfile",
    title: "a service without a pidfile that names it",
    summary: "A service has no pidfile that names it: what stops, restarts or watches it by pidfile signals \
              another process or none, and a second instance starts beside the first.",
    remedy: "Write the pid into a file under /run at start, hold an exclusive lock on it for as long as the service \
             runs, and name the file in PIDFile= or in the configuration of tracego.",
    reference: "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#PIDFile=",
    variants: &[
        Variant {
            name: "missing",
            grades: Grades::production(Medium, Low),
            summary: "There is no pidfile, or the one that is named is not there.",
            remedy: "",
        },
        Variant {
            name: "stale",
            grades: Grades::production(Medium, Low),
            summary: "The pidfile is older than the service or names a process that is gone.",
            remedy: "Write the pidfile anew at each start, and take it away at the end.",
        },
        Variant {
            name: "foreign",
            grades: Grades::production(High, Medium),
            summary: "The pidfile names another running process, no process at all, or belongs to another user.",
            remedy: "Give each service a pidfile of its own in a folder that it alone can write to.",
        },
        Variant {
            name: "duplicate",
            grades: Grades::always(Low),
            summary: "More than one pidfile names the service.",
            remedy: "Keep one of the pidfiles.",
        },
        Variant {
            name: "unlocked",
            grades: Grades::always(Low),
            summary: "The pidfile names the service and nobody holds a lock on it: it stays when the service is killed, \
                      and then names whoever gets the number next.",
            remedy: "Hold an exclusive lock (flock or fcntl) on the pidfile for as long as the service runs.",
        },
    ],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: None,
    service: Some(pidfile),
};

/// The rule TG017.
pub const INSTANCES: Rule = Rule {
    id: "TG017",
    name: "duplicate-instance",
    title: "two live instances of one service",
    summary: "Two live processes run as one service: the same executable and the same pidfile, data folder or \
              listening port. They take each other's work, or damage what both write to.",
    remedy: "Stop one of them, and let the service take an exclusive lock at start and end when it is taken.",
    reference: "https://man7.org/linux/man-pages/man2/flock.2.html",
    variants: &[Variant {
        name: "shared",
        grades: Grades::production(High, Medium),
        summary: "Another process shares the executable and something that one instance alone should have.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: None,
    service: Some(instances),
};

/// The rule TG018.
pub const HEALTH: Rule = Rule {
    id: "TG018",
    name: "no-health",
    title: "a service that listens and answers neither /healthz nor /metrics",
    summary: "A service listens and answers neither /healthz nor /metrics: nobody can tell from outside whether it \
              works, and what starts it again does so only when it ends.",
    remedy: "Serve /healthz and /metrics on a port of the service, or turn this rule off for it.",
    reference: "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
    variants: &[Variant {
        name: "silent",
        grades: Grades::always(Low),
        summary: "None of its ports answered either path when it was asked.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: false,
    by_provenance: false,
    start: None,
    service: Some(health),
};

fn pidfile(state: &ServiceState, known: &KeptProcess, report: &mut FindingCollector<'_>) {
    let of = |wanted: PidfileState| state.pidfiles.iter().filter(move |file| file.state == wanted);
    // A file that names the service decides, whatever other files hold. Of the files that do not, the worst
    // is reported.
    let order = [PidfileState::Unlocked, PidfileState::Foreign, PidfileState::Stale, PidfileState::Missing];
    let valid = of(PidfileState::Valid).next().is_some();
    let worst = order.into_iter().filter(|_| !valid).find_map(|state| of(state).next());
    // A file that could not be read may be the valid one.
    let elsewhere = ["listening", "probes", "others", "locks"];
    let unread = state.unavailable.keys().any(|what| !elsewhere.contains(&what.as_str()));
    if unread && worst.is_none_or(|file| file.state == PidfileState::Missing) {
        return;
    }
    let pid = state.pid;
    if let Some(file) = worst {
        let (variant, what) = match file.state {
            PidfileState::Unlocked => ("unlocked", "names the service and is not locked"),
            PidfileState::Foreign => ("foreign", "does not name the service but something else"),
            PidfileState::Stale => ("stale", "is older than the service or names a process that is gone"),
            _ => ("missing", "is not there"),
        };
        let message = format!("the pidfile {} of {} (process {pid}) {what}", file.path, known.path());
        report.add(evidence(FindingCase::new(variant, message), file), known.place, &known.scope_target());
    } else if state.pidfiles.is_empty() {
        let message = format!(
            "{} (process {pid}) has run for {} s and has no pidfile",
            known.path(),
            state.age_ms / 1000
        );
        report.add(FindingCase::new("missing", message), known.place, &known.scope_target());
    }
    if let Some(file) = of(PidfileState::Duplicate).next() {
        let message = format!("{} names {} (process {pid}) beside another pidfile", file.path, known.path());
        report.add(
            evidence(FindingCase::new("duplicate", message), file),
            known.place,
            &known.scope_target(),
        );
    }
}

fn evidence(case: FindingCase, file: &Pidfile) -> FindingCase {
    case.with("tracego.pidfile.path", &file.path)
        .with_some("tracego.pidfile.pid", file.pid.map(|pid| pid.to_string()))
}

fn instances(state: &ServiceState, known: &KeptProcess, report: &mut FindingCollector<'_>) {
    let twin = |shared: &[String]| {
        shared.iter().any(|what| what == "executable") && shared.iter().any(|what| what != "executable")
    };
    for other in state.others.iter().filter(|other| twin(&other.shared)) {
        let shared = other.shared.join(", ");
        let message = format!(
            "processes {} and {} both run as {}: they share {shared}",
            state.pid,
            other.pid,
            known.path()
        );
        let case = FindingCase::new("shared", message)
            .with("other.pid", other.pid.to_string())
            .with("shared", shared);
        report.add(case, known.place, &known.scope_target());
    }
}

fn health(state: &ServiceState, known: &KeptProcess, report: &mut FindingCollector<'_>) {
    // 404 is no answer; an error, or a demand for credentials, is one.
    let answers = |status: Option<u16>| status.is_some_and(|status| status != 404);
    if state.listening.is_empty()
        || state.probes.is_empty()
        || state.probes.iter().any(|probe| answers(probe.status))
    {
        return;
    }
    let asked: Vec<String> =
        state.probes.iter().map(|probe| format!("{}{}", probe.port, probe.path)).collect();
    let message =
        format!("{} (process {}) listens and answers neither /healthz nor /metrics", known.path(), state.pid);
    report.add(
        FindingCase::new("silent", message).with("asked", asked.join(", ")),
        known.place,
        &known.scope_target(),
    );
}
