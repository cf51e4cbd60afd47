//! `read`: build information is read from every kind of file. A damaged file causes no panic, no excessive
//! work and no wrong answer.

use std::{cell::Cell, io};

use proptest::{collection::vec, prelude::*, sample::Index};
use tracego_golang::{
    self as golang, Build, Damage, Image, Linkage, Machine, Module, Packer, Source, parse, view,
};

use super::elf::{Data, Spec, elf, framed};

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9./@+_-]{1,20}"
}

fn module() -> impl Strategy<Value = Module> {
    let plain = || {
        (text(), "|\\(devel\\)|v1\\.[0-9]", "|h1:[a-z]{4}=").prop_map(|(path, version, sum)| Module {
            path,
            version,
            sum,
            replacement: None,
        })
    };
    (plain(), prop::option::of(plain())).prop_map(|(module, other)| match other {
        // Go writes only the checksum of the replacement.
        Some(other) => Module { sum: String::new(), replacement: Some(Box::new(other)), ..module },
        None => module,
    })
}

fn build() -> impl Strategy<Value = Build> {
    let setting = ("[a-zA-Z.-][a-zA-Z= ._-]{0,8}", "[ -~äß\\n\\t]{0,30}");
    ("go1\\.[0-9]{2}", text(), prop::option::of(module()), vec(module(), 0..5), vec(setting, 0..5)).prop_map(
        |(version, path, main, dependencies, settings)| Build { version, path, main, dependencies, settings },
    )
}

/// Quotes a text like strconv.Quote, for the characters that [`build`] generates.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            'ß' => quoted.push_str("\\u00df"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Writes a build like runtime/debug.(*BuildInfo).String of Go 1.27, without the line of the version.
fn lines(build: &Build) -> String {
    let mut text = format!("path\t{}\n", build.path);
    let mut add = |kind: &str, module: &Module| {
        text += &format!("{kind}\t{}\t{}", module.path, module.version);
        text += &match &module.replacement {
            Some(other) => format!("\n=>\t{}\t{}\t{}\n", other.path, other.version, other.sum),
            None => format!("\t{}\n", module.sum),
        };
    };
    build.main.iter().for_each(|main| add("mod", main));
    build.dependencies.iter().for_each(|dependency| add("dep", dependency));
    for (key, value) in &build.settings {
        let quote = |text: &str, also: &str| {
            let needed = text.contains(|c| " \t\r\n\"`".contains(c) || also.contains(c));
            if needed { quoted(text) } else { text.to_owned() }
        };
        text += &format!("build\t{}={}\n", quote(key, "="), quote(value, ""));
    }
    text
}

fn data(build: &Build, inline: bool) -> Data {
    let (version, modules) = (build.version.clone().into_bytes(), framed(&lines(build)));
    if inline { Data::Inline { version, modules } } else { Data::Pointers { version, modules } }
}

/// Generates a file of any kind that contains a build.
fn file() -> impl Strategy<Value = (Spec, Build)> {
    let shape = any::<(bool, bool, bool, bool, bool)>();
    let room = (prop_oneof![Just(0_usize), Just(5000)], prop_oneof![Just(0_usize), 0_usize..20_000]);
    (shape, room, build()).prop_map(|((is_64, big_endian, any_address, sections, inline), room, build)| {
        let spec = Spec {
            is_64,
            big_endian,
            any_address,
            sections,
            relro: room.0,
            before: room.1 / 16 * 16,
            data: data(&build, inline),
            go_id: Some("a/b/c/d".into()),
            needed: vec!["libc.so.6".into()],
            ..Spec::default()
        };
        (spec, build)
    })
}

/// Returns a small but complete build.
fn small() -> Build {
    Build {
        version: "go1.27.3".into(),
        path: "example.com/a".into(),
        main: Some(Module { path: "example.com/a".into(), version: "(devel)".into(), ..Module::default() }),
        settings: vec![("-ldflags".into(), "-s -w".into()), ("vcs.modified".into(), "true".into())],
        ..Build::default()
    }
}

