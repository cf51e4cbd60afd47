//! Says where the newest go command is, and fetches it where it is not there yet: for who runs tests elsewhere.
#![expect(clippy::print_stdout, reason = "the path is what it is for")]

fn main() -> Result<(), String> {
    println!("{}", tracego_tests::go::bare()?.display());
    Ok(())
}
