//! Escapes text of user code before it is shown.

/// Escapes the characters that act instead of being shown, so that a name or an error cannot forge lines, move a
/// terminal's cursor, or change the direction of the text that follows.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.trim_end().chars() {
        if character.is_control() || turns_or_breaks(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Whether the character changes the direction of the text around it, or ends a line without being a control character.
fn turns_or_breaks(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn acts(character: char) -> bool {
        character.is_control() || turns_or_breaks(character)
    }

    /// Any text, most of which must be escaped.
    pub(crate) fn text() -> impl Strategy<Value = String> {
        let acting: Vec<char> = ('\0'..=char::MAX).filter(|c| acts(*c)).collect();
        let pieces = prop_oneof![
            any::<String>(),
            Just("\u{1b}[2J".to_owned()),
            Just("\n✓ all is well\r".to_owned()),
            prop::sample::select(acting).prop_map(String::from),
        ];
        prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn d7_acting_characters_are_recognized() {
        let known = "\0\t\n\r\u{7}\u{1b}\u{7f}\u{9b}\u{2028}\u{202a}\u{202e}\u{2066}\u{2069}";
        assert!(known.chars().all(acts));
        assert!(!" aé☃✓\u{2027}\u{202f}".chars().any(acts));
    }

    proptest! {
        #[test]
        fn d7_escaped_text_has_no_acting_characters(text in text()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.chars().any(acts), "{escaped:?}");
            prop_assert_eq!(escape(&escaped), escaped.as_str());
        }

        #[test]
        fn d7_other_characters_are_kept(text in any::<String>()) {
            let shown: String = text.chars().filter(|c| !acts(*c)).collect();
            prop_assert_eq!(escape(&shown), shown.trim_end());
        }
    }
}
