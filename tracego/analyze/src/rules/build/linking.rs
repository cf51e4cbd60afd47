//! TG011, TG012 and TG013: the linkage of programs in production.

use tracego_golang::{Build, Elf, Linkage, Packer};
use tracego_model::{
    finding::Severity::{High, Low, Medium},
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG011.
pub const DYNAMIC: Rule = Rule {
    id: "TG011",
    name: "dynamic-linking",
    title: "a dynamically linked program in production",
    summary: "A Go program in production needs a dynamic loader or libraries: what runs depends on the image or \
              machine that it is put on, and changes without a build.",
    remedy: "Build with CGO_ENABLED=0, or with -ldflags '-linkmode external -extldflags -static' where C is needed.",
    reference: "https://pkg.go.dev/cmd/link",
    variants: &[
        Variant {
            name: "libraries",
            grades: Grades::always(Low),
            summary: "It asks for shared libraries.",
            remedy: "",
        },
        Variant {
            name: "loader",
            grades: Grades::always(Low),
            summary: "It asks for a dynamic loader and for no library: what -buildmode=pie does.",
            remedy: "Build with -buildmode=exe, or with an external linker and -static-pie.",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(dynamic),
    service: None,
};

/// The rule TG012.
pub const DEBUG: Rule = Rule {
    id: "TG012",
    name: "debug-build",
    title: "a program in production that was built for tests or debuggers",
    summary: "A Go program in production was built for a test: with the race detector or a sanitizer it is several \
              times slower and larger, without optimisation slower, with symbols larger.",
    remedy: "Build what is deployed without -race, -asan, -msan, -cover and -gcflags, and with -ldflags '-s -w'.",
    reference: "https://go.dev/doc/articles/race_detector#Runtime_Overheads",
    variants: &[
        Variant {
            name: "race",
            grades: Grades::declared(High, Medium),
            summary: "It was built with -race.",
            remedy: "Build what is deployed without -race.",
        },
        Variant {
            name: "sanitizer",
            grades: Grades::declared(High, Medium),
            summary: "It was built with -asan or -msan.",
            remedy: "Build what is deployed without -asan and -msan.",
        },
        Variant {
            name: "coverage",
            grades: Grades::always(Medium),
            summary: "It was built with -cover: it counts what it runs.",
            remedy: "Build what is deployed without -cover.",
        },
        Variant {
            name: "unoptimised",
            grades: Grades::always(Medium),
            summary: "It was built with -N or -l in -gcflags, for a debugger.",
            remedy: "Build what is deployed without -gcflags.",
        },
        Variant {
            name: "symbols",
            grades: Grades::always(Low),
            summary: "It has a symbol table or debug information.",
            remedy: "Build with -ldflags '-s -w', and keep the file with symbols beside the release.",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(debug),
    service: None,
};

/// The rule TG013.
pub const PACKED: Rule = Rule {
    id: "TG013",
    name: "packed-binary",
    title: "a program in production that is packed with UPX",
    summary: "A program in production is packed with UPX: it is unpacked into memory at each start, shares no pages \
              with other instances, and neither scanners nor tracego can read what is in it.",
    remedy: "Ship the program as the linker made it; images and packages are compressed anyway.",
    reference: "https://upx.github.io/",
    variants: &[Variant {
        name: "upx",
        grades: Grades::always(Medium),
        summary: "It is packed with UPX.",
        remedy: "",
    }],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(packed),
    service: None,
};

fn elf<'a>(subject: &Subject<'a>) -> Option<&'a Elf> {
    subject.image?.elf.as_ref()
}

fn dynamic(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let (Some(build), Some(elf)) = (subject.build(), elf(subject)) else {
        return;
    };
    if elf.linkage != Linkage::Dynamic || !subject.is_production_program(report.settings) {
        return;
    }
    let case = if elf.needed.is_empty() {
        FindingCase::new("loader", "a Go program in production needs a dynamic loader")
    } else {
        let list = elf.needed.join(", ");
        FindingCase::new("libraries", format!("a Go program in production needs {list}"))
            .with("elf.needed", list)
    };
    let case = case
        .sure(subject.place(report.settings).confidence())
        .with_some("elf.interpreter", elf.interpreter.as_deref())
        .with_some("CGO_ENABLED", build.setting("CGO_ENABLED"));
    report.add(case, subject.place(report.settings), &MatchTarget::of(subject.record));
}

fn debug(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(build) = subject.build() else {
        return;
    };
    let symbols = elf(subject).is_some_and(|elf| !elf.stripped || elf.debug);
    let built = built_for_tests(build);
    if built.is_empty() && !symbols || !subject.is_production_program(report.settings) {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    for (variant, setting, value) in built {
        let message = format!("a Go program in production says that it was built with {setting}={value}");
        report.add(
            FindingCase::new(variant, message)
                .claimed()
                .sure(place.confidence())
                .with("build.setting", format!("{setting}={value}")),
            place,
            &scope_target,
        );
    }
    if symbols {
        let what =
            if elf(subject).is_some_and(|elf| elf.debug) { "debug information" } else { "a symbol table" };
        let case = FindingCase::new("symbols", format!("a Go program in production has {what}"));
        report.add(case.sure(place.confidence()).with("elf.debug", what), place, &scope_target);
    }
}

/// Returns the settings of a build that is not for production: variant, setting and value.
fn built_for_tests(build: &Build) -> Vec<(&'static str, &'static str, &str)> {
    let flags = [("race", "-race"), ("sanitizer", "-asan"), ("sanitizer", "-msan"), ("coverage", "-cover")];
    let on = flags.into_iter().filter_map(|(variant, key)| {
        build.setting(key).filter(|value| *value == "true").map(|value| (variant, key, value))
    });
    let unoptimised = build.gcflags().filter(|flags| {
        // In `all=-N -l`, a pattern stands before the first flag.
        flags.split([' ', '=']).any(|flag| matches!(flag, "-N" | "-l"))
    });
    on.chain(unoptimised.map(|flags| ("unoptimised", "-gcflags", flags))).collect()
}

fn packed(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    // Packing also hides the build information of Go, so any program counts that is not the system's.
    if elf(subject).and_then(|elf| elf.packer) != Some(Packer::Upx)
        || subject.is_of_system()
        || subject.visits_container()
    {
        return;
    }
    let place = subject.place(report.settings);
    if place.is_production() {
        let case = FindingCase::new("upx", "a program in production is packed with UPX")
            .with("elf.packer", "upx")
            .sure(place.confidence());
        report.add(case, place, &MatchTarget::of(subject.record));
    }
}
