//! Shapes of secrets as data: those of `shapes.toml` and those of the operator.

use serde::Deserialize;
use tracego_model::text::nearest;

use super::Redactor;

/// tracego's shapes.
const SHAPES: &str = include_str!("shapes.toml");

/// Name of the table of the configuration.
pub const TABLE: &str = "redact";

/// The table `[redact]` of the configuration.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RedactSettings {
    /// Shapes beside those that tracego brings.
    #[serde(default)]
    pub add: Vec<Shape>,
    /// Names of tracego's shapes that are not looked for.
    #[serde(default)]
    pub remove: Vec<String>,
}

impl RedactSettings {
    /// Reads and checks the table.
    ///
    /// # Errors
    /// Fails on an unknown key, an invalid shape, or the name of a shape that does not exist; the text names the
    /// key.
    pub fn read(table: toml::Value) -> Result<Self, String> {
        let settings: Self = table.try_into().map_err(|error| format!("{TABLE}: {}", first_line(&error)))?;
        Redactor::new(&settings)?;
        Ok(settings)
    }
}

fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

/// The values of a secret name that are secret.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum ValueForm {
    /// All but paths, references, switches and small numbers.
    #[default]
    Any,
    /// All but paths, references and switches. `name:value` counts as well as `name=value`.
    Password,
    /// Values that look like random characters.
    Random,
    /// All but paths, references and switches; a path may have one part, as the folder `/` has none.
    Folder,
    /// The part behind the first colon, or a value that looks like random characters.
    Credentials,
}

/// One form of a secret. The keys that are set say what it is: the names of a value, options of commands,
/// a token, a block of lines, or credentials of URLs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shape {
    /// Name of the shape, for `remove`.
    pub name: String,

    /// Last words of the names of variables, options, keys and headers. Separators and case do not matter.
    pub names: Vec<String>,
    /// Last words of names that are no secret although a shorter word is.
    pub harmless: Vec<String>,
    /// Whether a name may stand behind other letters without a boundary: `DBPASSWORD`.
    pub glued: bool,
    /// Whether a name must have no other words.
    pub whole: bool,
    /// Whether the names are those of headers.
    pub header: bool,
    /// Whether the first word of a header's value is a scheme that stays.
    pub scheme: bool,
    /// Form of the values that are secret.
    pub value: ValueForm,
    /// First words of options that take no value: `no` in `--no-password`.
    pub verbs: Vec<String>,

    /// Commands that the shape is about; none means all.
    pub commands: Vec<String>,
    /// Arguments that have to stand before, in this order: `login`.
    pub within: Vec<String>,
    /// Options whose value is secret, as the next argument, behind `=`, or joined to a single letter.
    pub options: Vec<String>,
    /// Whether the value of a single letter is only taken when joined to it, as in `mysql -pSECRET`.
    pub joined: bool,
    /// Whether the value is always the next argument, because options of several letters have one dash, too.
    pub separate: bool,
    /// Letters without a value that may stand before the option's letter: `s` in `curl -su a:b`.
    pub letters: String,
    /// Options whose value is prose, such as a commit message, and beginnings of arguments that are.
    pub prose: Vec<String>,
    /// Options whose value is no secret although names in it say so, and beginnings of arguments that are none.
    pub plain: Vec<String>,
    /// Positions of secret arguments, counted without options behind `within` from 1; 0 means each.
    pub positions: Vec<usize>,
    /// Text that the secret stands behind within the value; without it the value is no secret.
    pub after: String,
    /// Whether an argument that is a secret name makes the next one a secret.
    pub pairs: bool,
    /// Whether the commands run others, whose names are among the arguments.
    pub wrapper: bool,

    /// Prefixes of a token.
    pub prefixes: Vec<String>,
    /// Characters of a token behind the prefix: `A-Za-z0-9_-`.
    pub body: String,
    /// Least length of each part of the body.
    pub parts: Vec<usize>,
    /// Character between the parts.
    pub separator: String,
    /// Whether the parts have exactly these lengths.
    pub exact: bool,
    /// Whether both letters and digits must occur.
    pub mixed: bool,
    /// Whether the prefix stays. A block with it is a secret word behind the label.
    pub keep_prefix: bool,
    /// Characters of the token before the prefix.
    pub before: String,
    /// Least number of characters before the prefix.
    pub before_min: usize,

    /// Beginning of a block of lines.
    pub begin: String,
    /// Text that stands on the first line of the block.
    pub label: String,
    /// Beginning of the last line; the block reaches to the end of the text without it.
    pub end: String,

    /// Whether the shape is that of credentials in URLs.
    pub url: bool,

    /// Command lines in which what stands between « and » is replaced.
    pub go: Vec<String>,
    /// Command lines that stay as they are.
    pub stay: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShapeFile {
    shape: Vec<Shape>,
}

/// Returns tracego's shapes.
pub(super) fn standard() -> Result<Vec<Shape>, String> {
    let file: ShapeFile = toml::from_str(SHAPES).map_err(|error| format!("shapes: {error}"))?;
    Ok(file.shape)
}

/// Returns the shapes in force.
pub(super) fn all(settings: &RedactSettings) -> Result<Vec<Shape>, String> {
    let mut shapes = standard()?;
    for name in &settings.remove {
        if !shapes.iter().any(|shape| shape.name == *name) {
            let near = nearest(name, shapes.iter().map(|shape| shape.name.as_str()));
            return Err(format!("redact.remove: unknown shape '{name}'; {near}"));
        }
    }
    shapes.retain(|shape| !settings.remove.contains(&shape.name));
    for added in &settings.add {
        added.check().map_err(|error| format!("redact.add: {}: {error}", added.name))?;
        if shapes.iter().any(|shape| shape.name == added.name) {
            return Err(format!("redact.add: there is a shape '{}' already", added.name));
        }
        shapes.push(added.clone());
    }
    Ok(shapes)
}

impl Shape {
    /// Whether the shape says of its commands only that they run others.
    pub(super) fn is_only_wrapper(&self) -> bool {
        let lists = [&self.options, &self.prose, &self.plain];
        lists.iter().all(|list| list.is_empty()) && self.positions.is_empty() && !self.pairs
    }

    /// Checks that the shape says what it looks for, and that nothing would be replaced everywhere.
    pub(super) fn check(&self) -> Result<(), String> {
        let kinds = [
            !self.names.is_empty() || !self.harmless.is_empty() || !self.verbs.is_empty(),
            !self.commands.is_empty(),
            !self.prefixes.is_empty(),
            !self.begin.is_empty(),
            self.url,
        ];
        let short = |least: usize, texts: &[String]| texts.iter().find(|text| text.len() < least).cloned();
        if self.name.is_empty() {
            Err("a shape needs a name".to_owned())
        } else if kinds.iter().filter(|kind| **kind).count() != 1 {
            Err("set either names, commands, prefixes or begin".to_owned())
        } else if let Some(name) = short(2, &self.names) {
            Err(format!("names: '{name}' is too short"))
        } else if let Some(prefix) = short(2, &self.prefixes) {
            Err(format!("prefixes: '{prefix}' is too short"))
        } else if !self.prefixes.is_empty() && (self.parts.is_empty() || self.parts.contains(&0)) {
            Err("parts: give the least length of what follows a prefix".to_owned())
        } else if self.options.iter().any(|option| !option.starts_with(['-', '/'])) {
            Err("options: each begins with a dash or a slash".to_owned())
        } else {
            Ok(())
        }
    }
}
