//! The trace for Perfetto.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{CAPTURES, Test, hostile, replay, report};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("chrome_trace::no_two_programs_share_a_lane_at_a_time", no_two_programs_share_a_lane_at_a_time),
    (
        "chrome_trace::every_arrow_goes_from_one_program_to_another",
        every_arrow_goes_from_one_program_to_another,
    ),
    ("chrome_trace::a_build_has_as_many_lanes_as_it_needs", a_build_has_as_many_lanes_as_it_needs),
];

fn traces() -> Vec<Vec<Value>> {
    let inputs = CAPTURES.iter().map(|name| replay(name, &["--output", "json"])).chain([hostile::records()]);
    let events = |input: Vec<u8>| {
        let trace: Value = serde_json::from_str(&report(&input, &["--format", "chrome-trace"])).unwrap();
        assert_eq!(trace["displayTimeUnit"], "ns");
        trace["traceEvents"].as_array().unwrap().clone()
    };
    inputs.map(events).collect()
}

fn of<'a>(events: &'a [Value], phase: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["ph"] == phase).collect()
}

fn lane(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap())
}

fn number(event: &Value, name: &str) -> f64 {
    event[name].as_f64().unwrap()
}

fn no_two_programs_share_a_lane_at_a_time() {
    for events in traces() {
        let mut ends: BTreeMap<(u64, u64), f64> = BTreeMap::new();
        let programs = of(&events, "X");
        assert!(programs.len() > 1);
        for event in programs {
            let (begin, end) = (number(event, "ts"), number(event, "ts") + number(event, "dur"));
            assert!(end >= begin && begin >= 0.0, "{event}");
            let before = ends.insert(lane(event), end);
            assert!(
                before.is_none_or(|before| before <= begin + 0.001),
                "{event} while one until {before:?}"
            );
        }
    }
}

fn every_arrow_goes_from_one_program_to_another() {
    let mut arrows = 0;
    for events in traces() {
        let programs = of(&events, "X");
        let within = |at: &Value| {
            programs.iter().any(|program| {
                let (begin, dur) = (number(program, "ts"), number(program, "dur"));
                lane(program) == lane(at) && (begin..=begin + dur + 0.001).contains(&number(at, "ts"))
            })
        };
        let ends = of(&events, "f");
        for begin in of(&events, "s") {
            let end: Vec<_> = ends.iter().filter(|end| end["id"] == begin["id"]).collect();
            assert_eq!(end.len(), 1);
            assert!(within(begin) && within(end[0]), "{begin} {}", end[0]);
            arrows += 1;
        }
    }
    assert!(arrows > 20);
}

fn a_build_has_as_many_lanes_as_it_needs() {
    let events = &traces()[2];
    let lanes = of(events, "X").iter().map(|event| lane(event).1).max().unwrap();
    assert_eq!(lanes, 4, "make, sh, go, and one compiler at a time");
    let marks: Vec<&str> = of(events, "i").iter().map(|mark| mark["name"].as_str().unwrap()).collect();
    assert_eq!(marks, ["TG001 go-run", "TG002 run-artifact"]);
}
