//! Records of enforcement decisions, made by the kernel side or, after the start, by the agent.

use tracego_common::{
    event::EventHeader,
    verdict::{Action, REMEMBERED, SLOT_LEN, Verdict},
};
use tracego_model::{
    clock::Reading,
    enforcement::{Ended, Pending},
    record::{
        Exit, OtelSeverity, Process, Record,
        enforcement::{AFTER_START, BEFORE_START, Enforcement, EnforcementDecision},
        event_name,
        uid::Stamp,
    },
    text,
};

use super::{Enricher, exec, lifecycle};

/// The bit of the first rule, that of the enforcement check; see `enforce::compile`.
const CANARY: u64 = 1;

fn words(action: Action) -> (&'static str, OtelSeverity) {
    match action {
        Action::Allow => ("let through by an exception", OtelSeverity::Info),
        Action::Audit => ("let through, would be stopped", OtelSeverity::Warn),
        Action::Kill => ("killed", OtelSeverity::Error),
        Action::Deny => ("denied", OtelSeverity::Error),
    }
}

impl Enricher {
    /// Makes the record of a decision of the kernel side. Returns `None` for tracego's own rules: the
    /// enforcement check, and programs that are exempt.
    pub(super) fn verdict(&mut self, verdict: &Verdict) -> Option<Record> {
        let action = Action::from_raw(verdict.action)?;
        // A replay does not know the names of rules, but the first is always the canary's.
        let shared = self.builder.meta.enforcement.clone();
        let known = shared.as_ref().and_then(|shared| shared.rule(verdict));
        if known.as_ref().map_or(verdict.bit == CANARY, |known| known.own) {
            return None;
        }
        if let Some(shared) = &shared {
            shared.count(action);
        }
        let known = known.unwrap_or_default();
        let reason = || shared.as_ref().and_then(|shared| shared.reason(verdict.number));
        let rule = match verdict.bit {
            REMEMBERED => reason().unwrap_or_else(|| format!("reason {}", verdict.number)),
            _ if known.name.is_empty() => format!("bit {}", verdict.bit.trailing_zeros()),
            _ => known.name,
        };
        let (owner, reason) = known.exception.unzip();
        let error = (verdict.errno != 0).then(|| format!("errno {}", verdict.errno));
        let decision = EnforcementDecision {
            message: known.message,
            remediation: known.remediation,
            owner,
            reason,
            executable: text::lossy(text::until_nul(&verdict.name)),
            error,
            ..EnforcementDecision::new(action, BEFORE_START, rule)
        };
        let (header, comm) = (&verdict.header, &verdict.comm);
        Some(self.decided(header, comm, Stamp::event(header, 0), &args(verdict, action), decision))
    }

    /// Makes the record of a process that the agent ended, or would have ended.
    pub fn ended(&mut self, pending: &Pending, action: Action, ended: Ended, reading: Reading) -> Record {
        if let Some(shared) = &self.builder.meta.enforcement {
            shared.count(action);
        }
        let boot_ns = reading.boot_ns.unsigned_abs();
        let header = EventHeader { boot_ns, ..pending.start };
        let error = match ended {
            Ended::Killed => None,
            Ended::Gone => Some("it ran to its end".to_owned()),
            Ended::Failed if action == Action::Audit => None,
            Ended::Failed => Some("it could not be ended".to_owned()),
            Ended::Unreachable => Some("it cannot be reached from this pid namespace".to_owned()),
        };
        let decision = EnforcementDecision {
            message: Some(pending.message.clone()),
            delay: Some(boot_ns.saturating_sub(pending.start.boot_ns)),
            executable: pending.name.clone(),
            error,
            ..EnforcementDecision::new(action, AFTER_START, pending.reason.clone())
        };
        let stamp = self.builder.stamp(reading);
        let is_known = self.entry(pending.start.id).is_some();
        let mut record = self.decided(&header, &pending.comm, stamp, &[], decision);
        if let Some(process) = &mut record.process {
            let exit = pending.exit.filter(|_| ended == Ended::Gone);
            process.exit = exit.map(|(status, boot_ns)| Exit {
                code: lifecycle::exit_code(status).0,
                time: self.builder.clock.wall(boot_ns),
            });
            if !is_known && let Some(path) = &pending.path {
                process.executable = Some(exec::executable(path.clone(), pending.elsewhere));
            }
        }
        if !is_known && let Some((context, job)) = self.identity(pending.start.job_root) {
            record.context = Some(context);
            record.tracego.job = Some(job);
        }
        record
    }

