#![allow(clippy::unwrap_used)]

use super::*;

const COLUMNS: Columns = Columns { kind: "test", required: &["id", "value"], optional: &["note"] };

fn parse(text: &str) -> Result<Table, String> {
    let mut problems = Problems::default();
    let table = Table::parse(text.as_bytes(), "t.tsv", &COLUMNS, &mut problems);
    match table {
        Some(table) if problems.is_empty() => Ok(table),
        _ => Err(problems.into_diagnostics().to_string()),
    }
}

#[test]
fn cells_come_back_with_their_places() {
    let table = parse("\u{FEFF}id\tvalue\tnote\r\na\t1\t\"x \"\"y\"\"\"\r\n\r\n b \t2,5\t\r\n\r\n").unwrap();
    assert_eq!(table.len(), 2);
    let note = table.column("note").unwrap();
    assert_eq!((note.text(0), note.text(1)), (Some("x \"y\""), None));
    let id = table.column("id").unwrap();
    assert_eq!((id.text(0), id.text(1)), (Some("a"), Some("b")));
    let (place, text) = table.place(1, "value");
    assert_eq!((place.line, place.column, text.as_str()), (4, 5, "2,5"));
    let mut problems = Problems::default();
    assert_eq!(table.column("value").unwrap().number(&table, 0, &mut problems), Some(1.0));
    assert_eq!(table.column("value").unwrap().number(&table, 1, &mut problems), None);
    let shown = problems.into_diagnostics().to_string();
    for part in ["t.tsv:4:5", "must be a finite number", "write the decimal point as `.`: 2.5"] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(table.column("nothing").is_none());
}

#[test]
fn a_column_full_of_bad_cells_is_summed_up() {
    let mut text = String::from("id\tvalue\n");
    for row in 0..1000 {
        text.push_str(&format!("r{row}\tx\n"));
    }
    let table = parse(&text).unwrap();
    let mut problems = Problems::default();
    let value = table.column("value").unwrap();
    for row in 0..table.len() {
        assert_eq!(value.number(&table, row, &mut problems), None);
    }
    let found = problems.into_diagnostics();
    assert_eq!(found.0.len(), 21);
    assert_eq!(found.0[20].message, "980 more problems like these in `value`");
}

#[test]
fn broken_tables_say_where_and_what() {
    for (text, parts) in [
        ("", &["the test table is empty", "id, value"][..]),
        ("id\tvalue\n", &["t.tsv:1:1", "has no rows"]),
        (
            "id\tvalu\na\t1\n",
            &["t.tsv:1:4", "unknown column `valu`", "did you mean `value`?", "lacks the column `value`"],
        ),
        ("id\tvalue\tvalue\na\t1\t2\n", &["t.tsv:1:10", "two columns are named `value`"]),
        ("id,value\na,1\n", &["not tab separated"]),
        ("id\tvalue\na\n", &["t.tsv:2:2", "1 cells where the header has 2"]),
        ("id\tvalue\na\t1\t\t7\n", &["t.tsv:2:5", "4 cells where the header has 2"]),
        ("id\tvalue\na\t1\"\n", &["t.tsv:2:4", "a stray quote"]),
        ("id\tvalue\na\t1\rb\t2\n", &["t.tsv:2:"]),
    ] {
        let shown = parse(text).err().unwrap();
        for part in parts {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }
}
