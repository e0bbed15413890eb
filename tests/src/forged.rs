//! Text that acts on a terminal instead of being shown: it clears the screen, sets the title, rings, begins a line of its
//! own, colours, and turns the direction of what follows.

/// What a program says wherever it can say something.
pub const TEXT: &str = "evil\u{1b}[2J\u{1b}]0;title\u{7}\r\nforged\u{9b}31m\u{202e}end";

/// How it looks once it cannot act any more.
pub const ESCAPED: &str = r"evil\u{1b}[2J\u{1b}]0;title\u{7}\r\nforged\u{9b}31m\u{202e}end";

/// What of [`TEXT`] stands in the output as it is. On a terminal the output has escapes of its own, but not these.
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
