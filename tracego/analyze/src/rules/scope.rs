//! The processes that a setting is for: lists of matchers with globs.

use globset::{GlobBuilder, GlobMatcher};
use tracego_model::{linux::users::User, text::nearest};

use super::place::Who;

/// Keys of a matcher.
const KEYS: [&str; 5] = ["path", "user", "unit", "container", "job"];

/// A matcher: all keys that are given have to match. An empty matcher, `{}`, is refused.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// Path of the executable; `*` stays within a folder and `**` does not.
    path: Option<GlobMatcher>,
    /// Name or number of the effective user.
    user: Option<GlobMatcher>,
    /// systemd unit.
    unit: Option<GlobMatcher>,
    /// Container id.
    container: Option<GlobMatcher>,
    /// Name or id of the pipeline or of the job.
    job: Option<GlobMatcher>,
}

impl Matcher {
    /// Reads a matcher: `{ unit = "api-*.service", user = "www-data" }`.
    ///
    /// # Errors
    /// Fails if a key is unknown or its value is wrong. The message begins with the key: `path: …`.
    pub fn read(value: &toml::Value) -> Result<Self, String> {
        let table = value.as_table().ok_or("must be a table such as { unit = \"api-*.service\" }")?;
        if table.is_empty() {
            return Err(format!("an empty matcher is for every process; name one of: {}", KEYS.join(", ")));
        }
        let mut matcher = Self::default();
        for (key, value) in table {
            let text = value.as_str().ok_or_else(|| format!("{key}: must be a text"))?;
            let place = match key.as_str() {
                "path" => &mut matcher.path,
                "user" => &mut matcher.user,
                "unit" => &mut matcher.unit,
                "container" => &mut matcher.container,
                "job" => &mut matcher.job,
                _ => return Err(format!("{key}: unknown key; {}", nearest(key, KEYS))),
            };
            *place = Some(glob(text, key == "path").map_err(|error| format!("{key}: {error}"))?);
        }
        Ok(matcher)
    }

    /// Whether the matcher matches the process.
    #[must_use]
    pub fn matches(&self, who: &Who<'_>) -> bool {
        let one = |glob: &Option<GlobMatcher>, value: Option<&str>| match glob {
            None => true,
            Some(glob) => value.is_some_and(|value| glob.is_match(value)),
        };
        let of_user = |user: &User| {
            self.user.as_ref().is_none_or(|glob| {
                user.name.as_ref().is_some_and(|name| glob.is_match(name.as_ref()))
                    || glob.is_match(user.id.to_string())
            })
        };
        one(&self.path, who.path)
            && one(&self.unit, who.unit)
            && one(&self.container, who.container)
            && who.user.map_or(self.user.is_none(), of_user)
            && self.job.as_ref().is_none_or(|glob| who.jobs.iter().flatten().any(|job| glob.is_match(job)))
    }
}

/// Compiles a glob of the configuration. With `path`, `*` stays within a folder.
///
/// # Errors
/// Fails if the text is no glob.
pub fn glob(text: &str, path: bool) -> Result<GlobMatcher, String> {
    let built = GlobBuilder::new(text).literal_separator(path).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| error.to_string())
}

/// The processes that a setting is for.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Processes that the setting is for; all when empty.
    pub only: Vec<Matcher>,
    /// Processes that the setting is never for.
    pub except: Vec<Matcher>,
}

impl Scope {
    /// Whether the scope includes a process.
    #[must_use]
    pub fn covers(&self, who: &Who<'_>) -> bool {
        (self.only.is_empty() || one_of(&self.only, who)) && !one_of(&self.except, who)
    }

    /// Whether one of the matchers names the process, and no exception does.
    #[must_use]
    pub fn names(&self, who: &Who<'_>) -> bool {
        one_of(&self.only, who) && !one_of(&self.except, who)
    }
}

/// Whether one of the matchers matches the process.
#[must_use]
pub fn one_of(matchers: &[Matcher], who: &Who<'_>) -> bool {
    matchers.iter().any(|matcher| matcher.matches(who))
}

