//! Files that cost more than they are long. Each would take minutes or all memory without a bound, so that the test would not
//! end.

use super::{GO_MOD, report};

#[test]
fn what_doubles_is_bounded() {
    let shell = |text: String| ("a.sh", text);
    let mut aliases = String::from("apiVersion: v1\nkind: x\nl:\n- &a0 [go, run, .]\n");
    for number in 1..5_000 {
        aliases.push_str(&format!("- &a{number} [*a{}]\n", number - 1));
    }
    let mut block = String::from(".x: &x\n  script: |\n");
    block.push_str(&"    go run ./a\n".repeat(1000));
    block.push_str("y:\n  script:\n");
    block.push_str(&"  - *x\n".repeat(2000));
    let targets: String = (0..3000).map(|number| format!("t{number} ")).collect();
    let mut nested = String::from("go run .");
    for _ in 0..7 {
        nested = format!("{}'{}'", "npx ".repeat(12), nested.replace('\'', "'\\''"));
    }
    for (path, text) in [
        shell(format!("{} go run x", "find . -exec ".repeat(60))),
        shell(nested),
        shell(format!("{} -c 'go run .'", "su ".repeat(200))),
        shell(format!("GOFLAGS={} sh <<E\n{}E\n", "x".repeat(60_000), "go run .\n".repeat(3000))),
        shell(format!("A={} sh <<E\n{}E\n", "x".repeat(60_000), "go run .\n".repeat(3000))),
        shell(format!("{}{}", "<<a ".repeat(40_000), "; ".repeat(100_000))),
        shell("a/b;".repeat(200_000)),
        shell("f() { f \"$@\"; f \"$@\"; f \"$@\"; }; f go run .\n".repeat(200)),
        shell(format!("{}go run $a{}", "for a in 1 2 3 4 5 6 7 8; do ".repeat(100), "; done".repeat(100))),
        shell(format!("f() {{ {} \"$@\"; }}\n{}", "true; ".repeat(20_000), "f go run .\n".repeat(3000))),
        shell(format!("alias a='b;b' b='c;c' c='a;a'\n{}", "a;".repeat(10_000))),
        shell(format!("{}{}", "f(){ ".repeat(50_000), "}".repeat(50_000))),
        shell("R='go run x'; if a; then R=b; fi; $R\n".repeat(10_000)),
        shell("echo go | ".repeat(50_000)),
        shell(format!("{} sh", "( echo 'go run .' | ".repeat(20_000))),
        shell("cat > a.sh <<E\n".repeat(20_000)),
        shell(format!("{}{}", "case a in b) ".repeat(30_000), "esac;".repeat(30_000))),
        ("x.go", format!("package x\nfunc f() {{\n a := {}\n}}\n// \"go\"", "append(".repeat(140_000))),
        ("x.go", format!("package x // \"go\"\n{}", "a=(\n".repeat(100_000))),
        ("x.py", "[\"go\",\"x\",".repeat(50_000)),
        ("pod.yaml", aliases),
        (".gitlab-ci.yml", block),
        ("Makefile", format!("a: {}\n\tgo run .\n", "x ".repeat(30_000))),
        ("Makefile", format!("{targets}:\n{}", "\tgo run .\n".repeat(3000))),
        ("Makefile", format!("a\\{}", "\n".repeat(60_000))),
        (
            "Makefile",
            format!(
                "A = $(A) $(A)\nf = $(call f,$(1)) $(call f,$(1))\nx:\n{}",
                "\t$(A) $(call f,go run .)\n".repeat(2000)
            ),
        ),
        ("Makefile", format!("{}\n", "$(foreach a,1 2 3 4 5 6 7 8,".repeat(40) + "$(a)" + &")".repeat(40))),
        ("Makefile", "define T\n$(eval $(T)) $(eval $(T))\n$(T)\nendef\n$(eval $(T))\n".repeat(500)),
        ("Makefile", format!("x: {}\n\t$(f)\n", "$(call ".repeat(20_000))),
        ("justfile", format!("a: {}\n  go run .\n", "x ".repeat(30_000))),
        (
            "Dockerfile",
            format!("FROM x\nENV A=\"{}\"\n{}", "go run . y".repeat(6000), "RUN $A\n".repeat(3000)),
        ),
        ("charts/t.yaml", format!("go: run {}\n", "{{}}".repeat(100_000))),
        ("b.sh", format!("# {}", "tracego:allow TG001 x ".repeat(20_000))),
        (
            ".github/workflows/m.yml",
            format!(
                "jobs:\n a:\n  strategy: {{matrix: {{x: [{}]}}}}\n  steps:\n{}",
                "go, ".repeat(5000),
                "  - run: ${{matrix.x}}\n".repeat(500)
            ),
        ),
    ] {
        let _bounded = report(&[GO_MOD, (path, &text)], |_| {});
    }
}

#[test]
fn bytes_that_are_no_text() {
    for (path, bytes) in [
        ("a.sh", &b"docker run --entrypoint=\xff\xff\xff\xff\xff\xff\xff\xff\xff x go run ."[..]),
        ("a.sh", b"A=\xff\xff\xff env B=\xff\xff go run \xff"),
        ("ecosystem.config.js", b"script: \"x\", args: )"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(path), bytes).unwrap();
        let options = tracego_scan::tree::ScanOptions {
            paths: vec![folder.path().to_owned()],
            ..tracego_scan::tree::ScanOptions::default()
        };
        tracego_scan::tree::scan(&options).unwrap();
    }
}