proptest! {
    #![proptest_config(super::cases(256))]

    #[test]
    fn what_go_wrote_is_read_from_every_kind_of_file((spec, build) in file()) {
        let image = parse(&elf(&spec));
        prop_assert_eq!(&image.damage, &[]);
        prop_assert_eq!(image.go.as_ref(), Some(&build));
        let elf = image.elf.as_ref().unwrap();
        prop_assert_eq!((elf.bits == 64, elf.big_endian), (spec.is_64, spec.big_endian));
        prop_assert_eq!(elf.go_build_id.as_deref(), Some("a/b/c/d"));
        prop_assert_eq!(&elf.needed, &spec.needed);
        prop_assert_eq!(elf.stripped, !spec.sections);

        let json = serde_json::to_string(&image).unwrap();
        let again: Image = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(again, image);
    }

    #[test]
    fn changed_bytes_never_panic_and_never_cost_much(
        (spec, _) in file(),
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
        in_header in any::<bool>(),
    ) {
        let mut bytes = elf(&spec);
        for (at, to) in changes {
            let end = if in_header { 400 } else { bytes.len() };
            *at.get_mut(&mut bytes[..end]) = to;
        }
        read_within_bounds(&bytes);
    }

    #[test]
    fn any_bytes_behind_the_magic_never_panic(rest in vec(any::<u8>(), 0..2000), class in 0_u8..4, order in 0_u8..4) {
        let bytes = [&b"\x7fELF"[..], &[class, order], &rest].concat();
        read_within_bounds(&bytes);
    }

    #[test]
    fn any_bytes_behind_gos_magic_never_panic(rest in vec(any::<u8>(), 0..300), flags in 0_u8..4) {
        let raw = [&b"\xff Go buildinf:"[..], &[8, flags], &rest].concat();
        read_within_bounds(&elf(&Spec { data: Data::Raw(raw), ..Spec::default() }));
    }

    #[test]
    fn any_lines_never_panic(text in "(path|mod|dep|=>|build|)[\\t\"`=a-c\\\\\\n ]{0,60}\\n") {
        let modules = framed(&text);
        let data = Data::Inline { version: b"go1.27".to_vec(), modules };
        let image = read_within_bounds(&elf(&Spec { data, ..Spec::default() }));
        prop_assert_eq!(image.go.unwrap().version, "go1.27");
    }
}

/// Bytes in memory that count how much of them is read.
struct Counted<'a> {
    bytes: &'a [u8],
    read: Cell<u64>,
    reads: Cell<u64>,
}

impl Source for Counted<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.set(self.read.get() + buffer.len() as u64);
        self.reads.set(self.reads.get() + 1);
        (&self.bytes).read_exact_at(buffer, offset)
    }
}

/// Reads a file, and asserts the bounds that hold for every file.
fn read_within_bounds(bytes: &[u8]) -> Image {
    let source = Counted { bytes, read: Cell::new(0), reads: Cell::new(0) };
    let image = golang::read(&source).unwrap();
    assert!(source.read.get() <= view::TOTAL_MAX + 8192, "{} bytes", source.read.get());
    assert!(source.reads.get() <= 4096, "{} reads", source.reads.get());
    assert!(image.heap_bytes() <= 64 << 20, "{} bytes", image.heap_bytes());
    assert_eq!(image.size, bytes.len() as u64);
    if image.elf.is_none() {
        assert!(image.go.is_none());
    }
    image
}

