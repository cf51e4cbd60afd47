//! The processes that a setting is for: lists of matchers with globs.
//!
//! ```text
//! target    the attributes of a process that matchers compare with
//! services  services and pidfiles that the configuration names
//! ```

mod services;
mod target;

use globset::{GlobBuilder, GlobMatcher};
pub use services::NamedServices;
pub use target::ScopeTarget;
use tracego_model::{linux::users::User, text::nearest};

/// Keys of a matcher.
const KEYS: [&str; 5] = ["path", "user", "unit", "container", "job"];

/// A matcher: all keys that are given have to match. An empty matcher, `{}`, is refused.
#[derive(Clone, Debug, Default)]
pub struct ProcessMatcher {
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

impl ProcessMatcher {
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
            let text = value.as_str().ok_or_else(|| format!("{key}: must be a string"))?;
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
    pub fn matches(&self, target: &ScopeTarget<'_>) -> bool {
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
        one(&self.path, target.path)
            && one(&self.unit, target.unit)
            && one(&self.container, target.container)
            && target.user.map_or(self.user.is_none(), of_user)
            && self.job.as_ref().is_none_or(|glob| target.jobs.iter().flatten().any(|job| glob.is_match(job)))
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
pub struct ProcessScope {
    /// Processes that the setting is for; all when empty.
    pub only: Vec<ProcessMatcher>,
    /// Processes that the setting is never for.
    pub except: Vec<ProcessMatcher>,
}

impl ProcessScope {
    /// Whether the scope includes a process.
    #[must_use]
    pub fn covers(&self, target: &ScopeTarget<'_>) -> bool {
        (self.only.is_empty() || one_of(&self.only, target)) && !one_of(&self.except, target)
    }

    /// Whether one of the matchers names the process, and no exception does.
    #[must_use]
    pub fn names(&self, target: &ScopeTarget<'_>) -> bool {
        one_of(&self.only, target) && !one_of(&self.except, target)
    }
}

/// Whether one of the matchers matches the process.
#[must_use]
pub fn one_of(matchers: &[ProcessMatcher], target: &ScopeTarget<'_>) -> bool {
    matchers.iter().any(|matcher| matcher.matches(target))
}

/// Reads a list of matchers.
///
/// # Errors
/// Fails if a matcher is wrong. The message begins with its position: `[1]: path: …`.
pub fn read(value: &toml::Value) -> Result<Vec<ProcessMatcher>, String> {
    let list = value.as_array().ok_or("must be a list of matchers such as [{ path = \"/opt/**\" }]")?;
    let one = |(n, value)| ProcessMatcher::read(value).map_err(|error| format!("[{n}]: {error}"));
    list.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn matchers(text: &str) -> Result<Vec<ProcessMatcher>, String> {
        let table: toml::Table = format!("list = {text}").parse().unwrap();
        read(&table["list"])
    }

    fn target<'a>(path: &'a str, unit: &'a str, user: &'a User) -> ScopeTarget<'a> {
        ScopeTarget { path: Some(path), unit: Some(unit), user: Some(user), ..ScopeTarget::default() }
    }

    #[test]
    fn all_keys_of_a_matcher_hold_and_one_matcher_of_a_list() {
        let user = User { id: 33, name: Some(Arc::from("www-data")) };
        let api = target("/srv/api/bin/server", "api-1.service", &user);
        let list = matchers(r#"[{ unit = "api-*.service", user = "www-*" }, { path = "/opt/**" }]"#).unwrap();
        assert!(one_of(&list, &api));
        assert!(one_of(&list, &target("/opt/a/b", "x.service", &user)));
        let other = User { id: 34, name: None };
        assert!(!one_of(&list, &target("/srv/api/bin/server", "api-1.service", &other)));
        assert!(one_of(&matchers(r#"[{ user = "34" }]"#).unwrap(), &target("/", "", &other)));
        assert!(!one_of(&matchers(r#"[{ container = "*" }]"#).unwrap(), &api));
        assert!(!one_of(&matchers(r#"[{ job = "*" }]"#).unwrap(), &api));
        let of_job = ScopeTarget { jobs: [Some("deploy"), None, Some("17"), None], ..ScopeTarget::default() };
        assert!(one_of(&matchers(r#"[{ job = "1?" }]"#).unwrap(), &of_job));
        assert!(!one_of(&matchers(r#"[{ user = "*" }]"#).unwrap(), &of_job));
    }

    #[test]
    fn a_star_stays_within_a_folder() {
        let user = User { id: 0, name: None };
        let list = matchers(r#"[{ path = "/srv/*/server" }]"#).unwrap();
        assert!(one_of(&list, &target("/srv/api/server", "", &user)));
        assert!(!one_of(&list, &target("/srv/api/bin/server", "", &user)));
    }

    #[test]
    fn only_and_except_make_a_scope() {
        let user = User { id: 0, name: None };
        let list = |text| matchers(text).unwrap();
        let scope =
            ProcessScope { only: list(r#"[{ path = "/srv/**" }]"#), except: list(r#"[{ unit = "x*" }]"#) };
        assert!(scope.covers(&target("/srv/a", "a.service", &user)));
        assert!(!scope.covers(&target("/srv/a", "x.service", &user)));
        assert!(!scope.covers(&target("/opt/a", "a.service", &user)));
        assert!(
            ProcessScope::default().covers(&ScopeTarget::default())
                && !ProcessScope::default().names(&ScopeTarget::default())
        );
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
        assert!(error("[{ path = 1 }]").contains("path: must be a string"));
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
