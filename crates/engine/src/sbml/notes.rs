//! Notes: the descriptions of a model and its parts.

use roxmltree::Node as Element;

/// What a model's author wrote about an element.
#[derive(Default)]
pub(super) struct Notes {
    pub description: String,
    pub source: String,
    pub stage: String,
}

/// How the paragraphs of notes begin that are not a description.
pub(super) const SOURCE: &str = "Source: ";
pub(super) const STAGE: &str = "Stage: ";

impl Notes {
    pub fn of(element: Element) -> Self {
        let mut notes = Self::default();
        let Some(root) = element.children().find(|child| child.tag_name().name() == "notes") else { return notes };
        let paragraphs: Vec<Element> = root.descendants().filter(|one| one.tag_name().name() == "p").collect();
        let all = if paragraphs.is_empty() { vec![root] } else { paragraphs };
        for paragraph in all {
            let texts = paragraph.descendants().filter(Element::is_text).filter_map(|text| text.text());
            let words: Vec<&str> = texts.flat_map(str::split_whitespace).collect();
            let text = words.join(" ");
            if let Some(source) = text.strip_prefix(SOURCE) {
                source.clone_into(&mut notes.source);
            } else if let Some(stage) = text.strip_prefix(STAGE) {
                stage.clone_into(&mut notes.stage);
            } else if !text.is_empty() {
                let gap = if notes.description.is_empty() { "" } else { "\n" };
                notes.description += gap;
                notes.description += &text;
            }
        }
        notes
    }

    /// The description, or else the element's name where it says more than its id.
    pub fn or_name(self, element: Element) -> String {
        let name = element.attribute("name").filter(|name| element.attribute("id") != Some(name));
        if self.description.is_empty() { name.unwrap_or_default().to_owned() } else { self.description }
    }
}
