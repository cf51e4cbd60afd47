//! What tracego knows about Go.
//!
//! ```text
//! target     what `go run` is asked to run
//! subcommand the subcommands of the go command
//! flag_table which flags they have
//! flags      those that tracego looks at, and GOFLAGS
//! command    argv of the go command → Invocation
//! shape      what a path says about who put the file there
//! role       the names for what a process is
//! evidence   what one program start says by itself
//! task       what a process is, from its image, its arguments and who started it
//! ```

pub mod command;
pub mod evidence;
mod flag_table;
pub mod flags;
pub mod role;
pub mod shape;
pub mod subcommand;
pub mod target;
pub mod task;
