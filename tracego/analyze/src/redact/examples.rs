//! The examples of all shapes: what is marked goes, everything else stays.

use super::{MARK, Redaction, Redactor, shape, shell, work::Work};

/// Returns letters and digits with the look of a token.
fn filler(kind: &str, length: usize) -> String {
    let set: &[u8] = match kind {
        "hex" => b"3f9a0c7be15d2846",
        "up" => b"Q7ZK2MWX5BVN3TRPG4HJDC6LSYF",
        _ => b"aB3xQ9zLm7Kp2Rt5Vw8YcD1eFg4HiJ6kNoP0qSsUuT",
    };
    (0..length).map(|n| char::from(set[n * 7 % set.len()])).collect()
}

/// Replaces `{20}`, `{hex32}` and `{up16}`.
fn fill(example: &str) -> String {
    let mut out = String::new();
    let mut rest = example;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open + 1..];
        let inner = rest.split('}').next().unwrap_or_default();
        let digits = inner.trim_start_matches("hex").trim_start_matches("up");
        match digits.parse() {
            Ok(length) => {
                out.push_str(&filler(inner.trim_end_matches(|c: char| c.is_ascii_digit()), length));
                rest = &rest[inner.len() + 1..];
            }
            Err(_) => out.push('{'),
        }
    }
    out + rest
}

/// Cuts a command line into arguments.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    shell::cut(line, &Work::default(), &mut |command, _| {
        words.extend(command.iter().map(|word| word.text.to_string()));
    });
    words
}

/// Returns the arguments of an example, and the same with marks for its secrets.
fn example(line: &str) -> (Vec<String>, Vec<String>) {
    let line = fill(line);
    let mut wanted = String::new();
    for (n, part) in line.split('«').enumerate() {
        match part.split_once('»') {
            Some((_, rest)) if n > 0 => wanted.extend(["«»", rest]),
            _ => wanted.push_str(part),
        }
    }
    let plain = line.replace(['«', '»'], "");
    let wanted = words(&wanted).into_iter().map(|word| word.replace("«»", MARK)).collect();
    (words(&plain), wanted)
}

/// Returns what is wrong with one example.
fn check(redactor: &Redactor, line: &str) -> Option<String> {
    let (mut args, wanted) = example(line);
    let (raw, changes) = (args.clone(), redactor.args(&mut args));
    let different = (0..).zip(raw.iter().zip(&args)).filter(|(_, (raw, arg))| raw != arg);
    let different: Vec<u32> = different.map(|(n, _)| n).collect();
    let once = args.clone();
    let again = redactor.args(&mut args);
    if once != wanted {
        Some(format!("{line}\n     got {once:?}\n  wanted {wanted:?}"))
    } else if different != changes.changed {
        Some(format!("{line}: {different:?} changed, and {changes:?} is reported"))
    } else if args != once || again != Redaction::default() {
        Some(format!("{line}: twice gives {args:?}"))
    } else {
        None
    }
}

#[test]
fn the_examples_of_each_shape_hold() {
    let redactor = Redactor::standard();
    let mut wrong = Vec::new();
    for shape in shape::standard().unwrap() {
        assert!(!shape.go.is_empty() && !shape.stay.is_empty(), "{}: no examples", shape.name);
        assert_eq!(shape.check(), Ok(()), "{}", shape.name);
        assert!(shape.go.iter().all(|line| line.contains('«')), "{}: no mark", shape.name);
        assert!(!shape.stay.iter().any(|line| line.contains('«')), "{}: a mark", shape.name);
        let lines = shape.go.iter().chain(&shape.stay);
        wrong.extend(lines.filter_map(|line| Some(format!("{}: {}", shape.name, check(&redactor, line)?))));
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn command_lines_of_many_tools_keep_all_but_their_secrets() {
    let redactor = Redactor::standard();
    let secrets = include_str!("../../tests/redaction/secrets.txt");
    let lookalikes = include_str!("../../tests/redaction/lookalikes.txt");
    let lines = secrets.lines().chain(lookalikes.lines()).filter(|line| !line.starts_with('#'));
    let wrong: Vec<String> = lines.filter_map(|line| check(&redactor, line)).collect();
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
