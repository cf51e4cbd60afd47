//! Checks of the values of entry points, as far as the source shows them: a rule whose value has a shape that no
//! decision can be made of would fail whenever it holds.

use regorus::unstable::{Expr, Literal, Ref, Rule, RuleHead, Span};
use tracego_model::{finding::Severity, record::policy::Action};

use super::{
    entry_point::{EntryKind, EntryPoint},
    parser::ParsedModule,
    syntax::{self, NextPart},
};
use crate::error::PolicyProblem;

/// Maximum number of names that are followed from one value to the next.
const FOLLOWED: u32 = 16;

/// Functions whose result is a text.
const TEXTS: [&str; 16] = [
    "base64.encode",
    "concat",
    "format_int",
    "json.marshal",
    "lower",
    "replace",
    "sprintf",
    "strings.replace_n",
    "substring",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "upper",
];
/// Functions whose result is a number.
const NUMBERS: [&str; 6] = ["abs", "ceil", "count", "floor", "round", "to_number"];
/// Functions whose result is true or false.
const BOOLEANS: [&str; 6] = ["contains", "endswith", "glob.match", "regex.match", "startswith", "is_string"];

/// The shape that a value has to have.
#[derive(Clone, Copy)]
enum Expected {
    /// A decision.
    Decision,
    /// A set or an array of violations or warnings.
    List,
    /// A violation or a warning.
    Item,
    Text,
    Boolean,
    Severity,
    Action,
}

impl Expected {
    fn name(self) -> &'static str {
        match self {
            Self::Decision => "an object",
            Self::List => "a set",
            Self::Item => "a text or an object",
            Self::Boolean => "true or false",
            Self::Text | Self::Severity | Self::Action => "a text",
        }
    }

    fn accepts(self, shape: &str) -> bool {
        match self {
            Self::Decision => shape == "an object",
            Self::List => matches!(shape, "a set" | "an array"),
            Self::Item => matches!(shape, "a text" | "an object"),
            Self::Boolean => shape == "a boolean",
            // A member of null counts as missing.
            Self::Text | Self::Severity | Self::Action => matches!(shape, "a text" | "null"),
        }
    }
}

/// Checks the rules of all entry points. Returns what can never be a decision, with its line.
pub(super) fn check(bundle: &str, parsed: &[ParsedModule<'_>], entries: &[EntryPoint]) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    for entry in entries {
        let Some((package, name)) = entry.path.rsplit_once('.') else { continue };
        let expected = if entry.kind == EntryKind::Decision { Expected::Decision } else { Expected::List };
        let checker = Checker { parsed, package };
        for (path, rule) in checker.rules(name) {
            if let Some((span, what)) = checker.rule(rule, expected, name, 0) {
                // A value that is followed may stand in another module of the package.
                let place = Some((path_of(parsed, span).unwrap_or(path).to_owned(), span.line));
                problems.push(PolicyProblem { bundle: bundle.to_owned(), place, what });
            }
        }
    }
    problems
}

/// Returns the path of the module that a location is in.
fn path_of<'a>(parsed: &[ParsedModule<'a>], span: &Span) -> Option<&'a str> {
    let path = span.source.get_path();
    parsed.iter().map(|parsed| parsed.path).find(|known| *known == path)
}

/// A location, and what is wrong there.
type Mistake<'a> = (&'a Span, String);

/// A check of the values in one package.
struct Checker<'a> {
    parsed: &'a [ParsedModule<'a>],
    package: &'a str,
}

impl<'a> Checker<'a> {
    /// Returns the rules of a name, each with the path of its module.
    fn rules(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a Rule)> {
        let modules =
            self.parsed.iter().filter(|parsed| syntax::package_path(&parsed.module) == self.package);
        let rules = modules.flat_map(|parsed| {
            parsed.module.policy.iter().map(|rule| (parsed.path, &**rule)).collect::<Vec<_>>()
        });
        rules.filter(|(_, rule)| syntax::name(rule) == name).collect::<Vec<_>>().into_iter()
    }

