//! Evaluation of compiled bundles.
//!
//! [`evaluator`] asks the process of each bundle ([`child`]) for its part of a decision, with a deadline. The
//! processes are forked by [`nursery`]; [`worker`] is what they do: compile a bundle, and evaluate inputs with
//! its virtual machine ([`vm`]). [`message`] is what goes between them, [`conversion`] makes decisions of
//! results, and [`cache`] keeps them.

pub(crate) mod cache;
mod child;
mod conversion;
mod descriptor;
pub(crate) mod evaluator;
mod message;
pub(crate) mod nursery;
pub(crate) mod stack;
mod vm;
mod worker;
