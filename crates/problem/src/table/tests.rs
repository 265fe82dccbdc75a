#![allow(clippy::unwrap_used)]

use super::*;

const COLUMNS: Columns = Columns { kind: "test", required: &["id", "value"], optional: &["note"], open: false };

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
    let table = parse("\u{FEFF}id\tvalue\tnote\r\na\t1\t\"x \"\"y\"\"\"\r\n\r\n b \t2,5\t\r\n\r\nc\t2.5\t\n").unwrap();
    assert_eq!(table.len(), 3);
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
fn separators_decimal_commas_and_missing_values_are_understood() {
    let values = |text: &str| {
        let table = parse(text).unwrap_or_else(|found| panic!("{text:?}: {found}"));
        let value = table.column("value").unwrap();
        (0..table.len()).map(|row| value.text(row).and_then(parse_number)).collect::<Vec<_>>()
    };
    for text in [
        "id\tvalue\na\t1.5\nb\tNA\nc\t-2e3\n",
        "id,value\na,1.5\nb,\nc,-2e3\n",
        "\"id\",\"value\"\n\"a\",\"1.5\"\nb,NA\nc,-2000\n,\n\n",
        "id;value\na;1,5\nb;;\nc;-2e3;;\n;\n",
        "value,id\n\"1,5\",a\n,b\n\"-2e3\",c\n",
        "id\tvalue\t\na\t1,5\nb\t\nc\t-2000,0\n",
    ] {
        assert_eq!(values(text), [Some(1.5), None, Some(-2000.0)], "{text:?}");
    }
    // Points and commas in one table: the commas are no decimal ones.
    assert_eq!(values("id\tvalue\na\t1.5\nb\t1,5\n"), [Some(1.5), None]);
}

#[test]
fn gzip_is_unpacked_and_bombs_are_named() {
    use std::io::Write as _;
    let pack = |bytes: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let read = |bytes: &[u8]| {
        let mut problems = Problems::default();
        let table = Table::parse(bytes, "t.tsv.gz", &COLUMNS, &mut problems);
        (table.map(|table| table.len()), problems.into_diagnostics().to_string())
    };
    let packed = pack(b"id,value\na,1\nb,2\n");
    assert_eq!(read(&packed).0, Some(2));
    let (table, shown) = read(&packed[..packed.len() - 4]);
    assert!(table.is_none() && shown.contains("t.tsv.gz") && shown.contains("cannot be unpacked"), "{shown}");
    // Members of a gzip file follow each other: ten times a hundred kilobytes of nothing, of which one is too much.
    let bomb = pack(&vec![b' '; 100_000]).repeat(10);
    let mut problems = Problems::default();
    assert!(unpack::unpack(&bomb, 1_000_000, "t.tsv.gz", &mut problems).is_some() && problems.is_empty());
    assert!(unpack::unpack(&bomb, 999_999, "t.tsv.gz", &mut problems).is_none());
    let shown = problems.into_diagnostics().to_string();
    assert!(shown.contains("t.tsv.gz") && shown.contains("unpacks to more than 999999 bytes"), "{shown}");
}

#[test]
fn parquet_is_read_and_damage_to_it_is_named() {
    use polars::prelude::{DataFrame, NamedFrom, ParquetWriter, Series};
    let ids = Series::new("id".into(), ["a", "b\tc", "d"]);
    let values = Series::new("value".into(), [Some(0.1 + 0.2), None, Some(1e-300)]);
    let mut frame = DataFrame::new(3, vec![ids.into(), values.into()]).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    let read = |bytes: &[u8]| {
        let mut problems = Problems::default();
        let table = Table::parse(bytes, "t.parquet", &COLUMNS, &mut problems);
        (table, problems.into_diagnostics().to_string())
    };
    let table = read(&bytes).0.unwrap();
    let (id, value) = (table.column("id").unwrap(), table.column("value").unwrap());
    assert_eq!((id.text(1), value.text(1)), (Some("b\tc"), None));
    assert_eq!(value.text(0).and_then(parse_number), Some(0.1 + 0.2));
    assert_eq!(value.text(2).and_then(parse_number), Some(1e-300));
    // Whatever is done to a byte: a table or a message that names the file.
    for at in (4..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xA5;
        let (table, shown) = read(&damaged);
        assert!(table.is_some() || shown.contains("t.parquet"), "{shown}");
        let (table, shown) = read(&bytes[..at]);
        assert!(table.is_none() && shown.contains("t.parquet"), "{shown}");
    }
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
        ("id|value\na|1\n", &["has one column", "separated by tabs, commas or semicolons"]),
        ("id;value\na;1;2\n", &["t.tsv:2:5", "separated by one semicolon each"]),
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
