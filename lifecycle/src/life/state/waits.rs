//! [`Waits`]: how many others each node of the graph still waits for.

/// What a node needs while the app starts, or what needs it while the app stops: a count per node instead of sets, since
/// each edge is crossed once.
#[derive(Debug, Default)]
pub(super) struct Waits(Vec<u32>);

impl Waits {
    /// Counts what each of `nodes` waits for. Returns also those that wait for nothing.
    pub(super) fn count<'a>(
        nodes: usize,
        waits_for: impl Fn(usize) -> &'a [u32],
    ) -> (Self, Vec<usize>) {
        let count = |node| u32::try_from(waits_for(node).len()).unwrap_or(u32::MAX);
        let waits: Vec<u32> = (0..nodes).map(count).collect();
        let free = (0..nodes).filter(|node| waits[*node] == 0).collect();
        (Self(waits), free)
    }

    /// One that the node waited for is through; true where that was the last one.
    pub(super) fn unblock(&mut self, node: u32) -> bool {
        let waits = &mut self.0[node as usize];
        *waits -= 1;
        *waits == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_free_once_the_last_of_those_that_it_waits_for_is_through() {
        let waits_for: [&[u32]; 3] = [&[], &[0], &[0, 1]];
        let (mut waits, free) = Waits::count(3, |node| waits_for[node]);
        assert_eq!(free, [0]);
        assert!(waits.unblock(1));
        assert!(!waits.unblock(2));
        assert!(waits.unblock(2));
    }
}
