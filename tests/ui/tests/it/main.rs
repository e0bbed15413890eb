//! What the compiler says: every case in `<macro>/fail` with its expected output beside it, every one in
//! `<macro>/pass` without a word. `TRYBUILD=overwrite` writes the expected output anew.

mod crates;
mod messages;
mod project;

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
    // Those that fail are compiled by one call of cargo where none that passes is among them.
    let [fail, pass] = [(); 2].map(|()| trybuild::TestCases::new());
    for name in MACROS {
        fail.compile_fail(format!("{name}/fail/*.rs"));
        pass.pass(format!("{name}/pass/*.rs"));
    }
}
