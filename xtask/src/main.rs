//! The project's own build steps, run as `cargo xtask SUBCOMMAND`.

mod archive;
mod bench;
mod collector;
mod cpu;
mod cri;
mod cross;
mod deny;
mod digest;
mod dist;
mod ebpf;
mod fuzz;
mod image;
mod instructions;
mod inventory;
mod lint;
mod man;
mod package;
mod parallel;
mod pictures;
mod run;
mod shell;
mod systemd_guest;
mod test;
mod toolchain;
mod vm;

use clap::Parser;

/// The subcommands of `cargo xtask`.
#[derive(Parser)]
#[command(name = "cargo xtask", about = "tracego's build steps")]
enum Subcommand {
    /// Build the BPF object and its manifest
    Ebpf(ebpf::Args),
    /// Build tracego for another CPU than this machine's
    Build(cross::Args),
    /// Build tracego and run it as root
    Run(run::Args),
    /// Run every test, as root where possible
    Test,
    /// Fuzz everything that reads bytes from outside, guided by coverage
    Fuzz(fuzz::Args),
    /// Run an OpenTelemetry collector on this machine that prints what it receives
    Collector(collector::Args),
    /// Measure what tracego costs; prints a table
    Bench(bench::Args),
    /// Count the instructions of fixed work, against the committed bounds
    Instructions(instructions::Args),
    /// Run the end-to-end tests on other kernels, in an emulator
    Vm(vm::Args),
    /// Build the static program, and print its path
    Static(image::StaticArgs),
    /// Write an image of the static program as an OCI archive
    Image(image::Args),
    /// Run the image as the pod of the chart, in containerd, and measure what it costs
    Cri(cri::Args),
    /// Generate the man pages and the shell completions
    Man(man::Args),
    /// Draw the pictures of the dashboards in docs/fleet.md
    Pictures,
    /// Make the Debian package, the RPM package and the tarball
    Package(package::Args),
    /// Install the Debian package in a machine with systemd, in an emulator, and try the service
    Systemd(systemd_guest::Args),
    /// Check format, lints, dependencies and documentation
    Lint,
}

fn main() -> std::process::ExitCode {
    let done = match Subcommand::parse() {
        Subcommand::Ebpf(args) => ebpf::run(&args),
        Subcommand::Build(args) => cross::run(&args),
        Subcommand::Run(args) => run::run(&args),
        Subcommand::Test => test::run(),
        Subcommand::Fuzz(args) => fuzz::run(&args),
        Subcommand::Collector(args) => collector::run(&args),
        Subcommand::Bench(args) => bench::run(&args),
        Subcommand::Instructions(args) => instructions::run(&args),
        Subcommand::Vm(args) => vm::run(&args),
        Subcommand::Static(args) => image::run_static(&args),
        Subcommand::Image(args) => image::run(&args),
        Subcommand::Cri(args) => cri::run(&args),
        Subcommand::Man(args) => man::run(&args),
        Subcommand::Pictures => pictures::run(),
        Subcommand::Package(args) => package::run(&args),
        Subcommand::Systemd(args) => systemd_guest::run(&args),
        Subcommand::Lint => lint::run(),
    };
    // Printed here, because `main` would print the error with its backtrace.
    if let Err(error) = &done {
        eprintln!("error: {error:#}");
    }
    u8::from(done.is_err()).into()
}
