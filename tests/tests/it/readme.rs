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
    let block = blocks(&read("README.md"), "sh").concat();
    let commands: Vec<&str> = block
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(commands, ["cargo run -p agent", "cargo test --workspace"]);
    let ci = read(".ci/run");
    assert!(ci.contains("cargo test --locked --workspace"), "{ci}");
    assert!(ci.contains("cargo run --locked -p agent"), "{ci}");
}

/// The names in the features table.
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
    let shown = &blocks(&read("README.md"), "text")[1];
    let printed = read("tests/ui/app/fail/budget_of_the_readme.stderr");
    assert!(printed.contains(shown.trim()), "{printed}\n{shown}");
}

/// A block in another language would be checked by no test of this file.
#[test]
fn every_code_block_is_of_a_language_that_is_checked() {
    let readme = read("README.md");
    let opened: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("```"))
        .filter(|language| !language.is_empty())
        .collect();
    assert_eq!(opened, ["rust", "text", "text", "sh"]);
}

/// The targets of inline links that are files of the repository.
fn linked_files(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .collect()
}

#[test]
fn every_linked_file_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in ["README.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = read(page);
        for file in linked_files(&text) {
            assert!(root.join(file).exists(), "{page} links to {file}");
        }
    }
}

#[cfg(target_os = "linux")]
mod recording {
    use lifecycle_tests::harness::Program;
    use lifecycle_tests::harness::canary::unless_late;
    use lifecycle_tests::harness::terminal::{CTRL_C, Terminal};

    use super::{blocks, read};

    const LEADER: &str = env!("CARGO_BIN_EXE_on_terminal");

    /// The line with `~` for each number of milliseconds.
    fn without_times(line: &str) -> String {
        let mut words: Vec<&str> = line.split(' ').collect();
        for word in &mut words {
            let number = word.trim_end_matches(';').strip_suffix("ms");
            let number = number.unwrap_or_default();
            if number.parse::<u32>().is_ok() {
                *word = "~";
            }
        }
        words.join(" ")
    }

    /// What the program prints, and what the console prints. They write to the terminal from different threads, so that
    /// only the order within each of them is fixed.
    fn program_and_console(screen: &str) -> (Vec<String>, Vec<String>) {
        let is_of_program = |line: &String| {
            let mut parts = ["main: ", "worker: ", "database: "].iter();
            parts.any(|part| line.starts_with(part))
        };
        let lines = screen.lines().map(|line| without_times(line.trim_end()));
        lines
            .filter(|line| !line.is_empty())
            .partition(is_of_program)
    }

    #[test]
    fn the_program_of_the_readme_prints_what_the_readme_shows() {
        let shown = &blocks(&read("README.md"), "text")[0];
        unless_late(|| {
            let mut terminal = Terminal::new(40, 100);
            let program = Program::new(env!("CARGO_BIN_EXE_hello_of_readme"));
            let run = terminal.with_shell(LEADER, program, "\"$@\"").start();
            let _ = terminal.until(&["running", "worker: 2"]);
            terminal.types(CTRL_C);
            let screen = terminal.last();
            run.end().expect_code(0);
            assert_eq!(program_and_console(&screen), program_and_console(shown));
        });
    }
}