    fn decided(
        &mut self,
        header: &EventHeader,
        comm: &[u8; 16],
        stamp: Stamp,
        args: &[&[u8]],
        mut decision: EnforcementDecision,
    ) -> Record {
        let (mut own, mut process) = (self.own(), self.process(header, comm));
        let context = self.known(header, &mut own, &mut process);
        own.reparented = false;
        decision.args = exec::args(args.iter().copied(), 0, &mut own.completeness);
        if let Some(entry) = self.entry(header.id) {
            if decision.executable.is_empty() {
                decision.executable.clone_from(&entry.line.command);
            }
            if header.parent.tgid == 0 {
                process.parent_pid = entry.line.up.as_ref().map_or(0, |up| up.id.tgid);
            }
            if process.command.is_empty() {
                process.command.clone_from(&entry.line.command);
            }
        }
        if decision.executable.is_empty() {
            decision.executable.clone_from(&process.command);
        }
        let (what, severity) = words(decision.action);
        let body = body(&process, what, &decision);
        let replayed = || {
            let state = "unavailable: not known to a replay".into();
            Box::new(Enforcement { state, mode: "off", decision: None })
        };
        own.enforcement.get_or_insert_with(replayed).decision = Some(decision);
        let record = self.envelope(event_name::ENFORCEMENT, severity, stamp, body, own);
        Record { process: Some(process), context, ..record }
    }
}

fn body(process: &Process, what: &str, decision: &EnforcementDecision) -> String {
    let (rule, start, pid) = (text::printable(&decision.rule), decision.start(), process.pid);
    let mut body = match &decision.error {
        Some(error) if decision.stops() => {
            format!("should have been {what} by {rule}, but {error}: {start} (pid {pid})")
        }
        _ => format!("{what} by {rule}: {start} (pid {pid})"),
    };
    if let Some(message) = &decision.message {
        body.push_str(": ");
        body.push_str(&text::printable(message));
    }
    body
}

/// Returns the first arguments; see [`Verdict::args`].
fn args(verdict: &Verdict, action: Action) -> Vec<&[u8]> {
    let mut pieces: Vec<&[u8]> = if action == Action::Deny {
        verdict.args.chunks(SLOT_LEN).map(text::until_nul).collect()
    } else {
        verdict.args.split(|&byte| byte == 0).collect()
    };
    let last = pieces.iter().rposition(|piece| !piece.is_empty()).map_or(0, |at| at + 1);
    pieces.truncate(last);
    pieces
}

#[cfg(test)]
mod tests {
    use tracego_common::TaskId;
    use tracego_model::meta::Meta;

    use super::*;

    /// Checks the record of a process that no event was seen of before.
    #[test]
    fn a_file_name_alone_is_no_path_and_a_container_has_no_path_of_the_host() {
        let mut enricher = Enricher::new(Meta::default());
        let id = TaskId { tgid: 7, start_boottime: 70, ..TaskId::default() };
        let mut record = |path: Option<&str>, elsewhere, ended| {
            let pending = Pending {
                start: EventHeader { id, ..EventHeader::default() },
                comm: *b"go\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                path: path.map(str::to_owned),
                elsewhere,
                name: if path.is_none() { "tool".to_owned() } else { String::new() },
                exit: None,
                key: None,
                job: None,
                is_killed: false,
                reason: "rule".to_owned(),
                message: String::new(),
            };
            enricher.ended(&pending, Action::Kill, ended, Reading::default())
        };
        let named = record(None, true, Ended::Killed);
        assert!(named.process.as_ref().unwrap().executable.is_none());
        let decision = named.tracego.enforcement.as_ref().unwrap().decision.as_ref().unwrap();
        assert_eq!((decision.executable.as_str(), decision.error.as_deref()), ("tool", None));
        for elsewhere in [false, true] {
            let executable =
                record(Some("/opt/go"), elsewhere, Ended::Gone).process.unwrap().executable.unwrap();
            assert_eq!((executable.path.as_str(), executable.elsewhere), ("/opt/go", elsewhere));
        }
        let body = record(Some("/opt/go"), true, Ended::Unreachable).body;
        let wanted = "should have been killed by rule, but it cannot be reached from this pid namespace: go";
        assert!(body.starts_with(wanted), "{body}");
    }
}
