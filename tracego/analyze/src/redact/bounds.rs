//! The bounds of the work: hostile texts end early, and large command lines of real programs are looked at whole.

use super::{
    LOOKED_AT_MAX, Redaction, Redactor,
    work::{STEPS_MAX, Work},
};

#[path = "../../tests/redaction/hostile.rs"]
mod hostile;
#[path = "../../tests/redaction/ordinary.rs"]
mod ordinary;

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

#[test]
fn large_command_lines_are_looked_at_whole() {
    let mut wrong = Vec::new();
    for (kind, args) in ordinary::ordinary(LOOKED_AT_MAX) {
        let (steps, done) = steps(args);
        wrong.extend((done != Redaction::default()).then(|| format!("{kind}: {steps}, {}", done.unread)));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
