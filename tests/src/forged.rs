//! Text that acts on a terminal instead of being shown: it clears the screen, sets the title, rings, starts a line of
//! its own, sets a color, and reverses the direction of the text after it.

/// The text that a program puts into each of its messages.
pub const TEXT: &str = "evil\u{1b}[2J\u{1b}]0;title\u{7}\r\nforged\u{9b}31m\u{202e}end";

/// The text once it is escaped.
pub const ESCAPED: &str = r"evil\u{1b}[2J\u{1b}]0;title\u{7}\r\nforged\u{9b}31m\u{202e}end";

/// Returns the parts of [`TEXT`] that the output contains unescaped. Output for a terminal has escapes of its own, but
/// not these.
#[must_use]
pub fn acting(output: &str) -> Vec<&'static str> {
    let all = [
        "evil\u{1b}",
        "\u{1b}[2J",
        "\u{1b}]0;",
        "\u{7}",
        "\rforged",
        "\nforged",
        "\u{9b}",
        "\u{202e}",
    ];
    all.into_iter()
        .filter(|piece| output.contains(piece))
        .collect()
}
