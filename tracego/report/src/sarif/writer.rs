//! Rules and results, with the limits of GitHub code scanning: 25,000 results of which 5,000 are shown, 1,000 locations
//! of a result, 20 tags of a rule.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use tracego_model::{
    finding::Severity,
    text::{printable, printable_lines},
};

use super::{
    level::{SarifLevel, security_severity},
    log_file::{
        ArtifactLocation, AutomationDetails, Configuration, Driver, Invocation, Location, LogFile,
        LogicalLocation, Message, Notification, PhysicalLocation, Region, ResultObject, RuleObject,
        RuleProperties, Run, Suppression, Tool,
    },
};

/// Maximum number of results: GitHub shows no more, the worst first.
const RESULTS_MAX: usize = 5000;
/// Maximum number of related locations of a result.
const RELATED_MAX: usize = 100;
/// Maximum length of a message in characters.
const MESSAGE_MAX: usize = 2000;
/// Maximum length of a path in bytes.
const PATH_MAX: usize = 4096;
/// The schema of the format.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct SarifRule<'a> {
    /// Id, such as `TG001`.
    pub id: &'a str,
    /// Name, such as `go-run`.
    pub name: &'a str,
    /// Title, in a few words.
    pub title: &'a str,
    /// Meaning, in sentences.
    pub summary: &'a str,
    /// Remediation.
    pub remedy: &'a str,
    /// Address of further reading; left out if it is none.
    pub reference: &'a str,
    /// Severity of the worst case.
    pub severity: Severity,
}

/// A part of a file. Lines and columns count from 1; columns in characters (UTF-16 code units differ from them above
/// U+FFFF alone).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SarifRegion {
    /// First line.
    pub line: u32,
    /// Column of the first character.
    pub column: Option<u32>,
    /// Last line.
    pub end_line: Option<u32>,
    /// Column behind the last character.
    pub end_column: Option<u32>,
}

/// A place in a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SarifPlace {
    /// Path relative to the root of the repository, with slashes.
    pub path: String,
    /// Part of the file; `None` for the whole file.
    pub region: Option<SarifRegion>,
    /// A word about the place; empty without one.
    pub message: String,
}

/// The reason why a result is suppressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SuppressedBecause {
    /// A comment in the source, with its text.
    InSource(String),
    /// A baseline or a configuration, with its text.
    External(String),
}

/// A result.
#[derive(Clone, Debug)]
pub struct SarifResult {
    /// Id of the rule.
    pub rule: String,
    /// Severity in this case.
    pub severity: Severity,
    /// Message; may have several lines.
    pub message: String,
    /// The place. GitHub refuses a file with a result that has none.
    pub place: SarifPlace,
    /// Other places that are part of the result.
    pub related: Vec<SarifPlace>,
    /// Names of the things that the result is about where that is no file, such as `make → ci.sh → go run ./cmd/server`.
    pub logical: Vec<String>,
    /// A text that is the same for the same result of another run; empty if GitHub computes one.
    pub fingerprint: String,
    /// Reason why the result is suppressed; `None` if it is not.
    pub suppressed: Option<SuppressedBecause>,
    /// Other values.
    pub properties: BTreeMap<String, String>,
}

/// The content of a SARIF file.
#[derive(Clone, Copy, Debug)]
pub struct SarifLog<'a> {
    /// Version of tracego, as `1.2.3`.
    pub version: &'a str,
    /// Category of the run, such as `tracego-scan/`; results of different categories stand beside each other. Empty for
    /// none.
    pub category: &'a str,
    /// The rules; those of no result are left out.
    pub rules: &'a [SarifRule<'a>],
    /// The results, in any order.
    pub results: &'a [SarifResult],
    /// Problems because of which results may be missing.
    pub problems: &'a [String],
}

/// The numbers of results.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SarifTally {
    /// Number of results that are in the file.
    pub written: usize,
    /// Number of results that have no room; they are the least severe.
    pub left_out: usize,
}

/// Writes a file.
///
/// # Errors
/// Fails if it cannot be written.
pub fn write(log: &SarifLog<'_>, out: &mut impl Write) -> io::Result<SarifTally> {
    let mut results: Vec<&SarifResult> = log.results.iter().collect();
    results.sort_by_key(|result| std::cmp::Reverse(result.severity));
    let left_out = results.len().saturating_sub(RESULTS_MAX);
    results.truncate(RESULTS_MAX);
    let is_used = |rule: &&SarifRule<'_>| results.iter().any(|result| result.rule == rule.id);
    let rules: Vec<&SarifRule<'_>> = log.rules.iter().filter(is_used).collect();
    let indices: HashMap<&str, usize> = rules.iter().enumerate().map(|(at, rule)| (rule.id, at)).collect();
    let mut notifications: Vec<Notification> =
        log.problems.iter().take(100).map(|text| notification(text)).collect();
    if left_out > 0 {
        notifications.push(notification(&format!("{left_out} results of lower severity are left out")));
    }
    let file = LogFile {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "tracego",
                    semantic_version: log.version,
                    rules: rules.into_iter().map(rule).collect(),
                },
            },
            automation_details: (!log.category.is_empty()).then_some(AutomationDetails { id: log.category }),
            invocations: [Invocation {
                execution_successful: log.problems.is_empty(),
                tool_execution_notifications: notifications,
            }],
            column_kind: "unicodeCodePoints",
            results: results.iter().map(|result| object(result, &indices)).collect(),
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &file)?;
    writeln!(out)?;
    Ok(SarifTally { written: results.len(), left_out })
}

