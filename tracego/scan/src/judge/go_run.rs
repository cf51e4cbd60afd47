//! TG001: `go run`.

use tracego_analyze::rules::build::go_run;
use tracego_golang::{command::Invocation, subcommand::Subcommand, target::RunTarget};
use tracego_model::finding::Confidence;

use super::OpenCase;
use crate::{extract::FoundCommand, setting::Setting, tree_modules::TreeModules};

/// Returns the case that a command line is.
pub(super) fn case(
    command: &FoundCommand,
    invocation: &Invocation,
    setting: Setting,
    modules: &TreeModules,
) -> Option<OpenCase> {
    if invocation.subcommand != Subcommand::Run || invocation.flags.dry_run {
        return None;
    }
    // `go run $ARGS` and `exec.Command("go", "run")` with a later target are runs, too.
    let target = match &invocation.target {
        Some(target) => target.clone(),
        None if command.words.len() <= 2 || command.words.iter().any(|word| word.has_holes) => {
            RunTarget::Unknown
        }
        None => return None,
    };
    let has_hole = |index: usize| command.words.get(index).is_some_and(|word| word.has_holes);
    let is_sure = !command.is_guessed && !has_hole(0) && target != RunTarget::Unknown;
    let is_expanded = command.words.iter().take(2).any(|word| word.is_expanded);
    let variant = match &target {
        // A version that a variable names is one.
        RunTarget::Remote { version, .. } if version.as_str().contains('$') => "pinned",
        RunTarget::Resolved(_) if modules.is_empty() => "unpinned",
        _ => go_run::variant(&target, |path| !modules.have(path)),
    };
    let is_own = matches!(variant, "file" | "local" | "cut");
    let variant = match setting {
        Setting::ImageBuild | Setting::Generate if is_own => "generate",
        _ => variant,
    };
    Some(OpenCase {
        rule: "TG001",
        variant,
        confidence: if is_sure && !is_expanded { Confidence::High } else { Confidence::Medium },
        message: format!("go run {target} runs{} instead of a program that was built", setting.phrase()),
    })
}
