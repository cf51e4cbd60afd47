//! Configuration of the rules: `[rules.TG007]`, `[production]` and `[ci]`. [`options`] holds the keys of single rules.

pub mod options;

use options::{KEYS, RuleOptions};
use tracego_model::{
    finding::Severity,
    matcher::{self, MatchTarget, ProcessMatcher, ProcessScope},
    text::nearest,
};

use super::{
    place::Profile,
    registry::{self, RULES},
    rule::Rule,
};

/// Tables of the configuration that are read here; every other key is an option.
pub const TABLES: [&str; 3] = ["rules", "production", "ci"];
/// Keys that every rule has.
const COMMON: [&str; 5] = ["enabled", "severity", "variants", "only", "except"];

/// The settings in force.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// Profile, from `--profile`.
    pub profile: Profile,
    /// Processes that are production whatever the profile is.
    pub production: ProcessScope,
    /// Processes of a CI job whatever the profile is.
    pub ci: ProcessScope,
    /// Warnings about keys that have other names now.
    pub warnings: Vec<String>,
    /// Settings of each rule, in the order of the table.
    rules: Vec<SingleRuleSettings>,
    /// Values that the rules compare with.
    pub thresholds: RuleOptions,
}

/// The settings of one rule.
#[derive(Clone, Debug)]
struct SingleRuleSettings {
    enabled: bool,
    severity: Option<Severity>,
    /// Severity of each configured variant; `None` for a variant that is off.
    variants: Vec<(&'static str, Option<Severity>)>,
    scope: ProcessScope,
}

impl Default for RuleSettings {
    fn default() -> Self {
        let of_rule = SingleRuleSettings {
            enabled: true,
            severity: None,
            variants: Vec::new(),
            scope: ProcessScope::default(),
        };
        Self {
            profile: Profile::default(),
            production: ProcessScope::default(),
            ci: ProcessScope::default(),
            warnings: Vec::new(),
            rules: vec![of_rule; RULES.len()],
            thresholds: options::defaults(),
        }
    }
}

impl RuleSettings {
    /// Reads the tables of a configuration; other keys are left to the caller.
    ///
    /// # Errors
    /// Fails at the first mistake. The message names its place and the nearest valid name:
    /// `rules.TG007.nofiel: unknown key; did you mean 'nofile'?`.
    pub fn read(&mut self, file: &toml::Table) -> Result<(), String> {
        for (key, value) in file {
            match key.as_str() {
                "rules" => self.read_rules(value)?,
                "production" => read_places(value, key, &mut self.production, &mut self.warnings)?,
                "ci" => read_places(value, key, &mut self.ci, &mut self.warnings)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_rules(&mut self, value: &toml::Value) -> Result<(), String> {
        let table = value.as_table().ok_or("rules: must be tables such as [rules.TG007]")?;
        for (id, value) in table {
            let Some((at, rule)) = RULES.iter().enumerate().find(|(_, rule)| rule.id == id) else {
                return Err(format!("rules.{id}: unknown rule; {}", registry::nearest_id(id)));
            };
            let table = value.as_table().ok_or_else(|| format!("rules.{id}: must be a table"))?;
            for (key, value) in table {
                self.read_key(at, rule, key, value)?;
            }
        }
        Ok(())
    }

    fn read_key(&mut self, at: usize, rule: &Rule, key: &str, value: &toml::Value) -> Result<(), String> {
        let place = |error: String| format!("rules.{}.{key}: {error}", rule.id);
        let Some(of_rule) = self.rules.get_mut(at) else { return Ok(()) };
        match key {
            "enabled" => {
                of_rule.enabled = value.as_bool().ok_or_else(|| place("must be true or false".into()))?;
            }
            "severity" => of_rule.severity = Some(severity(value).map_err(place)?),
            "variants" => of_rule.variants = variants(rule, value).map_err(place)?,
            "only" => of_rule.scope.only = scoped(value, &place, &mut self.warnings)?,
            "except" => of_rule.scope.except = scoped(value, &place, &mut self.warnings)?,
            _ => {
                let Some(own) = KEYS.iter().find(|own| own.rule == rule.id && own.name == key) else {
                    let own = KEYS.iter().filter(|own| own.rule == rule.id).map(|own| own.name);
                    return Err(place(format!("unknown key; {}", nearest(key, own.chain(COMMON)))));
                };
                own.set(&mut self.thresholds, value).map_err(place)?;
            }
        }
        Ok(())
    }

    /// Whether a rule is on.
    #[must_use]
    pub fn is_on(&self, rule: &Rule) -> bool {
        self.of(rule).is_none_or(|of_rule| of_rule.enabled)
    }

    /// Returns the severity of a variant for a process; `severity` is that of the table. Returns `None` when
    /// the variant is off or the process is out of scope.
    #[must_use]
    pub fn grade(
        &self,
        rule: &Rule,
        variant: &str,
        severity: Severity,
        scope_target: &MatchTarget<'_>,
    ) -> Option<Severity> {
        let Some(of_rule) = self.of(rule) else { return Some(severity) };
        if !of_rule.enabled || !of_rule.scope.covers(scope_target) {
            return None;
        }
        match of_rule.variants.iter().find(|(name, _)| *name == variant) {
            Some((_, graded)) => *graded,
            None => Some(of_rule.severity.unwrap_or(severity)),
        }
    }

    /// Whether a rule is for all processes and has no variant that is off, so that the settings do not tell its
    /// findings apart.
    #[must_use]
    pub fn is_uniform(&self, rule: &Rule) -> bool {
        self.of(rule).is_none_or(|of_rule| {
            let ProcessScope { only, except } = &of_rule.scope;
            only.is_empty()
                && except.is_empty()
                && of_rule.variants.iter().all(|(_, graded)| graded.is_some())
        })
    }

    fn of(&self, rule: &Rule) -> Option<&SingleRuleSettings> {
        let at = RULES.iter().position(|other| other.id == rule.id)?;
        self.rules.get(at)
    }
}

/// Reads `match` and `except` of `[production]` or `[ci]`.
fn read_places(
    value: &toml::Value,
    name: &str,
    scope: &mut ProcessScope,
    warnings: &mut Vec<String>,
) -> Result<(), String> {
    let table = value.as_table().ok_or_else(|| format!("{name}: must be a table"))?;
    for (key, value) in table {
        let place = |error: String| format!("{name}.{key}: {error}");
        match key.as_str() {
            "match" => scope.only = scoped(value, &place, warnings)?,
            "except" => scope.except = scoped(value, &place, warnings)?,
            _ => return Err(place(format!("unknown key; {}", nearest(key, ["match", "except"])))),
        }
    }
    Ok(())
}

/// Reads a list of matchers. The place of a mistake in the list follows the place of the key.
fn scoped(
    value: &toml::Value,
    place: &dyn Fn(String) -> String,
    warnings: &mut Vec<String>,
) -> Result<Vec<ProcessMatcher>, String> {
    let list = matcher::read(value).map_err(place)?;
    warnings.extend(matcher::warnings(&list).into_iter().map(place));
    Ok(list)
}

fn severity(value: &toml::Value) -> Result<Severity, String> {
    value.as_str().ok_or_else(|| "must be low, medium, high or critical".to_owned())?.parse()
}

fn variants(rule: &Rule, value: &toml::Value) -> Result<Vec<(&'static str, Option<Severity>)>, String> {
    let table = value.as_table().ok_or("must be a table such as { file = \"low\", pinned = \"off\" }")?;
    let one = |(name, value): (&String, &toml::Value)| {
        let known = rule.variants.iter().map(|variant| variant.name);
        let Some(name) = known.clone().find(|known| known == name) else {
            return Err(format!("'{name}' is not a variant; {}", nearest(name, known)));
        };
        match value.as_str() {
            Some("off") => Ok((name, None)),
            _ => Ok((name, Some(severity(value).map_err(|error| format!("{name}: {error}"))?))),
        }
    };
    table.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RuleSettings, String> {
        let mut settings = RuleSettings::default();
        settings.read(&text.parse().unwrap())?;
        Ok(settings)
    }

    fn rule(id: &str) -> &'static Rule {
        registry::find(id).unwrap()
    }

    #[test]
    fn a_rule_is_turned_off_graded_and_scoped() {
        let settings = read(
            "[rules.TG007]\nenabled = false\nnofile = 1024\n[rules.TG001]\nseverity = \"low\"\n\
             variants = { file = \"critical\", pinned = \"off\" }\nexcept = [{ path = \"/opt/**\" }]",
        )
        .unwrap();
        assert!(!settings.is_on(rule("TG007")) && settings.is_on(rule("TG008")));
        assert_eq!(settings.thresholds.nofile, 1024);
        let here = MatchTarget { path: Some("/srv/go"), ..MatchTarget::default() };
        let grade =
            |variant, scope_target| settings.grade(rule("TG001"), variant, Severity::High, scope_target);
        assert_eq!(grade("file", &here), Some(Severity::Critical));
        assert_eq!(grade("local", &here), Some(Severity::Low));
        assert_eq!(grade("pinned", &here), None);
        assert_eq!(
            grade("file", &MatchTarget { path: Some("/opt/go/bin/go"), ..MatchTarget::default() }),
            None
        );
        assert_eq!(settings.grade(rule("TG007"), "open-files", Severity::High, &here), None);
        assert_eq!(settings.grade(rule("TG002"), "child", Severity::High, &here), Some(Severity::High));
    }

    #[test]
    fn findings_that_the_settings_tell_apart_are_not_remembered() {
        let is_uniform = |text: &str| read(text).unwrap().is_uniform(rule("TG001"));
        assert!(is_uniform("") && is_uniform("[rules.TG002]\nvariants = { file = \"off\" }"));
        assert!(is_uniform("[rules.TG001]\nseverity = \"low\"\nvariants = { file = \"low\" }"));
        assert!(!is_uniform("[rules.TG001]\nvariants = { file = \"low\", generate = \"off\" }"));
        assert!(!is_uniform("[rules.TG001]\nexcept = [{ path = \"/opt/**\" }]"));
        assert!(!is_uniform("[rules.TG001]\nonly = [{ in-job = true }]"));
    }

    #[test]
    fn mistakes_name_the_place_and_the_way_out() {
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(
            error("[rules.TG007]\nnofiel = 1"),
            "rules.TG007.nofiel: unknown key; did you mean 'nofile'?"
        );
        assert_eq!(error("[rules.TG07]\nnofile = 1"), "rules.TG07: unknown rule; did you mean 'TG007'?");
        assert_eq!(error("[rules.go-run]"), "rules.go-run: unknown rule; did you mean 'TG001'?");
        assert_eq!(
            error("[rules.TG001]\nnofile = 1").split(';').next(),
            Some("rules.TG001.nofile: unknown key")
        );
        assert_eq!(
            error("[rules.TG001]\nvariants = { flie = \"off\" }"),
            "rules.TG001.variants: 'flie' is not a variant; did you mean 'file'?"
        );
        assert!(
            error("[rules.TG001]\nvariants = { file = \"no\" }").contains("file: 'no' is not a severity")
        );
        assert!(error("[rules.TG001]\nseverity = \"hihg\"").contains("low, medium, high, critical"));
        assert!(error("[rules.TG001]\nenabled = 1").contains("rules.TG001.enabled: must be true or false"));
        assert_eq!(
            error("[rules.TG001]\nonly = [{ pth = \"x\" }]"),
            "rules.TG001.only: [0]: pth: unknown key; did you mean 'path'?"
        );
        assert_eq!(error("[production]\nmach = []"), "production.mach: unknown key; did you mean 'match'?");
        assert!(error("rules = 1").starts_with("rules: must be tables"));
        assert!(error("[rules]\nTG001 = 1").starts_with("rules.TG001: must be a table"));
    }
}
