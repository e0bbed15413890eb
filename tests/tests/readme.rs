//! The README says nothing that is not exercised.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code blocks of that language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split(&format!("\n```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(|block| format!("{block}\n"))
        .collect()
}

#[test]
fn the_program_of_the_readme_is_the_example_that_is_built_and_run() {
    assert_eq!(
        blocks(&read("README.md"), "rust"),
        [read("examples/hello.rs")]
    );
}

#[test]
fn the_commands_of_the_readme_are_those_that_ci_runs() {
    let commands = blocks(&read("README.md"), "sh");
    assert_eq!(
        commands,
        ["cargo run -p agent\n", "cargo test --workspace\n"]
    );
    let ci = read(".ci/run");
    assert!(ci.contains("cargo test --locked --workspace"), "{ci}");
    assert!(ci.contains("cargo run --locked -p agent"), "{ci}");
}

#[test]
fn the_error_of_the_readme_is_what_the_compiler_says() {
    let shown = blocks(&read("README.md"), "text").concat();
    let told = read("tests/ui/app/fail/budget_of_the_readme.stderr");
    assert!(told.contains(shown.trim()), "{told}\n{shown}");
}
