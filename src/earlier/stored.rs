//! Findings as plain data that can be written and read back.

use crate::diagnostic::{Diagnostic, Edit, Fix, Label, Level, Role};
use crate::rules::page;
use crate::source::{FileId, Span};
use serde::{Deserialize, Serialize};

/// A place: file, start, end.
type Place = (u32, u32, u32);

#[derive(Serialize, Deserialize)]
struct StoredLabel {
    place: Place,
    message: String,
    role: u8,
    flow: u8,
    function: String,
}

/// A finding, before policy.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    rule: String,
    is_note: bool,
    message: String,
    labels: Vec<StoredLabel>,
    help: String,
    notes: Vec<String>,
    /// Title and edits.
    fix: Option<(String, Vec<(Place, String)>)>,
}

fn place(span: Span) -> Place {
    (span.file.0, span.start, span.end)
}

fn span((file, start, end): Place) -> Span {
    Span {
        file: FileId(file),
        start,
        end,
    }
}

const ROLES: [Role; 3] = [Role::Primary, Role::Step, Role::Related];

impl From<&Diagnostic> for Stored {
    fn from(found: &Diagnostic) -> Stored {
        let label = |label: &Label| StoredLabel {
            place: place(label.span),
            message: label.message.clone(),
            role: ROLES
                .iter()
                .position(|role| *role == label.role)
                .unwrap_or(0) as u8,
            flow: label.flow,
            function: label.function.clone(),
        };
        let edit = |edit: &Edit| (place(edit.span), edit.replacement.clone());
        let fix = |fix: &Fix| (fix.title.clone(), fix.edits.iter().map(edit).collect());
        Stored {
            rule: found.rule.to_string(),
            is_note: found.level == Level::Note,
            message: found.message.clone(),
            labels: found.labels.iter().map(label).collect(),
            help: found.help.clone(),
            notes: found.notes.clone(),
            fix: found.fix.as_ref().map(fix),
        }
    }
}

impl Stored {
    /// The finding; none where no such rule is known.
    pub fn restore(&self) -> Option<Diagnostic> {
        let label = |label: &StoredLabel| {
            Some(Label {
                span: span(label.place),
                message: label.message.clone(),
                role: *ROLES.get(label.role as usize)?,
                flow: label.flow,
                function: label.function.clone(),
            })
        };
        let (rule, _) = page::catalogue()
            .iter()
            .find(|(name, _)| *name == self.rule)?;
        let edit = |(place, replacement): &(Place, String)| Edit {
            span: span(*place),
            replacement: replacement.clone(),
        };
        Some(Diagnostic {
            rule,
            level: if self.is_note {
                Level::Note
            } else {
                Level::Deny
            },
            message: self.message.clone(),
            labels: self.labels.iter().map(label).collect::<Option<_>>()?,
            help: self.help.clone(),
            notes: self.notes.clone(),
            fix: self.fix.as_ref().map(|(title, edits)| Fix {
                title: title.clone(),
                edits: edits.iter().map(edit).collect(),
            }),
        })
    }
}
