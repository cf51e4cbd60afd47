//! Masks of the decision log: members that are left out, wherever their text is.

use std::sync::LazyLock;

use serde_json::Value;

/// Schema of the records.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../schema/record.schema.json")).unwrap_or_default()
});

/// Place of the decision in the record.
const DECISION: &str = "/input/tracego/policy";
/// Place of the decision beside the record.
const RESULT: &str = "/result";
/// Member that is made of the arguments of a program.
const BODY: &str = "/input/body";
/// Members with texts that may quote other members.
const QUOTING: [&str; 6] = [
    BODY,
    DECISION,
    RESULT,
    "/input/tracego/findings",
    "/input/tracego/enforcement",
    "/input/tracego/go/command",
];
/// Place of the bytes of texts that are not UTF-8, by the name of the member.
const BYTES: &str = "/input/tracego/completeness/bytes";
/// Text in the place of a masked one.
const MARK: &str = "[masked]";
/// Least length of a text that is taken out of others.
const LEAST: usize = 3;

/// A JSON pointer (RFC 6901) to a member that is left out.
#[derive(Debug)]
pub(super) struct Mask {
    pointer: String,
}

impl Mask {
    /// Creates a mask.
    ///
    /// # Errors
    /// Fails if no decision has such a member.
    pub(super) fn new(pointer: &str) -> Result<Self, String> {
        let below = |root: &str| pointer.strip_prefix(root).filter(|rest| rest.starts_with('/'));
        let path = match (below("/input"), below(RESULT)) {
            (Some(path), _) => path.to_owned(),
            (None, Some(path)) => format!("/tracego/policy{path}"),
            (None, None) => return Err(format!("the mask {pointer:?} must begin with /input/ or /result/")),
        };
        let parts: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
        if may_have(&SCHEMA, &parts, 0) {
            Ok(Self { pointer: pointer.to_owned() })
        } else {
            Err(format!("the mask {pointer:?} points to a member that no record has"))
        }
    }

    /// Removes the member and what is made of it. Returns the pointers to what was removed.
    pub(super) fn apply(&self, event: &mut Value) -> Vec<String> {
        let Some(removed) = remove(event, &self.pointer) else { return Vec::new() };
        let mut erased = vec![self.pointer.clone()];
        // The decision is in two places.
        let twin = match (self.pointer.strip_prefix(DECISION), self.pointer.strip_prefix(RESULT)) {
            (Some(rest), _) => Some(format!("{RESULT}{rest}")),
            (None, Some(rest)) => Some(format!("{DECISION}{rest}")),
            (None, None) => None,
        };
        erased.extend(twin.filter(|twin| remove(event, twin).is_some()));
        let path = self.pointer.strip_prefix("/input/").unwrap_or_default();
        let of_arguments = path == "process" || path.starts_with("process/command_args");
        if of_arguments && remove(event, BODY).is_some() {
            erased.push(BODY.to_owned());
        }
        let name = path.replace('/', ".");
        if let Some(Value::Object(bytes)) = event.pointer_mut(BYTES) {
            bytes.retain(|known, _| name.is_empty() || !known.starts_with(&name));
        }
        let mut texts = Vec::new();
        leaves(&removed, &mut texts);
        // Longer texts first: one may be a part of another.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        for place in QUOTING {
            if let Some(value) = event.pointer_mut(place) {
                take_out(value, &texts);
            }
        }
        erased
    }
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// Removes the value that a JSON pointer points to.
fn remove(event: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    match event.pointer_mut(parent)? {
        Value::Object(members) => members.remove(&unescaped(last)),
        Value::Array(list) => {
            let at = last.parse().ok().filter(|&at: &usize| at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
}

fn leaves(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if text.chars().count() >= LEAST => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Object(members) => members.values().for_each(|value| leaves(value, texts)),
        _ => {}
    }
}

fn take_out(value: &mut Value, texts: &[String]) {
    match value {
        Value::String(text) => {
            for masked in texts.iter().filter(|masked| text.contains(&***masked)).cloned().collect::<Vec<_>>()
            {
                *text = text.replace(&masked, MARK);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| take_out(item, texts)),
        Value::Object(members) => members.values_mut().for_each(|value| take_out(value, texts)),
        _ => {}
    }
}

/// Maximum depth of references in the schema.
const DEPTH: usize = 32;

/// Whether a value of this schema may have a member at the path.
fn may_have(schema: &Value, path: &[String], depth: usize) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    if depth > DEPTH {
        return false;
    }
    let inside = |schema: &Value| may_have(schema, path, depth + 1);
    if let Some(name) = schema.get("$ref").and_then(Value::as_str)
        && let Some(schema) = name.strip_prefix('#').and_then(|pointer| SCHEMA.pointer(pointer))
        && inside(schema)
    {
        return true;
    }
    let choices =
        ["anyOf", "allOf", "oneOf"].iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
    if choices.chain(["if", "then", "else"].iter().filter_map(|name| schema.get(name))).any(inside) {
        return true;
    }
    let below = |schema: &Value| may_have(schema, rest, depth + 1);
    if let Some(member) = schema.get("properties").and_then(|all| all.get(first)) {
        return below(member);
    }
    if let Some(items) = schema.get("items")
        && first.parse::<usize>().is_ok()
    {
        return below(items);
    }
    match schema.get("additionalProperties") {
        Some(others @ Value::Object(_)) => below(others),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_that_no_record_has_is_refused() {
        for fine in [
            "/input/process/command_args",
            "/input/process/command_args/0",
            "/input/process/environment_variable/CI",
            "/input/tracego/findings/0/message",
            "/input/body",
            "/result/violations",
            "/result/violations/0/msg",
        ] {
            assert!(Mask::new(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "/input/process/comand_args",
            "/input/process/argv",
            "/input/process/command_args/first",
            "/input/body/0",
            "/result/violation",
            "/input",
            "input/body",
            "/labels/id",
        ] {
            assert!(Mask::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_made_of_a_masked_member_is_gone_too() {
        let decision = json!({ "violations": [{ "id": "a", "msg": "go run secret.go is not allowed" }] });
        let mut event = json!({
            "input": {
                "body": "go run secret.go",
                "process": { "command_args": ["go", "run", "secret.go"], "pid": 1 },
                "tracego": {
                    "findings": [{ "id": "TG001", "evidence": ["secret.go"] }],
                    "policy": decision,
                    "completeness": { "bytes": { "process.command_args[2]": "c2VjcmV0", "vcs.x": "AA==" } },
                },
            },
            "result": decision,
        });
        let mask = Mask::new("/input/process/command_args").expect("a mask");
        assert_eq!(mask.apply(&mut event), ["/input/process/command_args", "/input/body"]);
        let text = event.to_string();
        assert!(!text.contains("secret") && !text.contains("c2VjcmV0"), "{text}");
        assert!(text.contains("TG001") && text.contains("vcs.x") && text.contains("\"pid\":1"), "{text}");
        assert!(mask.apply(&mut event).is_empty());
        let mask = Mask::new("/result/violations").expect("a mask");
        assert_eq!(mask.apply(&mut event), ["/result/violations", "/input/tracego/policy/violations"]);
    }
}
