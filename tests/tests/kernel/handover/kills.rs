//! Handover after kills at any moment.

use std::{collections::BTreeSet, fs, thread::sleep, time::Duration};

use aya::maps::{Map, MapData, PerCpuArray, PerCpuValues};
use tracego_common::handover::{FORMAT, HOOKS};
use tracego_tests::wait_until;

use super::{PinFolder, are_gone, end, programs, run, starting, starts};

pub(super) fn kills() {
    let rounds: u32 = std::env::var("TRACEGO_KILLS").ok().map_or(100, |text| text.parse().unwrap());
    let place = PinFolder::new();
    let marker = format!("kill-{}-", std::process::id());
    let config = place.spooled();
    let options = ["--ring-size", "16M", "--comm", "true", "--config", config.to_str().unwrap()];
    let mut tracego = place.ready("crash", &options);
    let mut dice = 0x2545_F491_4F6C_DD1D_u64 ^ u64::from(std::process::id());
    let mut roll = |below: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % below
    };
    let count = starting(&marker, || {
        for _ in 0..rounds {
            // Between the middle of its startup and the middle of its work.
            sleep(Duration::from_micros(10_000 + roll(400_000)));
            tracego.0.kill().unwrap();
            tracego.0.wait().unwrap();
            sleep(Duration::from_micros(roll(30_000)));
            tracego = place.start("crash", &options);
        }
    });
    let last = format!("{marker}{count}");
    run(&last);
    for file in ["records", "spooled"] {
        wait_until("the last record is there", || place.tail(file).contains(&last));
    }
    let programs = programs(tracego.0.id());
    let (stderr, _) = end(tracego);
    assert!(!stderr.contains("BALANCE"), "{stderr}");
    let spooled = fs::read_to_string(place.0.path().join("spooled")).unwrap();
    for (name, text) in [("direct", place.text()), ("spooled", spooled)] {
        let starts = starts(&text, &marker);
        let missing: Vec<u64> = (0..=count).filter(|number| !starts.contains_key(number)).collect();
        assert_eq!(missing, Vec::<u64>::new(), "{name}, of {count}; lost: {:?}", place.lost());
        assert_eq!(starts.len() as u64, count + 1);
        let mut ids = BTreeSet::new();
        for (number, uids) in &starts {
            assert!(uids.iter().all(|uid| *uid == uids[0]), "{name} {number}: {uids:?}");
            assert!(ids.insert(&uids[0]), "{name} {number}: another has the id {}", uids[0]);
        }
        let again: usize = starts.values().map(|uids| uids.len() - 1).sum();
        eprintln!("{name}: {rounds} kills, {} starts, {again} repeated", count + 1);
    }
    assert!(!place.pins().exists(), "an end in order leaves nothing");
    assert!(are_gone(&programs));
}

/// Simulates the moment of a takeover that is too short to hit: the older program has taken an event, and the
/// newer one, which runs after it, has just become active.
pub(super) fn claims() {
    let place = PinFolder::new();
    let tracego = place.ready("crash", &[]);
    let path = place.pins().join(format!("format-{FORMAT}/claims"));
    let map = Map::from_map_data(MapData::from_pin(path).unwrap()).unwrap();
    let mut claims = PerCpuArray::<_, u32>::try_from(map).unwrap();
    let marker = format!("claimed-{}-", std::process::id());
    const TRIES: u64 = 50;
    for number in 0..TRIES {
        // Another process of the machine may be the next one on a CPU, so several tries are needed.
        for hook in 0..HOOKS {
            let other = PerCpuValues::try_from(vec![u32::MAX; aya::util::nr_cpus().unwrap()]).unwrap();
            claims.set(hook, other, 0).unwrap();
        }
        run(&format!("{marker}{number}"));
    }
    // A claim is valid for one event.
    for _ in 0..20 {
        run("no claim is left");
    }
    let last = format!("{marker}{TRIES}");
    run(&last);
    wait_until("the last record is there", || place.tail("records").contains(&last));
    let (stderr, _) = end(tracego);
    assert!(!stderr.contains("BALANCE"), "{stderr}");
    let starts = place.starts(&marker).len() as u64;
    assert!(starts <= TRIES / 2, "{starts} of {TRIES} were taken again");
}
