//! The cost of the compile-time proof: an app with 300 resources.

use std::env;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::project::Project;

/// Set in the process that measures.
const CHILD: &str = "LIFECYCLE_UI_TESTS_SIZE";

/// Resources in ten orders, each of which needs up to three earlier ones, and an app that needs the last. Without
/// `annotate` they are plain types.
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

/// The processor time of all child processes of this process, which does not depend on what else runs; the wall clock
/// where the system has no such number.
fn spent(since: Instant) -> Duration {
    let ticks = || -> Option<u64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(user + system)
    };
    // 100 ticks a second, on every Linux.
    ticks().map_or_else(
        || since.elapsed(),
        |ticks| Duration::from_millis(10 * ticks),
    )
}

fn measure(name: &str, source: &str) -> Duration {
    let project = Project::new(name)
        .package("warm", "fn main() {}", &[])
        .package(name, source, &[]);
    // Builds the dependencies, which are not measured.
    project.cargo(&["check", "-p", "warm"]).accepted();
    let start = Instant::now();
    let before = spent(start);
    project.cargo(&["check", "-p", name]).accepted();
    spent(start).saturating_sub(before)
}

/// Measures in a child process, since the processor time is that of all compilers that a process has started.
#[test]
fn three_hundred_resources() {
    if env::var_os(CHILD).is_some() {
        return measure_three_hundred();
    }
    let child = Command::new(env::current_exe().expect("the path of this program"))
        .args(["size::three_hundred_resources", "--exact", "--nocapture"])
        .env(CHILD, "")
        .output()
        .expect("this program starts");
    let stdout = String::from_utf8_lossy(&child.stdout);
    println!("{stdout}");
    assert!(
        child.status.success() && stdout.contains("1 passed"),
        "{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

fn measure_three_hundred() {
    let plain = measure("plain_300", &source(300, false));
    let annotated = measure("annotated_300", &source(300, true));
    let all = annotated.saturating_sub(plain);
    println!(
        "300 resources: {annotated:?} against {plain:?} without attributes, {:?} each",
        all / 300
    );
    assert!(all < Duration::from_secs(10), "{:?} each", all / 300);
}
