//! `mermaid`: a [flowchart](https://mermaid.js.org/syntax/flowchart.html), which code hosts render in Markdown. They
//! render at most 500 edges; `dot` has no such limit.

use std::fmt::Write as _;

use crate::view::print::graph_layout::GraphLayout;
use crate::view::print::summary::PlanSummary;

pub(super) fn render(summary: &PlanSummary<'_>) -> String {
    let layout = GraphLayout::of(summary);
    let mut text =
        "%% An arrow leads from a component to one that it needs; a dotted one to a component of a lower order.\n\
         flowchart TB\n"
            .to_owned();
    for (id, (lines, kind)) in layout.nodes.iter().enumerate() {
        let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
        let label = lines.join("<br/>");
        let _ = match *kind {
            "worker" => writeln!(text, "  n{id}(\"{label}\")"),
            "main" => writeln!(text, "  n{id}([\"{label}\"])"),
            _ => writeln!(text, "  n{id}[\"{label}\"]"),
        };
    }
    for point in 0..layout.points {
        let _ = writeln!(text, "  p{point}((\" \"))");
    }
    for edge in &layout.edges {
        let arrow = if edge.is_order() { "-.->" } else { "-->" };
        let _ = writeln!(text, "  {} {arrow} {}", edge.from, edge.to);
    }
    text
}

/// Replaces by an entity every character that has a meaning in Mermaid, Markdown or HTML.
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
