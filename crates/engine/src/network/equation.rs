//! Reads a reaction written as an equation: `E -> H`, `A + 2 B -> C`, `-> X`, `X ->`.

use std::ops::Range;

use crate::expression::ExpressionError;

/// One species named in an equation: how many of it, its name, where the name stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Participant {
    pub count: u32,
    pub name: String,
    pub span: Range<usize>,
}

/// Left and right side of an equation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Equation {
    pub reactants: Vec<Participant>,
    pub products: Vec<Participant>,
}

pub(crate) fn parse(text: &str) -> Result<Equation, ExpressionError> {
    for reversible in ["<->", "<=>", "⇌", "<-"] {
        if let Some(at) = text.find(reversible) {
            return Err(ExpressionError::new(
                format!("`{reversible}` is not an arrow of a reaction"),
                at..at + reversible.len(),
            )
            .help("write one reaction with `->` for each direction"));
        }
    }
    let arrow = ["->", "→", "=>"].into_iter().find_map(|arrow| text.find(arrow).map(|at| (at, arrow.len())));
    let Some((at, length)) = arrow else {
        return Err(ExpressionError::new("the equation lacks its arrow", 0..text.len())
            .help("write reactants and products on the two sides of `->`, as in `E -> H` or `-> X`"));
    };
    let right = at + length;
    if let Some(second) = text[right..].find("->").or_else(|| text[right..].find('→')) {
        return Err(ExpressionError::new("an equation has one arrow only", right + second..right + second + 2));
    }
    Ok(Equation { reactants: side(text, 0..at)?, products: side(text, right..text.len())? })
}

fn side(text: &str, range: Range<usize>) -> Result<Vec<Participant>, ExpressionError> {
    let mut participants: Vec<Participant> = Vec::new();
    let whole = &text[range.clone()];
    if matches!(whole.trim(), "" | "0" | "∅") {
        return Ok(participants);
    }
    let mut start = range.start;
    for term in whole.split('+') {
        let end = start + term.len();
        let trimmed_start = start + (term.len() - term.trim_start().len());
        let trimmed = term.trim();
        let place = trimmed_start..trimmed_start + trimmed.len();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, name) = trimmed.split_at(digits);
        let name = name.trim_start().trim_start_matches('*').trim_start();
        let count = if number.is_empty() { Ok(1) } else { number.parse::<u32>() };
        let valid_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        match count {
            Ok(count @ 1..=1_000_000) if valid_name => {
                let name_start = place.end - name.len();
                match participants.iter_mut().find(|participant| participant.name == name) {
                    Some(participant) => participant.count += count,
                    None => {
                        participants.push(Participant { count, name: name.to_owned(), span: name_start..place.end })
                    }
                }
            }
            _ => {
                let place = if place.is_empty() { start.saturating_sub(1)..end.max(start) } else { place };
                return Err(ExpressionError::new(format!("`{trimmed}` is not a species"), place)
                    .help("write `E`, `2 E` or `E + H`"));
            }
        }
        start = end + 1;
    }
    Ok(participants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_counts_and_places() {
        let equation = parse("A + 2 B + B -> C").unwrap();
        let left: Vec<_> = equation.reactants.iter().map(|p| (p.count, p.name.as_str(), p.span.clone())).collect();
        assert_eq!(left, [(1, "A", 0..1), (3, "B", 6..7)]);
        assert_eq!(equation.products.len(), 1);
        assert_eq!(parse("-> X").unwrap().reactants, []);
        assert_eq!(parse("X ->").unwrap().products, []);
        assert_eq!(parse("∅ → X").unwrap().reactants, []);
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, place) in [
            ("A B", "A B"),
            ("A <-> B", "<->"),
            ("A + -> B", ""),
            ("A -> B -> C", "->"),
            ("A -> 2.5 B", "2.5 B"),
            ("A-1 -> B", "A-1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(text[error.span.clone()].contains(place), "{text}: {error} {:?}", error.span);
        }
    }
}
