//! `dot`: for [Graphviz](https://graphviz.org/doc/info/lang.html).

use std::fmt::Write as _;

use crate::view::print::graph_layout::GraphLayout;
use crate::view::print::summary::PlanSummary;

pub(super) fn render(summary: &PlanSummary<'_>) -> String {
    let layout = GraphLayout::of(summary);
    let name = quoted(&summary.plan.name);
    let mut text = format!(
        "// An arrow leads from a component to one that it needs; a dashed one to a component of a lower order.\n\
         digraph {name} {{\n  \
           node [shape=box, fontname=\"sans-serif\"];\n"
    );
    for (id, (lines, kind)) in layout.nodes.iter().enumerate() {
        // Escaped before joining: `\n` separates lines, while one in a name is text.
        let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
        let style = match *kind {
            "worker" => ", style=rounded",
            "main" => ", style=bold",
            _ => "",
        };
        let _ = writeln!(text, "  n{id} [label=\"{}\"{style}];", lines.join("\\n"));
    }
    for point in 0..layout.points {
        let _ = writeln!(text, "  p{point} [shape=point];");
    }
    for edge in &layout.edges {
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
