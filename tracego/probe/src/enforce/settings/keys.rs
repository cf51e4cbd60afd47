//! The tables of rules and exceptions. A rule without a criterion matches more, so a mistyped key would make it
//! wider than written; unknown keys are therefore rejected.

use serde::de::DeserializeOwned;
use tracego_model::matcher::{MatchKey, ProcessMatcher};

use super::{KernelMatcher, TABLE};

/// Keys of rules only.
pub(super) const RULE: [&str; 4] = ["name", "action", "message", "remediation"];
/// Keys of exceptions only.
pub(super) const EXCEPTION: [&str; 4] = ["name", "owner", "reason", "expires"];

/// Takes the tables of a list out of `[enforce]`, and reads each: its criteria, and the keys of its own.
/// Warnings are added to `warnings`.
///
/// # Errors
/// Names the rule, the key and the way out: `enforce.rules "no-curl": arg: unknown key; did you mean 'args'?`.
pub(super) fn take<T: DeserializeOwned>(
    table: &mut toml::Table,
    list: &str,
    own: &[&'static str],
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<(T, KernelMatcher)>>, String> {
    let Some(value) = table.remove(list) else { return Ok(None) };
    let toml::Value::Array(all) = value else {
        return Err(format!("{TABLE}.{list}: must be tables such as [[{TABLE}.{list}]]"));
    };
    let one = |(at, value): (usize, toml::Value)| {
        let name = value.get("name").and_then(toml::Value::as_str);
        let name = name.map_or_else(|| format!("[{at}]"), |name| format!("{name:?}"));
        let place = |error: String| format!("{TABLE}.{list} {name}: {error}");
        let toml::Value::Table(table) = value else { return Err(place("must be a table".to_owned())) };
        let (criteria, rest): (toml::Table, toml::Table) =
            table.into_iter().partition(|(key, _)| MatchKey::is_known(key));
        if let Some(unknown) = rest.keys().find(|key| !own.contains(&key.as_str())) {
            return Err(place(MatchKey::unknown(unknown, own)));
        }
        let matcher = ProcessMatcher::read(&toml::Value::Table(criteria)).map_err(place)?;
        warnings.extend(matcher.warnings().map(place));
        let kernel = KernelMatcher::of(&matcher).map_err(place)?;
        let rest = rest.try_into().map_err(|error: toml::de::Error| place(first_line(&error)))?;
        Ok((rest, kernel))
    };
    all.into_iter().enumerate().map(one).collect::<Result<_, _>>().map(Some)
}

/// Returns the first line of an error's text.
pub(super) fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::Enforce, *};

    fn error(text: &str) -> String {
        let table: toml::Table = text.parse().unwrap();
        Enforce::read(table).expect_err(text)
    }

    #[test]
    fn a_misspelt_key_names_its_rule_and_the_way_out() {
        for (list, text, said) in [
            ("rules", "path = ['go'], arg = ['run']", "arg: unknown key; did you mean 'args'?"),
            ("rules", "path = ['go'], in_job = true", "in_job: unknown key; did you mean 'in-job'?"),
            (
                "rules",
                "path = ['go'], real_user = ['x']",
                "real_user: unknown key; did you mean 'real-user'?",
            ),
            ("rules", "path = ['go'], cgruop = []", "cgruop: unknown key; did you mean 'cgroup'?"),
            ("rules", "args = ['run'], paht = ['go']", "unknown key; did you mean 'path'?"),
            ("rules", "in-job = true, expires = '2027-01-31'", "expires: unknown key; valid: name, action"),
            ("exceptions", "in-job = true, arg = ['x']", "arg: unknown key; did you mean 'args'?"),
            ("exceptions", "in-job = true, message = ''", "message: unknown key; valid: name, owner"),
        ] {
            let owned = "owner = 'o', reason = 'r', expires = '2027-01-31', ";
            let rest = if list == "exceptions" { owned } else { "" };
            let said_all = error(&format!("{list} = [{{ name = 'x', {rest}{text} }}]"));
            assert!(said_all.starts_with(&format!("enforce.{list} \"x\": ")), "{text}: {said_all}");
            assert!(said_all.contains(said), "{text}: {said_all}");
        }
        let nameless = error("rules = [{ name = 'x', in-job = true }, { nam = 'y', in-job = true }]");
        assert_eq!(nameless, "enforce.rules [1]: nam: unknown key; did you mean 'name'?");
        assert!(error("rules = 1").contains("enforce.rules: must be tables"));
    }

    #[test]
    fn the_documentation_and_the_example_have_the_keys_that_there_are() {
        let guide = include_str!("../../../../../docs/enforcement.md");
        let guide = guide.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let example: String = include_str!("../../../../../deploy/tracego.toml")
            .lines()
            .skip_while(|line| *line != "#[enforce]")
            .filter_map(|line| line.strip_prefix('#').filter(|key| !key.starts_with(' ')))
            .collect::<Vec<_>>()
            .join("\n");
        let beyond = [MatchKey::User, MatchKey::Unit, MatchKey::Container, MatchKey::Job];
        let known = MatchKey::ALL.into_iter().filter(|key| !beyond.contains(key)).map(MatchKey::name);
        let known: BTreeSet<&str> = known.collect();
        for (place, text) in [("guide", guide), ("example", &example)] {
            let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{place}: {error}\n{text}"));
            let read = Enforce::read(table["enforce"].as_table().unwrap().clone());
            assert!(
                read.as_ref().is_ok_and(|read| read.warnings.is_empty()) || place == "example",
                "{read:?}"
            );
            for (list, own) in [("rules", RULE), ("exceptions", EXCEPTION)] {
                let one = table["enforce"][list][0].as_table().unwrap();
                let named: BTreeSet<&str> = one.keys().map(String::as_str).collect();
                let all: BTreeSet<&str> = known.iter().copied().chain(own).collect();
                // The rule shows all criteria; the exception shows some of them.
                let expected = if list == "rules" { all } else { &all & &named };
                assert_eq!(named, expected, "{place}: {list}");
                assert!(own.iter().all(|key| named.contains(key)), "{place}: {list}: {named:?}");
            }
        }
    }
}