    /// Returns the first mistake in the values of a rule.
    fn rule(&self, rule: &'a Rule, expected: Expected, path: &str, depth: u32) -> Option<Mistake<'a>> {
        let is_bare =
            matches!(syntax::chain(syntax::head(rule)), Some((_, path, NextPart::End)) if path.is_empty());
        match rule {
            Rule::Default { value, .. } => self.value(value, expected, path, None, depth),
            // Undefined as a value: nothing is decided with it.
            Rule::Spec { head: RuleHead::Func { .. }, .. } => None,
            Rule::Spec { span, head: RuleHead::Set { key, .. }, .. } => match (expected, key) {
                (Expected::List, Some(key)) => self.value(key, Expected::Item, path, Some(rule), depth),
                (Expected::List, None) => None,
                (expected, _) => wrong(span, path, "a set", expected),
            },
            Rule::Spec { span, head: RuleHead::Compr { .. }, .. } if !is_bare => {
                if expected.accepts("an object") {
                    return None;
                }
                let (span, what) = wrong(span, path, "an object", expected)?;
                let way = format!("{what}: `{path} contains \"why\" if {{ … }}`");
                Some((span, if matches!(expected, Expected::List) { way } else { what }))
            }
            Rule::Spec { span, head: RuleHead::Compr { assign, .. }, bodies } => {
                let values = bodies.iter().map(|body| body.assign.as_ref().or(assign.as_ref()));
                let values: Vec<_> = if bodies.is_empty() { vec![assign.as_ref()] } else { values.collect() };
                values.into_iter().find_map(|assigned| match assigned {
                    Some(assigned) => self.value(&assigned.value, expected, path, Some(rule), depth),
                    None if expected.accepts("a boolean") => None,
                    None => wrong(span, path, "a boolean", expected),
                })
            }
        }
    }

    /// Returns the first mistake in a value. `within`: the rule whose variables the value may use.
    fn value(
        &self,
        value: &'a Ref<Expr>,
        expected: Expected,
        path: &str,
        within: Option<&'a Rule>,
        depth: u32,
    ) -> Option<Mistake<'a>> {
        if depth > FOLLOWED {
            return None;
        }
        if let Expr::Var { span, .. } = &**value {
            return self.variable(span, expected, path, within, depth + 1);
        }
        let found = shape(value)?;
        let span = value.span();
        if !expected.accepts(found) {
            return wrong(span, path, found, expected);
        }
        match (expected, &**value) {
            (Expected::List, Expr::Array { items, .. } | Expr::Set { items, .. }) => items
                .iter()
                .find_map(|item| self.value(item, Expected::Item, &format!("{path}[…]"), within, depth + 1)),
            (Expected::List, Expr::ArrayCompr { term, .. } | Expr::SetCompr { term, .. }) => {
                // Variables of a comprehension are its own.
                self.value(term, Expected::Item, &format!("{path}[…]"), None, depth + 1)
                    .filter(|_| !matches!(**term, Expr::Var { .. }))
            }
            (Expected::Item, Expr::Object { fields, .. }) => {
                let members = [
                    ("id", Expected::Text),
                    ("msg", Expected::Text),
                    ("remediation", Expected::Text),
                    ("severity", Expected::Severity),
                    ("action", Expected::Action),
                ];
                let has_msg = fields.iter().any(|(_, key, _)| word(key).is_none_or(|key| key == "msg"));
                if !has_msg {
                    return Some((span, format!("{path}.msg is missing")));
                }
                self.members(fields, &members, path, within, depth)
            }
            (Expected::Decision, Expr::Object { fields, .. }) => {
                let members = [
                    ("allow", Expected::Boolean),
                    ("severity", Expected::Severity),
                    ("action", Expected::Action),
                    ("violations", Expected::List),
                    ("warnings", Expected::List),
                ];
                self.members(fields, &members, path, within, depth)
            }
            (Expected::Severity, _) => {
                let error = word(value)?.parse::<Severity>().err()?;
                Some((span, format!("{path}: {error}")))
            }
            (Expected::Action, _) => {
                let error = word(value)?.parse::<Action>().err()?;
                Some((span, format!("{path}: {error}")))
            }
            _ => None,
        }
    }

