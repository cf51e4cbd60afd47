//! Files that scripts write from texts that they hold.

use crate::{kind::DocumentKind, text::Text};

/// The kind of a file that a script writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WrittenFile {
    /// A shell script.
    Script,
    /// A unit of systemd.
    Unit,
    /// A crontab.
    Crontab {
        /// Whether a line names the user.
        has_user: bool,
    },
}

impl WrittenFile {
    /// Returns the kind by the path and the first line. Returns `None` for any other file.
    #[must_use]
    pub fn of(path: &str, content: &Text) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(['"', '}']);
        let first_line = content.bytes().split(|byte| *byte == b'\n').next().unwrap_or_default();
        match () {
            () if name.ends_with(".service")
                || name.ends_with(".container")
                || path.contains("systemd/system") =>
            {
                Some(Self::Unit)
            }
            () if path.contains("cron.d/") || path.ends_with("etc/crontab") => {
                Some(Self::Crontab { has_user: true })
            }
            () if path.contains("cron/crontabs/") || name.ends_with("crontab") || name.ends_with(".cron") => {
                Some(Self::Crontab { has_user: false })
            }
            () if name.ends_with(".sh") || name.ends_with(".bash") => Some(Self::Script),
            () if DocumentKind::of_first_line(first_line.trim_ascii_start()) == Some(DocumentKind::Shell) => {
                Some(Self::Script)
            }
            () => None,
        }
    }
}
