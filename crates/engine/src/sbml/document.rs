//! The document as a whole: what is too large or too deep, which SBML it is, and whether its packages are known.

use roxmltree::{Document, Node as Element, ParsingOptions};

use super::report::Report;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// Larger documents are refused: the largest published models take some ten megabytes.
const MOST_BYTES: usize = 64 << 20;
const MOST_NODES: u32 = 8_000_000;
/// Elements within elements; formulas have a narrower limit of their own.
const MOST_DEPTH: usize = 512;

/// The package that brings the formulas of Level 3 Version 2 to Version 1; all of them are read anyway.
const KNOWN_PACKAGE: &str = "http://www.sbml.org/sbml/level3/version1/l3v2extendedmath/version1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(pub u8, pub u8);

pub(super) fn parse<'s>(source: &'s str, file: &str) -> Result<Document<'s>, Diagnostics> {
    if source.len() > MOST_BYTES {
        let message =
            format!("the file has {} MB; models of up to {} MB are read", source.len() >> 20, MOST_BYTES >> 20);
        return Err(Diagnostic::new(file, message).into());
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(source, options).map_err(|error| {
        let at = offset(source, error.pos());
        let help = match error {
            roxmltree::Error::DtdDetected => "remove the <!DOCTYPE …> declaration; SBML needs none",
            _ => "an XML editor or xmllint shows more",
        };
        Diagnostic::new(file, format!("not well-formed XML: {error}"))
            .at(Place::in_source(source, at..at + 1), "")
            .help(help)
    })?;
    let mut depth = 0_usize;
    let mut next = document.root().first_child();
    while let Some(node) = next {
        if depth > MOST_DEPTH {
            let span = node.range().start..node.range().start + 1;
            let message = format!("elements are nested more than {MOST_DEPTH} deep");
            return Err(Diagnostic::new(file, message).at(Place::in_source(source, span), "").into());
        }
        next = node.first_child().inspect(|_| depth += 1).or_else(|| {
            let mut at = node;
            loop {
                if let Some(sibling) = at.next_sibling() {
                    return Some(sibling);
                }
                at = at.parent()?;
                depth = depth.saturating_sub(1);
            }
        });
    }
    Ok(document)
}

/// The byte at a position in rows and characters.
fn offset(source: &str, position: roxmltree::TextPos) -> usize {
    let row = position.row.saturating_sub(1) as usize;
    let start = source.split_inclusive('\n').take(row).map(str::len).sum::<usize>();
    let line = source[start..].split('\n').next().unwrap_or_default();
    start + line.chars().take(position.col.saturating_sub(1) as usize).map(char::len_utf8).sum::<usize>()
}

/// The level and version that a namespace stands for.
fn level_of(namespace: &str) -> Option<Level> {
    Some(match namespace.strip_prefix("http://www.sbml.org/sbml/level")? {
        "1" => Level(1, 1),
        "2" => Level(2, 1),
        "2/version2" => Level(2, 2),
        "2/version3" => Level(2, 3),
        "2/version4" => Level(2, 4),
        "2/version5" => Level(2, 5),
        "3/version1/core" => Level(3, 1),
        "3/version2/core" => Level(3, 2),
        _ => return None,
    })
}

/// Whether an element belongs to SBML itself rather than to a package or to XHTML.
pub(super) fn is_core(element: Element) -> bool {
    element.tag_name().namespace().is_some_and(|namespace| level_of(namespace).is_some())
}

/// The model of a document, and the level it is written in.
pub(super) fn model<'a, 'i>(document: &'a Document<'i>, report: &mut Report) -> Option<(Element<'a, 'i>, Level)> {
    let root = document.root_element();
    let level = root.tag_name().namespace().and_then(level_of);
    let level = match (root.tag_name().name(), level) {
        ("sbml", Some(level @ Level(2 | 3, _))) => level,
        ("sbml", Some(_)) => {
            let help = "convert it to Level 3 first, with COPASI or libSBML's convertLevelVersion".to_owned();
            report.problem(report.tag(root), "SBML Level 1 is not read", help);
            return None;
        }
        _ => {
            let help = "it begins with <sbml xmlns=\"http://www.sbml.org/sbml/level3/version2/core\" …>; Level 2 and \
                        Level 3 Versions 1 and 2 are read";
            report.problem(report.tag(root), "this is not a document in SBML Level 2 or 3", help.to_owned());
            return None;
        }
    };
    for attribute in root.attributes().filter(|attribute| attribute.name() == "required") {
        let package = attribute.namespace().unwrap_or_default();
        if matches!(attribute.value().trim(), "true" | "1") && package != KNOWN_PACKAGE {
            let name = package.split('/').rev().nth(1).unwrap_or(package);
            let message = format!("the model needs the SBML package `{name}`, which is not supported");
            let help = "export the model as core SBML; `comp` is removed by libSBML's CompFlatteningConverter";
            report.problem(attribute.range(), message, help.to_owned());
        }
    }
    let model = root.children().find(|child| is_core(*child) && child.tag_name().name() == "model");
    if model.is_none() {
        report.problem(report.tag(root), "the document has no <model>", None);
    }
    model.map(|model| (model, level))
}
