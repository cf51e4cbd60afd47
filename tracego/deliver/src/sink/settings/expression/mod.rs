//! Expressions on records, in the language that Kubernetes and Envoy have for them: CEL.

#[cfg(feature = "cel")]
mod check;

#[cfg(feature = "cel")]
pub use compiled::Expression;
#[cfg(not(feature = "cel"))]
pub use missing::Expression;

#[cfg(feature = "cel")]
mod compiled {
    use std::io;

    use cel::{Context, Program, Value};
    use tracego_model::record::Record;

    /// A CEL expression, and the fields of a record that it uses.
    pub struct Expression {
        program: Program,
        /// The functions of CEL, made once: making them takes longer than most expressions.
        functions: Context<'static, 'static>,
        /// First members of the expression's fields: `process` of `process.user.id`.
        members: Vec<String>,
    }

    impl Expression {
        /// Compiles an expression.
        ///
        /// # Errors
        /// Fails with the text of the compiler.
        pub fn new(text: &str) -> Result<Self, String> {
            let program = Program::compile(text).map_err(|error| error.to_string())?;
            super::check::check(&program)?;
            let members = program.references().variables().into_iter().map(str::to_owned).collect();
            Ok(Self { program, functions: Context::default(), members })
        }

        /// Returns whether a record makes the expression true.
        ///
        /// # Errors
        /// Fails if the record cannot be serialised.
        pub(in super::super) fn holds(&self, record: &Record) -> io::Result<bool> {
            let mut context = self.functions.new_inner_scope();
            for name in &self.members {
                // A missing field is not defined as a variable, so that `has` can test for it.
                if let Some(value) = record.member(name)? {
                    context
                        .add_variable(name.as_str(), value)
                        .map_err(|error| io::Error::other(error.to_string()))?;
                }
            }
            Ok(matches!(self.program.execute(&context), Ok(Value::Bool(true))))
        }

        /// Returns whether a record in JSON makes the expression true.
        #[must_use]
        pub fn holds_for(&self, record: &serde_json::Value) -> bool {
            let mut context = self.functions.new_inner_scope();
            for name in &self.members {
                if let Some(value) = record.get(name)
                    && context.add_variable(name.as_str(), value.clone()).is_err()
                {
                    return false;
                }
            }
            matches!(self.program.execute(&context), Ok(Value::Bool(true)))
        }
    }
}

/// The replacement in a build without CEL.
#[cfg(not(feature = "cel"))]
mod missing {
    use std::io;

    use tracego_model::record::Record;

    /// An expression, of which there is none.
    pub enum Expression {}

    impl Expression {
        /// Refuses every expression.
        ///
        /// # Errors
        /// Always fails.
        pub fn new(_: &str) -> Result<Self, String> {
            Err("this build has no CEL; leave it out, or build with the feature cel".to_owned())
        }

        /// Never called.
        pub(in super::super) fn holds(&self, _: &Record) -> io::Result<bool> {
            match *self {}
        }

        /// Never called.
        #[must_use]
        pub fn holds_for(&self, _: &serde_json::Value) -> bool {
            match *self {}
        }
    }
}
