//! The table `[provenance]`: where bundles are, who is trusted, and what has to have provenance.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use tracego_analyze::rules::place::Place;
use tracego_model::{matcher::Pattern, text, units::Span};
use tracego_provenance::{LogDemand, NamedKey, Settings, Signer};

/// Name of the table.
pub(crate) const TABLE: &str = "provenance";
/// Lists of tables in it.
const SIGNERS: &str = "signers";
const KEYS: &str = "keys";

/// Settings of provenance.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProvenanceSettings {
    /// Bundles, roots, signers and keys.
    pub trust: Settings,
    /// Executables that have to have provenance.
    pub scope: ProvenanceScope,
    /// The age from which on a trust root is stale.
    pub max_root_age: Option<Duration>,
}

/// Executables that have to have provenance. Without a criterion there are none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProvenanceScope {
    paths: Vec<Pattern>,
    places: Vec<ScopePlace>,
}

/// A place where processes run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum ScopePlace {
    /// Production, as rules know it.
    Production,
    /// CI jobs.
    Ci,
    /// Containers, of either.
    Container,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[derive(Default)]
struct Table {
    store: Paths,
    trusted_root: Paths,
    scope: Option<ScopeTable>,
    predicate_types: Option<Vec<String>>,
    max_root_age: Option<Span>,
}

/// One path, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a path, or a list of paths")]
enum OneOrSeveral<T> {
    One(T),
    Several(Vec<T>),
}

type Paths = OneOrSeveral<PathBuf>;

