//! The choice of the records that a sink takes.

use std::{io, sync::Arc};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use tracego_model::{
    finding::Severity,
    matcher::{MatchTarget, ProcessScope},
    record::{Record, event_name},
};

use super::expression::Expression;

/// The keys that choose records. A record must pass every filter that is set.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FilterSettings {
    /// Names of events, with `*` for any part: `tracego.process.*`.
    #[serde(default)]
    pub events: Vec<String>,
    /// Lowest severity that the worst finding of a process record must have.
    pub min_severity: Option<Severity>,
    /// CEL expression on the record's fields: `process.user.id == 0`.
    pub r#where: Option<String>,
    /// Processes whose records are taken, and those whose records are not: `only` and `except`, lists of
    /// matchers. Records that are about no process pass.
    #[serde(skip)]
    pub scope: ProcessScope,
}

/// Events that pass every filter: a stream has to report what it lacks.
const ALWAYS: [&str; 1] = [event_name::LOST];

/// A compiled filter.
#[derive(Clone)]
pub struct Filter {
    events: Option<GlobSet>,
    min_severity: Option<Severity>,
    scope: Arc<ProcessScope>,
    expression: Option<Arc<Expression>>,
}

impl Filter {
    /// Returns a filter that takes every record.
    #[must_use]
    pub fn all() -> Self {
        Self { events: None, min_severity: None, scope: Arc::default(), expression: None }
    }

    /// Compiles a filter from the settings.
    ///
    /// # Errors
    /// Fails if a pattern or an expression is invalid; the text names the key.
    pub fn new(settings: &FilterSettings) -> Result<Self, String> {
        let mut events = GlobSetBuilder::new();
        for pattern in &settings.events {
            let glob = Glob::new(pattern).map_err(|error| format!("events: {error}"))?;
            if !event_name::ALL.iter().any(|name| glob.compile_matcher().is_match(name)) {
                let all = event_name::ALL.join(", ");
                return Err(format!("events: '{pattern}' matches no event; events are: {all}"));
            }
            events.add(glob);
        }
        let events = events.build().map_err(|error| format!("events: {error}"))?;
        let expression = |text: &String| Expression::new(text).map_err(|error| format!("where: {error}"));
        Ok(Self {
            events: Some(events).filter(|_| !settings.events.is_empty()),
            min_severity: settings.min_severity,
            scope: Arc::new(settings.scope.clone()),
            expression: settings.r#where.as_ref().map(expression).transpose()?.map(Arc::new),
        })
    }

    /// Returns whether a record passes. An expression that needs a field the record lacks leaves the record
    /// out; `has(process.user)` tests whether there is one.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised.
    pub fn takes(&self, record: &Record) -> io::Result<bool> {
        if ALWAYS.contains(&record.event_name) {
            return Ok(true);
        }
        if self.events.as_ref().is_some_and(|events| !events.is_match(record.event_name)) {
            return Ok(false);
        }
        if let Some(least) = self.min_severity
            && record.worst().is_none_or(|worst| worst < least)
            && record.process.is_some()
        {
            return Ok(false);
        }
        let is_chosen = || self.scope.is_everything() || self.scope.covers(&MatchTarget::of(record));
        if record.process.is_some() && !is_chosen() {
            return Ok(false);
        }
        self.expression.as_ref().map_or(Ok(true), |expression| expression.holds(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{clock::Reading, ledger::Ledger, meta::Meta};

    #[test]
    fn filters_agree_and_losses_always_pass() {
        let record = &Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        let takes = |settings: FilterSettings| Filter::new(&settings).unwrap().takes(record).unwrap();
        let events =
            |name: &str| FilterSettings { events: vec![name.to_owned()], ..FilterSettings::default() };
        let expression =
            |text: &str| FilterSettings { r#where: Some(text.to_owned()), ..FilterSettings::default() };
        assert!(
            takes(FilterSettings::default())
                && takes(events("tracego.*"))
                && !takes(events("tracego.process.*"))
        );
        if cfg!(feature = "cel") {
            assert!(takes(expression("event_name == 'tracego.heartbeat' && seq < 5")));
            assert!(!takes(expression("seq > 5")) && !takes(expression("process.user.id == 0")));
            assert!(takes(expression("!has(tracego.exec_id)")));
        } else {
            let Err(error) = Filter::new(&expression("seq > 5")) else { panic!() };
            assert!(error.starts_with("where: this build has no CEL"), "{error}");
        }
        let Err(error) = Filter::new(&expression("seq >")) else { panic!() };
        assert!(error.starts_with("where: "), "{error}");
        let Err(error) = Filter::new(&events("a[")) else { panic!() };
        assert!(error.starts_with("events: "), "{error}");
        let lost = Enricher::new(Meta::default()).lost([("ring_full", 1)].into(), None, Reading::default());
        assert!(Filter::new(&events("tracego.process.*")).unwrap().takes(&lost).unwrap());
    }
}
