//! Numbers as people write them.

/// A finite number in decimal notation.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether a text is a number but for its decimal comma.
fn has_comma(text: &str) -> bool {
    text.bytes().filter(|&byte| byte == b',').count() == 1
        && !text.contains('.')
        && parse_number(&text.replace(',', ".")).is_some()
}

/// The text of a table with points for decimal commas, none if its numbers have no decimal commas: some must have one,
/// and none a point.
///
/// Where cells are separated by commas, only quoted cells can have them.
pub(super) fn without_decimal_commas(source: &str, separator: char, cells: &[(u32, u32)]) -> Option<String> {
    if !source.contains(',') || (separator == ',' && !source.contains('"')) {
        return None;
    }
    let mut commas = Vec::new();
    for &(start, end) in cells {
        let cell = &source[start as usize..end as usize];
        if !cell.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | ',')) {
            continue;
        }
        // A cell may be a list of numbers.
        let mut at = start as usize;
        for part in cell.split(';') {
            if part.contains('.') && parse_number(part.trim()).is_some() {
                return None;
            }
            if has_comma(part.trim()) {
                commas.extend(part.find(',').map(|comma| at + comma));
            }
            at += part.len() + 1;
        }
    }
    if commas.is_empty() {
        return None;
    }
    let mut text = source.to_owned().into_bytes();
    commas.into_iter().for_each(|comma| text[comma] = b'.');
    // One byte of text for another: it stays text.
    String::from_utf8(text).ok()
}
