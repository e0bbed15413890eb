//! What the proof costs: an app of 300 resources.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::project::Project;

/// Resources that each need three before them, in ten orders, and an app that needs the last. `annotate` puts the
/// attribute there, or leaves plain types.
fn source(count: usize, annotate: bool) -> String {
    let mut source = String::from("#![deny(warnings)]\n#![allow(dead_code)]\n");
    for i in 0..count {
        let order = i / (count / 10);
        let needs: Vec<String> = [1, 7, 30]
            .iter()
            .filter_map(|back| i.checked_sub(*back))
            .map(|needed| format!("r{needed}: &R{needed}"))
            .collect();
        let lets: String = (0..count)
            .filter(|needed| {
                needs
                    .iter()
                    .any(|need| need.starts_with(&format!("r{needed}:")))
            })
            .map(|needed| format!("let _ = r{needed}; "))
            .collect();
        let attribute = if annotate {
            format!("#[lifecycle::resource(order = {order}, timeout = \"10ms\")]")
        } else {
            String::new()
        };
        writeln!(
            source,
            "pub struct R{i};\n{attribute}\nimpl R{i} {{\n    async fn start({}) -> Self {{ {lets}Self }}\n    async fn stop(&self) {{}}\n    fn emergency(&self) {{}}\n}}",
            needs.join(", ")
        )
        .expect("writing to a string");
    }
    if annotate {
        writeln!(
            source,
            "#[derive(lifecycle::App)]\npub struct Agent {{ top: std::sync::Arc<R{}> }}",
            count - 1
        )
        .expect("writing to a string");
    }
    source + "fn main() {}\n"
}

fn measure(name: &str, source: &str) -> Duration {
    let project = Project::new(name)
        .package("warm", "fn main() {}", &[])
        .package(name, source, &[]);
    // The dependencies are not what is measured.
    project.cargo(&["check", "-p", "warm"]).accepted();
    let start = Instant::now();
    project.cargo(&["check", "-p", name]).accepted();
    start.elapsed()
}

#[test]
fn three_hundred_resources() {
    let plain = measure("plain_300", &source(300, false));
    let annotated = measure("annotated_300", &source(300, true));
    let each = annotated.saturating_sub(plain) / 300;
    println!("300 resources: {annotated:?} against {plain:?} without attributes, {each:?} each");
    assert!(
        annotated.saturating_sub(plain) < Duration::from_secs(10),
        "{each:?} each"
    );
}
