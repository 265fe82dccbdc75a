//! What stands inside the page beside its text: scripts, their hashes, and JSON that cannot become markup.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The vendored libraries, in the order they are loaded, each under its licence.
/// None of them holds `</script` or `<!--`, which would end a script element early; a test keeps watch.
pub const LIBRARIES: [&str; 3] = [
    concat!("/*!\n", include_str!("../vendor/LICENSE-vega"), "*/\n", include_str!("../vendor/vega.min.js")),
    concat!("/*!\n", include_str!("../vendor/LICENSE-vega-lite"), "*/\n", include_str!("../vendor/vega-lite.min.js")),
    concat!("/*!\n", include_str!("../vendor/LICENSE-vega-embed"), "*/\n", include_str!("../vendor/vega-embed.min.js")),
];

/// Names and versions of [`LIBRARIES`].
pub const LIBRARY_VERSIONS: [(&str, &str); 3] = [("vega", "6.4.0"), ("vega-lite", "6.4.3"), ("vega-embed", "7.3.0")];

/// The page's own script: draws every figure.
pub const SCRIPT: &str = include_str!("../templates/report.js");

/// JSON for a `<script type="application/json">` element or an attribute.
///
/// `<`, `>` and `&` are written as `\u003c`, `\u003e` and `\u0026`, so that no text in it can end the element or
/// begin another; likewise U+2028 and U+2029, which older JavaScript takes for ends of lines.
/// HTML standard, section 4.12.1.3, "Restrictions for contents of script elements".
#[must_use]
pub fn json(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => text.push(other),
        }
    }
    text
}

/// The content security policy: scripts by hash, styles and images of the page itself, no network at all.
///
/// No script runs but the vendored libraries and [`SCRIPT`], whatever markup a page should come to hold; `eval` is
/// not allowed either, Vega's expressions being interpreted. Styles may be inline because Vega writes style attributes.
#[must_use]
pub fn content_security_policy() -> String {
    let hashes: Vec<String> = LIBRARIES.iter().chain([&SCRIPT]).map(|script| hash(script)).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    )
}

/// The hash of an inline script or style as a policy wants it: `'sha256-…'` over the text between the tags.
pub(crate) fn hash(script: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(script.as_bytes())))
}

/// Base 64 with padding, RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().enumerate().fold(0, |group, (index, byte)| group | u32::from(*byte) << (16 - 8 * index));
        for digit in 0..4 {
            let value = (group >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_cannot_leave_its_element() {
        let hostile = json!({"</script><script>alert(1)</script>": "<!-- <img onerror=x> & \u{2028}\u{2029} \"'"});
        let text = json(&hostile);
        for character in ['<', '>', '&', '\u{2028}', '\u{2029}'] {
            assert!(!text.contains(character), "{character:?} in {text}");
        }
        let back: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(back, hostile);
    }

    #[test]
    fn scripts_hold_nothing_that_ends_them() {
        for script in LIBRARIES.iter().chain([&SCRIPT]) {
            let lower = script.to_ascii_lowercase();
            for end in ["</script", "<script", "<!--", "sourcemappingurl"] {
                assert!(!lower.contains(end), "{end}");
            }
            // Browsers hash the text after turning line ends into LF.
            assert!(!script.contains('\r'));
        }
    }

    #[test]
    fn versions_are_those_vendored() {
        for (library, (name, version)) in LIBRARIES.iter().zip(LIBRARY_VERSIONS) {
            assert!(library.contains(&format!("\"{version}\"")), "{name}");
        }
    }

    #[test]
    fn base64_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn hash_of_the_policy_specification() {
        // Content Security Policy Level 3, section 7.2 "Usage of 'unsafe-hashes'" and MDN: alert('Hello, world.');
        assert_eq!(hash("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    }
}
