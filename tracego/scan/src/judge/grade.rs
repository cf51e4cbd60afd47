//! The severity of a case at a place of a source tree.

use tracego_analyze::rules::{
    place::{Place, Production},
    rule::{Rule, Variant},
};
use tracego_model::finding::Severity;

use crate::setting::Setting;

/// Returns the severity, with the grades of the run time wherever the text says what the run time would see. Returns
/// `None` where the case does not matter.
pub(super) fn severity(
    rule: &Rule,
    variant: &Variant,
    setting: Setting,
    is_strict: bool,
) -> Option<Severity> {
    let at = |ci, production, interactive| {
        variant.grades.at(Place { ci, production, container: false, interactive })
    };
    let is_run = rule.id == "TG001";
    let severity = match setting {
        Setting::Production | Setting::Program => at(false, Production::Declared, false),
        Setting::Ci => at(true, Production::No, false),
        Setting::ImageBuild => match variant.name {
            // The image is pinned as the tool is: it is built once.
            "pinned" => Severity::Low,
            _ => at(true, Production::No, false),
        },
        Setting::ImageWithoutCommand | Setting::Open => at(false, Production::No, false),
        Setting::Generate if is_run && variant.name == "unpinned" => at(false, Production::No, false),
        Setting::Generate | Setting::Developer if is_strict => Severity::Low,
        Setting::Generate | Setting::Developer => return None,
        // Documents are read on request alone.
        Setting::UnusedStage | Setting::Helper | Setting::Document => Severity::Low,
    };
    Some(severity)
}
