//! Validation of the keys of rules and exceptions. A rule without a criterion matches more, so a mistyped key
//! would make it wider than written; unknown keys are therefore rejected.

use tracego_model::text::nearest;

/// Criteria of a match, in rules and exceptions.
const MATCHER: [&str; 5] = ["executables", "args", "in-job", "users", "cgroups"];
/// Keys of rules only.
const RULE: [&str; 4] = ["name", "action", "message", "remediation"];
/// Keys of exceptions only.
const EXCEPTION: [&str; 4] = ["name", "owner", "reason", "expires"];

/// Rejects unknown keys in `[[enforce.rules]]` and `[[enforce.exceptions]]`. Values that are not lists of
/// tables are left to the parser.
///
/// # Errors
/// Names the rule, the key and the nearest known key: `rules "no-curl": arg: unknown key; did you mean
/// 'args'?`.
pub(super) fn check(table: &toml::Value) -> Result<(), String> {
    for (list, own) in [("rules", RULE), ("exceptions", EXCEPTION)] {
        let all = table.get(list).and_then(toml::Value::as_array).into_iter().flatten();
        for (at, one) in all.enumerate() {
            for key in one.as_table().into_iter().flat_map(toml::Table::keys) {
                let known = || own.into_iter().chain(MATCHER);
                if !known().any(|known| known == key) {
                    let name = one.get("name").and_then(toml::Value::as_str);
                    let name = name.map_or_else(|| format!("[{at}]"), |name| format!("{name:?}"));
                    return Err(format!("{list} {name}: {key}: unknown key; {}", nearest(key, known())));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::{Enforce, Exception, Rule},
        *,
    };

    fn error(text: &str) -> String {
        let table: toml::Table = text.parse().unwrap();
        Enforce::read(toml::Value::Table(table)).expect_err(text)
    }

    fn keys(own: [&'static str; 4]) -> BTreeSet<&'static str> {
        own.into_iter().chain(MATCHER).collect()
    }

    #[test]
    fn a_misspelt_key_names_its_rule_and_the_way_out() {
        for (list, text, said) in [
            ("rules", "executables = ['go'], arg = ['run']", "arg: unknown key; did you mean 'args'?"),
            ("rules", "executables = ['go'], in_job = true", "in_job: unknown key; did you mean 'in-job'?"),
            ("rules", "executables = ['go'], user = ['x']", "user: unknown key; did you mean 'users'?"),
            ("rules", "executables = ['go'], cgroup = []", "cgroup: unknown key; did you mean 'cgroups'?"),
            ("rules", "args = ['run'], executable = ['go']", "unknown key; did you mean 'executables'?"),
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
    }

    #[test]
    fn what_is_known_is_read() {
        // No key takes a table as its value, so a key that is read fails, and one that is not read would be
        // ignored.
        let with = |key: &str| {
            let mut table: toml::Table =
                "name = 'x'\nowner = 'o'\nreason = 'r'\nexpires = '2027-01-31'".parse().unwrap();
            assert!(
                table.clone().try_into::<Rule>().is_ok() && table.clone().try_into::<Exception>().is_ok()
            );
            table.insert(key.to_owned(), toml::Value::Table(toml::Table::new()));
            table
        };
        for key in keys(RULE) {
            assert!(with(key).try_into::<Rule>().is_err(), "{key}");
        }
        for key in keys(EXCEPTION) {
            assert!(with(key).try_into::<Exception>().is_err(), "{key}");
        }
    }

    #[test]
    fn the_documentation_and_the_example_have_the_keys_that_there_are() {
        let guide = include_str!("../../../../../docs/enforcement.md");
        let guide = guide.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let example: String = include_str!("../../../../../deploy/tracego.toml")
            .lines()
            .skip_while(|line| *line != "#[enforce]")
            .filter_map(|line| line.strip_prefix('#'))
            .collect::<Vec<_>>()
            .join("\n");
        for (place, text) in [("guide", guide), ("example", &example)] {
            let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{place}: {error}\n{text}"));
            for (list, own) in [("rules", RULE), ("exceptions", EXCEPTION)] {
                let one = table["enforce"][list][0].as_table().unwrap();
                let named: BTreeSet<&str> = one.keys().map(String::as_str).collect();
                // The rule shows all criteria; the exception shows some of them.
                let expected = if list == "rules" { keys(own) } else { &keys(own) & &named };
                assert_eq!(named, expected, "{place}: {list}");
                assert!(own.iter().all(|key| named.contains(key)), "{place}: {list}: {named:?}");
            }
        }
    }
}
