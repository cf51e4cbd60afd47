//! A static search for `go run` in Dockerfiles, CI files, scripts, units, manifests and Go source.

pub mod baseline;
pub mod command;
pub mod document;
pub mod exception;
pub mod extract;
pub mod finding;
pub mod judge;
pub mod kind;
pub mod output;
pub mod setting;
pub mod shell;
pub mod source;
pub mod suppression;
pub mod text;
pub mod tree;
pub mod tree_modules;
pub mod word;
pub mod written_file;
