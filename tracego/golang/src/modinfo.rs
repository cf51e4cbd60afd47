//! Parses the text of modules and settings like runtime/debug.ParseBuildInfo of Go 1.27.
//!
//! ```text
//! path  example.com/hello/cmd/hello
//! mod   example.com/hello  v1.2.3  h1:…
//! dep   example.com/other  v0.1.0  h1:…
//! =>    ./local  (devel)                    replaces the module of the line before
//! build -ldflags="-s -w"
//! ```
//!
//! Columns are separated by tabs. Unknown kinds of lines are skipped, as in Go.

use super::{Build, Module, quote};

/// Maximum number of modules; Kubernetes has some 250.
const MODULES_MAX: usize = 16_384;
/// Maximum number of settings; Go knows some fifty.
const SETTINGS_MAX: usize = 1024;

/// Parses the text. Returns `None` when a line is not as Go writes it.
pub(super) fn parse(bytes: &[u8]) -> Option<Build> {
    let text = String::from_utf8_lossy(bytes);
    let mut build = Build::default();
    // The module that a following replacement belongs to.
    let mut last: Option<LastModule> = None;
    for line in text.split_inclusive('\n') {
        // Go ignores a last line without a line feed.
        let Some(line) = line.strip_suffix('\n') else { break };
        let Some((kind, rest)) = line.split_once('\t') else { continue };
        match kind {
            "path" => rest.clone_into(&mut build.path),
            "mod" => {
                build.main = Some(module(rest, 2..=3)?);
                last = Some(LastModule::Main);
            }
            "dep" if build.dependencies.len() < MODULES_MAX => {
                build.dependencies.push(module(rest, 2..=3)?);
                last = Some(LastModule::Dependency);
            }
            "=>" => {
                let replaced = match last.take()? {
                    LastModule::Main => build.main.as_mut(),
                    LastModule::Dependency => build.dependencies.last_mut(),
                };
                replaced?.replacement = Some(Box::new(module(rest, 3..=3)?));
            }
            "build" if build.settings.len() < SETTINGS_MAX => build.settings.push(setting(rest)?),
            "dep" | "build" => return None,
            _ => {}
        }
    }
    build.dependencies.shrink_to_fit();
    build.settings.shrink_to_fit();
    Some(build)
}

enum LastModule {
    Main,
    Dependency,
}

/// Parses path, version and, where there is one, checksum.
fn module(text: &str, columns: std::ops::RangeInclusive<usize>) -> Option<Module> {
    if !columns.contains(&text.split('\t').count()) {
        return None;
    }
    let mut column = text.split('\t').map(str::to_owned);
    Some(Module {
        path: column.next()?,
        version: column.next()?,
        sum: column.next().unwrap_or_default(),
        replacement: None,
    })
}

/// Parses `key=value`; either may be quoted. Go quotes texts with spaces; before 1.18.2 it did not, so an
/// unquoted value may contain spaces.
fn setting(text: &str) -> Option<(String, String)> {
    let (key, value) = if text.starts_with(['"', '`']) {
        let (key, rest) = quote::prefix(text)?;
        (key, rest.strip_prefix('=')?)
    } else {
        let (key, value) = text.split_once('=')?;
        (key.to_owned(), value)
    };
    if key.is_empty() {
        return None;
    }
    let value = if value.starts_with(['"', '`']) {
        quote::prefix(value).filter(|(_, rest)| rest.is_empty())?.0
    } else {
        value.to_owned()
    };
    Some((key, value))
}