impl<T> Default for OneOrSeveral<T> {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl<T> OneOrSeveral<T> {
    fn list(self) -> Vec<T> {
        match self {
            Self::One(path) => vec![path],
            Self::Several(paths) => paths,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct ScopeTable {
    paths: Option<OneOrSeveral<String>>,
    places: Option<Vec<ScopePlace>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SignerTable {
    issuer: String,
    repository: Option<String>,
    repository_id: Option<String>,
    workflow: Option<String>,
    identity: Option<String>,
    runner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyTable {
    name: String,
    key: PathBuf,
    #[serde(default)]
    log: LogWord,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LogWord {
    #[default]
    Optional,
    Required,
}

impl ProvenanceSettings {
    /// Reads and checks the table. Files that it names are not opened.
    ///
    /// # Errors
    /// Fails on unknown keys and on signers that are nobody. Each text names the key or the entry.
    pub(crate) fn read(value: toml::Value) -> Result<Self, Vec<String>> {
        let toml::Value::Table(mut table) = value else {
            return Err(vec![format!("{TABLE}: must be a table: [{TABLE}]")]);
        };
        let mut mistakes = Vec::new();
        let signers = entries(table.remove(SIGNERS), SIGNERS, &mut mistakes, signer);
        let keys = entries(table.remove(KEYS), KEYS, &mut mistakes, key);
        for (at, key) in keys.iter().enumerate() {
            if keys.iter().take(at).any(|other: &NamedKey| other.name == key.name) {
                mistakes.push(format!("{TABLE}.{KEYS} {}: name: is used twice", key.name));
            }
        }
        let table = each_key(table, &mut mistakes);
        let scope = table.scope.map(scope).transpose().map_err(|error| mistakes.push(error));
        let scope = scope.ok().flatten().unwrap_or_default();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let mut trust = Settings {
            store: table.store.list(),
            trusted_root: table.trusted_root.list(),
            signers,
            keys,
            ..Settings::default()
        };
        if let Some(types) = table.predicate_types {
            trust.predicate_types = types;
        }
        Ok(Self { trust, scope, max_root_age: table.max_root_age.map(|Span(age)| age) })
    }

    /// Checks the table beside the findings that stop programs, once all files are merged.
    ///
    /// # Errors
    /// Fails if proofs are demanded, and nothing could ever be verified.
    pub(crate) fn check_demands(&self, findings: &[String]) -> Result<Option<String>, String> {
        let is_demanding = self.scope != ProvenanceScope::default();
        if is_demanding && self.trust.store.is_empty() {
            return Err(format!(
                "{TABLE}.scope: nothing could ever be verified without a store; name a folder: \
                 store = [\"/etc/tracego/attestations\"]"
            ));
        }
        let stopping = |id: &&String| match id.as_str() {
            "TG019" => !is_demanding,
            "TG020" | "TG021" => !self.is_set(),
            _ => false,
        };
        Ok(findings.iter().find(stopping).map(|id| {
            format!(
                "enforce.findings: {id} stops nothing, because no proof is demanded; add [{TABLE}] with store and \
                 scope = {{ paths = [\"/srv/**\"] }}"
            )
        }))
    }

    /// Whether there is anything to judge executables by.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }
}

impl ProvenanceScope {
    /// Whether an executable has to have provenance. Every criterion that is set has to hold.
    #[must_use]
    pub fn contains(&self, path: &str, place: Place) -> bool {
        let is_at = |wanted: &ScopePlace| match wanted {
            ScopePlace::Production => place.is_production(),
            ScopePlace::Ci => place.ci,
            ScopePlace::Container => place.container,
        };
        let is_set = !self.paths.is_empty() || !self.places.is_empty();
        is_set
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path)))
            && (self.places.is_empty() || self.places.iter().any(is_at))
    }
}

/// Returns the first line of an error of the parser.
fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

/// Reads the keys of the table, each on its own, so that one mistake does not hide the next.
fn each_key(table: toml::Table, mistakes: &mut Vec<String>) -> Table {
    let known = ["store", "trusted-root", "scope", "predicate-types", "max-root-age", SIGNERS, KEYS];
    let mut right = toml::Table::new();
    for (key, value) in table {
        let one = toml::Table::from_iter([(key.clone(), value.clone())]);
        match one.try_into::<Table>() {
            Ok(_) => drop(right.insert(key, value)),
            Err(_) if !known.contains(&key.as_str()) => {
                mistakes.push(format!("{TABLE}: unknown key '{key}'; {}", text::nearest(&key, known)));
            }
            Err(error) => mistakes.push(format!("{TABLE}.{key}: {}", first_line(&error))),
        }
    }
    right.try_into().unwrap_or_default()
}

/// Reads a list of tables, each on its own.
fn entries<T>(
    value: Option<toml::Value>,
    name: &str,
    mistakes: &mut Vec<String>,
    read: fn(toml::Value) -> Result<T, String>,
) -> Vec<T> {
    let list = match value {
        None => return Vec::new(),
        Some(toml::Value::Array(list)) => list,
        Some(_) => {
            mistakes.push(format!("{TABLE}.{name}: write each as a table: [[{TABLE}.{name}]]"));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (number, value) in (1..).zip(list) {
        let own = value.get("name").and_then(toml::Value::as_str).map(str::to_owned);
        match read(value) {
            Ok(entry) => found.push(entry),
            Err(error) => {
                let own = own.unwrap_or_else(|| number.to_string());
                mistakes.push(format!("{TABLE}.{name} {own}: {error}"));
            }
        }
    }
    found
}

fn signer(value: toml::Value) -> Result<Signer, String> {
    let SignerTable { issuer, repository, repository_id, workflow, identity, runner } =
        value.try_into().map_err(|error| first_line(&error))?;
    let signer = Signer { issuer, repository, repository_id, workflow, identity, runner };
    signer.check().map_err(|error| error.to_string())?;
    Ok(signer)
}

fn key(value: toml::Value) -> Result<NamedKey, String> {
    let KeyTable { name, key, log } = value.try_into().map_err(|error| first_line(&error))?;
    let log = match log {
        LogWord::Optional => LogDemand::Optional,
        LogWord::Required => LogDemand::Required,
    };
    Ok(NamedKey { name, path: key, log })
}

fn scope(table: ScopeTable) -> Result<ProvenanceScope, String> {
    let all = "paths = [\"**\"] demands a proof of every program";
    if table.paths.is_none() && table.places.is_none() {
        return Err(format!("{TABLE}.scope: demands nothing; set paths or places: {all}"));
    }
    let pattern = |text: &String| {
        let wrong = |why: &str| Err(format!("{TABLE}.scope: paths: '{text}' {why}"));
        if !text.starts_with('/') && !text.starts_with("**") {
            return wrong("begins with neither / nor **, and matches no file");
        }
        if text.ends_with('/') {
            return wrong("ends with /, and matches no file; write ** behind it for everything below");
        }
        if text.split('/').any(|component| matches!(component, "." | "..")) {
            return wrong("has . or .. in it, and matches no file; write the path without");
        }
        Pattern::new(text, true).map_err(|error| format!("{TABLE}.scope: paths: {error}"))
    };
    let paths = match table.paths.map(OneOrSeveral::list) {
        Some(paths) if paths.is_empty() => {
            return Err(format!("{TABLE}.scope: paths: is empty; name some, or leave it out: {all}"));
        }
        paths => paths.unwrap_or_default().iter().map(pattern).collect::<Result<_, _>>()?,
    };
    let places = match table.places {
        Some(places) if places.is_empty() => {
            return Err(format!(
                "{TABLE}.scope: places: is empty; name some, or leave it out for every place"
            ));
        }
        places => places.unwrap_or_default(),
    };
    Ok(ProvenanceScope { paths, places })
}

#[cfg(test)]
mod tests {
    use tracego_analyze::rules::place::Production;

    use super::*;

    const ALL: &str = r#"
        store = ["/etc/tracego/attestations", "dist"]
        trusted-root = "/etc/tracego/trusted_root.jsonl"
        scope = { paths = ["/srv/**"], places = ["production", "ci"] }
        predicate-types = ["https://slsa.dev/provenance/v1"]
        max-root-age = "90d"
        [[signers]]
        issuer = "https://token.actions.githubusercontent.com"
        repository = "https://github.com/acme/shop"
        runner = "github-hosted"
        [[keys]]
        name = "release"
        key = "/etc/tracego/release.pub"
        log = "required"
    "#;

    fn read(text: &str) -> Result<ProvenanceSettings, Vec<String>> {
        ProvenanceSettings::read(toml::Value::Table(text.parse().unwrap()))
    }

    #[test]
    fn every_key_is_read() {
        let settings = read(ALL).unwrap();
        let trust = &settings.trust;
        assert_eq!((trust.store.len(), trust.trusted_root.len(), trust.predicate_types.len()), (2, 1, 1));
        assert_eq!(trust.signers[0].runner.as_deref(), Some("github-hosted"));
        assert_eq!((trust.keys[0].name.as_str(), trust.keys[0].log), ("release", LogDemand::Required));
        assert_eq!(settings.max_root_age, Some(Duration::from_secs(90 * 86_400)));
        assert!(settings.is_set() && !read("").unwrap().is_set());
        assert_eq!(read("").unwrap().trust, Settings::default());
    }

    #[test]
    fn every_criterion_of_the_scope_has_to_hold() {
        let scope = read(ALL).unwrap().scope;
        let production = Place { production: Production::Guessed, ..Place::default() };
        let ci = Place { ci: true, ..Place::default() };
        for (path, place, wanted) in [
            ("/srv/shop/bin", production, true),
            ("/srv/shop", ci, true),
            ("/srv/shop", Place::default(), false),
            ("/usr/bin/make", production, false),
        ] {
            assert_eq!(scope.contains(path, place), wanted, "{path} {place:?}");
        }
        let paths = read("scope = { paths = [\"/srv/*\"] }").unwrap().scope;
        assert!(paths.contains("/srv/a", Place::default()) && !paths.contains("/srv/a/b", production));
        assert!(!read("").unwrap().scope.contains("/srv/a", production));
    }

    #[test]
    fn a_scope_that_demands_nothing_is_refused() {
        for (scope, wanted) in [
            ("{}", "demands nothing; set paths or places"),
            ("{ paths = [] }", "paths: is empty"),
            ("{ places = [] }", "places: is empty"),
            ("{ paths = [\"*\"] }", "'*' begins with neither / nor **"),
            ("{ paths = [\"/srv/\"] }", "'/srv/' ends with /"),
            ("{ paths = [\"/srv/../x\"] }", "'/srv/../x' has . or .."),
            ("{ paths = [\"/srv/./x\"] }", "'/srv/./x' has . or .."),
        ] {
            let mistakes = read(&format!("scope = {scope}")).unwrap_err();
            assert!(mistakes.len() == 1 && mistakes[0].contains(wanted), "{scope}: {mistakes:?}");
        }
        for scope in ["{ paths = \"/srv/*\" }", "{ paths = [\"**\"] }", "{ places = [\"ci\"] }"] {
            read(&format!("scope = {scope}")).unwrap();
        }
    }

    #[test]
    fn every_program_has_two_stars_and_files_alone_a_slash() {
        let scope = |paths: &str| read(&format!("scope = {{ paths = [\"{paths}\"] }}")).unwrap().scope;
        for (paths, file, memfd) in [("/**", true, false), ("**", true, true)] {
            assert_eq!(scope(paths).contains("/usr/bin/make", Place::default()), file, "{paths}");
            assert_eq!(scope(paths).contains("memfd:x", Place::default()), memfd, "{paths}");
        }
    }

    #[test]
    fn demands_without_a_proof_are_named() {
        let check = |text: &str, ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            let settings = if text.is_empty() { ProvenanceSettings::default() } else { read(text).unwrap() };
            settings.check_demands(&ids)
        };
        let scope = "scope = { paths = [\"/srv/*\"] }";
        for store in ["", "store = []\n"] {
            let error = check(&format!("{store}{scope}"), &[]).unwrap_err();
            assert!(error.starts_with("provenance.scope: nothing could ever be verified"), "{error}");
        }
        let with_store = format!("store = \"/s\"\n{scope}");
        assert_eq!(check(&with_store, &["TG019", "TG020"]), Ok(None));
        assert_eq!(check("", &["TG001"]), Ok(None));
        for (text, id) in [("", "TG019"), ("store = \"/s\"", "TG019"), ("", "TG020"), ("", "TG021")] {
            let warning = check(text, &[id]).unwrap().unwrap_or_default();
            assert!(warning.starts_with(&format!("enforce.findings: {id} stops nothing")), "{warning}");
        }
        assert_eq!(check("store = \"/s\"", &["TG020"]), Ok(None));
    }

    #[test]
    fn mistakes_come_at_once_and_name_their_entry() {
        let text = r#"
            stor = "x"
            max-root-age = "soon"
            trusted-root = 1
            scope = { places = ["prod"] }
            [[signers]]
            issuer = "https://token.actions.githubusercontent.com"
            [[signers]]
            issuer = "x"
            repositori = "y"
            [[keys]]
            name = "a"
            key = "b"
            [[keys]]
            name = "a"
            key = "c"
            [[keys]]
            name = "d"
        "#;
        let mistakes = read(text).unwrap_err();
        for wanted in [
            "provenance: unknown key 'stor'; did you mean 'store'?",
            "provenance.max-root-age: 'soon' is not a duration",
            "provenance.trusted-root: must be a path, or a list of paths",
            "provenance.scope: unknown variant `prod`",
            "provenance.signers 1: names nobody",
            "provenance.signers 2: unknown field `repositori`",
            "provenance.keys a: name: is used twice",
            "provenance.keys d: missing field `key`",
        ] {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(wanted)), "{wanted}: {mistakes:#?}");
        }
        assert_eq!(mistakes.len(), 8, "{mistakes:#?}");
        assert!(read("scope = { paths = [\"srv\"] }").unwrap_err()[0].contains("neither / nor **"));
        assert!(read("signers = 1").unwrap_err()[0].contains("[[provenance.signers]]"));
    }
}
