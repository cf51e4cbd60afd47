//! Writes man pages and shell completions, made from the definition of the command line, to a folder.
//! `cargo xtask man` runs this example.

use std::{env, error::Error, fs, path::PathBuf};

use clap_complete::{Shell, generate_to};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("usage: generate FOLDER")?);
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(tracego::config::command(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut tracego::config::command(), "tracego", &completions)?;
    }
    Ok(())
}