/// Reads a list of matchers.
///
/// # Errors
/// Fails if a matcher is wrong. The message begins with its position: `[1]: path: …`.
pub fn read(value: &toml::Value) -> Result<Vec<Matcher>, String> {
    let list = value.as_array().ok_or("must be a list of matchers such as [{ path = \"/opt/**\" }]")?;
    let one = |(n, value)| Matcher::read(value).map_err(|error| format!("[{n}]: {error}"));
    list.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
        let table: toml::Table = format!("list = {text}").parse().unwrap();
        read(&table["list"])
    }

    fn who<'a>(path: &'a str, unit: &'a str, user: &'a User) -> Who<'a> {
        Who { path: Some(path), unit: Some(unit), user: Some(user), ..Who::default() }
    }

    #[test]
    fn all_keys_of_a_matcher_hold_and_one_matcher_of_a_list() {
        let user = User { id: 33, name: Some(Arc::from("www-data")) };
        let api = who("/srv/api/bin/server", "api-1.service", &user);
        let list = matchers(r#"[{ unit = "api-*.service", user = "www-*" }, { path = "/opt/**" }]"#).unwrap();
        assert!(one_of(&list, &api));
        assert!(one_of(&list, &who("/opt/a/b", "x.service", &user)));
        let other = User { id: 34, name: None };
        assert!(!one_of(&list, &who("/srv/api/bin/server", "api-1.service", &other)));
        assert!(one_of(&matchers(r#"[{ user = "34" }]"#).unwrap(), &who("/", "", &other)));
        assert!(!one_of(&matchers(r#"[{ container = "*" }]"#).unwrap(), &api));
        assert!(!one_of(&matchers(r#"[{ job = "*" }]"#).unwrap(), &api));
        let of_job = Who { jobs: [Some("deploy"), None, Some("17"), None], ..Who::default() };
        assert!(one_of(&matchers(r#"[{ job = "1?" }]"#).unwrap(), &of_job));
        assert!(!one_of(&matchers(r#"[{ user = "*" }]"#).unwrap(), &of_job));
    }

    #[test]
    fn a_star_stays_within_a_folder() {
        let user = User { id: 0, name: None };
        let list = matchers(r#"[{ path = "/srv/*/server" }]"#).unwrap();
        assert!(one_of(&list, &who("/srv/api/server", "", &user)));
        assert!(!one_of(&list, &who("/srv/api/bin/server", "", &user)));
    }

    #[test]
    fn only_and_except_make_a_scope() {
        let user = User { id: 0, name: None };
        let list = |text| matchers(text).unwrap();
        let scope = Scope { only: list(r#"[{ path = "/srv/**" }]"#), except: list(r#"[{ unit = "x*" }]"#) };
        assert!(scope.covers(&who("/srv/a", "a.service", &user)));
        assert!(!scope.covers(&who("/srv/a", "x.service", &user)));
        assert!(!scope.covers(&who("/opt/a", "a.service", &user)));
        assert!(Scope::default().covers(&Who::default()) && !Scope::default().names(&Who::default()));
    }

    #[test]
    fn mistakes_say_where() {
        let error = |text| matchers(text).unwrap_err();
        assert_eq!(
            error(r#"[{ unit = "a" }, { unti = "a" }]"#),
            "[1]: unti: unknown key; did you mean 'unit'?"
        );
        assert!(error(r#"[{ path = "[" }]"#).starts_with("[0]: path: error parsing glob"));
        assert!(error("[{}]").contains("name one of: path, user"));
        assert!(error(r#""x""#).contains("must be a list of matchers"));
        assert!(error("[{ path = 1 }]").contains("path: must be a text"));
    }

    proptest! {
        #[test]
        fn a_glob_without_wildcards_matches_its_own_text_alone(
            text in "/[a-z/._-]{0,30}", other in "/[a-z/._-]{0,30}",
        ) {
            let glob = glob(&text, true).unwrap();
            prop_assert!(glob.is_match(&text));
            prop_assert_eq!(glob.is_match(&other), text == other);
        }

        #[test]
        fn two_stars_take_everything_below(below in "[a-z]{1,8}(/[a-z]{1,8}){0,5}") {
            let (all, one) = (glob("/srv/**", true).unwrap(), glob("/srv/*", true).unwrap());
            let path = format!("/srv/{below}");
            prop_assert!(all.is_match(&path));
            prop_assert_eq!(one.is_match(&path), !below.contains('/'));
        }
    }
}
