//! Screens of a state, as people see them.

use ratatui_core::{backend::TestBackend, buffer::Buffer, layout::Rect, style::Modifier, terminal::Terminal};
use tracego_model::clock::Time;
use tracego_report::live::LiveState;

use crate::{
    moment::{Moment, SourceNote},
    plain, sample,
    screen::{Key, KeyEffect, Page, Screen},
    table::TableKind,
    tone::Palette,
    view,
};

/// A moment five seconds behind the first record of the sample.
fn moment(state: &LiveState) -> Moment<'_> {
    let clock = Time::parse(sample::BEGAN).unwrap();
    Moment { state, clock: Time(clock.0 + 5_000_000_000), note: None }
}

fn drawn(moment: &Moment<'_>, screen: &Screen, size: (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let palette = Palette { has_colours: true };
    terminal.draw(|frame| view::draw(moment, screen, palette, frame.buffer_mut())).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let Rect { width, height, .. } = buffer.area;
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| line(y).trim_end().to_owned()).collect()
}

/// Returns the lines of a screen of 120 columns and 30 lines.
fn screen_lines(screen: &Screen, state: &LiveState) -> String {
    lines(&drawn(&moment(state), screen, (120, 30))).join("\n")
}

fn pressed(keys: &[Key], state: &LiveState) -> Screen {
    let mut screen = Screen::default();
    for key in keys {
        screen.press(*key, &moment(state));
    }
    screen
}

#[test]
fn the_tables_show_what_runs() {
    let state = sample::state();
    let shown = screen_lines(&Screen::default(), &state);
    for text in [
        "tracego top  runner-7  recorded since 2026-11-25 02:11:01 (5s)",
        "Starts 4  now 0.7/s  1 min 0.8/s  alive 3  jobs 2, 2 running",
        "Findings 1 high  decisions 1 stopped",
        "Lost 5: ring_full 5",
        "── Jobs 1/2 ──",
        "42/1/build",
        "0123456789ab",
        "1 high",
        "1 stopped",
        "── Programs 1/",
        "/usr/bin/sleep",
        "── Findings 1/2 ──",
        "high     TG001 go-run",
        "q quit",
    ] {
        assert!(shown.contains(text), "{text}\n{shown}");
    }
}

#[test]
fn a_row_that_was_chosen_stays_selected_wherever_it_moves() {
    let mut lines = vec![];
    for n in 0..4_u32 {
        let start = |second| sample::record("process.start", second, 10 + n, &format!("job-{n}"), "x", "");
        (0..4 - n).for_each(|second| lines.push(start(second)));
    }
    let state = sample::of(&lines);
    let screen = pressed(&[Key::Down, Key::Char('j')], &state);
    let rows = screen.rows(TableKind::Jobs, &moment(&state));
    assert_eq!(screen.selected(TableKind::Jobs, &rows).map(|at| &*rows[at].key), Some("job-2"));
    lines.extend((0..9).map(|n| sample::record("process.start", n, 90, "job-2", "y", "")));
    let state = sample::of(&lines);
    let rows = screen.rows(TableKind::Jobs, &moment(&state));
    assert_eq!((&*rows[0].key, screen.selected(TableKind::Jobs, &rows)), ("job-2", Some(0)));
    let buffer = drawn(&moment(&state), &screen, (80, 24));
    let marked: Vec<u16> =
        (0..24).filter(|y| buffer[(0, *y)].modifier.contains(Modifier::REVERSED)).collect();
    assert_eq!(marked.len(), 1);
    assert!(super::tests::lines(&buffer)[usize::from(marked[0])].starts_with("job-2"));
}

#[test]
fn a_job_has_its_processes_as_a_tree_and_its_findings() {
    let state = sample::state();
    let screen = pressed(&[Key::Char('s'), Key::Enter], &state);
    assert!(matches!(&screen.page, Page::Job { key, .. } if key == "42/1/build"), "{:?}", screen.page);
    let shown = screen_lines(&screen, &state);
    for text in [
        "Job 42/1/build",
        "Commit     0123456789abcdef",
        "Ends       1 failed, largest resident set 22M",
        "Lost       5 events of this job",
        "Processes that run: 2",
        "10      5s make ci",
        "11      4s └ go run ./cmd/server  user=root  high",
        "high TG001 go-run  go run ./cmd/server (11)",
        "go run ./cmd/server was executed in a CI job",
        "fix: Build once.",
    ] {
        assert!(shown.contains(text), "{text}\n{shown}");
    }
    // Its filter is not that of the tables.
    let keys = [Key::Char('s'), Key::Enter, Key::Char('/'), Key::Char('g'), Key::Char('o'), Key::Enter];
    let mut screen = pressed(&keys, &state);
    assert!(!screen_lines(&screen, &state).contains("make ci") && screen.filter() == "go");
    screen.press(Key::Escape, &moment(&state));
    assert!(screen.page == Page::Tables && screen.filter().is_empty());
    let back = pressed(&[Key::Char('s'), Key::Enter, Key::Escape], &state);
    assert_eq!(back.page, Page::Tables);
}

