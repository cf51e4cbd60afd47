//! The passwd file below a root folder.

use std::path::Path;

use tracego_model::linux::users::Users;

use super::root::{FileStamp, RootFolder};

/// Path of the passwd file.
pub const PASSWD: &str = "/etc/passwd";

/// Maximum number of bytes of a passwd file.
const FILE_MAX: u64 = 4 << 20;

/// Reads a passwd file, unless the file still has the known stamp. A file that cannot be read names nobody.
#[must_use]
pub fn changed(
    root: &RootFolder,
    path: &Path,
    known: Option<FileStamp>,
) -> Option<(Option<FileStamp>, Users)> {
    let stamp = root.stamp(path).ok();
    if stamp.is_some() && stamp == known {
        return None;
    }
    let users = root.read(path, FILE_MAX).map(|file| Users::parse(&file.bytes)).unwrap_or_default();
    Some((stamp, users))
}
