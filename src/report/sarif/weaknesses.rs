//! The CWE numbers of the rules' pages as a taxonomy: viewers group findings by it.

use super::model::{ComponentReference, Relationship, Taxon, TaxonReference, Taxonomy, text};
use crate::report::Report;
use crate::rules::page::{self, Page};

const NAME: &str = "CWE";

/// `CWE-833: Deadlock | https://cwe.mitre.org/data/definitions/833.html`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weakness {
    pub(super) number: &'static str,
    title: &'static str,
    address: &'static str,
}

/// The weaknesses that a page refers to.
pub(super) fn of(page: &Page) -> impl Iterator<Item = Weakness> + '_ {
    page.links().filter_map(|(title, address)| {
        let (_, rest) = title.split_once("CWE-")?;
        let is_digit = |letter: char| letter.is_ascii_digit();
        let number = &rest[..rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len())];
        let title = rest[number.len()..].trim_start_matches([':', ' ']);
        (!number.is_empty()).then_some(Weakness {
            number,
            title,
            address,
        })
    })
}

/// Those of all rules that are on, by number, each once.
pub(super) fn all(report: &Report) -> Vec<Weakness> {
    let pages = report.rules.iter().filter_map(|(name, _)| page::of(name));
    let mut all: Vec<Weakness> = pages
        .flat_map(of)
        .filter(|weakness| !weakness.title.is_empty() && !weakness.address.is_empty())
        .collect();
    all.sort_by_key(|weakness| (weakness.number.len(), weakness.number));
    all.dedup_by_key(|weakness| weakness.number);
    all
}

pub(super) fn taxonomies(report: &Report) -> Vec<Taxonomy> {
    let all = all(report);
    if all.is_empty() {
        return Vec::new();
    }
    vec![Taxonomy {
        name: NAME,
        organization: "MITRE",
        information_uri: "https://cwe.mitre.org/",
        short_description: text("The Common Weakness Enumeration."),
        taxa: all
            .into_iter()
            .map(|weakness| Taxon {
                id: weakness.number,
                short_description: text(format!("{}.", weakness.title)),
                help_uri: weakness.address,
            })
            .collect(),
    }]
}

pub(super) fn supported(known: &[Weakness]) -> Vec<ComponentReference> {
    let names = known.first().map(|_| ComponentReference {
        name: NAME,
        index: 0,
    });
    names.into_iter().collect()
}

/// How a rule stands to its weaknesses: it finds a kind of each.
pub(super) fn relationships(page: &Page, known: &[Weakness]) -> Vec<Relationship> {
    let mut relationships: Vec<Relationship> = Vec::new();
    for weakness in of(page) {
        let index = known
            .iter()
            .position(|known| known.number == weakness.number);
        let is_told = relationships
            .iter()
            .any(|told| told.target.id == weakness.number);
        if let (Some(index), false) = (index, is_told) {
            relationships.push(Relationship {
                target: TaxonReference {
                    id: weakness.number,
                    index,
                    tool_component: ComponentReference {
                        name: NAME,
                        index: 0,
                    },
                },
                kinds: ["superset"],
            });
        }
    }
    relationships
}
