//! What the compiler prints: the cases in `<macro>/fail` have their expected output beside them, the cases in
//! `<macro>/pass` have none. `TRYBUILD=overwrite` updates the expected output.

mod crates;
mod messages;
mod project;
mod size;

use std::process::Command;

/// The compiler that wrote the expected output.
const WRITTEN_BY: &str = "rustc 1.95.";

const MACROS: [&str; 5] = ["resource", "background", "app", "main", "test"];

#[test]
fn cases() {
    let version = Command::new("rustc")
        .arg("--version")
        .output()
        .expect("rustc can be run")
        .stdout;
    if !String::from_utf8_lossy(&version).starts_with(WRITTEN_BY) {
        return messages::compare(&MACROS);
    }
    // trybuild compiles all failing cases with one call of cargo, unless there is a passing one among them.
    let [fail, pass] = [(); 2].map(|()| trybuild::TestCases::new());
    for name in MACROS {
        fail.compile_fail(format!("{name}/fail/*.rs"));
        pass.pass(format!("{name}/pass/*.rs"));
    }
}