#[test]
fn a_filter_is_written_kept_and_removed() {
    let state = sample::state();
    let keys = [Key::Char('/'), Key::Char('T'), Key::Char('e'), Key::Char('x'), Key::Backspace];
    let mut screen = pressed(&keys, &state);
    assert!(screen_lines(&screen, &state).contains("Filter: Te▏"));
    assert_eq!(screen.rows(TableKind::Jobs, &moment(&state)).len(), 1);
    // While it is written, no key is a command.
    assert_eq!(screen.press(Key::Char('q'), &moment(&state)), KeyEffect::Stay);
    screen.press(Key::Enter, &moment(&state));
    assert!(!screen.is_editing && screen.filter() == "Teq");
    assert!(screen_lines(&screen, &state).contains("── Jobs none ──"));
    screen.press(Key::Escape, &moment(&state));
    assert_eq!(screen.rows(TableKind::Jobs, &moment(&state)).len(), 2);
}

#[test]
fn keys_choose_the_table_the_order_and_the_page() {
    let state = sample::state();
    assert_eq!(pressed(&[Key::Tab], &state).focus(), TableKind::Programs);
    assert_eq!(pressed(&[Key::BackTab], &state).focus(), TableKind::Findings);
    assert!(screen_lines(&Screen::default(), &state).contains("/S▾"));
    assert!(screen_lines(&pressed(&[Key::Char('s')], &state), &state).contains("ALIVE▾"));
    assert!(screen_lines(&pressed(&[Key::Char('?')], &state), &state).contains("ten rows"));
    let paused = pressed(&[Key::Char(' ')], &state);
    assert!(paused.is_paused && screen_lines(&paused, &state).contains("PAUSED"));
    assert_eq!(Screen::default().press(Key::Char('q'), &moment(&state)), KeyEffect::Quit);
    // A finding leads to its job.
    let screen = pressed(&[Key::BackTab, Key::Enter], &state);
    assert!(matches!(screen.page, Page::Job { key, .. } if key == "43/1/test"));
}

#[test]
fn without_ends_nothing_is_said_to_run() {
    let state = sample::of(&[sample::record("process.start", 1, 10, "j", "make", "")]);
    let shown = screen_lines(&Screen::default(), &state);
    assert!(shown.contains("alive unknown (no ends recorded)"), "{shown}");
    let shown = screen_lines(&pressed(&[Key::Enter], &state), &state);
    assert!(shown.contains("they may have ended"), "{shown}");
}

#[test]
fn the_source_and_old_records_are_told() {
    let state = sample::state();
    let note = SourceNote { text: "tracego ended with 3".to_owned(), is_bad: true };
    let clock = Time(i64::MAX);
    let shown =
        lines(&drawn(&Moment { state: &state, clock, note: Some(&note) }, &Screen::default(), (120, 30)));
    let wanted = "tracego ended with 3  The last record is of 2026-11-25 02:11:06: shown as of then";
    assert_eq!(shown[4], wanted);
}

#[test]
fn hostile_texts_stay_in_their_place() {
    let texts = [
        "\u{1b}[2J",
        "\u{202e}abc",
        "\u{5d0}\u{5d1}",
        "漢字漢字",
        "e\u{301}\u{301}",
        "\u{1f1e9}\u{1f1ea}",
        "a\tb",
    ];
    for text in texts {
        let command =
            format!("x {text}{}", text.repeat(50)).replace('\u{1b}', "\\u001b").replace('\t', "\\t");
        let line = sample::record("process.start", 1, 10, "job", "COMMAND", "")
            .replace("COMMAND", &command)
            .replace(r#""id":"job""#, &format!(r#""id":"{}""#, command.replace("x ", "")))
            .replace(r#""tracego":{"#, r#""tracego":{"findings":[{"id":"TG001","severity":"low"}],"#);
        let state = sample::of(&[line]);
        for keys in [&[][..], &[Key::Enter]] {
            for size in [(80, 24), (33, 9), (7, 3), (1, 1)] {
                let buffer = drawn(&moment(&state), &pressed(keys, &state), size);
                for symbol in buffer.content().iter().flat_map(|cell| cell.symbol().chars()) {
                    assert!(crate::safe_text::width(&symbol.to_string()) > 0, "{symbol:?} of {text:?}");
                    assert_eq!(crate::safe_text::safe(&symbol.to_string()), symbol.to_string());
                }
            }
        }
        let plain = plain::text(&moment(&state), 100, 10);
        assert!(plain.lines().all(|line| crate::safe_text::width(line) <= 100));
        assert!(!plain.contains(|c: char| c.is_control() && c != '\n'), "{plain:?}");
    }
}

#[test]
fn text_for_scripts_has_the_same_rows() {
    let state = sample::state();
    let text = plain::text(&moment(&state), 120, 2);
    assert!(
        text.starts_with("tracego top  runner-7  recorded since 2026-11-25 02:11:01 (5s)\nStarts 4  now"),
        "{text}"
    );
    let job = text.lines().find(|line| line.starts_with("42/1/build")).unwrap();
    let words: Vec<_> = job.split_whitespace().collect();
    let wanted =
        ["42/1/build", "github", "0123456789ab", "3", "0.4", "0.6", "2", "1", "22M", "5s", "1", "high", "5"];
    assert_eq!(words, wanted);
    assert!(text.contains("\nand 2 more\n"), "{text}");
}
