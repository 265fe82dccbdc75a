//! What a whole page says, in words, kept in `snapshots/page.txt`. After a change that is meant, `UPDATE_SNAPSHOTS=1 cargo
//! test … --test page` writes it anew; the difference is then to be read.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use metacascade_report::render;

#[path = "../examples/sample.rs"]
#[allow(dead_code, reason = "the program of the example is not run")]
mod sample;

/// A page's text: without scripts, styles and pictures, a line for each element that begins one, cells separated by |.
fn words(page: &str) -> String {
    let mut text = page.to_owned();
    for name in ["script", "style", "svg"] {
        let (open, close) = (format!("<{name}"), format!("</{name}>"));
        while let Some(start) = text.find(&open) {
            let end = text[start..].find(&close).map_or(text.len(), |end| start + end + close.len());
            text.replace_range(start..end, "");
        }
    }
    text = text.replace('\n', " ");
    for cell in ["</td>", "</th>"] {
        text = text.replace(cell, " |");
    }
    for block in ["<p", "<h1", "<h2", "<h3", "<h4", "<tr", "<li", "<dt", "<pre", "<summary", "<figure", "<section"] {
        text = text.replace(block, &format!("\n{block}"));
    }
    let mut plain = String::new();
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => plain.push(letter),
            _ => {}
        }
    }
    let lines = plain.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).fold(String::new(), |text, line| text + &line + "\n")
}

#[test]
fn a_page_says_what_it_said() {
    let said = words(&render(&sample::content()).unwrap());
    // Names that mean ill are text, and no element begins in them.
    assert!(said.contains("&lt;/script&gt;") || said.contains("&#60;/script&#62;"), "{said}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/page.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &said).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == said, "{} differs from what the page says now:\n{said}", path.display());
}
