//! The variables `TRACEGO_…`: those that no option has, and those whose value is wrong.

use std::ffi::{OsStr, OsString};

use clap::{
    Command,
    error::{ContextKind, ContextValue},
};
use tracego_model::text;
use tracego_probe::load::object;

/// Prefix of all variables.
pub(super) const PREFIX: &str = "TRACEGO_";
/// Maximum number of variables that are warned about.
const WARNED: usize = 20;

/// Returns the variable of an option.
pub(super) fn variable(long: &str) -> String {
    format!("{PREFIX}{}", long.to_uppercase().replace('-', "_"))
}

/// Returns a warning for each variable with the prefix that no option of any command has. The definition of the
/// command line is only made if there are variables with the prefix.
pub(super) fn unknown(command: fn() -> Command, given: impl Iterator<Item = OsString>) -> Vec<String> {
    let names = given.filter_map(|name| name.to_str().map(str::to_owned));
    let mut names: Vec<String> = names.filter(|name| name.starts_with(PREFIX)).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let (mut known, mut options) = (Vec::new(), Vec::new());
    collect(&command(), &mut known, &mut options);
    // Not an option: nobody has to choose the object.
    known.push(object::VARIABLE.to_owned());
    names.retain(|name| !known.contains(name));
    names.sort();
    let warning = |name: String| {
        if let Some(long) = options.iter().find(|long| variable(long) == name) {
            return format!("{name} has no effect: --{long} has no variable; give it on the command line");
        }
        let hint = match text::near(&name, known.iter().map(String::as_str)) {
            Some((_, near)) => format!("did you mean {near}?"),
            None => "`tracego --help` lists the options, which the variables are named after".to_owned(),
        };
        format!("{} has no effect: no option has this variable; {hint}", text::printable(&name))
    };
    names.into_iter().take(WARNED).map(warning).collect()
}

/// Collects the variables and the long names of the options of a command and its subcommands.
fn collect(command: &Command, known: &mut Vec<String>, options: &mut Vec<String>) {
    for arg in command.get_arguments() {
        known.extend(arg.get_env().map(|name| name.to_string_lossy().into_owned()));
        options.extend(arg.get_long().map(str::to_owned));
    }
    command.get_subcommands().for_each(|sub| collect(sub, known, options));
}

/// Names the variable instead of the option in an error about a value that a variable gave.
pub(super) fn named(
    mut error: clap::Error,
    args: &[OsString],
    value: impl Fn(&str) -> Option<OsString>,
) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (Some(option), Some(wrong)) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else {
        return error;
    };
    // `--ring-size <BYTES>`
    let Some(long) = option.strip_prefix("--").and_then(|rest| rest.split([' ', '=', '[']).next()) else {
        return error;
    };
    let is_option = |arg: &&OsString| {
        let arg = arg.to_string_lossy();
        arg.strip_prefix("--").is_some_and(|rest| rest.split('=').next() == Some(long))
            || arg.starts_with('-') && !arg.starts_with("--")
    };
    let is_given = args.iter().take_while(|arg| *arg != OsStr::new("--")).any(|arg| is_option(&arg));
    let name = variable(long);
    let is_of_variable = value(&name).is_some_and(|value| value.to_string_lossy().contains(&wrong));
    if is_of_variable && !is_given {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(names: &[&str]) -> Vec<String> {
        unknown(crate::config::command, names.iter().map(OsString::from))
    }

    #[test]
    fn a_variable_that_no_option_has_is_named_with_the_nearest_one() {
        assert_eq!(
            warnings(&["TRACEGO_FAIL_ON", "TRACEGO_RING_SIZE", "PATH", "TRACEGO", "XTRACEGO_A"]),
            [""; 0]
        );
        for (name, wanted) in [
            ("TRACEGO_FAILON", "did you mean TRACEGO_FAIL_ON?"),
            ("TRACEGO_RINGSIZE", "did you mean TRACEGO_RING_SIZE?"),
            ("TRACEGO_WAIT", "--wait has no variable"),
            ("TRACEGO_ENV", "--env has no variable"),
            ("TRACEGO_SOMETHING_ELSE", "lists the options"),
        ] {
            let found = warnings(&[name]);
            assert!(found.len() == 1 && found[0].starts_with(name) && found[0].contains(wanted), "{found:?}");
        }
    }

    #[test]
    fn a_wrong_value_of_a_variable_names_the_variable() {
        let error = |args: &[&str], value: Option<&str>| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            let error = crate::config::command().try_get_matches_from(&args).unwrap_err();
            named(error, &args, |name| value.filter(|_| name == "TRACEGO_RING_SIZE").map(OsString::from))
                .to_string()
        };
        // The value stands for one that clap took from the variable.
        let of_option = error(&["tracego", "--ring-size", "5000"], Some("5000"));
        assert!(of_option.contains("'--ring-size <BYTES>'"), "{of_option}");
        let of_option = error(&["tracego", "run", "--ring-size=5000", "--", "x"], None);
        assert!(of_option.contains("'--ring-size <BYTES>'"), "{of_option}");
        let mut of_variable =
            clap::Error::new(clap::error::ErrorKind::ValueValidation).with_cmd(&crate::config::command());
        of_variable.insert(ContextKind::InvalidArg, ContextValue::String("--ring-size <BYTES>".to_owned()));
        of_variable.insert(ContextKind::InvalidValue, ContextValue::String("5000".to_owned()));
        let args = ["tracego", "run", "--", "x", "--ring-size"].map(OsString::from);
        let of_variable = named(of_variable, &args, |_| Some("5000".into())).to_string();
        assert!(of_variable.contains("'5000' for 'TRACEGO_RING_SIZE'"), "{of_variable}");
    }

    #[test]
    fn usage_errors_of_a_subcommand_show_its_usage() {
        let error = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            crate::config::read(&args).unwrap_err().to_string()
        };
        for line in [
            "tracego run --tree --output json -- x",
            "tracego run --argv-max 6M --ring-size 1M -- x",
            "tracego run --config /no/such/file -- x",
        ] {
            let of = error(line);
            assert!(of.contains("Usage: tracego run [OPTIONS] -- <COMMAND>..."), "{line}: {of}");
        }
        assert!(error("tracego --tree --output json").contains("Usage: tracego [OPTIONS]"));
    }
}
