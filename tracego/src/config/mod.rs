//! Options from all sources, in one precedence: flag, environment, file, default.
//!
//! A key of the file is the long name of an option (`ring-size = "8M"`), and a variable is that name with the
//! prefix `TRACEGO_` (`TRACEGO_RING_SIZE`). Both follow from the definition of the command line and take the
//! same values. Only `env` adds up: values from the command line are added to those of the file and override
//! them; it has no variable. Tables hold the settings of rules (`rules::settings`) and sinks
//! (`sink::settings`). Without `--config`, a tracego that watches the whole machine reads the files in
//! `/etc/tracego`; other commands read none, so that a developer's run does not use the outputs of the service.

mod file;
mod layers;
mod line_finder;
mod origin;
pub(crate) mod ownership;
mod provenance;
mod settings;
mod sources;
mod variables;
mod without_effect;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Command, CommandFactory as _};
pub use origin::{OptionValue, Origin};
pub use provenance::{ProvenanceScope, ProvenanceSettings};
pub(crate) use settings::ReadFiles;
pub use settings::{Configuration, RunSettings};
pub(crate) use sources::{FOLDER, paths};
use variables::variable;

use crate::cli::{Cli, is_about_report};

/// Options that only the command line has.
const NOT_IN_FILE: [&str; 5] = ["config", "help", "version", "wait", "json"];
/// Options without a variable.
const NO_VARIABLE: [&str; 8] =
    ["help", "version", "wait", "json", "key", "partial", "enforce-optional", ADDS_UP];
/// Option whose values from several sources add up.
const ADDS_UP: &str = "env";

/// Returns the definition of the command line, with variables.
#[must_use]
pub fn command() -> Command {
    each(Cli::command(), |arg| match arg.get_long() {
        Some(long) if !NO_VARIABLE.contains(&long) && !is_about_report(arg.get_id().as_str()) => {
            let name = variable(long);
            arg.env(name).hide_env(true)
        }
        _ => arg,
    })
}

/// Returns the configuration in force. Exits on wrong usage, help and version, as clap does.
#[must_use]
pub(crate) fn parse() -> Configuration {
    let args: Vec<OsString> = std::env::args_os().collect();
    read(&args).unwrap_or_else(|error| error.exit())
}

/// Returns the configuration from a command line, the environment and the files that they name, or the default
/// ones.
///
/// # Errors
/// Fails on wrong usage, or if a file cannot be read, has invalid content, or could be changed by a user who is
/// not trusted.
pub fn read(args: &[OsString]) -> Result<Configuration, clap::Error> {
    read_or(args, Path::new(FOLDER))
}

/// Returns the configuration as [`read`] does, with another folder of default files.
fn read_or(args: &[OsString], folder: &Path) -> Result<Configuration, clap::Error> {
    let named = |error| variables::named(error, args, |name| std::env::var_os(name));
    let matches = command().try_get_matches_from(args).map_err(|error| named(with_hint(error, args)))?;
    let sources = match path(deepest(&matches)) {
        Some(path) if path.as_os_str() == sources::NO_FILE => Ok(Vec::new()),
        Some(path) => sources::named(&path),
        None if matches.subcommand_name().is_none() => sources::folder(folder),
        None => Ok(Vec::new()),
    };
    let usage = |text: String| usage_error(&matches, clap::error::ErrorKind::InvalidValue, text);
    let sources = sources.map_err(usage)?;
    if sources.is_empty() {
        return Configuration::new(&matches, None);
    }
    let file = file::read(&sources).map_err(usage)?;
    let command = each(command(), |arg| {
        let given = arg.get_long().and_then(|long| file.options.iter().find(|(name, _)| name == long));
        match given {
            Some((name, values)) if name != ADDS_UP && !is_about_report(arg.get_id().as_str()) => {
                arg.default_values(values.clone())
            }
            _ => arg,
        }
    });
    let matches = command.try_get_matches_from(args).map_err(named)?;
    Configuration::new(&matches, Some(file))
}

/// Returns an error with the usage of the subcommand that was given.
fn usage_error(matches: &ArgMatches, kind: clap::error::ErrorKind, text: String) -> clap::Error {
    let mut all = command();
    // Gives subcommands their whole names.
    all.build();
    let names = std::iter::successors(matches.subcommand(), |(_, below)| below.subcommand());
    let find = |at: &Command, (name, _): (&str, &ArgMatches)| at.find_subcommand(name).cloned();
    names.fold(all, |at, name| find(&at, name).unwrap_or(at)).error(kind, text)
}

