//! Text in pictures and pages: escaping, and fitting it into the room there is.

use std::fmt;

use crate::error::escape::escape;

/// Text of unknown origin, safe in XML and HTML: markup and control characters are escaped, and characters that XML
/// does not allow are replaced.
pub(super) struct Safe<'a>(pub(super) &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        // Line breaks are ours: titles have several lines.
        for (place, line) in self.0.split('\n').enumerate() {
            if place > 0 {
                f.write_char('\n')?;
            }
            for character in escape(line).chars() {
                match character {
                    '&' => f.write_str("&amp;")?,
                    '<' => f.write_str("&lt;")?,
                    '>' => f.write_str("&gt;")?,
                    '"' => f.write_str("&quot;")?,
                    '\'' => f.write_str("&#39;")?,
                    '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                    other => f.write_char(other)?,
                }
            }
        }
        Ok(())
    }
}

/// Estimates the width of a text, in multiples of its font size. It errs on the wide side, since the fonts of the
/// viewer are not known.
pub(super) fn width(text: &str) -> f64 {
    text.chars()
        .map(|character| match character {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | '\'' | '|' | ' ' | '(' | ')' => {
                0.38
            }
            'm' | 'w' | 'M' | 'W' => 0.95,
            _ if character.is_ascii_uppercase() => 0.72,
            _ if (character as u32) < 0x1100 => 0.62,
            _ => 1.05,
        })
        .sum()
}

/// Truncates the text to the room, with an ellipsis.
pub(super) fn fitting(text: &str, size: f64, room: f64) -> String {
    if width(text) * size <= room {
        return text.to_owned();
    }
    let mut fitting = String::new();
    let mut remaining = room / size - 1.0;
    for character in text.chars() {
        remaining -= width(character.encode_utf8(&mut [0; 4]));
        if remaining < 0.0 {
            break;
        }
        fitting.push(character);
    }
    fitting.push('…');
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_does_not_fit_is_truncated() {
        assert_eq!(fitting("database", 10.0, 100.0), "database");
        assert_eq!(fitting("a_very_long_name_of_it", 10.0, 50.0), "a_very…");
        assert_eq!(fitting("x", 10.0, 0.0), "…");
    }

    #[test]
    fn d7_markup_is_escaped() {
        let text = "<script>\u{1b}[2J&\"'\u{ffff}\u{202e}\nnext";
        assert_eq!(
            Safe(text).to_string(),
            "&lt;script&gt;\\u{1b}[2J&amp;&quot;&#39;\u{fffd}\\u{202e}\nnext"
        );
    }
}
