//! Cuts an expression's text into tokens.

use std::ops::Range;

use super::ExpressionError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    Number(f64),
    Name(&'t str),
    Symbol(&'static str),
    End,
}

const SYMBOLS: [&str; 20] =
    ["**", "&&", "||", "<=", ">=", "==", "!=", "+", "-", "*", "/", "^", "(", ")", ",", "<", ">", "!", "·", "×"];

/// All tokens with the bytes they came from; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if first.is_ascii_digit() || first == '.' {
            let end = at + number_length(rest);
            let value = text[at..end].parse().map_err(|_| {
                ExpressionError::new(format!("`{}` is not a number", &text[at..end]), at..end)
                    .help("numbers are written as 3, 0.5 or 1e-9")
            })?;
            tokens.push((Token::Number(value), at..end));
            at = end;
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            tokens.push((Token::Name(&rest[..length]), at..at + length));
            at += length;
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            let meaning = match *symbol {
                "**" => "^",
                "·" | "×" => "*",
                other => other,
            };
            tokens.push((Token::Symbol(meaning), at..at + symbol.len()));
            at += symbol.len();
        } else {
            let error =
                ExpressionError::new(format!("`{first}` does not belong in an expression"), at..at + first.len_utf8());
            return Err(match first {
                '=' => error.help("compare with `==`"),
                '&' | '|' => error.help("write `&&` for and, `||` for or"),
                _ => error,
            });
        }
    }
    tokens.push((Token::End, text.len()..text.len()));
    Ok(tokens)
}

/// Length of a number at the start of `text`: digits, a point, an exponent. Letters glued on belong to it, so that
/// `2k` is one wrong number and not a number beside a name.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let sign_of_exponent =
            matches!(bytes[end], b'+' | b'-') && end > 0 && matches!(bytes[end - 1], b'e' | b'E') && bytes[0] != b'_';
        if bytes[end].is_ascii_alphanumeric() || matches!(bytes[end], b'.' | b'_') || sign_of_exponent {
            end += 1;
        } else {
            break;
        }
    }
    end
}
