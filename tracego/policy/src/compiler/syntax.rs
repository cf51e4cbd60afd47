//! Calls and references of a module, from the engine's own syntax tree.

use std::collections::BTreeMap;

use regorus::{
    Value,
    unstable::{AssignOp, Expr, Literal, Module, Query, Ref, Rule, RuleAssign, RuleHead, Span},
};

/// An element that a walk visits.
pub(super) enum SyntaxElement<'a> {
    /// A call `name(…)`; the name includes its dots, and imports are resolved.
    Call { name: String, params: &'a [Ref<Expr>], span: &'a Span },
    /// A pattern with an object, which the engine also matches with objects that have more members.
    ObjectPattern { span: &'a Span },
    /// A number in the source.
    Number { span: &'a Span },
    /// A reference `root.a["b"][x]`, with imports resolved.
    Reference(Reference<'a>),
    /// A `with` modifier.
    With { span: &'a Span },
    /// A variable of the rule.
    Local(String),
    /// An expression that is nested too deep to be walked over or compiled.
    TooDeep { span: &'a Span },
}

/// A reference, up to its first part that is not a text.
pub(super) struct Reference<'a> {
    /// Root: `input`, `data`, or a name in the module.
    pub(super) root: String,
    /// Parts after the root that are texts.
    pub(super) path: Vec<String>,
    /// Kind of the next part.
    pub(super) then: NextPart,
    /// Location in the module.
    pub(super) span: &'a Span,
}

/// The part of a reference that follows its texts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NextPart {
    /// No further part.
    End,
    /// A number.
    Number,
    /// An expression whose value is known only at evaluation.
    Variable,
}

/// Names of imports, with the root and path that they stand for.
type Imports = BTreeMap<String, (String, Vec<String>)>;

/// Maximum depth of an expression. Brackets have a lower limit; a chain of operators is as deep as it is
/// long, and the engine follows it on the stack.
const DEPTH: u32 = 1000;

/// Walks over a module, except for rules whose name `leave` accepts.
pub(super) fn walk<'a>(
    module: &'a Module,
    leave: &dyn Fn(&str) -> bool,
    visit: &mut dyn FnMut(SyntaxElement<'a>),
) {
    for rule in &module.policy {
        if !leave(&name(rule)) {
            walk_rule(module, rule, visit);
        }
    }
}

/// Walks over one rule of a module.
pub(super) fn walk_rule<'a>(module: &Module, rule: &'a Rule, visit: &mut dyn FnMut(SyntaxElement<'a>)) {
    Walker { imports: imports(module), depth: 0, visit }.rule(rule);
}

fn imports(module: &Module) -> Imports {
    let mut imports = Imports::new();
    for import in &module.imports {
        let Some((root, path, _)) = chain(&import.refr) else { continue };
        let last = path.last().unwrap_or(&root).clone();
        let name = import.r#as.as_ref().map_or(last, |name| name.text().to_owned());
        if root != "rego" && root != "future" {
            imports.insert(name, (root, path));
        }
    }
    imports
}

/// Returns the parts of a package's path.
pub(super) fn package(module: &Module) -> Vec<String> {
    chain(&module.package.refr).map_or_else(Vec::new, |(root, mut path, _)| {
        path.insert(0, root);
        path
    })
}

/// Returns the first part of a rule's name.
pub(crate) fn name(rule: &Rule) -> String {
    chain(head(rule)).map_or_else(String::new, |(root, ..)| root)
}

/// Whether a file holds only tests, by the naming convention of OPA's tools.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("_test.rego")
}

/// Returns the path of a module's package, beginning with `data`.
pub(crate) fn package_path(module: &Module) -> String {
    let package = package(module).join(".");
    if package.starts_with("data.") { package } else { format!("data.{package}") }
}

/// Whether a rule is a test, by its name.
pub(crate) fn is_test(rule: &str) -> bool {
    rule.starts_with("test_") || rule.starts_with("todo_test_")
}

/// Returns the name of a rule as an expression.
pub(super) fn head(rule: &Rule) -> &Ref<Expr> {
    match rule {
        Rule::Spec {
            head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. },
            ..
        }
        | Rule::Default { refr, .. } => refr,
    }
}

/// Splits a reference into root, texts and the next part; returns `None` if it does not begin with a name.
pub(super) fn chain(expression: &Expr) -> Option<(String, Vec<String>, NextPart)> {
    let mut parts = Vec::new();
    let mut at = expression;
    let root = loop {
        match at {
            Expr::Var { span, .. } => break span.text().to_owned(),
            Expr::RefDot { refr, field, .. } => {
                parts.push(Ok(text(&field.1).unwrap_or_else(|| field.0.text().to_owned())));
                at = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                parts.push(match &**index {
                    Expr::String { value, .. } | Expr::RawString { value, .. } => {
                        text(value).ok_or(NextPart::Variable)
                    }
                    Expr::Number { .. } => Err(NextPart::Number),
                    _ => Err(NextPart::Variable),
                });
                at = refr;
            }
            _ => return None,
        }
    };
    let mut path = Vec::new();
    for part in parts.into_iter().rev() {
        match part {
            Ok(text) => path.push(text),
            Err(then) => return Some((root, path, then)),
        }
    }
    Some((root, path, NextPart::End))
}

fn text(value: &Value) -> Option<String> {
    value.as_string().ok().map(ToString::to_string)
}

