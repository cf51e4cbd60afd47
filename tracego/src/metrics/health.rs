//! Liveness and readiness of the agent, with reasons.

use std::time::Duration;

use serde::Serialize;

/// Time for which a loss is shown, so that a check twice a minute sees it.
const LOSS_SHOWS: Duration = Duration::from_mins(1);

/// The state that health is derived from.
#[derive(Clone, Debug)]
pub(super) struct Vitals {
    /// Whether the programs are attached.
    pub(super) attached: bool,
    /// Time since the reader's last beat.
    pub(super) reader: Duration,
    /// Time since the pipeline's last beat.
    pub(super) pipeline: Duration,
    /// Silence after which a thread counts as stuck.
    pub(super) stuck: Duration,
    /// Last error of the output, if it refused the most recent records.
    pub(super) refusal: Option<String>,
    /// Time since the last loss of events, and number of events lost then.
    pub(super) lost: Option<(Duration, u64)>,
    /// Number of processes that wait for files that never come, and their maximum number.
    pub(super) hanging: (usize, usize),
    /// Sinks that deliver nothing, with reasons.
    pub(super) sinks: Vec<String>,
    /// Notes about sinks that deliver in another way than the settings say.
    pub(super) notes: Vec<String>,
    /// Reason why enforcement does not work.
    pub(super) enforcement: Option<String>,
}

/// The result of one check.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Check {
    /// Name of the check.
    pub name: &'static str,
    /// Whether the check passed.
    pub ok: bool,
    /// Reason, if the check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Note for the operator, whether the check passed or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The answer to a health request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Health {
    /// Whether all checks passed.
    pub ok: bool,
    /// Results of the checks.
    pub checks: Vec<Check>,
}

impl From<Vec<Check>> for Health {
    fn from(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.ok), checks }
    }
}

fn check(name: &'static str, reason: Option<String>) -> Check {
    Check { name, ok: reason.is_none(), reason, note: None }
}

impl Vitals {
    fn threads(&self) -> [Check; 2] {
        let thread = |name, silence: Duration| {
            let stuck = silence > self.stuck;
            check(name, stuck.then(|| format!("no sign of life for {} s", silence.as_secs())))
        };
        [thread("reader", self.reader), thread("pipeline", self.pipeline)]
    }

    /// Returns whether the threads work. If not, a restart helps.
    pub(super) fn liveness(&self) -> Health {
        Vec::from(self.threads()).into()
    }

    /// Returns whether records are complete and arrive.
    pub(super) fn readiness(&self) -> Health {
        let attached = (!self.attached).then(|| "no programs are attached to the kernel".to_owned());
        let mut checks = vec![check("programs", attached)];
        checks.extend(self.threads());
        let refused = self.refusal.as_ref().map(|why| format!("the output refused the last records: {why}"));
        checks.push(check("output", refused));
        let lost = self.lost.filter(|(ago, _)| *ago < LOSS_SHOWS);
        let lost = lost.map(|(ago, more)| format!("{more} events were lost {} s ago", ago.as_secs()));
        checks.push(check("loss", lost));
        let (hanging, most) = self.hanging;
        let files = (hanging > 0).then(|| {
            format!(
                "{hanging} of {most} processes that read files wait for a file system that does not answer; \
                 executables there are not read"
            )
        });
        checks.push(check("files", files));
        let sinks = (!self.sinks.is_empty()).then(|| self.sinks.join("; "));
        let note = (!self.notes.is_empty()).then(|| self.notes.join("; "));
        checks.push(Check { note, ..check("sinks", sinks) });
        checks.push(check("enforcement", self.enforcement.clone()));
        checks.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Vitals = Vitals {
        attached: true,
        reader: Duration::from_millis(10),
        pipeline: Duration::from_millis(900),
        stuck: Duration::from_secs(30),
        refusal: None,
        lost: None,
        hanging: (0, 8),
        sinks: Vec::new(),
        notes: Vec::new(),
        enforcement: None,
    };

    fn wrong(health: &Health) -> Vec<&'static str> {
        assert_eq!(health.ok, health.checks.iter().all(|check| check.ok));
        assert!(health.checks.iter().all(|check| check.ok == check.reason.is_none()));
        health.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect()
    }

    #[test]
    fn each_thing_that_is_wrong_is_named_and_nothing_else() {
        let long = Duration::from_secs(31);
        let cases: [(Vitals, &[&str], &[&str]); 9] = [
            (WELL, &[], &[]),
            (Vitals { attached: false, ..WELL }, &[], &["programs"]),
            (Vitals { reader: long, ..WELL }, &["reader"], &["reader"]),
            (Vitals { pipeline: long, ..WELL }, &["pipeline"], &["pipeline"]),
            (Vitals { refusal: Some("full".into()), ..WELL }, &[], &["output"]),
            (Vitals { lost: Some((Duration::from_secs(59), 3)), ..WELL }, &[], &["loss"]),
            (Vitals { lost: Some((Duration::from_secs(60), 3)), ..WELL }, &[], &[]),
            (Vitals { hanging: (1, 8), ..WELL }, &[], &["files"]),
            (Vitals { sinks: vec!["siem: refused".into()], ..WELL }, &[], &["sinks"]),
        ];
        for (vitals, live, ready) in cases {
            assert_eq!(wrong(&vitals.liveness()), live, "{vitals:?}");
            assert_eq!(wrong(&vitals.readiness()), ready, "{vitals:?}");
        }
    }

    #[test]
    fn the_answer_says_why() {
        let vitals = Vitals { lost: Some((Duration::from_secs(5), 3)), ..WELL };
        let noted = Vitals { notes: vec!["siem: gzip".into()], ..WELL }.readiness();
        assert!(noted.ok && noted.checks.iter().any(|check| check.note.as_deref() == Some("siem: gzip")));
        let json = serde_json::to_value(vitals.readiness()).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["checks"][4]["reason"], "3 events were lost 5 s ago");
        assert!(json["checks"][0].get("reason").is_none());
    }
}