    fn members(
        &self,
        fields: &'a [(Span, Ref<Expr>, Ref<Expr>)],
        members: &[(&str, Expected)],
        path: &str,
        within: Option<&'a Rule>,
        depth: u32,
    ) -> Option<Mistake<'a>> {
        fields.iter().find_map(|(_, key, value)| {
            let key = word(key)?;
            let (name, expected) = members.iter().find(|(name, _)| *name == key)?;
            self.value(value, *expected, &format!("{path}.{name}"), within, depth + 1)
        })
    }

    /// Follows a name: to its assignment in the rule, or else to the rules of that name.
    fn variable(
        &self,
        name: &Span,
        expected: Expected,
        path: &str,
        within: Option<&'a Rule>,
        depth: u32,
    ) -> Option<Mistake<'a>> {
        if let Some(Rule::Spec { bodies, .. }) = within {
            let mut is_local = false;
            for statement in bodies.iter().flat_map(|body| &body.query.stmts) {
                match &statement.literal {
                    Literal::Expr { expr, .. } => {
                        if let Expr::AssignExpr { lhs, rhs, .. } = &**expr {
                            let is_plain =
                                matches!(&**lhs, Expr::Var { span, .. } if span.text() == name.text());
                            if is_plain {
                                // With several bodies, another one may hold.
                                return (bodies.len() == 1)
                                    .then(|| self.value(rhs, expected, path, within, depth))?;
                            }
                            is_local |= mentions(lhs, name.text()) || mentions(rhs, name.text());
                        }
                    }
                    Literal::SomeVars { vars, .. } => {
                        is_local |= vars.iter().any(|var| var.text() == name.text());
                    }
                    Literal::SomeIn { key, value, .. } => {
                        is_local |= key.iter().chain([value]).any(|pattern| mentions(pattern, name.text()));
                    }
                    Literal::NotExpr { .. } | Literal::Every { .. } => {}
                }
            }
            if is_local {
                return None;
            }
        }
        // A value that several rules give is wrong only if each of them is.
        let mistakes: Vec<_> =
            self.rules(name.text()).map(|(_, rule)| self.rule(rule, expected, path, depth)).collect();
        mistakes.into_iter().collect::<Option<Vec<_>>>()?.into_iter().next()
    }
}

/// Whether a pattern contains a variable.
fn mentions(pattern: &Expr, name: &str) -> bool {
    match pattern {
        Expr::Var { span, .. } => span.text() == name,
        Expr::Array { items, .. } => items.iter().any(|item| mentions(item, name)),
        Expr::Object { fields, .. } => fields.iter().any(|(_, _, value)| mentions(value, name)),
        _ => false,
    }
}

/// Returns a text that stands in the source.
fn word(value: &Expr) -> Option<String> {
    match value {
        Expr::String { value, .. } | Expr::RawString { value, .. } => {
            value.as_string().ok().map(|text| text.to_string())
        }
        _ => None,
    }
}

/// Returns the shape of a value; `None` if only an evaluation shows it.
fn shape(value: &Expr) -> Option<&'static str> {
    Some(match value {
        Expr::String { .. } | Expr::RawString { .. } => "a text",
        Expr::Number { .. } | Expr::UnaryExpr { .. } => "a number",
        Expr::Bool { .. } | Expr::BoolExpr { .. } | Expr::Membership { .. } => "a boolean",
        Expr::Null { .. } => "null",
        Expr::Array { .. } | Expr::ArrayCompr { .. } => "an array",
        Expr::Set { .. } | Expr::SetCompr { .. } | Expr::BinExpr { .. } => "a set",
        Expr::Object { .. } | Expr::ObjectCompr { .. } => "an object",
        Expr::Call { fcn, .. } => {
            let (root, path, _) = syntax::chain(fcn)?;
            let name = std::iter::once(root).chain(path).collect::<Vec<_>>().join(".");
            let name = name.as_str();
            if TEXTS.contains(&name) {
                "a text"
            } else if NUMBERS.contains(&name) {
                "a number"
            } else if BOOLEANS.contains(&name) {
                "a boolean"
            } else {
                return None;
            }
        }
        _ => return None,
    })
}

fn wrong<'a>(span: &'a Span, path: &str, found: &str, expected: Expected) -> Option<Mistake<'a>> {
    Some((span, format!("{path} is {found}, and has to be {}", expected.name())))
}
