//! Repositories and the modules in them.

/// A repository, as host and path: `github.com/acme/app`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::rules) struct Repository(String);

impl Repository {
    /// Reads a URL or an scp-like address: `https://github.com/acme/app.git` or `git@github.com:acme/app`.
    pub(in crate::rules) fn of_url(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let (host, path) = rest.split_once([':', '/']).unwrap_or((rest, ""));
        // A port may stand between host and path.
        let path =
            path.split_once('/').filter(|(port, _)| port.parse::<u16>().is_ok()).map_or(path, |(_, p)| p);
        Self(normal(host, path))
    }

    /// Whether a module is in this repository: the repository itself, or a folder or major version in it. A
    /// module path of another host can lead here as well (go.dev/ref/mod#vcs-find); nothing but the network
    /// knows.
    pub(super) fn has_module(&self, module: &str) -> bool {
        let (host, path) = module.split_once('/').unwrap_or((module, ""));
        let module =
            if host.eq_ignore_ascii_case("gopkg.in") { gopkg(path) } else { Some(normal(host, path)) };
        // A host without a path is no repository.
        let rest = module
            .as_deref()
            .filter(|_| self.0.contains('/'))
            .and_then(|module| module.strip_prefix(&self.0));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Joins host and path in one way of writing: small letters, no `.git` behind a part, and no parts that only URLs
/// of Azure DevOps (`_git`) and Bitbucket Server (`scm`) have.
fn normal(host: &str, path: &str) -> String {
    let host = host.to_lowercase();
    let host = match host.as_str() {
        "ssh.dev.azure.com" => "dev.azure.com",
        "altssh.bitbucket.org" => "bitbucket.org",
        "ssh.github.com" => "github.com",
        other => other,
    };
    let mut normal = host.to_owned();
    let azure = host == "dev.azure.com";
    for (n, part) in path.split('/').filter(|part| !part.is_empty()).enumerate() {
        let part = part.to_lowercase();
        let skipped = match part.as_str() {
            "_git" => true,
            "v3" => azure && n == 0,
            "scm" => n == 0,
            _ => false,
        };
        if !skipped {
            normal.push('/');
            normal.push_str(part.strip_suffix(".git").unwrap_or(&part));
        }
    }
    normal
}

/// Returns the repository of a module of gopkg.in: `acme/app.v2` or `app.v2` (<https://labix.org/gopkg.in>).
fn gopkg(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let first = parts.next()?;
    let versioned = |text: &'_ str| text.rsplit_once(".v").map(|(name, _)| name.to_lowercase());
    match versioned(first) {
        Some(name) => Some(format!("github.com/go-{name}/{name}")),
        None => Some(format!("github.com/{}/{}", first.to_lowercase(), versioned(parts.next()?)?)),
    }
}

/// Returns the public forge that a module path names.
pub(super) fn forge(module: &str) -> Option<&str> {
    const FORGES: [&str; 9] = [
        "github.com",
        "gitlab.com",
        "bitbucket.org",
        "codeberg.org",
        "dev.azure.com",
        "golang.org",
        "gopkg.in",
        "k8s.io",
        "sigs.k8s.io",
    ];
    FORGES.into_iter().find(|forge| module.strip_prefix(forge).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_one_however_they_are_written() {
        for url in [
            "https://github.com/acme/app",
            "https://github.com/acme/app.git",
            "git@github.com:acme/app.git",
            "ssh://git@github.com:22/acme/app.git",
            "ssh://git@ssh.github.com:443/acme/app.git",
            "https://GitHub.com/acme/app/",
            "https://user:secret@github.com/acme/app",
            "git@github.com:acme/app.git#main",
            "git://github.com/Acme/App",
        ] {
            assert_eq!(Repository::of_url(url), Repository("github.com/acme/app".into()), "{url}");
        }
    }

    #[test]
    fn modules_of_repositories() {
        let cases = [
            ("https://github.com/acme/app", "github.com/acme/app", true),
            ("https://github.com/acme/app", "github.com/Acme/app/v2", true),
            ("https://github.com/acme/app", "github.com/acme/app/sub/tools/v2", true),
            ("https://github.com/acme/app", "github.com/acme/app.git/sub", true),
            ("https://github.com/acme/app", "gopkg.in/acme/app.v3", true),
            ("https://github.com/go-yaml/yaml", "gopkg.in/yaml.v3", true),
            ("https://git.acme.io:8443/team/sub/app.git", "git.acme.io/team/sub/app", true),
            ("https://dev.azure.com/org/project/_git/app", "dev.azure.com/org/project/app.git", true),
            ("git@ssh.dev.azure.com:v3/org/project/app", "dev.azure.com/org/project/_git/app.git/v2", true),
            ("https://git.acme.io/scm/team/app.git", "git.acme.io/team/app", true),
            ("https://github.com/acme/app", "github.com/acme/application", false),
            ("https://github.com/acme/app", "github.com/acme", false),
            ("https://github.com/acme/app", "acme.io/app", false),
            ("https://github.com/acme/app", "example.com/acme/app", false),
            ("https://github.com/acme/app", "gopkg.in/other/app.v3", false),
            ("https://github.com/acme/app", "gopkg.in/acme/app", false),
            ("https://github.com/acme/app", "", false),
            ("https://github.com", "github.com/acme/app", false),
            ("", "", false),
        ];
        for (url, module, wanted) in cases {
            assert_eq!(Repository::of_url(url).has_module(module), wanted, "{url} {module}");
        }
    }
}
