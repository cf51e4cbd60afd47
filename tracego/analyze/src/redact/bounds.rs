//! The bounds of the work: hostile texts end early, and large command lines of real programs are looked at whole.

use super::{
    LOOKED_AT_MAX, Redaction, Redactor,
    work::{STEPS_MAX, Work},
};

#[path = "../../tests/redaction/hostile.rs"]
mod hostile;

/// Pieces of generated patterns; the first are used in groups of three.
const PIECES: [&str; 12] = ["=", ":", "key", " ", "'", "\\", "\"", "a", "$(", "{", "<", ">"];
/// Number of steps that one look may take beyond the bound, because it is counted when it is over.
const LAST_LOOK: usize = LOOKED_AT_MAX / 2;

fn steps(mut args: Vec<String>) -> (usize, Redaction) {
    let work = Work::default();
    let done = Redactor::standard().args_with(&mut args, &work);
    (work.steps(), done)
}

#[test]
fn hostile_texts_stay_within_the_bound() {
    let mut patterns: Vec<String> = hostile::HOSTILE.iter().map(|&pattern| pattern.to_owned()).collect();
    for first in PIECES {
        patterns.extend(PIECES.iter().map(|second| format!("{first}{second}")));
    }
    for (first, second) in
        PIECES[..5].iter().flat_map(|first| PIECES[..5].iter().map(move |second| (first, second)))
    {
        patterns.extend(PIECES[..5].iter().map(|third| format!("{first}{second}{third}")));
    }
    let mut wrong = Vec::new();
    for pattern in patterns {
        let text = pattern.repeat(120_000 / pattern.len());
        let words = text.split_inclusive(&pattern).take(7000).map(str::to_owned).collect();
        let shell = vec!["sh".to_owned(), "-c".to_owned(), text.clone()];
        for args in [vec!["true".to_owned(), text.clone(), text], shell, words] {
            let (steps, done) = steps(args);
            if steps > STEPS_MAX + LAST_LOOK || steps > STEPS_MAX && done.unread == 0 {
                wrong.push(format!("{pattern}: {steps}, {}", done.unread));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Without the bound, each of these would be looked at for long.
#[test]
fn hostile_texts_are_replaced_and_counted() {
    for pattern in ["key=\"", "x-key: $A "] {
        let text = pattern.repeat(120_000 / pattern.len());
        let (_, done) = steps(vec!["sh".to_owned(), "-c".to_owned(), text.clone(), text]);
        assert!(done.unread > 0 && done.changed.contains(&2), "{pattern}: {done:?}");
    }
}

/// Returns a text of lines with a number.
fn lines(length: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut n = 0;
    while text.len() + 200 < length {
        text.push_str(&line(n));
        n += 1;
    }
    text
}

#[test]
fn large_command_lines_are_looked_at_whole() {
    const LENGTH: usize = 256 * 1024;
    let options = |program: &str, option: &dyn Fn(usize) -> String| {
        let options = lines(LENGTH, |n| option(n) + "\n");
        std::iter::once(program).chain(options.lines()).map(str::to_owned).collect::<Vec<_>>()
    };
    let shell = |text: String| vec!["sh".to_owned(), "-c".to_owned(), text];
    let kinds = [
        ("definitions", options("java", &|n| format!("-Dcom.name{n}=value{n}"))),
        ("paths", options("tool", &|n| format!("--path=/srv/app/{n}/main.go"))),
        ("urls", options("wget", &|n| format!("https://mirror.example.com/pool/{n}/file.deb"))),
        ("tags", options("aws", &|n| format!("{{\"key\":\"Environment{n}\",\"value\":\"staging\"}}"))),
        ("sed", options("sed", &|n| format!("s/^old_{n}=\\(.*\\)$/new_{n}: \\1/g;"))),
        (
            "jq",
            vec![
                "jq".to_owned(),
                lines(LENGTH, |n| format!(".items[{n}] | {{name: .name, size: (.a + {n})}},\n")),
            ],
        ),
        (
            "awk",
            vec![
                "awk".to_owned(),
                lines(LENGTH, |n| format!("/^item{n}:/ {{ count[\"{n}\"] += $2; print $1 }}\n")),
            ],
        ),
        (
            "shell",
            shell(lines(LENGTH, |n| {
                format!("if [ -f /srv/a{n} ]; then cp -r /srv/a{n} \"$OUT/b{n}\" && echo 'copied {n}'; fi\n")
            })),
        ),
        ("docker", options("docker", &|n| format!("--label=com.example.part{n}=x"))),
    ];
    let mut wrong = Vec::new();
    for (kind, args) in kinds {
        let (steps, done) = steps(args);
        wrong.extend((done != Redaction::default()).then(|| format!("{kind}: {steps}, {}", done.unread)));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
