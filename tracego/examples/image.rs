//! Benchmark `image FILE ROUNDS`: opens an executable and reads its Go information ROUNDS times. Prints the
//! median and the 99th percentile in microseconds. `cargo xtask bench golang` runs this example.

use std::{env, error::Error, hint::black_box, path::Path, time::Instant};

use tracego_analyze::inspect::image::executable;
use tracego_golang as golang;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    let [_, file, rounds] = &args[..] else {
        return Err("usage: image FILE ROUNDS".into());
    };
    let mut times = Vec::new();
    for _ in 0..rounds.parse()? {
        let start = Instant::now();
        let opened = executable::file(Path::new(file))?;
        black_box(golang::read(&opened)?);
        opened.verify()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let at = |hundredth: usize| times.get(times.len().saturating_sub(1) * hundredth / 100).copied();
    let (Some(median), Some(high)) = (at(50), at(99)) else { return Err("no rounds".into()) };
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{median} {high}")?;
    Ok(())
}
