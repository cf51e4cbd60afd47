//! `inspect`: the parsers of texts written by /proc, cgroups, systemd and Go.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::{collection::vec, prelude::*, sample::select};
use tracego_analyze::inspect::{
    network::{diag, health, sockets},
    proc::{descriptors, locks::Locks, status},
    service::pidfile::{candidates::matches, state, units},
    surroundings::{cgroups, gofiles},
};

/// Generates texts close to the known formats: meaningful pieces with noise between them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 40] = [
        "module ",
        "module(",
        "example.com/a",
        "\"",
        "`",
        "//",
        "(",
        ")",
        "\n",
        "\r\n",
        " ",
        "\t",
        "=",
        ":",
        "->",
        "POSIX",
        "FLOCK",
        "OFDLCK",
        "fe:00:42",
        "0A",
        "0100007F:1F90",
        "Tgid:",
        "NSpid:",
        "Uid:",
        "Cpus_allowed:",
        "ffffffff,",
        "flags:",
        "0100002",
        "lock:",
        "[Service]",
        "PIDFile=",
        "%i",
        "GOFLAGS",
        "-modfile=",
        "'",
        "max",
        "100000",
        "-1",
        "18446744073709551615",
        "HTTP/1.1 ",
    ];
    let piece = prop_oneof![
        4 => select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..32).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(super::cases(2048))]

    #[test]
    fn no_bytes_make_them_panic(bytes in text()) {
        let lossy = String::from_utf8_lossy(&bytes);
        if let Some(path) = gofiles::module_path(&bytes) {
            prop_assert!(!path.is_empty() && path.len() <= 4096 && lossy.contains(&path));
        }
        for (name, value) in gofiles::env_file(&bytes) {
            prop_assert!(gofiles::GO_ENV.contains(&name.as_str()));
            prop_assert!(!value.contains('\n'));
        }
        if let Some(number) = state::number(&bytes) {
            prop_assert!(number > 0 && lossy.contains(&number.to_string()));
        }
        if let Some(code) = health::status(&bytes) {
            prop_assert!((100..600).contains(&code));
        }
        let _other = (
            gofiles::modfile(&lossy),
            cgroups::cpu_max(&lossy),
            cgroups::path_in(&bytes, "cpu"),
            cgroups::cpu_list(&lossy),
            descriptors::info_of(&bytes),
            descriptors::purpose(&lossy),
            status::parse(&bytes),
            sockets::parse(&bytes, "tcp"),
            units::setting(&bytes, None),
            Locks::parse(&bytes),
        );
    }

    #[test]
    fn a_socket_comes_back(address in any::<[u8; 4]>(), port in any::<u16>(), inode in any::<u64>(), state in 1_u8..13) {
        let hex = format!("{:08X}", u32::from_ne_bytes(address));
        let line = format!("  12: {hex}:{port:04X} 00000000:0000 {state:02X} 00000000:00000000 00:00000000 00000000  0  0 {inode} 1 0\n");
        let socket = sockets::parse(line.as_bytes(), "tcp").unwrap();
        prop_assert_eq!(socket.is_some(), state == 10);
        if let Some(socket) = socket {
            prop_assert_eq!((socket.address, socket.port, socket.inode), (Ipv4Addr::from(address).into(), port, inode));
        }
    }

    #[test]
    fn a_socket_of_ipv6_comes_back(address in any::<[u8; 16]>(), port in any::<u16>()) {
        let words = address.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
        let hex: String = words.map(|word| format!("{word:08X}")).collect();
        let line = format!("0: {hex}:{port:04X} {}:0000 0A 0:0 00:0 0 0 0 7 1\n", "0".repeat(32));
        let socket = sockets::parse(line.as_bytes(), "tcp6").unwrap().unwrap();
        prop_assert_eq!((socket.address, socket.port), (Ipv6Addr::from(address).into(), port));
    }

    #[test]
    fn messages_of_sock_diag_do_not_make_it_panic(
        messages in vec((0_u32..200, select(vec![2_u16, 3, 20, 21]), vec(any::<u8>(), 0..160)), 0..6),
    ) {
        let mut bytes = Vec::new();
        for (length, kind, body) in &messages {
            bytes.extend(length.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend([0; 10]);
            bytes.extend(body);
        }
        let mut found = Vec::new();
        let _done = diag::parse(&bytes, &mut found);
        prop_assert!(found.len() <= bytes.len() / 16);
    }

    #[test]
    fn a_quota_is_never_more_than_it_says(quota in 1_u64..1 << 40, period in 1_u64..1 << 30) {
        let millis = cgroups::cpu_max(&format!("{quota} {period}\n")).unwrap();
        let exact = u128::from(quota) * 1000;
        prop_assert!(u128::from(millis) * u128::from(period) <= exact);
        prop_assert!((u128::from(millis) + 1) * u128::from(period) > exact);
    }

    #[test]
    fn a_pattern_made_from_a_name_fits_it(parts in vec("[a-c.]{0,4}", 1..5), stars in vec("[a-c.]{0,4}", 4)) {
        let name: String = parts.iter().zip(&stars).map(|(part, star)| format!("{part}{star}")).collect();
        let pattern: String = parts.iter().take(stars.len()).map(|part| format!("{part}*")).collect();
        prop_assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        let other = format!("{name}!");
        prop_assert!(matches(name.as_bytes(), name.as_bytes()));
        prop_assert!(!matches(name.as_bytes(), other.as_bytes()));
    }

    #[test]
    fn pidfiles_are_judged_whatever_is_in_them(
        bytes in text(),
        user in any::<u32>(),
        modified_ns in any::<i64>(),
        started_ns in any::<i64>(),
        booted_ns in any::<i64>(),
        other in any::<i64>(),
        flags in any::<[bool; 3]>(),
    ) {
        let [in_memory, held, locked] = flags;
        let file = state::PidfileContent { bytes: &bytes, user, modified_ns, in_memory, held, locked: Some(locked) };
        let whose = state::PidfileOwner { numbers: vec![1], users: vec![0], started_ns, booted_ns };
        for named in [state::NamedProcess::Gone, state::NamedProcess::Family, state::NamedProcess::Other(other)] {
            let (state, number) = state::judge(&file, &whose, |_| named);
            prop_assert!(state.is_some());
            prop_assert_eq!(number, state::number(&bytes));
        }
    }
}
