//! cgroup paths: each recognised name is a part of the path and has the format of its kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracego_model::linux::cgroup;

fuzz_target!(|path: &[u8]| {
    let info = cgroup::parse(path);
    let part = |wanted: &str| path.split(|&b| b == b'/').any(|part| part == wanted.as_bytes());
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(unit) = info.unit {
        assert!(part(&unit), "{unit}");
        assert!(unit.ends_with(".service") || unit.ends_with(".scope"), "{unit}");
    }
    if let Some(container) = info.container {
        let id = container.id;
        // Names of LXC and systemd-nspawn can be any, and the latter are escaped in the path.
        if !matches!(container.runtime, Some("lxc" | "systemd-nspawn")) {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!((25..=64).contains(&id.len()) && id.bytes().all(plain), "{id}");
            assert!(path.windows(id.len()).any(|window| window == id.as_bytes()), "{id}");
        }
        assert!(!id.is_empty());
    }
    if let Some(uid) = info.pod_uid {
        let digits = uid.replace('-', "");
        assert!(digits.len() == 32 && hex(&digits), "{uid}");
        assert!(matches!(uid.len(), 32 | 36), "{uid}");
    }
});
