//! Prints the path of the newest go command, and downloads it first if it is missing. For runs of the tests
//! on other machines.
#![expect(clippy::print_stdout, reason = "the path is what it is for")]

fn main() -> Result<(), String> {
    println!("{}", tracego_tests::go::newest_command()?.display());
    Ok(())
}
