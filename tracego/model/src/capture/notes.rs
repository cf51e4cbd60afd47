//! Notes in a capture file. An image is written once and then referred to by its number, until the table of
//! numbers is full and restarts. The writer marks the restart, and the reader follows.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tracego_golang::Image;

use super::CaptureError;
use crate::{
    input::{
        digest::FileDigest,
        facts::Surroundings,
        note::{OpenFailure, StartNote},
    },
    linux::users::Users,
};

/// Maximum number of images in the table.
const IMAGES_MAX: usize = 1024;
/// Maximum size of the table in the file, in bytes; a reader refuses more.
const BYTES_MAX: usize = 64 << 20;

/// New images, and whether the table restarts before them.
#[derive(Debug, Default, Deserialize, Serialize)]
struct StoredImages {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    anew: bool,
    images: Vec<Arc<Image>>,
}

/// A [`StartNote`] as stored in a capture.
#[derive(Debug, Deserialize, Serialize)]
struct StoredNote {
    record: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<OpenFailure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    surroundings: Option<Arc<Surroundings>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    users: Option<Vec<(u32, String)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<FileDigest>,
}

/// The writer's side of the table.
#[derive(Debug, Default)]
pub(super) struct ImageWriteTable {
    /// Numbers by address; `kept` prevents the addresses from being reused.
    numbers: HashMap<usize, u32>,
    kept: Vec<Arc<Image>>,
    bytes: usize,
}

impl ImageWriteTable {
    /// Encodes the payloads of up to two frames: new images, if there are any, and the notes.
    pub(super) fn write(
        &mut self,
        notes: &[(u32, &StartNote)],
    ) -> serde_json::Result<(Option<Vec<u8>>, Vec<u8>)> {
        let mut images = StoredImages::default();
        // A batch holds fewer starts than the table holds images, so one table suffices for a batch.
        if self.kept.len() + 2 * notes.len() > IMAGES_MAX || self.bytes > BYTES_MAX / 2 {
            *self = Self::default();
            images.anew = true;
        }
        let mut lines = Vec::with_capacity(notes.len());
        for &(record, note) in notes {
            let pairs = |users: &Users| users.iter().map(|(id, name)| (id, name.to_owned())).collect();
            let mut keep = |image: &Arc<Image>| {
                let number = u32::try_from(self.kept.len()).unwrap_or(u32::MAX);
                let known = *self.numbers.entry(Arc::as_ptr(image).addr()).or_insert(number);
                if known == number {
                    self.kept.push(Arc::clone(image));
                    images.images.push(Arc::clone(image));
                }
                known
            };
            lines.push(StoredNote {
                record,
                image: note.image.as_ref().ok().map(&mut keep),
                failure: note.image.as_ref().err().copied(),
                surroundings: note.surroundings.clone(),
                users: note.users.as_ref().map(pairs),
                program: note.program.as_ref().map(&mut keep),
                digest: note.digest,
            });
        }
        let new = images.anew || !images.images.is_empty();
        let new = if new { Some(serde_json::to_vec(&images)?) } else { None };
        self.bytes += new.as_ref().map_or(0, Vec::len);
        Ok((new, serde_json::to_vec(&lines)?))
    }
}

/// The reader's side of the table, and the notes about the next batch.
#[derive(Debug, Default)]
pub(super) struct ImageReadTable {
    images: Vec<Arc<Image>>,
    bytes: usize,
    waiting: Vec<(u32, StartNote)>,
}

impl ImageReadTable {
    pub(super) fn take_images(&mut self, payload: &[u8], at: u64) -> Result<(), CaptureError> {
        let json = |_| CaptureError::Damaged(at, "the images are not valid JSON");
        let StoredImages { anew, images } = serde_json::from_slice(payload).map_err(json)?;
        if anew {
            *self = Self::default();
        }
        self.bytes += payload.len();
        self.images.extend(images);
        if self.images.len() > IMAGES_MAX || self.bytes > BYTES_MAX {
            return Err(CaptureError::Damaged(at, "too many images"));
        }
        Ok(())
    }

    pub(super) fn take_notes(&mut self, payload: &[u8], at: u64) -> Result<(), CaptureError> {
        let lines: Vec<StoredNote> = serde_json::from_slice(payload)
            .map_err(|_| CaptureError::Damaged(at, "the notes are not valid JSON"))?;
        for line in lines {
            let find = |number: u32| {
                let image = self.images.get(number as usize).cloned();
                image.ok_or(CaptureError::Damaged(at, "a note refers to a missing image"))
            };
            let program = line.program.map(find).transpose()?;
            let image = match (line.image, line.failure) {
                (Some(number), None) => Ok(find(number)?),
                (None, Some(failure)) => Err(failure),
                _ => return Err(CaptureError::Damaged(at, "a note has neither image nor failure, or both")),
            };
            let users = line.users.map(Users::from_pairs);
            let StoredNote { record, surroundings, digest, .. } = line;
            self.waiting.push((record, StartNote { image, surroundings, program, users, digest }));
        }
        Ok(())
    }

    /// Takes the notes read since the last batch.
    pub(super) fn waiting(&mut self) -> Vec<(u32, StartNote)> {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_written_once_until_the_table_starts_anew() {
        let (mut table, mut known) = (ImageWriteTable::default(), ImageReadTable::default());
        let image = |size| Arc::new(Image { size, ..Image::default() });
        let (a, b) = (image(1), image(2));
        let mut round = |images: &[&Arc<Image>]| {
            let notes: Vec<_> = images
                .iter()
                .zip(0..)
                .map(|(image, at)| (at, StartNote { image: Ok(Arc::clone(image)), ..StartNote::default() }))
                .collect();
            let borrowed: Vec<_> = notes.iter().map(|(at, note)| (*at, note)).collect();
            let (new, lines) = table.write(&borrowed).unwrap();
            if let Some(new) = &new {
                known.take_images(new, 0).unwrap();
            }
            known.take_notes(&lines, 0).unwrap();
            assert_eq!(known.waiting(), notes);
            new.is_some()
        };
        assert!(round(&[&a, &b, &a]));
        assert!(!round(&[&b, &a]));
        for size in 0..2 * IMAGES_MAX as u64 {
            round(&[&image(size)]);
        }
        assert!(round(&[&a, &b]));
    }

    #[test]
    fn damage_is_named() {
        let mut known = ImageReadTable::default();
        for bad in ["[{\"record\":0,\"image\":0}]", "[{\"record\":0}]", "{}", "[{\"record\":-1}]"] {
            assert!(known.take_notes(bad.as_bytes(), 7).is_err(), "{bad}");
        }
        assert!(known.take_images(b"[]", 7).is_err());
    }
}
