//! [`Project`]: packages that are written into the target directory and given to cargo.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Packages in a folder of their own.
pub(crate) struct Project {
    root: PathBuf,
}

/// The outcome of a call of cargo.
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) text: String,
}

/// The root of the workspace under test.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this package is in `tests/ui` of the workspace")
}

impl Project {
    pub(crate) fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // An earlier run may have left files.
        let _ = fs::remove_dir_all(&root);
        Self { root }.file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\nexclude = [\"target\"]\n",
        )
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("it is below the root"))
            .expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
        self
    }

    /// Adds a package with that source, in `src/main.rs` or `src/lib.rs`, which depends on the framework and on the
    /// packages in `needs`.
    pub(crate) fn package(self, name: &str, source: &str, needs: &[&str]) -> Self {
        let framework = workspace().join("lifecycle");
        let mut manifest = manifest(name);
        writeln!(manifest, "lifecycle = {{ path = {framework:?} }}").expect("writing to a string");
        for needed in needs {
            writeln!(manifest, "{needed} = {{ path = \"../{needed}\" }}")
                .expect("writing to a string");
        }
        let file = if source.contains("fn main") {
            "main"
        } else {
            "lib"
        };
        self.file(&format!("{name}/Cargo.toml"), &manifest)
            .file(&format!("{name}/src/{file}.rs"), source)
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Said {
        // The versions that the workspace is tested with, so that cargo works offline.
        let lock = workspace().join("Cargo.lock");
        if lock.exists() && !self.root.join("Cargo.lock").exists() {
            fs::copy(lock, self.root.join("Cargo.lock")).expect("the lock file can be copied");
        }
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--color", "never", "--offline"])
            .current_dir(&self.root)
            // One target directory for all projects, so that the framework is built once.
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("target"),
            )
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo can be run");
        Said::of(&output)
    }

    pub(crate) fn check(&self) -> Said {
        self.cargo(&["check", "--workspace"])
    }
}

pub(crate) fn manifest(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n"
    )
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            success: output.status.success(),
            text: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts that cargo failed with that message at that place in the sources.
    #[track_caller]
    pub(crate) fn refused(&self, message: &str, place: &str) {
        assert!(!self.success, "it was accepted:\n{}", self.text);
        let block = self
            .text
            .split("\nerror")
            .find(|block| block.contains(message));
        let block = block.unwrap_or_else(|| panic!("`{message}` is not said in:\n{}", self.text));
        assert!(block.contains(place), "not at {place}:\n{block}");
    }

    #[track_caller]
    pub(crate) fn accepted(&self) {
        assert!(self.success, "it was refused:\n{}", self.text);
    }
}
