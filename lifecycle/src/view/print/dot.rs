//! `dot`: for [Graphviz](https://graphviz.org/doc/info/lang.html).

use std::fmt::Write as _;

use crate::view::print::graph_layout::Drawing;
use crate::view::print::summary::Outline;

pub(super) fn render(outline: &Outline<'_>) -> String {
    let drawing = Drawing::of(outline);
    let name = quoted(&outline.plan.name);
    let mut text = format!(
        "// An arrow leads from what needs to what is needed, a dashed one to what comes earlier by order.\n\
         digraph {name} {{\n  \
           node [shape=box, fontname=\"sans-serif\"];\n"
    );
    for (id, (lines, kind)) in drawing.nodes.iter().enumerate() {
        // `\n` in a label is a new line; one in a name is not.
        let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
        let style = match *kind {
            "worker" => ", style=rounded",
            "main" => ", style=bold",
            _ => "",
        };
        let _ = writeln!(text, "  n{id} [label=\"{}\"{style}];", lines.join("\\n"));
    }
    for point in 0..drawing.points {
        let _ = writeln!(text, "  p{point} [shape=point];");
    }
    for edge in &drawing.edges {
        let style = if edge.is_order() {
            " [style=dashed]"
        } else {
            ""
        };
        let _ = writeln!(text, "  {} -> {}{style};", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
