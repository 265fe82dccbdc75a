#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn cells_are_split_at_tabs_outside_quotes() {
    let line = "a\t\"b\tc\"\t\t \"\"";
    // The last cell begins with a blank, so its quotes are stray.
    assert_eq!(
        cells(line, '\t'),
        Err(StrayQuote { at: 10, label: "a quote inside a cell that does not begin with one" })
    );
    let line = "a\t\"b\t\"\"c\"\t";
    let found = cells(line, '\t').unwrap();
    assert_eq!(found, vec![0..1, 2..9, 10..10]);
    assert_eq!(&line[content(line, found[1].clone())], "b\t\"\"c");
}

#[test]
fn stray_quotes_are_found_where_they_stand() {
    for (line, at) in
        [("a\tb\"\tc", 3), ("a\t\"b\tc", 2), ("\"a\"b\tc", 2), ("\"", 0), ("\"\"\"", 0), ("x\t\"a\"\"", 2)]
    {
        assert_eq!(cells(line, '\t').unwrap_err().at, at, "{line}");
    }
    assert_eq!(cells("\"\"", '\t').unwrap(), vec![0..2]);
}

#[test]
fn lines_keep_their_numbers_over_blank_ones_and_carriage_returns() {
    let source = "a\tb\r\n\r\n1\t2\r\n\t\r\n3\t4";
    let found = lines(source, '\t');
    assert_eq!(found.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3, 5]);
    assert_eq!(found.iter().map(|line| line.text(source)).collect::<Vec<_>>(), ["a\tb", "1\t2", "3\t4"]);
    assert_eq!(lines("a;b\n;;\n\"\";\n", ';').len(), 1);
}

#[test]
fn bytes_that_are_not_text_are_placed() {
    for (bytes, line, column) in [(&b"a\tb\nc\xFF\n"[..], 2, 2), (b"a\0", 1, 2), (b"\xC3\xA4\n\n\0\xFF", 3, 1)] {
        let mut problems = Problems::default();
        assert_eq!(decode(bytes, "f", &mut problems), None);
        let found = problems.into_diagnostics();
        let place = found.0[0].place.clone().unwrap();
        assert_eq!((place.line, place.column), (line, column), "{found}");
    }
    assert_eq!(decode(b"\xEF\xBB\xBFa", "f", &mut Problems::default()), Some("a"));
    assert_eq!(decode(b"\xFF\xFEa\0", "f", &mut Problems::default()), None);
}
