//! Numbers as people write them.

/// A finite number in decimal notation.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A finite number, with a decimal comma if it has one.
pub(super) fn parse_with_comma(text: &str) -> Option<f64> {
    if text.contains(',') { point(text).and_then(|text| parse_number(&text)) } else { parse_number(text) }
}

/// A number with its one decimal comma turned into a point.
fn point(text: &str) -> Option<String> {
    (text.bytes().filter(|&byte| byte == b',').count() == 1 && !text.contains('.')).then(|| text.replace(',', "."))
}

/// Whether the numbers of a table have decimal commas: some have, and none has a point.
///
/// Where cells are separated by commas, only quoted cells can have them.
pub(super) fn has_decimal_comma(source: &str, separator: char, cells: &[(u32, u32)]) -> bool {
    if !source.contains(',') || (separator == ',' && !source.contains('"')) {
        return false;
    }
    let mut commas = false;
    for &(start, end) in cells {
        let cell = &source[start as usize..end as usize];
        if cell.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | ',')) {
            for part in cell.split(';').map(str::trim) {
                if part.contains('.') && parse_number(part).is_some() {
                    return false;
                }
                commas |= part.contains(',') && parse_with_comma(part).is_some();
            }
        }
    }
    commas
}
