//! Writes numbers to a file that is rotated all the time, until it is killed: `filer PATH FIRST COMPRESS`.
//!
//! `n m` on standard output: everything up to n is done, and m files were compressed.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test that reads its output")]

use std::{env, io::Write as _};

use tracego::{
    sink::file::{Compress, File, Settings, Sync},
    units::Bytes,
};

fn main() {
    let args: Vec<String> = env::args().collect();
    let first: u64 = args[2].parse().unwrap();
    let compress = match args[3].as_str() {
        "gzip" => Compress::Gzip,
        "zstd" => Compress::Zstd,
        _ => Compress::None,
    };
    let settings = Settings {
        rotate_bytes: Some(Bytes(30_000)),
        compress,
        sync: Sync::Never,
        ..Settings::new(&args[1])
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut file = File::open(&settings).unwrap();
    let mut next = first;
    loop {
        let end = next + 1 + next % 29;
        let lines: Vec<String> = (next..end).map(line).collect();
        let batch: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let delivered = runtime.block_on(file.deliver(&batch));
        assert!(delivered.trouble.is_none(), "{:?}", delivered.trouble);
        let counts = file.counts();
        assert_eq!(counts.untidy, 0);
        next = end;
        // One write, which a pipe takes whole.
        std::io::stdout()
            .lock()
            .write_all(format!("{} {}\n", next - 1, counts.compressed).as_bytes())
            .unwrap();
        std::io::stdout().lock().flush().unwrap();
    }
}

fn line(number: u64) -> String {
    format!("{number:0>width$}\n", width = 12 + (number * 7919 % 900) as usize)
}
