//! What the proof costs: an app of 300 resources. A binary of its own, so that nothing else is measured.

#[path = "ui/project.rs"]
#[allow(dead_code, reason = "shared with the cases of `ui`")]
mod project;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::project::Project;

/// Resources that each need three before them, in ten orders, and an app that needs the last. `annotate` puts the
/// attribute there, or leaves plain types.
fn source(count: usize, annotate: bool) -> String {
    let mut source = String::from("#![deny(warnings)]\n#![allow(dead_code)]\n");
    for i in 0..count {
        let needs: Vec<usize> = [1, 7, 30]
            .iter()
            .filter_map(|back| i.checked_sub(*back))
            .collect();
        let params: Vec<String> = needs
            .iter()
            .map(|needed| format!("r{needed}: &R{needed}"))
            .collect();
        let lets: Vec<String> = needs
            .iter()
            .map(|needed| format!("let _ = r{needed};"))
            .collect();
        let (params, lets) = (params.join(", "), lets.join(" "));
        if annotate {
            let order = i / (count / 10);
            writeln!(
                source,
                "#[lifecycle::resource(order = {order}, timeout = \"10ms\")]"
            )
            .expect("writing to a string");
        }
        writeln!(
            source,
            "impl R{i} {{\n    async fn start({params}) -> Self {{ {lets} Self }}\n    async fn stop(&self) {{}}\n    fn emergency(&self) {{}}\n}}\npub struct R{i};"
        )
        .expect("writing to a string");
    }
    if annotate {
        let top = count - 1;
        writeln!(
            source,
            "#[derive(lifecycle::App)]\npub struct Agent {{ top: std::sync::Arc<R{top}> }}"
        )
        .expect("writing to a string");
    }
    source + "fn main() {}\n"
}

/// The processor time that processes started here have taken, so that a busy machine does not count; or the wall clock
/// where the system does not say.
fn spent(since: Instant) -> Duration {
    let ticks = || -> Option<u64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(user + system)
    };
    // A hundred in a second, on every Linux that there is.
    ticks().map_or_else(
        || since.elapsed(),
        |ticks| Duration::from_millis(10 * ticks),
    )
}

fn measure(name: &str, source: &str) -> Duration {
    let project = Project::new(name)
        .package("warm", "fn main() {}", &[])
        .package(name, source, &[]);
    // The dependencies are not what is measured.
    project.cargo(&["check", "-p", "warm"]).accepted();
    let start = Instant::now();
    let before = spent(start);
    project.cargo(&["check", "-p", name]).accepted();
    spent(start).saturating_sub(before)
}

#[test]
fn three_hundred_resources() {
    let plain = measure("plain_300", &source(300, false));
    let annotated = measure("annotated_300", &source(300, true));
    let all = annotated.saturating_sub(plain);
    println!(
        "300 resources: {annotated:?} against {plain:?} without attributes, {:?} each",
        all / 300
    );
    assert!(all < Duration::from_secs(10), "{:?} each", all / 300);
}
