//! The members of records that an output writes: those that its `fields` name, or all but those of its `drop`.
//!
//! ```text
//! member_tree     the choice as a tree of names
//! chosen_members  a value without the members that were not chosen
//! known_names     names that a form of records has
//! permanent       members that every record keeps
//! ```
//!
//! The choice is applied while a record is written, behind policies, rules and filters. It is only about records of
//! processes: those that somebody reads alone, and those that others refer to, are always whole.

mod chosen_members;
mod known_names;
mod member_tree;
mod permanent;

use std::sync::Arc;

use tracego_model::record::{Record, event_name};

use self::known_names::KnownNames;
pub(super) use self::{chosen_members::ChosenMembers, member_tree::MemberTree};
use super::Format;

/// The names in the settings of an output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldChoice<'a> {
    /// Members that are written.
    Fields(&'a [String]),
    /// Members that are left out.
    Drop(&'a [String]),
}

impl<'a> FieldChoice<'a> {
    /// Returns the choice of an output with these keys; `None` without any.
    ///
    /// # Errors
    /// Fails if both keys are there.
    pub fn of(fields: Option<&'a [String]>, drop: Option<&'a [String]>) -> Result<Option<Self>, String> {
        match (fields, drop) {
            (Some(_), Some(_)) => {
                Err("fields: cannot be combined with drop; name the members that are written, or those that are not"
                    .to_owned())
            }
            (Some(names), None) => Ok(Some(Self::Fields(names))),
            (None, Some(names)) => Ok(Some(Self::Drop(names))),
            (None, None) => Ok(None),
        }
    }

    /// Returns the key of the settings.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Fields(_) => "fields",
            Self::Drop(_) => "drop",
        }
    }

    fn names(self) -> &'a [String] {
        match self {
            Self::Fields(names) | Self::Drop(names) => names,
        }
    }
}

/// The form of records whose names are chosen from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordForm {
    /// Members of the native record.
    Native,
    /// Fields of ECS.
    Ecs,
    /// Attributes of OCSF.
    Ocsf,
    /// Members of the data of a CloudEvent.
    CloudEvents,
    /// Attributes of OTLP.
    Otlp,
}

impl RecordForm {
    /// Returns the form of a format; `None` for one that chooses its fields itself.
    #[must_use]
    pub fn of(format: Format) -> Option<Self> {
        match format {
            Format::Json => Some(Self::Native),
            Format::Ecs => Some(Self::Ecs),
            Format::Ocsf => Some(Self::Ocsf),
            Format::CloudEvents => Some(Self::CloudEvents),
            Format::OtlpJson => Some(Self::Otlp),
            Format::Cef => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Native => "json",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::CloudEvents => "cloudevents",
            Self::Otlp => "otlp",
        }
    }
}

/// Name of the data in a CloudEvent.
const DATA: &str = "data";
/// Place of the bytes of texts that are not UTF-8, below `tracego`.
const BYTES: [&str; 2] = ["completeness", "bytes"];

/// The checked choice of an output.
#[derive(Clone, Debug)]
pub struct Selection(Arc<MemberTree>);

impl Selection {
    /// Checks a choice.
    ///
    /// # Errors
    /// Fails if no record has one of the names, or if a name to drop is that of a member which every record keeps.
    /// The text begins with the key.
    pub fn new(choice: FieldChoice<'_>, form: RecordForm) -> Result<Self, String> {
        let key = choice.key();
        let known = KnownNames::of(form);
        let mut paths = Vec::new();
        for name in choice.names() {
            paths.push(path(name, choice, form, &known).map_err(|error| format!("{key}: {error}"))?);
        }
        // A name covers what is below it, in whatever order both are given.
        paths.sort_by_key(Vec::len);
        let is_drop = matches!(choice, FieldChoice::Drop(_));
        let mut tree = MemberTree::new(is_drop);
        paths.iter().for_each(|path| tree.set(path, !is_drop));
        let own = permanent::own(form);
        let bytes: Vec<&str> = own.iter().copied().chain(BYTES).collect();
        match form {
            // The bytes have the names of the record, which say whether the text itself was chosen.
            RecordForm::Native | RecordForm::CloudEvents | RecordForm::Otlp => tree.name_by_chosen(&bytes),
            RecordForm::Ecs | RecordForm::Ocsf if is_drop => tree.set(&bytes, false),
            RecordForm::Ecs | RecordForm::Ocsf => {}
        }
        permanent::paths(form).for_each(|path| tree.set(&path.split('.').collect::<Vec<_>>(), true));
        if matches!(form, RecordForm::Native | RecordForm::CloudEvents) {
            tree.mark(own);
        }
        Ok(Self(tree.into()))
    }

    /// Returns the choice for a record; `None` if the record is written whole.
    pub(super) fn of(&self, record: &Record) -> Option<&MemberTree> {
        let kinds = [event_name::START, event_name::EXIT, event_name::FORK, event_name::EXEC_FAILED];
        (kinds.contains(&record.event_name) && !record.stands_alone()).then_some(&self.0)
    }
}

/// Returns the names from the outermost member to the one with this name.
fn path<'n>(
    name: &'n str,
    choice: FieldChoice<'_>,
    form: RecordForm,
    known: &KnownNames,
) -> Result<Vec<&'n str>, String> {
    let inner = match form {
        RecordForm::CloudEvents => {
            name.strip_prefix(DATA).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
        }
        _ => name,
    };
    let is_at = |name: &str, front: &str| {
        name.strip_prefix(front).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_around = permanent::envelope(form).any(|front| is_at(name, front));
    let is_permanent = is_around || permanent::paths(form).any(|front| is_at(inner, &front));
    if is_permanent && matches!(choice, FieldChoice::Drop(_)) {
        return Err(format!("'{name}' is in every {} record, and cannot be left out", form.name()));
    }
    if is_around {
        return Ok(Vec::new());
    }
    known.path(inner).map_err(|error| format!("no {} record has '{name}'; {error}", form.name()))
}

#[cfg(test)]
mod tests;
