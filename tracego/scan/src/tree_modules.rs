//! The modules of a source tree.

/// Paths of the modules whose go.mod is in the tree.
#[derive(Clone, Debug, Default)]
pub struct TreeModules {
    paths: Vec<String>,
}

impl TreeModules {
    /// Adds the module of a go.mod.
    pub fn add(&mut self, go_mod: &[u8]) {
        let text = String::from_utf8_lossy(go_mod);
        let line = text.lines().find_map(|line| line.trim().strip_prefix("module"));
        let path =
            line.map(|rest| rest.split("//").next().unwrap_or_default().trim().trim_matches(['"', '`']));
        self.paths.extend(path.filter(|path| !path.is_empty()).map(str::to_owned));
    }

    /// Takes over the modules of another part of the tree.
    pub fn merge(&mut self, other: &mut Self) {
        self.paths.append(&mut other.paths);
    }

    /// Whether no go.mod was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether an import path belongs to a module of the tree.
    #[must_use]
    pub fn have(&self, import: &str) -> bool {
        self.paths.iter().any(|module| {
            import.strip_prefix(module.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}
