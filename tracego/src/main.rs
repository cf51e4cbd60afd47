//! The `tracego` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracego::cmd::main()
}
