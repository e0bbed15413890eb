//! The proof across crates.

use crate::project::{Project, manifest, workspace};

/// A library with a database of a high order.
const STORE: &str = "
    pub struct Database;

    #[lifecycle::resource(order = 5, timeout = \"20s\")]
    impl Database {
        async fn start() -> Self {
            Self
        }
    }
";

#[test]
fn order_between_two_crates() {
    let app = "
use lifecycle::resource;

struct Cache;

#[resource(order = 1)]
impl Cache {
    async fn start(db: &store::Database) -> Self {
        let _ = db;
        Self
    }
}

fn main() {}
";
    let said = Project::new("two_crates")
        .package("store", STORE, &[])
        .package("app", app, &["store"])
        .check();
    said.refused(
        "`Cache` (order 1) needs `Database` (order 5), which starts after it",
        "app/src/main.rs:8:25",
    );
}

/// The resource between them has no order, and is private to its crate.
#[test]
fn order_through_a_private_resource_of_a_third_crate() {
    let index = "
mod private {
    pub struct Index;

    #[lifecycle::resource]
    impl Index {
        async fn start(db: &store::Database) -> Self {
            let _ = db;
            Self
        }
    }
}

pub struct Search;

#[lifecycle::resource]
impl Search {
    async fn start(index: &private::Index) -> Self {
        let _ = index;
        Self
    }
}

pub use Search as Reexported;
";
    let app = "
use std::sync::Arc;

use lifecycle::{App, resource};

struct Cache;

#[resource(order = 1)]
impl Cache {
    async fn start(search: &index::Reexported) -> Self {
        let _ = search;
        Self
    }
}

#[derive(App)]
struct Agent {
    _cache: Arc<Cache>,
}

fn main() {}
";
    let said = Project::new("three_crates")
        .package("store", STORE, &[])
        .package("index", index, &["store"])
        .package("app", app, &["index"])
        .check();
    said.refused(
        "`Cache` (order 1) needs `Search` -> `Index` -> `Database` (order 5), which starts after it",
        "app/src/main.rs:18:13",
    );
}

/// The library has no app, so that only the application fails: with `cargo check` and with `cargo build`.
#[test]
fn cycle_and_budget_of_another_crate() {
    let ring = "
pub struct Ring;

#[lifecycle::resource(timeout = \"1m\")]
impl Ring {
    async fn start(inner: &Inner) -> Self {
        let _ = inner;
        Self
    }
}

struct Inner;

#[lifecycle::resource]
impl Inner {
    async fn start(ring: &Ring) -> Self {
        let _ = ring;
        Self
    }
}
";
    let app = "
use std::sync::Arc;

use lifecycle::App;

#[derive(App)]
struct Agent {
    _ring: Arc<ring::Ring>,
}

#[derive(App)]
#[app(shutdown_timeout = \"26s\")]
struct Tight {
    _db: Arc<store::Database>,
}

fn main() {}
";
    let project = Project::new("other_crates")
        .package("store", STORE, &[])
        .package("ring", ring, &[])
        .package("app", app, &["store", "ring"]);
    project.cargo(&["check", "-p", "ring"]).accepted();
    for command in ["check", "build"] {
        let said = project.cargo(&[command, "-p", "app"]);
        said.refused(
            "dependency cycle: `Ring` -> `Inner` -> `Ring`",
            "app/src/main.rs:8:12",
        );
        said.refused(
            "`Tight` needs up to 27s to stop, but `shutdown_timeout` is 26s: drain 5s + `Database` 20s + emergency 2s",
            "app/src/main.rs:12:26",
        );
    }
}

/// The manifest of the user renames the dependency.
#[test]
fn renamed_dependency() {
    let app = "
use framework::{App, background, resource};

struct Database;

#[resource(crate = framework, order = 1)]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) {}
}

#[background(crate = framework, every = \"1s\")]
async fn poll(db: &Database) {
    let _ = db;
}

#[derive(App)]
#[app(crate = framework, background = [poll])]
struct Agent {
    _db: std::sync::Arc<Database>,
}

#[framework::main(crate = framework)]
async fn main(_app: Agent) {}

#[framework::test(crate = framework)]
async fn works(_app: Agent) {}
";
    let mut manifest = manifest("app");
    manifest += &format!(
        "framework = {{ package = \"lifecycle\", path = {:?} }}\n",
        workspace().join("lifecycle")
    );
    let project = Project::new("renamed")
        .file("app/Cargo.toml", &manifest)
        .file("app/src/main.rs", app);
    project.cargo(&["check", "--all-targets"]).accepted();
}

/// Mistakes in `#[lifecycle::test]` functions are reported by `cargo check --tests`.
#[test]
fn mistakes_in_tests() {
    let tests = "
#[lifecycle::test]
async fn takes(_port: u16) {}

#[lifecycle::test]
async fn returns() -> u8 {
    1
}

async fn other() {}

#[lifecycle::test(background = [other])]
async fn lists() {}
";
    let said = Project::new("tests")
        .package("app", tests, &[])
        .cargo(&["check", "--tests"]);
    said.refused("`u16` cannot be a parameter here", "app/src/lib.rs:3:23");
    said.refused(
        "this must return `()` or `Result<(), E>`, not `u8`",
        "app/src/lib.rs:6:23",
    );
    said.refused(
        "constant provided when a type was expected",
        "app/src/lib.rs:12:33",
    );
}

/// Lints of clippy, where clippy is installed.
#[test]
fn silent_under_clippy() {
    let source = include_str!("../../resource/pass/denied_lints.rs");
    let project = Project::new("clippy").package("app", source, &[]);
    if project.cargo(&["clippy", "--version"]).success {
        project.cargo(&["clippy", "--all-targets"]).accepted();
    }
}
