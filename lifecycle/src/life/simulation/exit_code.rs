//! The exit codes that a life may end with, by the rules alone. Neither the driver nor its report is asked.
//!
//! The simulation judges its worlds by this, and the random days of `lifecycle-tests` judge real processes, where this
//! file is included by its path. It uses nothing but `std`.

use std::collections::BTreeSet;

/// Whether something happened, as far as an observer can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    No,
    /// Two events may have come in either order, or nothing recorded it.
    Maybe,
    Yes,
}

impl Fact {
    /// `Yes` if it certainly happened, else `Maybe` if it may have happened.
    pub(crate) fn of(certain: bool, possible: bool) -> Self {
        match (certain, possible) {
            (true, _) => Self::Yes,
            (false, true) => Self::Maybe,
            (false, false) => Self::No,
        }
    }
}

/// What decides about the exit code, in descending order of precedence.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// A second signal forced the end.
    pub(crate) forced: Fact,
    /// The signals of which one was the second.
    pub(crate) signals: &'a [i32],
    /// The app stopped because its configuration is wrong.
    pub(crate) config: Fact,
    /// A component or the body of `main` failed, or the startup took too long.
    pub(crate) failed: Fact,
    /// A component needed more than its own stop, or work was cancelled.
    pub(crate) unclean: Fact,
}

/// The exit codes that these facts allow.
pub(crate) fn allowed(facts: &Facts<'_>) -> BTreeSet<i32> {
    let mut codes = BTreeSet::new();
    if facts.forced != Fact::No {
        codes.extend(facts.signals.iter().map(|signal| 128 + signal));
    }
    if facts.forced == Fact::Yes {
        return codes;
    }
    for (fact, code) in [(facts.config, 2), (facts.failed, 1), (facts.unclean, 3)] {
        if fact != Fact::No {
            codes.insert(code);
        }
        if fact == Fact::Yes {
            return codes;
        }
    }
    codes.insert(0);
    codes
}

#[cfg(test)]
mod tests {
    use super::Fact::{Maybe, No, Yes};
    use super::*;

    const TERM: i32 = 15;
    const INT: i32 = 2;

    #[track_caller]
    fn expect(forced: Fact, [config, failed, unclean]: [Fact; 3], codes: &[i32]) {
        let facts = Facts {
            forced,
            signals: &[TERM, INT],
            config,
            failed,
            unclean,
        };
        let found: Vec<i32> = allowed(&facts).into_iter().collect();
        assert_eq!(found, codes, "{facts:?}");
    }

    #[test]
    fn a_graceful_stop_is_exit_code_0() {
        expect(No, [No, No, No], &[0]);
    }

    #[test]
    fn the_first_certain_fact_decides() {
        expect(No, [No, No, Yes], &[3]);
        expect(No, [No, Yes, Yes], &[1]);
        expect(No, [Yes, Yes, Yes], &[2]);
        expect(Yes, [Yes, Yes, Yes], &[130, 143]);
    }

    #[test]
    fn an_uncertain_fact_allows_both_codes() {
        expect(No, [No, No, Maybe], &[0, 3]);
        expect(No, [No, Maybe, No], &[0, 1]);
        expect(No, [No, Maybe, Yes], &[1, 3]);
        expect(No, [No, Maybe, Maybe], &[0, 1, 3]);
        expect(No, [Maybe, Yes, Maybe], &[1, 2]);
        expect(Maybe, [No, Yes, No], &[1, 130, 143]);
        expect(Maybe, [No, No, No], &[0, 130, 143]);
    }

    #[test]
    fn a_certain_fact_is_also_possible() {
        assert_eq!(Fact::of(true, false), Yes);
        assert_eq!(Fact::of(true, true), Yes);
        assert_eq!(Fact::of(false, true), Maybe);
        assert_eq!(Fact::of(false, false), No);
    }
}
