//! The public API of both crates, compared with its checked-in description in `public_api/`, so that a review sees every
//! change of it.
//!
//! ```text
//! cargo test -p lifecycle-tests --test it -- --ignored public_api::
//! UPDATE_EXPECT=1 cargo test -p lifecycle-tests --test it -- --ignored public_api::
//! ```
//!
//! The second command renews the description. It comes from rustdoc's JSON, an unstable output that the stable compiler
//! writes with `RUSTC_BOOTSTRAP=1`. Its format differs from release to release, and `public-api` reads one of them.

use std::path::Path;
use std::process::Command;

use expect_test::{ExpectFile, expect_file};
use public_api::Builder;

/// Traits that types implement automatically and that nothing relies on: unstable ones, and those of unwinding.
const OMITTED: [&str; 4] = [
    "core::marker::Freeze for ",
    "core::marker::UnsafeUnpin for ",
    "core::panic::unwind_safe::RefUnwindSafe for ",
    "core::panic::unwind_safe::UnwindSafe for ",
];

#[test]
#[ignore = "needs the JSON of rustdoc 1.95"]
fn the_api_of_lifecycle_is_described() {
    check("lifecycle", &expect_file!["public_api/lifecycle.txt"]);
}

#[test]
#[ignore = "needs the JSON of rustdoc 1.95"]
fn the_api_of_lifecycle_macros_is_described() {
    check(
        "lifecycle-macros",
        &expect_file!["public_api/lifecycle-macros.txt"],
    );
}

/// Compares the public items of the package, with all features, one on each line.
#[track_caller]
fn check(package: &str, expected: &ExpectFile) {
    // Not the workspace's own folder: the environment variable changes the fingerprints of dependencies, which would be
    // rebuilt again and again. Cargo locks the folder, so that both tests can use it.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("public-api");
    let status = Command::new(env!("CARGO"))
        .args(["rustdoc", "--locked", "--lib", "--all-features"])
        .args(["--package", package, "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "rustdoc: {status}");

    let json = target.join(format!("doc/{}.json", package.replace('-', "_")));
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()
        .expect("the version of `public-api` reads the format of this compiler");
    let mut described = String::new();
    for item in api.items().map(ToString::to_string) {
        if !OMITTED.iter().any(|omitted| item.contains(omitted)) {
            described += &item;
            described.push('\n');
        }
    }
    expected.assert_eq(&described);
}