/// Adds the way out to the error about a command that does not stand behind `--`.
fn with_hint(mut error: clap::Error, args: &[OsString]) -> clap::Error {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let is_run = args.get(1).is_some_and(|first| first == "run") && !args.iter().any(|arg| arg == "--");
    if is_run && matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument) {
        let hint = "put the command behind `--`: tracego run [OPTIONS] -- make ci".to_owned();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

fn deepest(matches: &ArgMatches) -> &ArgMatches {
    std::iter::successors(Some(matches), |above| Some(above.subcommand()?.1)).last().unwrap_or(matches)
}

fn path(matches: &ArgMatches) -> Option<PathBuf> {
    matches.try_get_one::<PathBuf>("config").ok().flatten().cloned()
}

/// Applies a change to every option of the command and of its subcommands.
fn each(command: Command, change: impl Fn(Arg) -> Arg + Copy) -> Command {
    command.mut_args(change).mut_subcommands(|sub| each(sub, change))
}

/// Returns the options that a file may set.
fn options() -> impl Iterator<Item = String> {
    let command = Cli::command();
    let names: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .filter(|long| !NOT_IN_FILE.contains(long))
        .map(str::to_owned)
        .collect();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::cli::{EnvSpec, EventKind, OutputForm};
    use tracego_analyze::rules::{place::Profile, registry::find, settings::options::KEYS};

    fn with(text: &str, line: &str) -> Result<Configuration, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let line = line.replace("FILE", &path);
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let nowhere = Path::new("/no/such/folder");
        read_or(&args, nowhere).map_err(|error| error.render().to_string().replace(&path, "FILE"))
    }

    /// Reads a command line with these files in the default folder; errors name it FOLDER.
    fn with_defaults(files: &[(&str, &str)], line: &str) -> Result<Configuration, String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let folder = dir.path().to_str().unwrap();
        let line = line.replace("FOLDER", folder);
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        read_or(&args, dir.path()).map_err(|error| error.render().to_string().replace(folder, "FOLDER"))
    }

    const TWO: [(&str, &str); 2] = [
        ("tracego.toml", "heartbeat = 5\nenv = \"A=1\"\n[rules.TG007]\nnofile = 1\nenabled = false"),
        (
            "conf.d/10.toml",
            "heartbeat = 7\nenv = [\"B\"]\n[enforce]\nmode = \"audit\"\n[rules.TG007]\nenabled = true",
        ),
    ];

    #[test]
    fn default_files_are_for_watching_the_machine_alone() {
        let heartbeat = |line: &str| with_defaults(&TWO, line).unwrap().cli.watch().unwrap().heartbeat;
        for (line, wanted) in [
            ("tracego", 7),
            ("tracego --heartbeat 9", 9),
            ("tracego --config none", 60),
            ("tracego --config FOLDER", 7),
            ("tracego --config FOLDER/tracego.toml", 5),
            ("tracego run -- make", 60),
            ("tracego run --config FOLDER -- make", 7),
            ("tracego capture x", 60),
        ] {
            assert_eq!(heartbeat(line), wanted, "{line}");
        }
        assert_eq!(with_defaults(&[], "tracego").unwrap().cli.watch.heartbeat, 60);
        let error = with_defaults(&[], "tracego --config FOLDER").unwrap_err();
        assert!(
            error.contains("--config FOLDER: neither tracego.toml nor conf.d/*.toml is there"),
            "{error}"
        );
    }

    #[test]
    fn later_files_override_and_each_value_has_its_file() {
        let Configuration { settings, files, .. } = with_defaults(&TWO, "tracego --ring-size 8M").unwrap();
        assert_eq!(settings.env, [EnvSpec::Value("A".into(), "1".into()), EnvSpec::Name("B".into())]);
        assert!(settings.rules.is_on(find("TG007").unwrap()));
        let origin = |name: &str| {
            let option = settings.options.iter().find(|option| option.name == name).unwrap();
            option.origin.to_string().rsplit('/').next().unwrap().to_owned()
        };
        assert_eq!(
            ["heartbeat", "enforce", "env", "ring-size", "uid"].map(origin),
            ["10.toml", "10.toml", "10.toml", "command line", "default"]
        );
        assert!(files.origins["rules.TG007.nofile"].ends_with("tracego.toml"));
        assert!(files.origins["rules.TG007.enabled"].ends_with("10.toml"));
        assert!(!files.origins.contains_key("heartbeat") && files.paths.len() == 2);
        let other = [TWO[0], ("conf.d/10.toml", "heartbeat = 7")];
        let digest = |files: &[(&str, &str)]| with_defaults(files, "tracego").unwrap().settings.digest;
        assert!(digest(&TWO) != digest(&other) && digest(&TWO).is_some() && digest(&[]).is_none());
    }

    #[test]
    fn mistakes_of_all_files_come_at_once_with_their_files() {
        let sink = "[[sinks]]\ntype = \"stdout\"\n";
        let error = |files: &[(&str, &str)]| with_defaults(files, "tracego").unwrap_err();
        let of = error(&[("tracego.toml", "hertbeat = 1"), ("conf.d/a.toml", "\nuid = \"x\"")]);
        assert!(of.contains("FOLDER/tracego.toml:1: unknown key 'hertbeat'"), "{of}");
        assert!(of.contains("FOLDER/conf.d/a.toml:2: uid: "), "{of}");
        let of = error(&[("conf.d/a.toml", sink), ("conf.d/b.toml", &format!("\n{sink}"))]);
        assert!(of.contains("FOLDER/conf.d/b.toml:2: sinks stdout: name: is used twice"), "{of}");
        let named = format!("{sink}name = \"stdout\"\nformat = \"ecs\"");
        let sinks = with_defaults(&[("tracego.toml", sink), ("conf.d/b.toml", &named)], "tracego").unwrap();
        assert_eq!(sinks.settings.sinks.len(), 1);
    }

    #[test]
    fn arguments_that_could_never_pass_the_ring_are_refused() {
        let cap = |file: &str, line: &str| {
            let cli = with(file, &format!("tracego --config FILE {line}"))?.cli;
            cli.watch().unwrap().argv_cap()
        };
        assert_eq!(cap("", ""), Ok(256 << 10));
        assert_eq!(cap("", "--argv-max 6M"), Ok(6 << 20));
        let ring = |line: &str| with("", line).unwrap().cli.watch().unwrap().ring();
        assert_eq!((ring("tracego"), ring("tracego --argv-max 6M")), (4 << 20, 8 << 20));
        assert_eq!((ring("tracego --argv-max 0"), ring("tracego --ring-size 64K")), (4 << 20, 64 << 10));
        assert_eq!(cap("ring-size = \"64K\"", ""), Ok(48 << 10));
        for (file, line) in
            [("", "--argv-max 6M --ring-size 1M"), ("argv-max = \"6M\"\nring-size = \"4M\"", "")]
        {
            let error = cap(file, line).unwrap_err();
            assert!(error.contains("--ring-size to at least 8388608"), "{error}");
        }
    }

    #[test]
    fn the_file_is_below_the_flags_and_above_the_defaults() {
        let file =
            "ring-size = \"1M\"\nevent = [\"execve\", \"exit\"]\noutput = \"text\"\ntree = true\nuid = 7";
        let cli = with(file, "tracego --config FILE --output json --tree=false").unwrap().cli;
        assert_eq!((cli.watch.ring(), cli.watch.uid), (1 << 20, Some(7)));
        assert_eq!(cli.watch.records.events, [EventKind::Execve, EventKind::Exit]);
        assert_eq!((cli.watch.records.output, cli.watch.records.tree), (Some(OutputForm::Json), false));
        assert_eq!(cli.watch.heartbeat, 60);
        let cli = with(file, "tracego --config FILE").unwrap().cli;
        assert!(cli.watch.records.tree);
    }

    #[test]
    fn a_subcommand_takes_the_same_file() {
        let cli = with("heartbeat = 5\nraw-args = true", "tracego run --config FILE -- make").unwrap().cli;
        let Some(crate::cli::Command::Run(run)) = cli.command else { panic!() };
        assert_eq!((run.watch.heartbeat, run.watch.records.raw_args), (5, true));
    }

    #[test]
    fn what_does_nothing_with_run_is_refused_there_and_taken_from_a_file() {
        for option in ["--duration 5", "--handover crash", "--pin-dir /sys/fs/bpf/x"] {
            let error = with("", &format!("tracego run {option} -- make")).unwrap_err();
            assert!(error.contains("does nothing with tracego run"), "{error}");
        }
        let file = "duration = 5\nhandover = \"crash\"\npin-dir = \"/sys/fs/bpf/x\"";
        assert!(with(file, "tracego run --config FILE -- make --duration 5").is_ok());
    }

    #[test]
    fn env_adds_up_and_the_command_line_comes_last() {
        let file = "env = [\"GIT_COMMIT=file\", \"BRANCH\"]";
        let settings = with(file, "tracego --config FILE --env GIT_COMMIT=flag").unwrap().settings;
        let value = |value: &str| EnvSpec::Value("GIT_COMMIT".into(), value.into());
        assert_eq!(settings.env, [value("file"), EnvSpec::Name("BRANCH".into()), value("flag")]);
    }

    #[test]
    fn mistakes_name_the_file_and_the_way_out() {
        let error = |file: &str| with(file, "tracego --config FILE --ring-size 8M").unwrap_err();
        let of = error("ringsize = 1");
        assert!(of.contains("FILE:1: unknown key 'ringsize'; did you mean 'ring-size'?"), "{of}");
        let of = error("colour_of_the_output = 1");
        assert!(of.contains("known keys:") && of.contains("output-file"), "{of}");
        let of = error("ring-size = 5000");
        assert!(of.contains("FILE:1: ring-size: ") && of.contains("power of two"), "{of}");
        let of = error("output = \"xml\"");
        assert!(of.contains("FILE:1: ") && of.contains("xml"), "{of}");
        let of = error("output = {a = 1}");
        assert!(of.contains("FILE:1: output: must be a string"), "{of}");
        let of = error("output = ");
        assert!(of.contains("FILE:1: TOML: "), "{of}");
        let of = error("env = [\"=x\"]");
        assert!(of.contains("FILE:1: ") && of.contains("KEY=VALUE"), "{of}");
        let of = error("[rules.TG007]\nnofiel = 1");
        assert!(of.contains("FILE:2: rules.TG007.nofiel: unknown key; did you mean 'nofile'?"), "{of}");
        let of = error("[rule.TG007]");
        assert!(of.contains("FILE:1: unknown key 'rule'; did you mean 'rules'?"), "{of}");
        let of = with("", "tracego --config /no/such/file").unwrap_err();
        assert!(of.contains("--config /no/such/file: No such file"), "{of}");
    }

    #[test]
    fn options_without_effect_are_refused_and_those_of_a_file_are_not() {
        let error = |line: &str| with("seal = false", line).unwrap_err();
        for (line, part) in [
            ("tracego capture --enforce kill x", "--enforce has no effect: capture writes events"),
            ("tracego capture --output json x", "--output has no effect"),
            ("tracego run --handover crash -- x", "--handover does nothing with tracego run"),
            ("tracego --output otlp --format ecs", "--format has no effect"),
            ("tracego --output json --tree", "--tree has no effect: only with --output text"),
            ("tracego --seal-interval 5m", "--seal-interval has no effect: only with --seal"),
            ("tracego --policy-on-error deny", "--policy-on-error has no effect: only with --policy"),
            ("tracego --config FILE --seal-key x", "--seal-key has no effect: only with --seal"),
            ("tracego run make", "put the command behind `--`"),
            ("tracego run", "put the command behind `--`"),
        ] {
            assert!(error(line).contains(part), "{line}: {}", error(line));
        }
        for line in [
            "tracego --output json --format ecs",
            "tracego --output text --tree",
            "tracego --seal --seal-interval 5m --output json",
            "tracego --handover crash --pin-dir /x",
            "tracego detach --pin-dir /x",
            "tracego capture --config FILE x",
            "tracego --config FILE --seal-key x --seal",
        ] {
            with("profile = \"ci\"\ntree = true\noutput-file = \"/x\"", line).unwrap();
        }
    }

    #[test]
    fn all_mistakes_come_at_once_in_the_order_of_lines() {
        let file = "heartbeat = \"x\"\nlog = \"wran\"\n[[sinks]]\ntype = \"file\"\npath = \"/x\"\nwhere = \"proces.pid == 1\"\n\
                    [[sinks]]\ntype = \"stdout\"\nevents = [\"tracego.proc.*\"]\n[rules.TG007]\nnofiel = 1\nenabled = 3\n\
                    [[enforce.rules]]\nname = \"a\"\nargs = [\"run\"]\nusr = []\n[[enforce.exceptions]]\nname = \"b\"\nownr = \"x\"\n";
        let of = with(file, "tracego --config FILE").unwrap_err();
        let lines: Vec<_> = of.lines().map(|line| line.trim_start_matches("error: ")).collect();
        for (at, (line, part)) in [
            (1, "heartbeat: "),
            (2, "log: "),
            (6, "sinks file: where: no record has a field proces"),
            (9, "sinks stdout: events: 'tracego.proc.*' matches no event"),
            (11, "rules.TG007.nofiel: unknown key"),
            (12, "rules.TG007.enabled: must be true or false"),
            (16, "enforce.rules \"a\": usr: unknown key"),
            (19, "enforce.exceptions \"b\": ownr: unknown key"),
        ]
        .into_iter()
        .enumerate()
        {
            let wanted = format!("FILE:{line}: {part}");
            assert!(lines.get(at).is_some_and(|line| line.starts_with(&wanted)), "{wanted}: {of}");
        }
    }

    #[test]
    fn rules_and_profile_are_read_for_every_command() {
        let file = "profile = \"ci\"\n[rules.TG007]\nenabled = false\nnofile = 99\n[production]\nmatch = \
                    [{ unit = \"api*\" }]";
        for line in
            ["tracego --config FILE", "tracego run --config FILE -- x", "tracego replay --config FILE x"]
        {
            let settings = with(file, line).unwrap().settings.rules;
            assert_eq!((settings.profile, settings.thresholds.nofile), (Profile::Ci, 99), "{line}");
            assert!(!settings.is_on(find("TG007").unwrap()) && settings.production.only.len() == 1);
        }
        let configuration = with(file, "tracego --config FILE --profile production").unwrap();
        assert_eq!(configuration.settings.rules.profile, Profile::Production);
        let configuration = with(file, "tracego rules list --config FILE").unwrap();
        assert!(!configuration.settings.rules.is_on(find("TG007").unwrap()));
    }

    #[test]
    fn shapes_of_secrets_are_read_and_checked() {
        let file = "[redact]\nremove = [\"signature\"]\nadd = [{ name = \"acme\", prefixes = [\"acme_\"], body = \
                    \"a-z0-9\", parts = [20] }]";
        let settings = with(file, "tracego --config FILE").unwrap().settings.redact;
        assert_eq!((settings.remove, settings.add[0].name.as_str()), (vec!["signature".to_owned()], "acme"));
        for (file, wanted) in [
            ("remove = [\"signatur\"]", "redact.remove: unknown shape 'signatur'; did you mean 'signature'?"),
            ("add = [{ name = \"jwt\", names = [\"jot\"] }]", "redact.add: there is a shape 'jwt' already"),
            (
                "add = [{ name = \"a\", prefixes = [\"acme_\"] }]",
                "redact.add: a: parts: give the least length",
            ),
            ("add = [{ name = \"a\" }]", "redact.add: a: set either names, commands, prefixes or begin"),
            ("ad = []", "redact: unknown field `ad`"),
        ] {
            let error = with(&format!("[redact]\n{file}"), "tracego --config FILE").unwrap_err();
            assert!(error.contains(&format!(": {wanted}")) && error.contains("FILE:"), "{error}");
        }
    }

    #[test]
    fn the_example_names_every_option_and_is_right() {
        let example = include_str!("../../../deploy/tracego.toml");
        let values: Vec<&str> = example
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase() || first == '['))
            .collect();
        let table: toml::Table = values.join("\n").parse().unwrap();
        let mut missing: Vec<String> = options().filter(|option| !table.contains_key(option)).collect();
        missing.sort();
        assert_eq!(missing, Vec::<String>::new());
        for key in &KEYS {
            let named = table["rules"].get(key.rule).and_then(|rule| rule.get(key.name));
            let default: toml::Table = format!("value = {}", key.default).parse().unwrap();
            assert_eq!(named, Some(&default["value"]), "[rules.{}] {}", key.rule, key.name);
        }
        with(&values.join("\n"), "tracego --config FILE").unwrap();
        with(example, "tracego --config FILE").unwrap();
    }

    #[test]
    fn every_option_has_a_variable() {
        let command = command();
        for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
            let long = arg.get_long().unwrap();
            if !["help", "version", "env"].contains(&long) {
                let variable = arg.get_env().unwrap_or_else(|| panic!("{long}")).to_str().unwrap();
                assert_eq!(variable, format!("TRACEGO_{}", long.to_uppercase().replace('-', "_")));
            }
        }
    }
}
