//! Reload on SIGHUP: reads the configuration again and reopens output files that were moved away.

use anyhow::Context as _;

use super::{
    output, output_check,
    policy::{self, PolicyFollower},
    provenance, setup,
};
use crate::{
    agent::{Agent, ReloadSettings},
    cli::{Cli, Command, RecordOptions},
    config::{self, Configuration, OptionValue, RunSettings},
};

/// Options that can change while tracego runs, beside the tables.
const CHANGES: [&str; 4] = ["event", "min-severity", "only-findings", "profile"];

/// Reads the configuration again and applies it. A configuration with a mistake is refused as a whole, and
/// the one in force stays.
pub(super) async fn reload(
    agent: &mut Agent,
    running: &RecordOptions,
    settings: &RunSettings,
    policies: &PolicyFollower,
) {
    let done = match prepare(running, settings, policies) {
        Ok((new, restart, bundles)) => {
            for name in restart {
                tracing::warn!(option = name, "has changed; restart tracego to apply it");
            }
            let done = agent.reload(new).await;
            if done.is_ok() {
                policies.reloaded(bundles);
            }
            done
        }
        Err(error) => Err(error),
    };
    agent.board().end_reload(done.as_ref().err().map(|error| format!("{error:#}")));
    match done {
        Ok(()) => tracing::warn!("the configuration was reloaded"),
        Err(error) => {
            tracing::error!("the configuration was refused, the previous one stays in force: {error:#}")
        }
    }
}

/// Returns the settings to apply, the options that need a restart, and the bundles that are in force then.
fn prepare(
    running: &RecordOptions,
    before: &RunSettings,
    policies: &PolicyFollower,
) -> anyhow::Result<(ReloadSettings, Vec<String>, Option<policy::BundleDraft>)> {
    let args: Vec<_> = std::env::args_os().collect();
    // The error text is made for a terminal, with usage lines that mean nothing here.
    let mistakes = |error: clap::Error| {
        let text = error.to_string();
        let lines = text.split("\n\n").next().unwrap_or_default().lines();
        anyhow::anyhow!("{}", lines.collect::<Vec<_>>().join("; "))
    };
    let Configuration { cli, settings, .. } = config::read(&args).map_err(mistakes)?;
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let options = records(&cli).context("this command has no configuration")?;
    // Whether exits are told with their starts does not change.
    output::check_aggregate(running.aggregate, &options.events)?;
    output_check::check_owners(options, &settings)?;
    output_check::check_spool_owner(options)?;
    let restart = needs_restart(&before.options, &settings.options);
    let enforce = setup::enforced(&settings, options);
    let configuration = settings.report(restart.clone());
    let (engine, bundles) = policy::load_engine(&options.policies, policies)?.unzip();
    let new = ReloadSettings {
        selection: options.selection(),
        sinks: output::sinks(options, &settings)?,
        redactor: output::redactor(&settings)?,
        rules: settings.rules,
        output: output::reopened(running)?,
        enforce,
        policy: engine,
        configuration,
        provenance: provenance::opened(&settings.provenance)?,
    };
    Ok((new, restart, bundles.flatten()))
}

fn records(cli: &Cli) -> Option<&RecordOptions> {
    match &cli.command {
        None => Some(&cli.watch.records),
        Some(Command::Capture(capture)) => Some(&capture.watch.records),
        Some(_) => None,
    }
}

/// Returns the names of changed options that need a restart.
fn needs_restart(before: &[OptionValue], now: &[OptionValue]) -> Vec<String> {
    let changed = now.iter().filter(|new| {
        let old = before.iter().find(|old| old.name == new.name);
        old.is_some_and(|old| old.values != new.values) && !CHANGES.contains(&new.name.as_str())
    });
    changed.map(|setting| setting.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn what_cannot_change_is_named() {
        let setting = |name: &str, value: &str| OptionValue {
            name: name.to_owned(),
            values: vec![value.to_owned()],
            origin: Origin::File("tracego.toml".into()),
        };
        let before = [setting("ring-size", "8M"), setting("profile", "ci"), setting("uid", "0")];
        let now = [setting("ring-size", "4M"), setting("profile", "auto"), setting("uid", "0")];
        assert_eq!(needs_restart(&before, &now), ["ring-size"]);
    }
}
