//! Numbers that differ from run to run, and how many runs there are.

use crate::evidence::now;

/// How often a test with instants of its own is repeated: `RUNS`, where that is set.
#[must_use]
pub fn runs(usually: usize) -> usize {
    let given = std::env::var("RUNS").ok();
    given.map_or(usually, |runs| runs.parse().expect("RUNS is a number"))
}

/// A small generator. Its seed is printed, and taken from `SEED` where that is set, so that a failure can be had again.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// One with a seed of its own.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two of them are not the same")]
    pub fn new() -> Self {
        let given = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(now().subsec_nanos()));
        eprintln!("SEED={seed}");
        Self(seed)
    }

    /// A number below the limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The constants of Knuth's MMIX generator, whose upper bits are good.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// An index into something so long.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }
}