struct Walker<'a, 'v> {
    imports: Imports,
    depth: u32,
    visit: &'v mut dyn FnMut(SyntaxElement<'a>),
}

impl<'a> Walker<'a, '_> {
    fn rule(&mut self, rule: &'a Rule) {
        match rule {
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { refr, assign, .. } => {
                        self.indices(refr);
                        self.assign(assign.as_ref());
                    }
                    RuleHead::Set { refr, key, .. } => {
                        self.indices(refr);
                        key.iter().for_each(|key| self.expression(key));
                    }
                    RuleHead::Func { args, assign, .. } => {
                        for argument in args {
                            self.locals(argument);
                            self.pattern(argument);
                            self.expression(argument);
                        }
                        self.assign(assign.as_ref());
                    }
                }
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
            Rule::Default { value, .. } => self.expression(value),
        }
    }

    fn assign(&mut self, assign: Option<&'a RuleAssign>) {
        assign.into_iter().for_each(|assign| self.expression(&assign.value));
    }

    fn query(&mut self, query: &'a Query) {
        for statement in &query.stmts {
            for with in &statement.with_mods {
                (self.visit)(SyntaxElement::With { span: &with.span });
                self.expression(&with.r#as);
            }
            match &statement.literal {
                Literal::SomeVars { vars, .. } => vars.iter().for_each(|name| self.local(name)),
                Literal::SomeIn { key, value, collection, .. } => {
                    key.iter().chain([value]).for_each(|name| self.locals(name));
                    self.pattern(value);
                    key.iter().for_each(|key| self.expression(key));
                    self.expression(value);
                    self.expression(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr),
                // Variables of `every` are not variables of the rule: after it, their names are those of
                // rules again.
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query);
                }
            }
        }
    }

    fn resolve(&self, root: String, mut path: Vec<String>) -> (String, Vec<String>) {
        match self.imports.get(&root) {
            None => (root, path),
            Some((to, before)) => {
                let mut whole = before.clone();
                whole.append(&mut path);
                (to.clone(), whole)
            }
        }
    }

    fn expression(&mut self, expression: &'a Expr) {
        if self.depth == DEPTH {
            (self.visit)(SyntaxElement::TooDeep { span: expression.span() });
            return;
        }
        self.depth += 1;
        self.parts(expression);
        self.depth -= 1;
    }

    fn parts(&mut self, expression: &'a Expr) {
        match expression {
            Expr::String { .. } | Expr::RawString { .. } | Expr::Bool { .. } | Expr::Null { .. } => {}
            Expr::Number { span, .. } => (self.visit)(SyntaxElement::Number { span }),
            Expr::Var { span, .. } | Expr::RefDot { span, .. } | Expr::RefBrack { span, .. } => {
                if let Some((root, path, then)) = chain(expression) {
                    let (root, path) = self.resolve(root, path);
                    (self.visit)(SyntaxElement::Reference(Reference { root, path, then, span }));
                }
                self.indices(expression);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.expression(item));
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expression(key);
                    self.expression(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expression(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expression(key);
                self.expression(value);
                self.query(query);
            }
            Expr::Call { span, fcn, params, .. } => {
                if let Some((root, path, _)) = chain(fcn) {
                    let (root, path) = self.resolve(root, path);
                    let name = std::iter::once(root).chain(path).collect::<Vec<_>>().join(".");
                    (self.visit)(SyntaxElement::Call { name, params, span });
                }
                params.iter().for_each(|parameter| self.expression(parameter));
            }
            Expr::UnaryExpr { expr, .. } => self.expression(expr),
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                if *op == AssignOp::ColEq {
                    self.locals(lhs);
                }
                self.pattern(lhs);
                if *op == AssignOp::Eq && !matches!(**lhs, Expr::Var { .. }) {
                    self.pattern(rhs);
                }
                self.expression(lhs);
                self.expression(rhs);
            }
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. } => {
                self.expression(lhs);
                self.expression(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expression(key));
                self.expression(value);
                self.expression(collection);
            }
        }
    }

    fn local(&mut self, name: &Span) {
        (self.visit)(SyntaxElement::Local(name.text().to_owned()));
    }

    /// Visits the objects in a pattern.
    fn pattern(&mut self, pattern: &'a Expr) {
        match pattern {
            Expr::Array { items, .. } => items.iter().for_each(|item| self.pattern(item)),
            Expr::Object { span, .. } => (self.visit)(SyntaxElement::ObjectPattern { span }),
            _ => {}
        }
    }

    /// Visits the variables in a pattern.
    fn locals(&mut self, pattern: &'a Expr) {
        match pattern {
            Expr::Var { span, .. } => self.local(span),
            Expr::Array { items, .. } => items.iter().for_each(|item| self.locals(item)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| self.locals(value)),
            _ => {}
        }
    }

    /// Walks over the expressions in the brackets of a reference, and over its beginning if that is not a
    /// name.
    fn indices(&mut self, expression: &'a Expr) {
        let mut at = expression;
        // A loop and no recursion, because references may be very long.
        loop {
            match at {
                Expr::Var { .. } => return,
                Expr::RefDot { refr, .. } => at = refr,
                Expr::RefBrack { refr, index, .. } => {
                    self.expression(index);
                    at = refr;
                }
                _ => return self.expression(at),
            }
        }
    }
}
