//! Compares only the framework's own messages, and which cases compile: for compilers other than the one that wrote the
//! expected output, whose own wording differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{Project, manifest, workspace};

/// The messages of the framework that rustc prefixes with an error code.
const OWN: [&str; 9] = [
    "evaluation panicked: ",
    "is not a resource",
    "is not a background worker",
    "is not an app",
    "cannot be a parameter here",
    "cannot be a field of an app",
    "this must return ",
    "is a second app",
    "cannot be the error of a hook, a worker or `main`",
];

pub(crate) fn compare(macros: &[&str]) {
    let cases = cases(macros);
    let mut manifest = manifest("cases");
    let framework = workspace().join("lifecycle");
    writeln!(manifest, "lifecycle = {{ path = {framework:?} }}").expect("writing to a string");
    for (name, path) in &cases {
        writeln!(manifest, "\n[[bin]]\nname = {name:?}\npath = {path:?}")
            .expect("writing to a string");
    }
    let said = Project::new("messages")
        .file("cases/Cargo.toml", &manifest)
        .cargo(&["check", "--bins", "--keep-going"]);
    let mut wrong = String::new();
    for (name, path) in &cases {
        let found = errors(&said.text, path);
        let Ok(expected) = fs::read_to_string(path.with_extension("stderr")) else {
            for message in found {
                writeln!(wrong, "{name} is refused: {message}").expect("writing to a string");
            }
            continue;
        };
        if found.is_empty() {
            writeln!(wrong, "{name} is accepted").expect("writing to a string");
        }
        for message in errors(&expected, Path::new(""))
            .iter()
            .filter(|message| is_own(message))
        {
            if !found.iter().any(|found| bare(found) == bare(message)) {
                writeln!(wrong, "{name} does not say: {message}\nbut: {found:#?}")
                    .expect("writing to a string");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn cases(macros: &[&str]) -> BTreeMap<String, PathBuf> {
    let mut cases = BTreeMap::new();
    for name in macros {
        for kind in ["pass", "fail"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).join(kind);
            for entry in fs::read_dir(folder).expect("each macro has both folders") {
                let path = entry.expect("the folder can be read").path();
                if path.extension().is_some_and(|extension| extension == "rs") {
                    let stem = path
                        .file_stem()
                        .expect("it has an extension")
                        .to_string_lossy()
                        .into_owned();
                    cases.insert(format!("{name}_{kind}_{stem}"), path);
                }
            }
        }
    }
    cases
}

/// The messages of all errors that point into the file, each on one line.
fn errors(text: &str, file: &Path) -> Vec<String> {
    let mut messages = Vec::new();
    let mut message: Option<String> = None;
    for line in text.lines() {
        if line.starts_with("error") {
            message = Some(line.to_owned());
        } else if let Some(place) = line.trim_start().strip_prefix("--> ") {
            let message = message.take();
            if place.contains(&*file.to_string_lossy()) {
                messages.extend(message);
            }
        } else if let Some(message) = &mut message {
            *message += " ";
            *message += line.trim();
        }
    }
    messages
}

fn is_own(message: &str) -> bool {
    message.starts_with("error:") && !message.contains("cannot be sent between threads safely")
        || OWN.iter().any(|own| message.contains(own))
}

/// The message without the prefix that rustc adds.
fn bare(message: &str) -> &str {
    let message = message.split_once(": ").map_or(message, |(_, rest)| rest);
    message
        .strip_prefix("evaluation panicked: ")
        .unwrap_or(message)
}