fn notification(text: &str) -> Notification {
    Notification { level: SarifLevel::Warning, message: Message { text: shown(text) } }
}

fn shown(text: &str) -> String {
    crate::escape::shortened(&printable_lines(text), MESSAGE_MAX)
}

fn rule<'a>(rule: &SarifRule<'a>) -> RuleObject<'a> {
    RuleObject {
        id: rule.id,
        name: rule.name,
        short_description: Message { text: rule.title },
        full_description: Message { text: rule.summary },
        help: Message { text: rule.remedy },
        help_uri: Some(rule.reference).filter(|address| address.starts_with("https://")),
        default_configuration: Configuration { level: rule.severity.into() },
        properties: RuleProperties {
            security_severity: security_severity(rule.severity),
            precision: "high",
            tags: vec!["security", "ci", "go"],
        },
    }
}

fn object<'a>(result: &'a SarifResult, indices: &HashMap<&str, usize>) -> ResultObject<'a> {
    let suppression = result.suppressed.as_ref().map(|because| match because {
        SuppressedBecause::InSource(text) => Suppression { kind: "inSource", justification: text },
        SuppressedBecause::External(text) => Suppression { kind: "external", justification: text },
    });
    let mut place = location(&result.place, None);
    place.logical_locations =
        result.logical.iter().map(|name| LogicalLocation { fully_qualified_name: name }).collect();
    let related = result.related.iter().take(RELATED_MAX).enumerate();
    let mut fingerprints = BTreeMap::new();
    if !result.fingerprint.is_empty() {
        fingerprints.insert("tracegoFinding/v1", result.fingerprint.as_str());
    }
    ResultObject {
        rule_id: &result.rule,
        rule_index: indices.get(result.rule.as_str()).copied(),
        level: result.severity.into(),
        message: Message { text: shown(&result.message) },
        locations: vec![place],
        related_locations: related.map(|(at, place)| location(place, Some(at))).collect(),
        partial_fingerprints: fingerprints,
        suppressions: suppression.into_iter().collect(),
        properties: result.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    }
}

fn location(place: &SarifPlace, id: Option<usize>) -> Location<'_> {
    let region = place.region.map(|region| Region {
        start_line: region.line.max(1),
        start_column: region.column.map(|column| column.max(1)),
        end_line: region.end_line,
        end_column: region.end_column,
    });
    Location {
        id,
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(&place.path) },
            region,
        },
        message: Some(Message { text: place.message.as_str() }).filter(|message| !message.text.is_empty()),
        logical_locations: Vec::new(),
    }
}

/// Returns a path as a relative reference (RFC 3986): other bytes than those of paths are in percent form.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes().take(PATH_MAX) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'/' | b'-' | b'_' | b'.' | b'~' | b'@' | b'+' | b',' | b'=' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if uri.is_empty() { ".".to_owned() } else { printable(&uri) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rule: &str, severity: Severity) -> SarifResult {
        SarifResult {
            rule: rule.to_owned(),
            severity,
            message: "a message".to_owned(),
            place: SarifPlace {
                path: "./scripts/a b.sh".to_owned(),
                region: Some(SarifRegion { line: 3, column: Some(2), ..SarifRegion::default() }),
                message: String::new(),
            },
            related: Vec::new(),
            logical: vec!["make → go run".to_owned()],
            fingerprint: String::new(),
            suppressed: None,
            properties: BTreeMap::new(),
        }
    }

    fn written(results: &[SarifResult]) -> (serde_json::Value, SarifTally) {
        let rules = ["TG001", "TG002"].map(|id| SarifRule {
            id,
            name: "name",
            title: "title",
            summary: "summary",
            remedy: "remedy",
            reference: "credentials(7)",
            severity: Severity::High,
        });
        let log = SarifLog { version: "1.0.0", category: "", rules: &rules, results, problems: &[] };
        let mut out = Vec::new();
        let tally = write(&log, &mut out).unwrap();
        (serde_json::from_slice(&out).unwrap(), tally)
    }

    #[test]
    fn a_result_names_its_rule_by_index() {
        let (log, _) = written(&[result("TG002", Severity::Medium)]);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 1);
        let result = &run["results"][0];
        assert_eq!((&result["ruleId"], &result["ruleIndex"]), (&"TG002".into(), &0.into()));
        assert_eq!(result["level"], "warning");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "scripts/a%20b.sh");
        assert_eq!(place["region"]["startLine"], 3);
    }

    #[test]
    fn the_least_severe_results_have_no_room() {
        let mut results = vec![result("TG001", Severity::Low); RESULTS_MAX];
        results.push(result("TG001", Severity::Critical));
        let (log, tally) = written(&results);
        assert_eq!(tally, SarifTally { written: RESULTS_MAX, left_out: 1 });
        assert_eq!(log["runs"][0]["results"][0]["level"], "error");
        let told = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
        assert!(told["message"]["text"].as_str().unwrap().contains("1 results"));
    }
}
