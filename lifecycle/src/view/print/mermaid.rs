//! `mermaid`: a [flowchart](https://mermaid.js.org/syntax/flowchart.html), which code hosts draw in Markdown. They draw
//! at most 500 edges; `dot` has no such limit.

use std::fmt::Write as _;

use crate::view::print::graph_layout::Drawing;
use crate::view::print::summary::Outline;

pub(super) fn render(outline: &Outline<'_>) -> String {
    let drawing = Drawing::of(outline);
    let mut text =
        "%% An arrow leads from what needs to what is needed, a dotted one to what comes earlier by order.\n\
         flowchart TB\n"
            .to_owned();
    for (id, (lines, kind)) in drawing.nodes.iter().enumerate() {
        let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
        let label = lines.join("<br/>");
        let _ = match *kind {
            "worker" => writeln!(text, "  n{id}(\"{label}\")"),
            "main" => writeln!(text, "  n{id}([\"{label}\"])"),
            _ => writeln!(text, "  n{id}[\"{label}\"]"),
        };
    }
    for point in 0..drawing.points {
        let _ = writeln!(text, "  p{point}((\" \"))");
    }
    for edge in &drawing.edges {
        let arrow = if edge.is_order() { "-.->" } else { "-->" };
        let _ = writeln!(text, "  {} {arrow} {}", edge.from, edge.to);
    }
    text
}

/// As an entity whatever could mean something to Mermaid, Markdown or HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_punctuation() && !"_-:.,()".contains(character) {
            let _ = write!(escaped, "#{};", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}