#[test]
fn a_file_that_ends_early_says_the_truth_or_nothing() {
    for (is_64, inline, sections) in [(true, true, true), (true, true, false), (false, false, true)] {
        let build = small();
        let spec = Spec { is_64, sections, data: data(&build, inline), before: 32, ..Spec::default() };
        let bytes = elf(&spec);
        assert_eq!(parse(&bytes).go.as_ref(), Some(&build));
        for end in 0..bytes.len() {
            let image = read_within_bounds(&bytes[..end]);
            if let Some(go) = &image.go {
                let only = Build { version: build.version.clone(), ..Build::default() };
                let lacks = image.damage.contains(&Damage::GoModules);
                assert_eq!(go, if lacks { &only } else { &build }, "{end} bytes");
            }
            if image.go.as_ref() != Some(&build) && image.elf.is_some() {
                assert!(!image.damage.is_empty(), "{end} bytes");
            }
        }
    }
}

#[test]
fn headers_say_how_a_program_is_linked() {
    let linked = |spec: Spec| {
        let image = parse(&elf(&spec));
        assert_eq!(image.damage, []);
        image.elf.unwrap()
    };
    let plain = linked(Spec::default());
    assert_eq!(
        (plain.linkage, plain.pie, plain.stripped, plain.debug),
        (Linkage::Static, false, false, false)
    );
    assert_eq!((plain.machine, plain.bits), (Machine::X86_64, 64));
    let loader = Some("/lib64/ld-linux-x86-64.so.2".to_owned());
    let needed = vec!["libc.so.6".to_owned(), "x".repeat(300)];
    let spec =
        Spec { interpreter: loader.clone(), needed, any_address: true, debug: true, ..Spec::default() };
    let dynamic = linked(Spec { gnu_id: Some(vec![0xab; 20]), ..spec.clone() });
    assert_eq!((dynamic.linkage, dynamic.pie, dynamic.debug), (Linkage::Dynamic, true, true));
    assert_eq!((&dynamic.interpreter, &dynamic.needed), (&loader, &spec.needed));
    assert_eq!(dynamic.gnu_build_id, Some("ab".repeat(20)));
    // A library with its own loader is not a PIE.
    assert!(!linked(Spec { soname: true, ..spec.clone() }).pie);
    let whole = Spec { any_address: true, pie: true, sections: false, ..Spec::default() };
    let whole = linked(whole);
    assert_eq!((whole.linkage, whole.pie, whole.stripped), (Linkage::Static, true, true));
}

/// Parses a file with the given build information.
fn with(raw: Data) -> Image {
    parse(&elf(&Spec { data: raw, ..Spec::default() }))
}

fn inline(version: &[u8], modules: &[u8]) -> Data {
    Data::Inline { version: version.to_vec(), modules: modules.to_vec() }
}

#[test]
fn what_is_nearly_right_is_named_and_not_guessed() {
    let good = framed("path\ta\n");
    let cases: [(Data, Option<&str>, &[Damage]); 9] = [
        (inline(b"go1.27", &good), Some("go1.27"), &[]),
        // Built without modules.
        (inline(b"go1.27", b""), Some("go1.27"), &[]),
        (inline(b"", &good), None, &[Damage::GoVersion]),
        (inline(b"go1\x1b[31m", &good), None, &[Damage::GoVersion]),
        (inline(&[b'x'; 2000], &good), None, &[Damage::GoVersion]),
        (inline(b"go1.27", &good[..good.len() - 1]), Some("go1.27"), &[Damage::GoModules]),
        (inline(b"go1.27", &framed("dep\ta\n")), Some("go1.27"), &[Damage::GoModules]),
        (
            Data::Raw(b"\xff Go buildinf:\x08\x40aaaaaaaaaaaaaaaaaaaaaa".to_vec()),
            None,
            &[Damage::GoBuildInfo],
        ),
        (Data::Raw(b"not what Go puts into this section".to_vec()), None, &[Damage::GoBuildInfo]),
    ];
    for (data, version, damage) in cases {
        let image = with(data.clone());
        assert_eq!(image.go.map(|go| go.version).as_deref(), version, "{data:?}");
        assert_eq!(image.damage, damage, "{data:?}");
    }
}

