//! The README contains only what is tested.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split(&format!("\n```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(|block| format!("{block}\n"))
        .collect()
}

#[test]
fn the_program_of_the_readme_is_the_example_hello() {
    assert_eq!(
        blocks(&read("README.md"), "rust"),
        [read("examples/hello.rs")]
    );
}

#[test]
fn ci_runs_the_commands_of_the_readme() {
    let commands = blocks(&read("README.md"), "sh");
    assert_eq!(
        commands,
        ["cargo run -p agent\n", "cargo test --workspace\n"]
    );
    let ci = read(".ci/run");
    assert!(ci.contains("cargo test --locked --workspace"), "{ci}");
    assert!(ci.contains("cargo run --locked -p agent"), "{ci}");
}

/// The first cells of the table of features.
fn features_of(text: &str) -> Vec<String> {
    let (_, table) = text
        .split_once("| feature | what it adds | default |")
        .expect("a table of the features");
    table
        .lines()
        .map(|line| line.trim_start_matches("//! "))
        .skip(1)
        .skip_while(|line| line.starts_with("| ---"))
        .map_while(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn every_feature_is_in_both_tables() {
    let manifest = read("lifecycle/Cargo.toml");
    let (_, features) = manifest.split_once("\n[features]\n").expect("features");
    let (features, _) = features.split_once("\n[").expect("another section");
    let mut features: Vec<&str> = features
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .filter(|feature| *feature != "default")
        .collect();
    features.sort_unstable();
    for page in ["README.md", "lifecycle/src/lib.rs"] {
        let mut named = features_of(&read(page));
        named.sort_unstable();
        assert_eq!(named, features, "{page}");
    }
}

#[test]
fn the_error_of_the_readme_is_the_compilers() {
    let shown = blocks(&read("README.md"), "text").concat();
    let printed = read("tests/ui/app/fail/budget_of_the_readme.stderr");
    assert!(printed.contains(shown.trim()), "{printed}\n{shown}");
}
