//! Judges by the path of an executable which tool put it there.
//!
//! A path alone proves nothing: anyone can create a folder of that name.

/// Kinds of places where the go command and its helpers put executables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathKind {
    /// `go-build<digits>/b<digits>/exe/NAME`: linked by `go run` or `go tool` and not taken from the build
    /// cache (cmd/go/internal/work/exec.go, Go 1.21 to 1.27).
    Work,
    /// `hh/<64 hex>-d/NAME`: cached by `go run` or `go tool` of Go 1.24 and later
    /// (cmd/go/internal/cache/cache.go).
    Cache,
    /// `go-build<digits>/b<digits>/NAME.test`: linked by `go test`.
    Test,
    /// `pkg/tool/<system>_<machine>/NAME`: a helper of the Go distribution.
    Distribution,
    /// `__debug_bin<digits>`: linked by a debugger (delve/cmd/dlv/cmds/commands.go).
    Debug,
    /// Any other place.
    Other,
}

impl PathKind {
    /// Classifies an absolute path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let mut parts = path.rsplit('/');
        let mut next = || parts.next().unwrap_or_default();
        let (name, first, second, third) = (next(), next(), next(), next());
        if name.is_empty() {
            Self::Other
        } else if first == "exe" && numbered(second, "b") && numbered(third, "go-build") {
            Self::Work
        } else if kept(first, second) {
            Self::Cache
        } else if name.ends_with(".test") && numbered(first, "b") && numbered(second, "go-build") {
            Self::Test
        } else if second == "tool" && third == "pkg" && first.contains('_') {
            Self::Distribution
        } else if name
            .strip_prefix("__debug_bin")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        {
            Self::Debug
        } else {
            Self::Other
        }
    }

    /// Returns whether `go run` or `go tool` puts its result there.
    #[must_use]
    pub fn is_made_to_run(self) -> bool {
        matches!(self, Self::Work | Self::Cache)
    }
}

/// Returns whether a text is a name followed by digits.
fn numbered(text: &str, name: &str) -> bool {
    let digits = text.strip_prefix(name).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Returns whether a folder is `<64 hex>-d` inside a folder of its first two digits.
fn kept(folder: &str, above: &str) -> bool {
    folder.strip_suffix("-d").is_some_and(|hash| {
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        hash.len() == 64 && hash.bytes().all(hex) && above.len() == 2 && hash.starts_with(above)
    })
}

/// Returns whether a file name is usual for the go command: `go`, `go1.27.3`, `go1.28rc1`, `gotip`.
#[must_use]
pub fn is_go_name(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("go") else { return false };
    if rest.is_empty() || rest == "tip" {
        return true;
    }
    let Some(rest) = rest.strip_prefix("1.") else { return false };
    let numbers = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let there = numbers.len() < rest.len();
    there && (numbers.is_empty() || numbered(numbers, "rc") || numbered(numbers, "beta"))
}

/// Returns the last component of a path.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

    #[test]
    fn paths_say_who_put_a_file_there() {
        for (path, wanted) in [
            ("/tmp/go-build123/b001/exe/main".to_owned(), PathKind::Work),
            ("/tmp/go-build123/b1234/exe/x.test".to_owned(), PathKind::Work),
            (format!("/root/.cache/go-build/ab/{HASH}-d/main"), PathKind::Cache),
            (format!("/ab/{HASH}-d/main"), PathKind::Cache),
            ("/tmp/go-build123/b001/demo.test".to_owned(), PathKind::Test),
            ("/usr/lib/go/pkg/tool/linux_amd64/compile".to_owned(), PathKind::Distribution),
            ("/x/__debug_bin".to_owned(), PathKind::Debug),
            ("/x/__debug_bin123".to_owned(), PathKind::Debug),
            ("/x/__debug_binary".to_owned(), PathKind::Other),
            ("/home/me/go-build123/server".to_owned(), PathKind::Other),
            ("/home/me/go-build123/b001/server".to_owned(), PathKind::Other),
            ("/home/me/go-build/b001/exe/server".to_owned(), PathKind::Other),
            ("/home/me/go-buildx1/b001/exe/server".to_owned(), PathKind::Other),
            ("/home/me/go-build1/b/exe/server".to_owned(), PathKind::Other),
            ("/home/me/go-build1/b001/exe/".to_owned(), PathKind::Other),
            ("/home/me/go-build1/b001/exe/sub/server".to_owned(), PathKind::Other),
            (format!("/root/.cache/go-build/aa/{HASH}-d/main"), PathKind::Other),
            (format!("/root/.cache/go-build/a/{HASH}-d/main"), PathKind::Other),
            (format!("/root/.cache/go-build/ab/{HASH}-d"), PathKind::Other),
            (format!("/root/.cache/go-build/ab/{HASH}-a/main"), PathKind::Other),
            (format!("/root/.cache/go-build/ab/{}-d/main", &HASH[1..]), PathKind::Other),
            (format!("/root/.cache/go-build/AB/{}-d/main", HASH.to_uppercase()), PathKind::Other),
            ("main".to_owned(), PathKind::Other),
            (String::new(), PathKind::Other),
        ] {
            assert_eq!(PathKind::of(&path), wanted, "{path}");
        }
    }

    #[test]
    fn names_of_the_go_command() {
        for name in ["go", "go1.21", "go1.27.3", "go1.28rc1", "go1.28beta2", "gotip"] {
            assert!(is_go_name(name), "{name}");
        }
        for name in
            ["", "Go", "gofmt", "gopls", "go2", "go1", "go1.", "go-1.21", "go1.21x", "go1.21rc", "cargo"]
        {
            assert!(!is_go_name(name), "{name}");
        }
    }
}
