//! Reload on SIGHUP: reads the configuration again and reopens output files that were moved away.

use anyhow::Context as _;

use super::{output, policy};
use crate::{
    agent::{Agent, Changes},
    cli::{Cli, Command, View},
    config::{self, Setting},
};

/// Options that can change while tracego runs, beside the tables.
const CHANGES: [&str; 3] = ["min-severity", "only-findings", "profile"];

/// Reads the configuration again and applies it. A configuration with a mistake is refused as a whole, and
/// the one in force stays.
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

/// Returns the changes to apply, and the options that need a restart.
fn prepare(running: &View) -> anyhow::Result<(Changes, Vec<String>)> {
    let args: Vec<_> = std::env::args_os().collect();
    // The error text is made for a terminal, with usage lines that mean nothing here.
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
        policy: policy::load_engine(&view.policies)?,
    };
    Ok((changes, later))
}

fn view(cli: &mut Cli) -> Option<&View> {
    match &cli.command {
        None => Some(&cli.watch.view),
        Some(Command::Capture(capture)) => Some(&capture.watch.view),
        Some(_) => None,
    }
}

/// Returns the names of changed options that need a restart.
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
