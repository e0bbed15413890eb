//! Random numbers that can be replayed, and the number of runs.

use fastrand::Rng;

/// The number of runs of a test with random instants: `RUNS` if that is set.
///
/// # Panics
///
/// If `RUNS` is not a number.
#[must_use]
pub fn runs(default: usize) -> usize {
    let given = std::env::var("RUNS").ok();
    given.map_or(default, |runs| runs.parse().expect("RUNS is a number"))
}

/// A seed: `SEED` if that is set, otherwise a random one. It is printed, so that a failure can be replayed.
///
/// # Panics
///
/// If `SEED` is not a number.
#[must_use]
pub fn seed() -> u64 {
    let given = std::env::var("SEED").ok();
    let given = given.map(|seed| seed.parse().expect("SEED is a number"));
    let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    eprintln!("SEED={seed}");
    seed
}

/// A generator from a [`seed`].
#[must_use]
pub fn rng() -> Rng {
    Rng::with_seed(seed())
}

/// The seeds of many cases, each of which can be replayed alone: the first is `seed` itself.
pub fn seeds(seed: u64) -> impl Iterator<Item = u64> {
    let mut rng = Rng::with_seed(seed);
    std::iter::once(seed).chain(std::iter::repeat_with(move || rng.u64(..)))
}
