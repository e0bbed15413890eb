//! How things are written.

use std::fmt;
use std::time::Duration;

use crate::duration::show;
use crate::error::escape;

/// A duration with all that is of interest of it: `340µs`, `1.2ms`, `340ms`, `1.25s`, `12.3s`.
pub(super) fn exact(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0 => "0".to_owned(),
        1..1_000 => format!("{micros}µs"),
        1_000..10_000 => format!("{}ms", trimmed(time.as_secs_f64() * 1e3, 2)),
        10_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..10_000_000 => format!("{}s", trimmed(time.as_secs_f64(), 2)),
        10_000_000..60_000_000 => format!("{}s", trimmed(time.as_secs_f64(), 1)),
        60_000_000..3_600_000_000 => show(time),
        _ => {
            let minutes = time.as_secs() / 60;
            match (minutes / 60, minutes % 60) {
                (hours, 0) => format!("{hours}h"),
                (hours, minutes) => format!("{hours}h {minutes}m"),
            }
        }
    }
}

fn trimmed(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text of anybody, as XML and HTML take it: what acts is escaped, and what they do not allow is replaced.
pub(super) struct Safe<'a>(pub(super) &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        // Our own lines are kept.
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

/// About how wide a text is, in the widths of its font's size. Rather too wide than too narrow.
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

/// The text as far as it fits.
pub(super) fn fitting(text: &str, size: f64, room: f64) -> String {
    if width(text) * size <= room {
        return text.to_owned();
    }
    let mut fitting = String::new();
    let mut left = room / size - 1.0;
    for character in text.chars() {
        left -= width(character.encode_utf8(&mut [0; 4]));
        if left < 0.0 {
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
    fn times_are_short_and_exact() {
        for (micros, text) in [
            (0, "0"),
            (340, "340µs"),
            (1_000, "1ms"),
            (1_250, "1.25ms"),
            (20_400, "20ms"),
            (1_000_000, "1s"),
            (1_250_000, "1.25s"),
            (12_340_000, "12.3s"),
            (90_000_000, "1m 30s"),
            (11_520_000_000, "3h 12m"),
        ] {
            assert_eq!(exact(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fitting("database", 10.0, 100.0), "database");
        assert_eq!(fitting("a_very_long_name_of_it", 10.0, 50.0), "a_very…");
        assert_eq!(fitting("x", 10.0, 0.0), "…");
    }

    #[test]
    fn d7_what_acts_in_markup_is_escaped() {
        let text = "<script>\u{1b}[2J&\"'\u{ffff}\u{202e}\nnext";
        assert_eq!(
            Safe(text).to_string(),
            "&lt;script&gt;\\u{1b}[2J&amp;&quot;&#39;\u{fffd}\\u{202e}\nnext"
        );
    }
}
