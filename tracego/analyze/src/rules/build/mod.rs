//! Rules about how a program was built and made available.

pub mod artifact;
pub mod go_run;
pub mod linking;
pub mod modules;
pub mod provenance;
pub mod toolchain;
