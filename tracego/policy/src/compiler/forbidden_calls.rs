//! Functions that modules may not call: functions that the engine lacks, functions that do input or output,
//! and functions whose result changes from call to call. The engine itself would report nothing: a call of a
//! function that is only a stub there is undefined, so the rule does not fire.

use regorus::unstable::BUILTINS;

/// Prefixes and names of functions, and why they are refused. A prefix ends with a dot.
const REFUSED: &[(&str, &str)] = &[
    ("http.", "policies do no network I/O; put what they need into data.json"),
    ("net.lookup_ip_addr", "policies do no network I/O; put what they need into data.json"),
    ("io.jwt.", "the engine has no JSON web tokens"),
    ("crypto.", "the engine has no cryptography; compare digests that are in the record"),
    ("opa.runtime", "there is no OPA here; put what the policy needs into data.json"),
    ("rego.", "the engine cannot look at policies"),
    ("graphql.", "the engine has no GraphQL"),
    ("providers.", "the engine signs no requests"),
    ("urlquery.", "the engine has no URL queries; use split, replace or regex"),
    ("rand.", "a decision must be the same each time"),
    ("uuid.rfc4122", "a decision must be the same each time"),
    ("json.filter", "paths through values that are no objects have another result in OPA; use object.filter"),
    ("json.remove", "paths through values that are no objects have another result in OPA; use object.remove"),
    ("json.marshal_with_options", "the result differs from OPA's; use json.marshal"),
    (
        "time.add_date",
        "the result differs from OPA's at ends of months and changes of clocks; add nanoseconds",
    ),
    ("time.parse_ns", "the engine reads some times that OPA does not; use time.parse_rfc3339_ns"),
    ("time.diff", "the result differs from OPA's at changes of clocks; subtract nanoseconds"),
    ("graph.reachable_paths", "the number of paths has no bound; use graph.reachable"),
    ("__builtin_host_await", "it is not Rego"),
];

/// Returns the reason why a call is refused, provided that the policy defines no function of that name.
pub(super) fn refusal_reason(name: &str) -> Option<&'static str> {
    let refused = REFUSED.iter().find(|(refused, _)| {
        if refused.ends_with('.') { name.starts_with(refused) } else { name == *refused }
    });
    match refused {
        Some((_, why)) => Some(why),
        None if name == "print" || BUILTINS.contains_key(name) => None,
        None => Some("the engine has no such function"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_refused_by_name() {
        for name in ["http.send", "io.jwt.decode", "crypto.sha256", "opa.runtime", "rego.parse_module"] {
            assert!(refusal_reason(name).is_some(), "{name}");
        }
        for name in
            ["net.lookup_ip_addr", "graphql.parse", "rand.intn", "uuid.rfc4122", "urlquery.decode", "cuont"]
        {
            assert!(refusal_reason(name).is_some(), "{name}");
        }
        for name in ["count", "time.now_ns", "print", "trace", "net.cidr_contains", "regex.match", "walk"] {
            assert_eq!(refusal_reason(name), None, "{name}");
        }
    }
}
