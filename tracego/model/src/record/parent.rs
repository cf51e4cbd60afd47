//! The command line of the process that forked another one: `tracego.parent`.

use std::sync::{Arc, OnceLock};

use serde::Serialize;

/// Maximum length of the arguments of a parent, with a space between each two, in bytes.
const LENGTH_MAX: usize = 256;
/// The mark at the end of arguments that were cut.
const CUT: char = '…';

/// `tracego.parent.*`.
#[derive(Clone, Debug, Serialize)]
pub struct ParentProcess {
    /// The arguments of its last exec before it forked, redacted and cut.
    pub command_args: Arc<[String]>,
}

/// The place for the arguments of a process as the records of its children show them. A process shares it with its
/// children until they execute another program.
///
/// The place is empty until the arguments are redacted, so that no record can show them before. A process that runs takes
/// at most 256 bytes of text and the mark.
#[derive(Clone, Debug, Default)]
pub struct ShownArgs(Arc<OnceLock<Arc<[String]>>>);

impl ShownArgs {
    /// Sets the arguments, which have to be redacted, unless they are set. `is_cut`: whether others follow that are not
    /// known.
    pub fn set(&self, redacted: &[String], is_cut: bool) {
        self.0.get_or_init(|| cut(redacted, is_cut));
    }

    /// Returns the arguments; `None` if they are not set, or if there are none.
    #[must_use]
    pub fn get(&self) -> Option<&Arc<[String]>> {
        self.0.get().filter(|args| !args.is_empty())
    }
}

/// Returns the first arguments. The last one ends with `…` if anything was cut.
#[must_use]
pub fn cut(args: &[String], is_cut: bool) -> Arc<[String]> {
    let mut shown = Vec::new();
    let mut left = LENGTH_MAX;
    for (n, arg) in args.iter().enumerate() {
        let space = usize::from(n > 0);
        if let Some(rest) = left.checked_sub(space + arg.len()) {
            left = rest;
        } else {
            let mut part = arg[..arg.floor_char_boundary(left.saturating_sub(space))].to_owned();
            part.push(CUT);
            shown.push(part);
            return shown.into();
        }
        shown.push(arg.clone());
    }
    if is_cut {
        shown.push(CUT.to_string());
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn short_arguments_are_whole_and_longer_ones_end_with_the_mark() {
        assert_eq!(*cut(&words("make -j2 all"), false), words("make -j2 all"));
        assert_eq!(*cut(&words("make -j2"), true), words("make -j2 …"));
        let long = [vec!["x".to_owned()], vec!["ä".repeat(200)]].concat();
        let shown = cut(&long, false);
        assert_eq!(shown[1], format!("{}…", "ä".repeat(127)));
        // The bound is met exactly, and one byte more is too many.
        let fits = ["x".to_owned(), "y".repeat(254)];
        assert_eq!(*cut(&fits, false), fits);
        let over = ["x".to_owned(), "y".repeat(255)];
        assert_eq!(cut(&over, false)[1], format!("{}…", "y".repeat(254)));
        // A list of empty arguments is bounded by the spaces between them.
        assert_eq!(cut(&vec![String::new(); 100_000], false).len(), 258);
    }

    #[test]
    fn arguments_that_are_set_stay() {
        let place = ShownArgs::default();
        assert_eq!(place.get(), None);
        let shared = place.clone();
        place.set(&words("sh -c [tracego:redacted]"), false);
        shared.set(&words("sh -c hunter22"), false);
        assert_eq!(**shared.get().unwrap(), words("sh -c [tracego:redacted]"));
        let none = ShownArgs::default();
        none.set(&[], false);
        assert_eq!(none.get(), None);
    }
}
