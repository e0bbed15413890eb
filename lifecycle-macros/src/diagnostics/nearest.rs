//! Near misses: the known name that is probably meant.
//!
//! An edit is an insertion, a deletion, a substitution or a swap of neighbours (optimal string alignment), as in the
//! runtime crate's suggestions.

use strsim::osa_distance;

/// The nearest of the `known` names that is at most `within` edits away from `name`.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    within: usize,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (osa_distance(name, known), known))
        .filter(|(distance, _)| *distance <= within)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many edits away a name of this length may be and still be taken for another.
pub(crate) fn tolerance(name: &str) -> usize {
    match name.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::{nearest, tolerance};

    #[test]
    fn longer_names_may_be_further_away() {
        let within: Vec<usize> = (0..=10)
            .map(|length| tolerance(&"é".repeat(length)))
            .collect();
        assert_eq!(within, [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3]);
    }

    #[test]
    fn picks_the_nearest() {
        let known = ["start", "stop", "step"];
        assert_eq!(nearest("stepp", known, 2), Some("step"));
        assert_eq!(nearest("stop", known, 0), Some("stop"));
        assert_eq!(nearest("halt", known, 1), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        assert_eq!(nearest("strat", ["start"], 1), Some("start"));
    }
}
