//! Mistakes in an expression that would otherwise let no record pass: fields that no record has, and results
//! that are not true or false.

use std::sync::LazyLock;

use cel::{
    Context, Program, Value as CelValue,
    common::ast::{Expr, IdedExpr},
};
use serde_json::{Map, Value};
use tracego_model::text::nearest;

/// Schema of records, which names every field.
static SCHEMA: LazyLock<Option<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../../schema/record.schema.json")).ok());

/// Depth of nested fields and expressions that are followed.
const DEPTH: usize = 64;

/// Checks a compiled expression.
///
/// # Errors
/// Fails with a text that names the field or the type.
pub(super) fn check(program: &Program) -> Result<(), String> {
    let Some(schema) = SCHEMA.as_ref() else { return Ok(()) };
    walk(&IdedExpr { id: 0, expr: program.expression().expr.clone() }, schema, &mut Vec::new(), 0)?;
    let mut context = Context::default();
    if let Value::Object(members) = sample(schema, schema, 0) {
        for (name, value) in members {
            context.add_variable(name, value).map_err(|error| error.to_string())?;
        }
    }
    match program.execute(&context) {
        Ok(CelValue::Bool(_)) | Err(_) => Ok(()),
        Ok(other) => Err(format!("must be true or false, and this is of the type {}", other.type_of())),
    }
}

/// Checks the fields of an expression and of those in it. `bound`: variables that macros such as `exists` make.
fn walk(node: &IdedExpr, schema: &Value, bound: &mut Vec<String>, depth: usize) -> Result<(), String> {
    if depth > DEPTH {
        return Ok(());
    }
    let below = depth + 1;
    match &node.expr {
        Expr::Ident(_) | Expr::Select(_) => {
            if let Some(path) = path(node) {
                return if bound.iter().any(|name| *name == path[0]) { Ok(()) } else { field(&path, schema) };
            }
            match &node.expr {
                Expr::Select(select) => walk(&select.operand, schema, bound, below),
                _ => Ok(()),
            }
        }
        Expr::Call(call) => {
            call.target.iter().try_for_each(|target| walk(target, schema, bound, below))?;
            call.args.iter().try_for_each(|arg| walk(arg, schema, bound, below))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|one| walk(one, schema, bound, below)),
        Expr::Comprehension(made) => {
            walk(&made.iter_range, schema, bound, below)?;
            let before = bound.len();
            bound.extend([made.iter_var.clone(), made.accu_var.clone()]);
            bound.extend(made.iter_var2.clone());
            let parts = [&made.accu_init, &made.loop_cond, &made.loop_step, &made.result];
            let done = parts.into_iter().try_for_each(|part| walk(part, schema, bound, below));
            bound.truncate(before);
            done
        }
        _ => Ok(()),
    }
}

/// Returns the names of a chain of fields: `process`, `user` and `id` of `process.user.id`.
fn path(node: &IdedExpr) -> Option<Vec<&str>> {
    let (mut names, mut at) = (Vec::new(), node);
    loop {
        match &at.expr {
            Expr::Ident(name) => {
                names.push(name.as_str());
                names.reverse();
                return Some(names);
            }
            Expr::Select(select) => {
                names.push(select.field.as_str());
                at = &select.operand;
            }
            _ => return None,
        }
    }
}

/// Checks that a record can have a field.
fn field(names: &[&str], schema: &Value) -> Result<(), String> {
    let mut at = schema;
    for (n, name) in names.iter().enumerate() {
        at = resolved(at, schema);
        let Some(Value::Object(known)) = at.get("properties") else {
            // A map with free names, a list, or a plain value, on which only functions work.
            return match at.get("type").and_then(Value::as_str) {
                Some("string" | "integer" | "number" | "boolean") => {
                    Err(format!("{} has no field {name}", names.get(..n).unwrap_or_default().join(".")))
                }
                _ => Ok(()),
            };
        };
        match known.get(*name) {
            Some(next) => at = next,
            None if at.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false)) => {
                return Ok(());
            }
            None => {
                let whole = names.get(..=n).unwrap_or_default().join(".");
                let near = nearest(name, known.keys().map(String::as_str));
                return Err(format!("no record has a field {whole}; {near}"));
            }
        }
    }
    Ok(())
}

/// Follows references within the schema.
fn resolved<'s>(mut at: &'s Value, schema: &'s Value) -> &'s Value {
    for _ in 0..DEPTH {
        let Some(reference) = at.get("$ref").and_then(Value::as_str) else { return at };
        let found = reference.strip_prefix('#').and_then(|pointer| schema.pointer(pointer));
        let Some(next) = found else { return at };
        at = next;
    }
    at
}

/// Returns a value of the shape that the schema describes, with every field.
fn sample(at: &Value, schema: &Value, depth: usize) -> Value {
    let at = resolved(at, schema);
    if depth > 12 {
        return Value::Null;
    }
    if let Some(Value::Object(known)) = at.get("properties") {
        let made: Map<String, Value> =
            known.iter().map(|(name, of)| (name.clone(), sample(of, schema, depth + 1))).collect();
        return Value::Object(made);
    }
    if let Some(fixed) = at.get("const").or_else(|| at.get("enum").and_then(|all| all.get(0))) {
        return fixed.clone();
    }
    if let Some(one) = at.get("anyOf").and_then(|all| all.get(0)) {
        return sample(one, schema, depth + 1);
    }
    let kind = match at.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("string") => "".into(),
        Some("integer" | "number") => 0.into(),
        Some("boolean") => false.into(),
        Some("array") => {
            Value::Array(at.get("items").map(|items| sample(items, schema, depth + 1)).into_iter().collect())
        }
        Some("object") => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        super::check(&Program::compile(text).unwrap())
    }

    #[test]
    fn expressions_that_work_are_accepted() {
        for text in [
            "process.user.id == 0",
            "has(process.user) && process.user.name == 'root'",
            "tracego.findings.exists(f, f.severity == 'high')",
            "process.command_args.exists(arg, arg.startsWith('--x'))",
            "vcs.ref.head.revision == 'abc' || seq > 5",
            "event_name in ['tracego.process.start']",
            "process.environment_variable.HOME == '/root'",
            "!has(tracego.exec_id)",
            "host.name == 'h' && service.version != ''",
            "size(process.command_args) > 3",
            "true",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, wanted) in [
            ("proces.user.id == 0", "no record has a field proces; did you mean 'process'?"),
            ("process.usr.id == 0", "no record has a field process.usr; did you mean 'user'?"),
            ("seq > 5 || process.user.nam == 'x'", "no record has a field process.user.nam"),
            ("has(tracego.find)", "no record has a field tracego.find"),
            ("size(tracego.finding) > 0", "no record has a field tracego.finding; did you mean 'findings'?"),
            ("seq.number > 1", "seq has no field number"),
            ("process.user.id", "must be true or false, and this is of the type uint"),
            ("'x'", "must be true or false, and this is of the type string"),
            ("tracego.findings.exists(f, f.id == proces.pid)", "no record has a field proces"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.starts_with(wanted), "{text}: {error}");
        }
    }
}
