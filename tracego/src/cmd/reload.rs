//! SIGHUP: the configuration is read again, and output files that were moved away are opened anew.

use anyhow::Context as _;

use super::output;
use crate::{
    agent::{Agent, Changes},
    cli::{Cli, Command, View},
    config::{self, Setting},
};
use tracego_policy::{Engine, stage};

/// Options that can change while tracego runs, beside the tables.
const CHANGES: [&str; 3] = ["min-severity", "only-findings", "profile"];

/// Reads the configuration again and goes over to it. One that cannot be is refused whole, and what runs
/// stays as it is.
pub(super) async fn reload(agent: &mut Agent, running: &View) {
    let done = match prepare(running) {
        Ok((changes, later)) => {
            for name in later {
                tracing::warn!(
                    option = name,
                    "has changed; the change takes effect when tracego is started again"
                );
            }
            agent.reload(changes).await
        }
        Err(error) => Err(error),
    };
    agent.board().reloaded(done.is_ok());
    match done {
        Ok(()) => tracing::warn!("the configuration was read again"),
        Err(error) => tracing::error!("the configuration is refused, the old one stays: {error:#}"),
    }
}

/// What is to change, and the options that cannot.
fn prepare(running: &View) -> anyhow::Result<(Changes, Vec<String>)> {
    let args: Vec<_> = std::env::args_os().collect();
    // The text of an error is made for a terminal, with usage lines that mean nothing here.
    let (mut cli, settings) = config::explained(&args)
        .map_err(|error| anyhow::anyhow!("{}", error.to_string().lines().next().unwrap_or_default()))?;
    let view = view(&mut cli).context("this command has no configuration")?;
    let later = later(&running.settings_in_force, &settings);
    let changes = Changes {
        selection: view.selection(),
        rules: view.settings(),
        sinks: output::sinks(view)?,
        output: output::reopened(running)?,
        enforce: view.enforce.as_ref().clone(),
        policy: policies(view)?,
    };
    Ok((changes, later))
}

/// The policies, loaded anew.
fn policies(view: &View) -> anyhow::Result<Option<Engine>> {
    let options = output::policies(view)?;
    (!options.bundles.is_empty()).then(|| stage::load(&options)).transpose()
}

fn view(cli: &mut Cli) -> Option<&View> {
    match &cli.command {
        None => Some(&cli.watch.view),
        Some(Command::Capture(capture)) => Some(&capture.watch.view),
        Some(_) => None,
    }
}

/// Names of options that have other values now and cannot take them.
fn later(before: &[Setting], now: &[Setting]) -> Vec<String> {
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
        let setting = |name: &str, value: &str| Setting {
            name: name.to_owned(),
            values: vec![value.to_owned()],
            origin: Origin::File,
        };
        let before = [setting("ring-size", "8M"), setting("profile", "ci"), setting("uid", "0")];
        let now = [setting("ring-size", "4M"), setting("profile", "auto"), setting("uid", "0")];
        assert_eq!(later(&before, &now), ["ring-size"]);
    }
}
