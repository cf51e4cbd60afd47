//! Standard output behind a queue.

use std::io::{self, Write as _};

use super::deliver::{Delivered, Trouble};

/// Standard output.
#[derive(Debug, Default)]
pub struct Stdout {}

impl Stdout {
    /// Writes records.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        let bytes = batch.concat();
        let done = tokio::task::spawn_blocking(move || io::stdout().write_all(&bytes)).await;
        match done {
            Ok(Ok(())) => Delivered::all(batch.len()),
            _ => Delivered::until(0, Trouble::new("standard output")),
        }
    }
}
