//! The screen of `tracego top`: what runs now, by job.
//!
//! ```text
//! safe_text  texts of processes in columns of a terminal
//! figures    numbers, rates, sizes and times for people
//! tone       meanings of texts, and their colours
//! moment     a state at a time
//! table      jobs, programs and findings as rows
//! summary    the lines above the tables
//! job_page   everything about one job
//! screen     what the user chose, changed by keys
//! view       a moment and a screen as cells of a terminal
//! plain      a moment as text
//! ```
//!
//! Nothing here does input or output: keys come as values, and cells go to a buffer that the caller shows. A module uses
//! only modules above it.

pub mod safe_text;

mod figures;
pub mod tone;

pub mod moment;

pub mod table;

mod summary;

mod job_page;

pub mod screen;

pub mod view;

pub mod plain;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
