//! What keeps the resources from being put in an order, in the words of the proof.

use super::node::{Node, examined};
use crate::proof::search::{self, Finding, Search};
use crate::proof::wording::{CYCLE, Piece, needs, starts_later, step};

/// Names every cycle, then every resource whose order contradicts what it needs.
pub(super) fn findings(nodes: &[Node]) -> Vec<String> {
    let examined = examined(nodes);
    let mut memory = vec![0; search::words(nodes.len())];
    let mut search = Search::new(examined.graph(), &mut memory);
    let (mut cycles, mut contradictions) = (Vec::new(), Vec::new());
    for root in 0..u32::try_from(nodes.len()).expect("fewer than 2^32 components") {
        search.begin(root);
        while let Some(finding) = search.advance() {
            match finding {
                Finding::Cycle { start } => cycles.push(cycle(nodes, search.path_from(start))),
                Finding::Contradiction { node } => contradictions.push(node),
            }
        }
    }
    // The search leaves a resource after all that it needs; the resources are listed in their own order.
    contradictions.sort_unstable();
    let contradiction = |node| contradiction(nodes, &search, node);
    cycles.extend(contradictions.into_iter().map(contradiction));
    cycles
}

fn cycle(nodes: &[Node], path: &[u32]) -> String {
    let name = |node: u32| nodes[node as usize].name.as_str();
    let steps = path.iter().flat_map(|node| step(name(*node)));
    text(
        CYCLE
            .iter()
            .copied()
            .chain(steps)
            .chain([Piece::Name(name(path[0]))]),
    )
}

fn contradiction(nodes: &[Node], search: &Search<'_>, node: u32) -> String {
    let own = &nodes[node as usize];
    let mut pieces = needs(&own.name, own.order.unwrap_or_default()).to_vec();
    let mut at = search.through(node);
    loop {
        let Node { name, order, .. } = &nodes[at as usize];
        let Some(order) = order else {
            pieces.extend(step(name));
            at = search.through(at);
            continue;
        };
        pieces.extend(starts_later(name, *order));
        return text(pieces);
    }
}

fn text<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> String {
    pieces.into_iter().map(|piece| piece.to_string()).collect()
}
