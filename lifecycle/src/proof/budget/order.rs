//! Components in falling order.

use crate::proof::graph::Node;

/// Puts the nodes that have an order at the beginning of `out`, highest first, and returns how many there are.
pub(super) const fn sort_by_order(nodes: &[Node], out: &mut [u32]) -> usize {
    let mut count = 0;
    let mut i = 0;
    while i < nodes.len() {
        if nodes[i].order.is_some() {
            out[count] = i as u32;
            count += 1;
        }
        i += 1;
    }
    // Heapsort: sorting of slices is not `const`. The root of the heap is the lowest order.
    let mut i = count / 2;
    while i > 0 {
        i -= 1;
        sift_down(nodes, out, i, count);
    }
    let mut end = count;
    while end > 1 {
        end -= 1;
        out.swap(0, end);
        sift_down(nodes, out, 0, end);
    }
    count
}

const fn sift_down(nodes: &[Node], heap: &mut [u32], mut at: usize, len: usize) {
    loop {
        let mut least = at;
        let mut child = 2 * at + 1;
        while child < len && child <= 2 * at + 2 {
            if order(nodes, heap[child]) < order(nodes, heap[least]) {
                least = child;
            }
            child += 1;
        }
        if least == at {
            return;
        }
        heap.swap(at, least);
        at = least;
    }
}

/// The order of a node that has one.
pub(super) const fn order(nodes: &[Node], node: u32) -> i32 {
    match nodes[node as usize].order {
        Some(order) => order,
        None => 0,
    }
}