#[test]
fn lines_are_as_strict_as_gos() {
    let parsed = |text: &str| with(inline(b"go1.27", &framed(text)));
    for wrong in [
        "=>\ta\tb\tc\n",
        "mod\ta\n",
        "dep\ta\tb\tc\td\n",
        "dep\ta\tb\n=>\ta\tb\n",
        "dep\ta\tb\n=>\ta\tb\tc\n=>\ta\tb\tc\n",
        "build\t\n",
        "build\t=a\n",
        "build\tkey\n",
        "build\t\"key=a\n",
        "build\t\"key\"a\n",
        "build\tkey=\"a\n",
        "build\tkey=\"a\"b\n",
    ] {
        assert_eq!(parsed(wrong).damage, [Damage::GoModules], "{wrong:?}");
    }
    let image = parsed("path\ta\nfuture\tx\ty\n\nbuild\t`a b`=c\nbuild\t-x=a b\nbuild\tempty=\n");
    assert_eq!(image.damage, []);
    let go = image.go.unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(go.settings, [pair("a b", "c"), pair("-x", "a b"), pair("empty", "")]);
}

#[test]
fn settings_have_names() {
    let text = "path\tcmd/go\nbuild\t-race=true\nbuild\t-tags=a,b\nbuild\tCGO_ENABLED=1\nbuild\t-trimpath=true\n\
                build\t-buildmode=pie\nbuild\tvcs=git\nbuild\tvcs.revision=abc\nbuild\tvcs.modified=false\n\
                build\tvcs.time=2026-01-01T00:00:00Z\nbuild\t-ldflags=\"-s -w\"\n";
    let go = with(inline(b"go1.27", &framed(text))).go.unwrap();
    assert!(go.is_go_command() && go.race() && go.trimpath());
    assert_eq!((go.cgo(), go.modified()), (Some(true), Some(false)));
    assert_eq!(
        (go.vcs(), go.revision(), go.commit_time()),
        (Some("git"), Some("abc"), Some("2026-01-01T00:00:00Z"))
    );
    assert_eq!((go.ldflags(), go.build_mode()), (Some("-s -w"), Some("pie")));
    assert_eq!(go.tags().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn without_sections_data_is_searched_up_to_a_limit() {
    let spec = |before| Spec {
        sections: false,
        before,
        relro: 1 << 20,
        data: data(&small(), true),
        ..Spec::default()
    };
    assert_eq!(parse(&elf(&spec(6 << 20))).go, Some(small()));
    // Go aligns the information to 16 bytes; elsewhere it is not found.
    assert_eq!(parse(&elf(&spec(8))).go, None);
    let beyond = parse(&elf(&spec(8 << 20)));
    assert_eq!((beyond.go, beyond.damage), (None, vec![Damage::GoSearch]));
    // Other sections exist: a program in another language.
    let other = |before| elf(&Spec { before, data: data(&small(), true), ..Spec::default() });
    let renamed = |before| {
        let mut bytes = other(before);
        let name = bytes.windows(13).rposition(|name| name == b".go.buildinfo").unwrap();
        bytes[name + 1] = b'x';
        parse(&bytes)
    };
    assert_eq!(renamed(60_000 / 16 * 16).go, Some(small()));
    assert_eq!((renamed(80_000).go, renamed(80_000).damage), (None, vec![]));
    // A section names the address, however much data precedes it.
    assert_eq!(parse(&elf(&Spec { sections: true, ..spec(9 << 20) })).go, Some(small()));
}

#[test]
fn hostile_files_cost_no_more_than_others() {
    // Every 16 bytes start build information, all of it incomplete.
    let raw = b"\xff Go buildinf:\x08\x02".repeat(600_000);
    let magic = elf(&Spec { data: Data::Raw(raw), sections: false, ..Spec::default() });
    read_within_bounds(&magic);
    // The maximum number of modules.
    let modules = framed(&"dep\ta\tb\n".repeat(130_000));
    let image = read_within_bounds(&elf(&Spec { data: inline(b"go1.27", &modules), ..Spec::default() }));
    assert_eq!(image.damage, [Damage::GoModules]);
    // Every program header is a note that spans the file.
    let mut notes = elf(&Spec { before: 60_000, ..Spec::default() });
    notes[56..58].copy_from_slice(&1170_u16.to_le_bytes());
    notes.resize(70_000, 0);
    for header in notes[64..64 + 1170 * 56].chunks_exact_mut(56) {
        header[..4].copy_from_slice(&4_u32.to_le_bytes());
        header[32..40].copy_from_slice(&65_000_u64.to_le_bytes());
    }
    assert!(read_within_bounds(&notes).damage.contains(&Damage::Notes));
    // Library names without an end.
    let mut long = elf(&Spec { needed: vec!["a".repeat(5000); 1000], ..Spec::default() });
    let image = read_within_bounds(&long);
    assert_eq!((image.elf.unwrap().needed.len(), image.damage), (0, vec![Damage::Dynamic]));
    long.truncate(3000);
    read_within_bounds(&long);
}

#[test]
fn a_file_that_fails_is_an_error_and_not_damage() {
    struct Failing(Vec<u8>);
    impl Source for Failing {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let edge = offset == 0 || offset + buffer.len() as u64 == self.size();
            if edge {
                self.0.as_slice().read_exact_at(buffer, offset)
            } else {
                Err(io::ErrorKind::Other.into())
            }
        }
    }
    let bytes = elf(&Spec { before: 1 << 16, data: data(&small(), true), ..Spec::default() });
    assert!(golang::read(&Failing(bytes)).is_err());
}

/// Builds a short form of a 64-bit program packed by UPX 4.2.2: headers, `l_info`, `p_info`, the first block,
/// and the last bytes.
fn packed() -> Vec<u8> {
    let mut bytes = elf(&Spec { sections: false, ..Spec::default() });
    bytes.resize(232, 0);
    bytes[56..58].copy_from_slice(&3_u16.to_le_bytes());
    for (at, (kind, flags, size, memory)) in
        [(64, (1, 6, 4096_u64, 1_u64 << 20)), (120, (1, 5, 8000, 8000)), (176, (0x6474_e551, 6, 0, 0))]
    {
        let numbers = [kind | flags << 32, 0, 0x40_0000, 0x40_0000, size, memory, 4096_u64];
        for (n, number) in numbers.into_iter().enumerate() {
            bytes[at + n * 8..at + n * 8 + 8].copy_from_slice(&number.to_le_bytes());
        }
    }
    bytes.extend([1, 2, 3, 4]);
    bytes.extend(b"UPX!");
    bytes.extend([0xfc, 0x0a, 14, 22]);
    for number in [0, 2_213_367, 792_000, 400, 147, 8_u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(8000, 0xaa);
    bytes.extend(b"UPX!\x0e\x16\x08\x07");
    bytes.extend([0; 28]);
    bytes
}

#[test]
fn upx_is_told_without_its_name() {
    let packer = |bytes: &[u8]| parse(bytes).elf.unwrap().packer;
    let packed = packed();
    assert_eq!(packer(&packed), Some(Packer::Upx));
    let mut hidden = packed.clone();
    hidden[236..240].copy_from_slice(b"abcd");
    hidden[8000..8004].copy_from_slice(b"abcd");
    assert_eq!(packer(&hidden), Some(Packer::Upx), "the word is changed");
    hidden[244..256].fill(0);
    assert_eq!(packer(&hidden), Some(Packer::Upx), "and p_info as well");
    let mut trailer = packed.clone();
    trailer[232..268].fill(0);
    assert_eq!(packer(&trailer), Some(Packer::Upx), "only the end is left");
    trailer[8000..8004].fill(0);
    assert_eq!(packer(&trailer), None, "nothing is left");

    let mut plain = elf(&Spec::default());
    plain.extend(b"this program can unpack UPX! files; its last bytes are UPX!");
    assert_eq!(packer(&plain), None);
}
