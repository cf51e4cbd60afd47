//! The small program that tests pack instead of tracego.
#![expect(clippy::print_stdout, reason = "the version is its output")]

fn main() {
    println!("tracego {}", env!("CARGO_PKG_VERSION"));
}
