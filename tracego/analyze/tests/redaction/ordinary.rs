//! Command lines of real programs, made as long as wanted, for the bounds and for the example that prints the
//! times.

/// An ordinary command line of a build.
const COMPILE: &str = "/usr/lib/go/pkg/tool/linux_amd64/compile -o /tmp/go-build1/b001/_pkg_.a -trimpath \
    /tmp/go-build1/b001=> -p example.com/shop/internal/orders -lang=go1.24 -complete -buildid aBcD/aBcD -goversion \
    go1.27 -c=4 -shared -nolocalimports -importcfg /tmp/go-build1/b001/importcfg -pack -D /srv/shop";

/// Maximum length of one argument: the limit of Linux without its closing null.
const ARGUMENT_MAX: usize = 128 * 1024 - 1;

/// Number of bytes up to which a command line is shorter than wanted.
const SLACK: usize = 200;

/// Returns a text of numbered lines.
fn lines(length: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut n = 0;
    while text.len() + SLACK < length {
        text.push_str(&line(n));
        n += 1;
    }
    text
}

/// Returns a program with numbered arguments.
fn options(length: usize, program: &str, option: impl Fn(usize) -> String) -> Vec<String> {
    let options = lines(length, |n| option(n) + "\n");
    std::iter::once(program).chain(options.lines()).map(str::to_owned).collect()
}

/// Returns command lines of many kinds, each about so many bytes long.
pub(super) fn ordinary(length: usize) -> Vec<(&'static str, Vec<String>)> {
    let single = length.min(ARGUMENT_MAX);
    let shell = |text: String| vec!["sh".to_owned(), "-c".to_owned(), text];
    let files = |length: usize, separator: &str| {
        COMPILE.replace(' ', separator)
            + &lines(length - COMPILE.len(), |n| format!("{separator}./internal/orders/handler_{n}_test.go"))
    };
    vec![
        ("compile", files(length, "\n").lines().map(str::to_owned).collect()),
        ("compile in a shell", shell(files(single, " "))),
        ("definitions", options(length, "java", |n| format!("-Dcom.name{n}=value{n}"))),
        ("files", options(length, "rm", |n| format!("img{n:06}.png"))),
        ("paths", options(length, "tool", |n| format!("--path=/srv/app/{n}/main.go"))),
        ("urls", options(length, "wget", |n| format!("https://mirror.example.com/pool/{n}/file.deb"))),
        ("tags", options(length, "aws", |n| format!("{{\"key\":\"Environment{n}\",\"value\":\"staging\"}}"))),
        ("sed", options(length, "sed", |n| format!("s/^old_{n}=\\(.*\\)$/new_{n}: \\1/g;"))),
        (
            "jq",
            vec![
                "jq".to_owned(),
                lines(single, |n| format!(".items[{n}] | {{name: .name, size: (.a + {n})}},\n")),
            ],
        ),
        (
            "awk",
            vec![
                "awk".to_owned(),
                lines(single, |n| format!("/^item{n}:/ {{ count[\"{n}\"] += $2; print $1 }}\n")),
            ],
        ),
        (
            "script",
            shell(lines(single, |n| {
                format!("if [ -f /srv/a{n} ]; then cp -r /srv/a{n} \"$OUT/b{n}\" && echo 'copied {n}'; fi\n")
            })),
        ),
        ("labels", options(length, "docker", |n| format!("--label=com.example.part{n}=x"))),
    ]
}
