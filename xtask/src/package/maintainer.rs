//! The maintainer that packages name.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell;

/// Returns the maintainer as `NAME <ADDRESS>`: the given one, or the first of the authors in Cargo.toml, or the author of
/// the last commit.
pub(super) fn find(given: Option<&str>) -> Result<String> {
    let found = match (given, author()?) {
        (Some(given), _) => given.to_owned(),
        (None, Some(author)) => author,
        (None, None) => {
            let root = shell::root()?;
            let log = ["log", "-1", "--format=%an <%ae>"];
            let author = shell::output(Command::new("git").current_dir(root).args(log))?;
            eprintln!("the packages name the author of the last commit as their maintainer: {author}");
            author
        }
    };
    ensure!(
        is_mailbox(&found),
        "not `NAME <ADDRESS>`, which packages need of their maintainer: {found}; \
         give another one with --maintainer"
    );
    Ok(found)
}

/// Returns the first author that Cargo.toml names.
fn author() -> Result<Option<String>> {
    let mut cargo = shell::cargo()?;
    let metadata = shell::output(cargo.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo's description is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo describes no packages")?;
    let tracego =
        packages.iter().find(|package| package["name"] == "tracego").context("no package tracego")?;
    Ok(tracego["authors"][0].as_str().map(str::to_owned))
}

/// Returns whether a text is a name and an address of a host with a domain, without what control files, changelogs and
/// macros of packages read in another way.
fn is_mailbox(text: &str) -> bool {
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.split_once(" <")) else {
        return false;
    };
    let Some((local, domain)) = address.split_once('@') else { return false };
    let is_plain = |text: &str, others: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let in_name = |c: char| !c.is_control() && !"<>@,;:\"\\%{}".contains(c);
    !name.trim().is_empty()
        && name.chars().all(in_name)
        && is_plain(local, ".+-_")
        && is_plain(domain, ".-")
        && domain.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintainer_has_a_name_and_an_address() {
        for good in ["tracego team <team@tracego.example>", "Zoë O'Neil <z.o+deb@a-b.example.org>"] {
            assert!(is_mailbox(good), "{good}");
            assert_eq!(find(Some(good)).unwrap(), good);
        }
        for bad in [
            "",
            "team",
            "team@tracego.example",
            "<team@tracego.example>",
            "team <team>",
            "team <team@localhost>",
            "team <a b@tracego.example>",
            "team <team@tracego.example> and more",
            "a\nDepends: b <team@tracego.example>",
            "one, two <team@tracego.example>",
            "%{lua:x} <team@tracego.example>",
        ] {
            assert!(!is_mailbox(bad), "{bad}");
            assert!(find(Some(bad)).is_err(), "{bad}");
        }
    }
}
