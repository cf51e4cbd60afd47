//! Properties that hold for every file, tested with generated ones.

mod check;

use proptest::{prelude::*, test_runner::Config};

/// Parts that files of all kinds consist of, put together at random.
const PARTS: [&str; 48] = [
    "go",
    "run",
    " ",
    " ",
    "\n",
    "\n",
    "\t",
    "  ",
    "\\\n",
    "'",
    "\"",
    "`",
    "$",
    "$(",
    "${",
    "${{",
    "}}",
    "{{",
    "}",
    ")",
    "(",
    "[",
    "]",
    ",",
    ":",
    ": ",
    "- ",
    "|",
    ">-",
    "&a",
    "*a",
    "<<EOF\n",
    "EOF\n",
    "EOF",
    "#",
    "//",
    "/*",
    "CMD ",
    "RUN ",
    "FROM x\n",
    "ExecStart=",
    "x:\n\t",
    "X=",
    ":=",
    "exec.Command(",
    "tracego:allow TG001 x",
    "\u{202e}",
    "@latest",
];

proptest! {
    #![proptest_config(Config { cases: 4096, failure_persistence: None, ..Config::default() })]

    #[test]
    fn parts_of_files_in_any_order(kind in any::<u8>(), parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..80)) {
        check::file(kind.into(), parts.concat().as_bytes());
    }

    #[test]
    fn any_bytes(kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check::file(kind.into(), &bytes);
    }
}
