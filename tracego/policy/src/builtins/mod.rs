//! Built-in functions that the engine has in another way than OPA.
//!
//! A policy must decide here as it does in OPA. The functions of this module take the place of the engine's.
//! They are pure: their result depends on the arguments alone. A call that fails is undefined, as in OPA; a call
//! whose answer in OPA is not known here is a [`LimitError`], which fails the evaluation.

mod encoding;
mod format;
mod network;
mod numbers;
mod regex;
mod semver;
mod text;
mod time;
mod units;

use regorus::{
    LimitError, Value,
    unstable::{BUILTINS, BuiltinFcn, Expr, Ref, Span},
};

pub(crate) use self::regex::pattern::refusal as pattern_refusal;

/// The outcome of a call. Errors other than [`LimitError`] make it undefined.
type Outcome = anyhow::Result<Value>;

/// A function: takes the arguments, as many as it has parameters.
type Function = fn(&[Value]) -> Outcome;

macro_rules! functions {
    ($($name:literal $arity:literal $function:path,)*) => {
        /// Functions with their names and numbers of parameters.
        const FUNCTIONS: &[(&str, u8, Function)] = &[$(($name, $arity, $function)),*];

        /// Returns the function for the virtual machine; `None` if the engine's own is the same as OPA's.
        fn own(name: &str) -> Option<BuiltinFcn> {
            match name {
                $($name => {
                    fn call(_: &Span, _: &[Ref<Expr>], args: &[Value], _: bool) -> Outcome {
                        anyhow::ensure!(args.len() == $arity, "{} takes {} arguments", $name, $arity);
                        $function(args)
                    }
                    Some((call, $arity))
                })*
                _ => None,
            }
        }
    };
}

functions! {
    "base64.decode" 1 encoding::base64_decode,
    "base64.is_valid" 1 encoding::base64_is_valid,
    "base64url.decode" 1 encoding::base64url_decode,
    "bits.lsh" 2 numbers::shift_left,
    "bits.rsh" 2 numbers::shift_right,
    "count" 1 text::count,
    "format_int" 2 numbers::format_int,
    "glob.quote_meta" 1 text::quote_meta,
    "hex.decode" 1 encoding::hex_decode,
    "indexof" 2 text::index_of,
    "indexof_n" 2 text::index_of_n,
    "json.is_valid" 1 encoding::json_is_valid,
    "json.marshal" 1 encoding::json_marshal,
    "json.unmarshal" 1 encoding::json_unmarshal,
    "lower" 1 text::lower,
    "net.cidr_expand" 1 network::expand,
    "net.cidr_is_valid" 1 network::is_valid,
    "regex.find_all_string_submatch_n" 3 regex::find_submatches,
    "regex.find_n" 3 regex::find,
    "regex.is_valid" 1 regex::is_valid,
    "regex.match" 2 regex::is_match,
    "regex.replace" 3 regex::replace,
    "regex.split" 2 regex::split,
    "regex.template_match" 4 regex::template_match,
    "semver.compare" 2 semver::compare,
    "semver.is_valid" 1 semver::is_valid,
    "sprintf" 2 format::sprintf,
    "strings.count" 2 text::count_parts,
    "strings.replace_n" 2 text::replace_parts,
    "substring" 3 text::substring,
    "time.parse_duration_ns" 1 time::parse_duration,
    "time.parse_rfc3339_ns" 1 time::parse_rfc3339,
    "trace" 1 text::trace,
    "units.parse" 1 units::parse,
    "units.parse_bytes" 1 units::parse_bytes,
    "upper" 1 text::upper,
}

/// Returns a function as OPA has it: from this module, or else the engine's.
pub(crate) fn function(name: &str) -> Option<BuiltinFcn> {
    own(name).or_else(|| BUILTINS.get(name).copied())
}

/// Gives an interpreter the functions of this module.
pub(crate) fn extend(engine: &mut regorus::Engine) -> anyhow::Result<()> {
    for &(name, arity, function) in FUNCTIONS {
        // An extension that fails ends the evaluation; a call that fails is undefined.
        let call = move |args: Vec<Value>| match function(&args) {
            Err(error) if error.downcast_ref::<LimitError>().is_none() => Ok(Value::Undefined),
            outcome => outcome,
        };
        engine.add_extension(name.to_owned(), arity, Box::new(call))?;
    }
    Ok(())
}

/// Maximum size in bytes of a text that a function makes.
const BYTES: usize = 1 << 20;

/// Returns the error of a result that is too large, or that is not known to be OPA's.
fn limit(usage: usize) -> anyhow::Error {
    LimitError::MemoryLimitExceeded { usage: usage as u64, limit: BYTES as u64 }.into()
}

fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Undefined)
}

fn text(args: &[Value], index: usize) -> anyhow::Result<&str> {
    arg(args, index).as_string().map(|text| &**text)
}

/// Returns an argument that has to be an integer.
fn integer(args: &[Value], index: usize) -> anyhow::Result<i64> {
    let number = arg(args, index).as_number()?;
    number.as_i64().ok_or_else(|| anyhow::anyhow!("operand {} must be an integer", index + 1))
}
