//! What the program contains.

use std::fs;

/// A text that the drill prints when it begins.
const TELL_TALE: &[u8] = b"goes wrong on purpose";

/// Run with and without `--features drill`: the text must be found with the feature and be absent without it.
#[test]
fn the_drill_is_in_the_program_with_its_feature_and_only_then() {
    let program = fs::read(env!("CARGO_BIN_EXE_agent")).expect("the program is there");
    let there = program
        .windows(TELL_TALE.len())
        .any(|bytes| bytes == TELL_TALE);
    assert_eq!(there, cfg!(feature = "drill"));
}
