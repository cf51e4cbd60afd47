//! TG012, TG013 and TG014: programs that are built for tests, packed, or shipped with a toolchain.

use tracego_golang::{command::Invocation, subcommand::Subcommand};
use tracego_model::finding::Confidence;

use super::OpenCase;
use crate::setting::Setting;

/// Adds the cases that the build of a program for an image is.
pub(super) fn of_command(invocation: &Invocation, setting: Setting, cases: &mut Vec<OpenCase>) {
    let is_build = matches!(invocation.subcommand, Subcommand::Build | Subcommand::Install);
    let is_image = matches!(setting, Setting::ImageBuild | Setting::ImageWithoutCommand);
    if !is_build || !is_image || !invocation.is_plausible() {
        return;
    }
    let flags = &invocation.flags;
    let unoptimised = flags
        .gcflags
        .as_deref()
        .is_some_and(|flags| flags.split([' ', '=']).any(|flag| matches!(flag, "-N" | "-l")));
    for (is_set, variant, flag) in [
        (flags.race, "race", "-race"),
        (flags.asan, "sanitizer", "-asan"),
        (flags.msan, "sanitizer", "-msan"),
        (flags.cover, "coverage", "-cover"),
        (unoptimised, "unoptimised", "-gcflags with -N or -l"),
    ] {
        if is_set {
            let message = format!("a program of an image is built with {flag}");
            cases.push(OpenCase { rule: "TG012", variant, confidence: Confidence::High, message });
        }
    }
}

/// Returns the case that a command line of UPX is.
pub(super) fn packed(words: &[String]) -> Option<OpenCase> {
    // -d, -l, -t and -h unpack, list, test and help.
    let other = ["-d", "-l", "-t", "-h", "-V", "--version", "--help"];
    let packs = words.len() > 1 && !words.iter().any(|word| other.contains(&word.as_str()));
    packs.then(|| OpenCase {
        rule: "TG013",
        variant: "upx",
        confidence: Confidence::High,
        message: "a program is packed with UPX".into(),
    })
}

/// Returns the case that the image of a last stage is.
pub(super) fn toolchain_image(name: &str) -> Option<OpenCase> {
    let path = name.split(['@', ' ']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let repository = last.split(':').next().unwrap_or_default();
    matches!(repository, "golang" | "go-toolset" | "go").then(|| OpenCase {
        rule: "TG014",
        variant: "go-command",
        confidence: Confidence::Medium,
        message: format!("the image that runs has a Go toolchain: FROM {name}"),
    })
}
