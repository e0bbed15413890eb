//! Numbers that differ from run to run, and how many runs there are.

use crate::evidence::now;

/// How often a test with instants of its own is repeated: `RUNS`, where that is set.
#[must_use]
pub fn runs(usually: usize) -> usize {
    let given = std::env::var("RUNS").ok();
    given.map_or(usually, |runs| runs.parse().expect("RUNS is a number"))
}

/// A seed, which is printed, and taken from `SEED` where that is set, so that a failure can be had again.
#[must_use]
pub fn seed() -> u64 {
    let given = std::env::var("SEED").ok();
    let given = given.map(|seed| seed.parse().expect("SEED is a number"));
    let seed = given.unwrap_or_else(|| u64::from(now().subsec_nanos()));
    eprintln!("SEED={seed}");
    seed
}

/// The seed of the number-th of many, each of which can be had again alone: the first one's is the seed itself.
#[must_use]
pub fn derived(seed: u64, number: u64) -> u64 {
    if number == 0 {
        return seed;
    }
    // Splitmix: seeds next to each other have nothing in common.
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A small generator.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// One with a [`seed`] of its own.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two of them are not the same")]
    pub fn new() -> Self {
        Self::of(seed())
    }

    /// The one of that seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
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
