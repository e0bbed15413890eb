//! Near misses: the known name that was probably meant.

/// The one of `known` that is at most `within` edits away from `name`, nearest first.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    within: usize,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= within)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many edits a name of this length may be away and still be taken for another.
pub(crate) fn tolerance(name: &str) -> usize {
    match name.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

/// The number of insertions, deletions, substitutions and swaps of neighbours that make `a` into `b`.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i.max(j);
                continue;
            }
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, tolerance};

    #[test]
    fn counts_edits() {
        for (a, b, edits) in [
            ("stop", "stop", 0),
            ("emergancy", "emergency", 1),
            ("strat", "start", 1),
            ("stp", "stop", 1),
            ("stops", "stop", 1),
            ("", "stop", 4),
            ("health", "reload", 5),
        ] {
            assert_eq!(distance(a, b), edits, "{a} -> {b}");
            assert_eq!(distance(b, a), edits, "{b} -> {a}");
        }
    }

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
}
