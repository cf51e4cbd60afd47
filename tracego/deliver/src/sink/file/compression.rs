//! Compression of one rotated file.

use std::{
    fs::{self, File, FileTimes, Metadata, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use flate2::{Compression, write::GzEncoder};
use rustix::fs::OFlags;

use super::{output_file::sync_folder, rotated_name::with, settings::Compress};

/// Number of bytes between two checks whether to stop.
const CHUNK: usize = 64 * 1024;

/// Replaces a file by its compressed form. At each moment the original, the whole compressed file, or both
/// are there: the compressed bytes are on the disk before the file gets its name, and the name is on the disk
/// before the original is removed. A file that a crash left incomplete ends with `.tmp`.
///
/// # Errors
/// Fails with the error of the operating system, or `Interrupted` if `stop` was set. No record is lost then.
pub(super) fn replace(path: &Path, how: Compress, stop: &AtomicBool) -> io::Result<()> {
    let Some(suffix) = how.suffix() else { return Ok(()) };
    let packed = with(path, suffix);
    let unfinished = with(&packed, ".tmp");
    let done = pack(path, &unfinished, how, stop);
    if let Err(error) = done {
        // The file may never have been made. If it stays, the next start removes it.
        let _removed = fs::remove_file(&unfinished);
        return Err(error);
    }
    fs::rename(&unfinished, &packed)?;
    sync_folder(path)?;
    fs::remove_file(path)?;
    sync_folder(path)
}

fn pack(path: &Path, to: &Path, how: Compress, stop: &AtomicBool) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut from = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let meta = from.metadata()?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(to)?;
    let file = match how {
        Compress::None => file,
        Compress::Gzip => {
            let mut encoder = GzEncoder::new(file, Compression::default());
            copy(&mut from, &mut encoder, stop)?;
            encoder.finish()?
        }
        Compress::Zstd => {
            let mut encoder = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            copy(&mut from, &mut encoder, stop)?;
            encoder.finish()?
        }
    };
    own(&file, &meta)?;
    file.sync_all()
}

/// Copies owner, mode and time of the original: the age of a file counts from its last record.
fn own(file: &File, meta: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (meta.uid(), meta.gid()) {
        fchown(file, Some(meta.uid()), Some(meta.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(meta.mode() & 0o777))?;
    file.set_times(FileTimes::new().set_modified(meta.modified()?))
}

fn copy(from: &mut impl Read, to: &mut impl Write, stop: &AtomicBool) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => to.write_all(buffer.get(..len).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
