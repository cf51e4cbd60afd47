//! `cargo xtask cri`: runs the image of `cargo xtask image` as the pod of the chart, in containerd.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{image, shell};

/// Options of `cargo xtask cri`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An archive of `cargo xtask image` that was made before; by default, it is made
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
}

/// Runs the tests of the pod one after the other, so that the measurement has the machine for itself.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(shell::is_root()?, "containers need root: sudo -E cargo xtask cri");
    let image = match &args.image {
        Some(image) => shell::root()?.join(image),
        None => image::make()?,
    };
    // The tests start the program that lies beside them, too.
    shell::run(shell::cargo()?.args(["build", "--locked", "--package", "tracego", "--bin", "tracego"]))?;
    let mut command = shell::cargo()?;
    command.args(["test", "--locked", "--package", "tracego-tests", "--test", "kernel", "--"]);
    command.args(["--test-threads", "1", "the pod of the chart"]);
    shell::run(command.env("TRACEGO_TEST_IMAGE", image))
}
